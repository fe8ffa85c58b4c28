//! The publisher: folds what is due, and keeps the board what the database has; at once when somebody says that something
//! changed, here or on another instance, and from time to time when nobody does.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Totals,
    fold::{self, Folded, Order, Turns},
    store,
};
use crate::{
    db::{DbError, TASK_PATIENCE},
    logged,
};

/// How long it takes to listen again after a connection broke.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// When a campaign is tried again whose counters were found damaged.
const TRY_DAMAGED_AFTER: Duration = Duration::from_secs(2);

/// Deltas that wait longer than this are not being folded (they are about each second).
const FOLD_STANDS_STILL: Duration = Duration::from_secs(10);

impl Totals {
    /// Folds what is due and brings the board up to date. Returns after how long something will be due that waits for its
    /// campaign's turn.
    ///
    /// # Errors
    /// When the database can't be reached; the board stays as it was.
    pub async fn publish(&self) -> Result<Option<Duration>, DbError> {
        self.publish_by(Turns::Kept).await
    }

    /// The same, and whatever waits for a campaign's turn is published too: at a start.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn catch_up(&self) -> Result<(), DbError> {
        self.publish_by(Turns::Ignored).await.map(drop)
    }

    async fn publish_by(&self, turns: Turns) -> Result<Option<Duration>, DbError> {
        let leave_out = self.damaged();
        let order =
            Order { reread_every: self.pace.reread_every, turns, leave_out: &leave_out, instance: &self.instance };
        let asked_at = self.clock.now();
        let known = self.board.versions();
        let (next, fold_lag, changed) = self
            .database
            .run_until(Instant::now() + TASK_PATIENCE, async |connection| {
                let (next, lag) = loop {
                    match fold::store::fold(connection, &order).await? {
                        Folded::Some { more, next, damaged } => {
                            self.note_damage(&damaged);
                            // With damage in it, the rest is for the next turn, which leaves it out.
                            if !more || !damaged.is_empty() {
                                break (next, Duration::ZERO);
                            }
                        }
                        Folded::SomebodyElse(lag) => break (None, lag),
                    }
                };
                Ok::<_, DbError>((next, lag, store::documents(connection, &known).await?))
            })
            .await?;
        self.board.replace(changed);
        self.board.checked(asked_at);
        self.warn_of_a_stopped_fold(fold_lag);
        Ok(next)
    }

    /// Campaigns that were found damaged a moment ago: trying them at every turn would only repeat it.
    pub(super) fn damaged(&self) -> Vec<Uuid> {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.retain(|_, found| found.elapsed() < TRY_DAMAGED_AFTER);
        damaged.keys().copied().collect()
    }

    fn note_damage(&self, campaigns: &[Uuid]) {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.extend(campaigns.iter().map(|campaign| (*campaign, Instant::now())));
    }

    /// Brings the board up to date with what others have folded.
    async fn refresh(&self) -> Result<(), DbError> {
        let asked_at = self.clock.now();
        let known = self.board.versions();
        let read = async |connection: &mut _| store::documents(connection, &known).await;
        let changed = self.database.run_until(Instant::now() + TASK_PATIENCE, read).await?;
        self.board.replace(changed);
        self.board.checked(asked_at);
        Ok(())
    }

    /// Hears of the versions that other instances make, and shows them at once. Without it (the connection broke, a pooler
    /// is in between) they are shown when the publisher looks by itself, a second later.
    pub async fn listen(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // While the database is away, the publisher says so.
                Err(error) = self.hear() => tracing::debug!(error = %logged::cause(error), "not listening"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_AGAIN_AFTER) => {}
            }
        }
    }

    async fn hear(&self) -> Result<(), DbError> {
        let mut listener = self.database.listen(fold::store::CHANNEL).await?;
        loop {
            let mut news = listener.next().await? != *self.instance;
            // One look is enough for all that has been announced meanwhile.
            while let Some(further) = listener.next().now_or_never() {
                news |= further? != *self.instance;
            }
            if news {
                self.refresh().await?;
            }
        }
    }

    /// The instance that folds may stand still with the lock. The server ends its transaction; until then this is told.
    fn warn_of_a_stopped_fold(&self, oldest_delta_waits: Duration) {
        let lag_ms = u64::try_from(oldest_delta_waits.as_millis()).unwrap_or(u64::MAX);
        self.fold_lag_ms.store(lag_ms, Ordering::Relaxed);
        let stopped = oldest_delta_waits > FOLD_STANDS_STILL;
        if self.stopped.swap(stopped, Ordering::Relaxed) != stopped {
            let seconds = oldest_delta_waits.as_secs();
            if stopped {
                tracing::warn!(seconds, "another instance holds the lock of the fold and folds nothing");
            } else {
                tracing::info!("deltas are folded again");
            }
        }
    }

    /// The publisher: looks at once when something changed, but not more often than [`Pace::look_every`]; when a campaign's
    /// turn has come; and from time to time when nobody says anything (another instance may have written).
    pub async fn run(self, stop: CancellationToken) {
        let mut failing = false;
        let mut next = None;
        loop {
            let quiet = self.pace.look_when_quiet();
            let turn = next.map_or(quiet, |next| quiet.min(next));
            let (looked, due) = (Instant::now(), Instant::now() + turn.max(self.pace.look_every));
            // With nothing due that is known, a change is looked at early; what waits for its turn waits.
            let early = async {
                tokio::time::sleep_until(looked + self.pace.look_every).await;
                self.changed.notified().await;
                if let Some(next) = next {
                    tokio::time::sleep_until(looked + next).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = early => {}
                () = tokio::time::sleep_until(due) => {}
            }
            match self.publish().await {
                Ok(waits) => {
                    next = waits;
                    if failing {
                        tracing::info!("totals are published again");
                    }
                    failing = false;
                }
                Err(error) => {
                    next = None;
                    if !failing {
                        tracing::warn!(error = %logged::cause(error), "totals can't be published; the last ones stay");
                    }
                    failing = true;
                }
            }
        }
    }
}
