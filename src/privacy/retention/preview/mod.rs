//! What a run by hand would clear: `pledges retention --dry-run`.

pub mod store;
