//! Folding: about each second one instance, whichever takes the lock, adds the deltas to the totals and time buckets.
//! One that stands still with the lock is cut off by the server after five seconds, and the next one takes over.

pub mod store;

use std::time::Duration;

use uuid::Uuid;

/// How a turn of folding ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded {
    /// What was due is folded.
    Some {
        /// There was more than one transaction takes: fold again.
        more: bool,
        /// After how long something is due that waits for its campaign's turn.
        next: Option<Duration>,
        /// Campaigns whose counters contradict their deltas. They stand still.
        damaged: Vec<Uuid>,
    },
    /// Another instance is folding; the oldest delta has been waiting this long.
    SomebodyElse(Duration),
}

/// Whether campaigns wait for their turn, so that each publishes no more often than it wants to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// They do.
    Kept,
    /// Everything is folded now: at a start.
    Ignored,
}

/// How to fold.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Between two re-readings of the rounded values (rule 8).
    pub reread_every: Duration,
    /// Whether campaigns wait for their turn.
    pub turns: Turns,
    /// Campaigns that were damaged a moment ago.
    pub leave_out: &'a [Uuid],
    /// Who folds: what it announces, others hear.
    pub instance: &'a str,
}
