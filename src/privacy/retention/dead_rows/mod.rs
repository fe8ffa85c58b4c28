//! What PostgreSQL keeps of a row that was changed or deleted, until it is vacuumed; and what is left on the page even then.

pub mod store;
