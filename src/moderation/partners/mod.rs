//! Partners, as organisers work on them.

pub mod routes;
