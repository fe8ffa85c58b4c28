//! Turns: what changes many rows in the background (removals, the search that follows, rules that search) does so one transaction after
//! the other on an instance, so that a processor is left for pledges that come. Two at once would take both of a small machine, and
//! pledges would wait until one of them is done. Nobody waits for one that is stuck, at a lock for instance.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, timeout_at},
};

/// A turn takes some ten milliseconds, and on a busy disk a second. One that takes longer is stuck.
const LONGEST: Duration = Duration::from_secs(3);

/// The turn of one instance. Clones share it.
#[derive(Clone, Debug)]
pub struct Turns {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When the last one began.
    since: Arc<Mutex<Instant>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { turn: Arc::default(), since: Arc::new(Mutex::new(Instant::now())) }
    }
}

/// A turn, which lasts until it is dropped: a transaction long.
pub type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for a turn: whoever came first has it first. None: who has it is stuck, and nobody waits for it.
    pub async fn next(&self) -> Option<Turn> {
        self.next_but_for(LONGEST).await
    }

    async fn next_but_for(&self, longest: Duration) -> Option<Turn> {
        loop {
            let since = self.since();
            if let Ok(turn) = timeout_at(since + longest, self.turn.clone().lock_owned()).await {
                *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                return Some(turn);
            }
            // Else others have had theirs meanwhile.
            if self.since() == since {
                return None;
            }
        }
    }

    fn since(&self) -> Instant {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn one_has_a_turn_at_a_time_and_nobody_waits_for_one_that_is_stuck() {
        let turns = Turns::default();
        let first = turns.next().await;
        assert!(first.is_some());
        let longest = Duration::from_millis(50);
        assert!(turns.clone().next_but_for(longest).await.is_none());
        // At once, as long as it is the same one.
        assert!(turns.next_but_for(longest).await.is_none());
        let over = Cell::new(false);
        let waiting = async {
            assert!(turns.next().await.is_some());
            assert!(over.get(), "two at once");
        };
        let ending = async {
            tokio::time::sleep(longest).await;
            over.set(true);
            drop(first);
        };
        tokio::join!(waiting, ending);
        // However long nobody had one.
        tokio::time::sleep(longest * 2).await;
        assert!(turns.next_but_for(longest).await.is_some());
    }
}
