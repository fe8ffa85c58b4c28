//! Review copies unmasked: for a few rows at a time, with a reason, and never without an entry in the audit log.

pub mod routes;
mod store;

/// Pledges of one call at the most.
const MAX_REVEALED: usize = 100;
