//! Pledges that are held: a moderator who has looked at one accepts it, and it counts; or removes it like any other.

pub mod routes;
pub mod store;

/// Pledges that are accepted at once, at the most.
pub const MAX_ACCEPTED: usize = 1_000;
