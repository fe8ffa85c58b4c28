//! The listening server and its limits.

use std::{
    any::Any,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    rt::net::TcpStream,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How the server treats connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at the most.
    pub max_connections: usize,
    /// Threads that answer requests; None: one a core.
    pub workers: Option<usize>,
    /// Seconds that requests under way have to finish at a stop.
    pub shutdown_seconds: u64,
}

/// Time for the request line and headers (security.md: a slow head is cut off in five seconds).
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a visitor may leave what we send unread (security.md: cut off in thirty seconds).
const UNREAD_DEADLINE: Duration = Duration::from_secs(30);

/// Connections that wait for a worker at the most.
const BACKLOG: i32 = 4_096;

/// Takes the address, without listening yet: nobody connects before there is somebody to answer.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The address that [`bind`] took, with the port that the system chose for port 0.
///
/// # Errors
/// When the system doesn't tell.
pub fn address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// A server on `socket` that answers with the app that `make` builds for each worker.
///
/// # Errors
/// When the listener can't be used.
pub fn listen<F, T, B>(make: F, socket: Socket, limits: Limits) -> io::Result<Server>
where
    F: Fn() -> App<T> + Send + Clone + 'static,
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
        + 'static,
    B: MessageBody + 'static,
{
    socket.listen(BACKLOG)?;
    let listener: TcpListener = socket.into();
    let workers = limits.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let server = HttpServer::new(make)
        .workers(workers)
        .max_connections(limits.max_connections.div_ceil(workers))
        .on_connect(|connection, _| cut_off_who_does_not_read(connection))
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(HEAD_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(limits.shutdown_seconds)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The system ends a connection whose data stays unacknowledged, or unread, for so long.
fn cut_off_who_does_not_read(connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        // If the system doesn't know how, the connection is served all the same.
        let _ = SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_DEADLINE));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (connection, UNREAD_DEADLINE);
}
