//! Turns: what changes many rows in the background (removals, the search that follows, rules that search) does so one transaction after
//! the other on an instance, so that a processor is left for pledges that come. Two at once would take both of a small machine, and
//! pledges would wait until one of them is done.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// The turn of one instance. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<()>>);

/// A turn, which lasts until it is dropped: a transaction long.
pub type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for a turn: whoever came first has it first.
    pub async fn next(&self) -> Turn {
        self.0.clone().lock_owned().await
    }
}
