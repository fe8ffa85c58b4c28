//! The published totals. Whoever changes rows appends a *delta* in the same transaction ([`deltas`]); the publisher folds
//! deltas into the stored totals and time buckets about each second ([`fold`]), decides what may be shown
//! ([`shown`], rule 8), and puts the new document on the [`board`], from which everybody reads ([`routes`]). How it came
//! about is told by the [`history`]. Asks no other feature for anything.

pub mod board;
pub mod deltas;
pub mod fold;
pub mod history;
pub mod recount;
pub mod routes;
pub mod shown;
pub mod store;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::db::{Database, DbError, TASK_PATIENCE};

use board::{Board, Published};
use fold::{Folded, Order, Turns};

/// How long it takes to listen again after a connection broke.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Deltas that wait longer than this are not being folded (they are about each second).
const FOLD_STANDS_STILL: Duration = Duration::from_secs(10);

/// The handle: reads the board, and runs the publisher. Clones share the board.
#[derive(Clone, Debug)]
pub struct Totals {
    database: Database,
    board: Arc<Board>,
    changed: Arc<Notify>,
    stopped: Arc<AtomicBool>,
    instance: Arc<str>,
    health: Arc<Mutex<Health>>,
    pace: Pace,
}

/// How the publisher does.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// When the board was last made sure to be what the database has.
    pub checked: Instant,
    /// How long the oldest delta had been waiting to be folded then; zero when all were folded.
    pub fold_lag: Duration,
}

/// How often things are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks for changes, at the least. How often a campaign publishes is its own setting.
    pub look_every: Duration,
    /// Between two re-readings of the rounded values (rule 8).
    pub reread_every: Duration,
}

impl Pace {
    /// How long nobody looks when nothing changes: a second, in tests less.
    fn look_when_quiet(&self) -> Duration {
        (self.look_every * 20).min(Duration::from_secs(1)).max(self.look_every)
    }
}

impl Totals {
    /// Totals with an empty board; [`Self::publish`] fills it.
    pub fn new(database: Database, pace: Pace) -> Self {
        let instance = Uuid::new_v4().to_string().into();
        let health = Arc::new(Mutex::new(Health { checked: Instant::now(), fold_lag: Duration::ZERO }));
        let (board, changed, stopped) = Default::default();
        Self { database, board, changed, stopped, instance, health, pace }
    }

    /// The published document of a public campaign, from memory.
    pub fn published(&self, slug: &str) -> Option<Arc<Published>> {
        self.board.get(slug)
    }

    /// How the publisher does.
    pub fn health(&self) -> Health {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the publisher that deltas were appended.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

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
        let order = Order { reread_every: self.pace.reread_every, turns, instance: &self.instance };
        let known = self.board.versions();
        let (next, fold_lag, changed) = self
            .database
            .run_until(Instant::now() + TASK_PATIENCE, async |connection| {
                let (next, lag) = loop {
                    match fold::store::fold(connection, &order).await? {
                        Folded::MoreToDo => {}
                        Folded::All(next) => break (next, Duration::ZERO),
                        Folded::SomebodyElse(lag) => break (None, lag),
                    }
                };
                Ok::<_, DbError>((next, lag, store::documents(connection, &known).await?))
            })
            .await?;
        self.board.replace(changed);
        self.warn_of_a_stopped_fold(fold_lag);
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = Health { checked: Instant::now(), fold_lag };
        Ok(next)
    }

    /// Brings the board up to date with what others have folded.
    async fn refresh(&self) -> Result<(), DbError> {
        let known = self.board.versions();
        let read = async |connection: &mut _| store::documents(connection, &known).await;
        let changed = self.database.run_until(Instant::now() + TASK_PATIENCE, read).await?;
        self.board.replace(changed);
        Ok(())
    }

    /// Hears of the versions that other instances make, and shows them at once. Without it (the connection broke, a pooler
    /// is in between) they are shown when the publisher looks by itself, a second later.
    pub async fn listen(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // While the database is away, the publisher says so.
                Err(error) = self.hear() => tracing::debug!(%error, "not listening"),
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
            if listener.next().await? != *self.instance {
                self.refresh().await?;
            }
        }
    }

    /// The instance that folds may stand still with the lock. The server ends its transaction; until then this is told.
    fn warn_of_a_stopped_fold(&self, oldest_delta_waits: Duration) {
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
                        tracing::warn!(%error, "totals can't be published; the last ones stay");
                    }
                    failing = true;
                }
            }
        }
    }
}
