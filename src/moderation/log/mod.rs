//! The audit log, shown to organisers and admins. What writes to it is [`crate::audit`].

pub mod routes;
