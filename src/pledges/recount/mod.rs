//! The proof of rule 2: counters against a recount of every row. For `pledges doctor`.

pub mod store;
