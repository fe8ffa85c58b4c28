//! For those who run the service: health ([`routes`]) and log lines.

pub mod figures;
pub mod logging;
pub mod routes;
