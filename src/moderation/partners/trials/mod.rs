//! Where the mails of a partner's trials go.

pub mod routes;
