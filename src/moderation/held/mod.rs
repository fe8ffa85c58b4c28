//! Pledges that are held: what waits for a moderator, oldest first and by what many of it have in common ([`queue`]); accepting it, so
//! that it counts, or removing it like any other; and how often people found that a signal had held somebody honest ([`sampling`]).

pub mod queue;
pub mod routes;
pub mod sampling;
pub mod store;

/// Pledges that are accepted at once, at the most.
pub const MAX_ACCEPTED: usize = 1_000;
