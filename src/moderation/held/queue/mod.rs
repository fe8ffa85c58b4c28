//! The queue of what is held: a page at a time, oldest first, because the oldest are the next that nobody can judge any more; and
//! clusters, what many of them have in common. Each cluster comes with its search, by which the queue shows only its pledges, and by
//! which all of them are accepted or removed.
//!
//! No index but that of held pledges is needed, so nothing here lags behind.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};

pub use crate::gate::waves::Common;

/// Held pledges that clusters are looked for among: the newest. A tenth of a second.
pub const LOOKED_AT: i64 = 20_000;

/// Clusters of each kind, at the most.
pub const MOST: i64 = 10;

/// Held pledges that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What.
    pub common: Common,
    /// Its value, as it stands in a filter.
    pub value: String,
    /// How many, at least two.
    pub pledges: i64,
    /// When the first of them was stored.
    pub first_at: DateTime<Utc>,
    /// When the last one was.
    pub last_at: DateTime<Utc>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    /// The largest first.
    pub clusters: Vec<Cluster>,
    /// Held pledges that were looked at, at most [`LOOKED_AT`].
    pub looked_at: i64,
}
