//! The listening server and its limits.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
};

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

/// A server on `listener` that answers with the app that `make` builds for each worker.
///
/// # Errors
/// When the listener can't be used.
pub fn listen<F, T, B>(make: F, listener: TcpListener, limits: Limits) -> std::io::Result<Server>
where
    F: Fn() -> App<T> + Send + Clone + 'static,
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
        + 'static,
    B: MessageBody + 'static,
{
    let workers = limits.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let server = HttpServer::new(make)
        .workers(workers)
        .max_connections(limits.max_connections.div_ceil(workers))
        .backlog(4096)
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(HEAD_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(limits.shutdown_seconds)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}
