//! Folding: about each second one instance, whichever takes the lock, adds the deltas to the totals and time buckets.
//! One that stands still with the lock is cut off by the server after five seconds, and the next one takes over.

pub mod store;

use std::time::Duration;

/// How a turn of folding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// Everything that was due is folded. What waits for its campaign's next turn is due after this long.
    All(Option<Duration>),
    /// There was more than one transaction takes: fold again.
    MoreToDo,
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
