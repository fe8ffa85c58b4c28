//! The listening server and its limits.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    rt::net::TcpStream,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::connections::Connections;
use crate::config::ServeSettings;

/// How the server treats connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at the most.
    pub max_connections: usize,
    /// Threads that answer requests; None: one a core.
    pub workers: Option<usize>,
    /// Seconds that requests under way have to finish at a stop.
    pub shutdown_seconds: u64,
    /// Time for the request line and headers.
    pub head: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
    /// How long a visitor may leave what we send unread.
    pub unread: Duration,
}

impl From<&ServeSettings> for Limits {
    fn from(serve: &ServeSettings) -> Self {
        Self {
            max_connections: usize::try_from(serve.max_connections).unwrap_or(usize::MAX),
            workers: serve.workers.map(usize::from),
            shutdown_seconds: serve.shutdown_seconds,
            head: Duration::from_secs(serve.gate.head_seconds),
            idle: Duration::from_secs(serve.gate.idle_seconds),
            unread: Duration::from_secs(serve.gate.unread_seconds),
        }
    }
}

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
pub fn listen<F, T, B>(make: F, socket: Socket, limits: Limits, connections: Connections) -> io::Result<Server>
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
        .on_connect(move |connection, data| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                cut_off_who_does_not_read(stream, limits.unread);
                let peer = stream.peer_addr().map(|peer| peer.ip());
                match peer.ok().map(|peer| connections.open(peer)) {
                    // Lives as long as the connection does.
                    Some(Some(held)) => drop(data.insert(held)),
                    // Too many: what is read from it is its end.
                    Some(None) => drop(SockRef::from(stream).shutdown(Shutdown::Both)),
                    None => {}
                }
            }
        })
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(limits.head)
        .keep_alive(limits.idle)
        .shutdown_timeout(limits.shutdown_seconds)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The system ends a connection whose data stays unacknowledged, or unread, for so long.
fn cut_off_who_does_not_read(stream: &TcpStream, unread: Duration) {
    // If the system doesn't know how, the connection is served all the same.
    #[cfg(target_os = "linux")]
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(unread));
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, unread);
}
