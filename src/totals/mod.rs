//! The published totals. Whoever changes rows appends a *delta* in the same transaction ([`store::append`]); the
//! publisher folds deltas into the stored totals about each second ([`store::fold`]), decides what may be shown
//! ([`shown`], rule 8), and puts the new document on the [`board`], from which everybody reads ([`routes`]) or is told
//! of each change ([`stream`]). Asks no other feature for anything.

pub mod board;
pub mod events;
pub mod places;
pub mod recount;
pub mod routes;
pub mod shown;
pub mod store;
pub mod stream;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    db::{Database, DbError, TASK_PATIENCE},
};

use board::{Board, Published};

/// The handle: reads the board, and runs the publisher. Clones share the board.
#[derive(Clone, Debug)]
pub struct Totals {
    database: Database,
    board: Arc<Board>,
    changed: Arc<Notify>,
    pace: Pace,
    clock: Clock,
}

/// How often things are published.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two published documents, at the least.
    pub publish_every: Duration,
    /// Between two re-readings of the rounded values (rule 8).
    pub reread_every: Duration,
}

impl Totals {
    /// Totals with an empty board; [`Self::publish`] fills it.
    pub fn new(database: Database, pace: Pace, clock: Clock) -> Self {
        Self { database, board: Arc::default(), changed: Arc::default(), pace, clock }
    }

    /// The published document of a public campaign, from memory.
    pub fn published(&self, slug: &str) -> Option<Arc<Published>> {
        self.board.get(slug)
    }

    /// Tells the publisher that deltas were appended.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// Folds what there is and brings the board up to date.
    ///
    /// # Errors
    /// When the database can't be reached; the board stays as it was.
    pub async fn publish(&self) -> Result<(), DbError> {
        let asked_at = self.clock.now();
        let known = self.board.versions();
        let changed = self
            .database
            .run_until(Instant::now() + TASK_PATIENCE, async |connection| {
                while store::fold(connection, self.pace.reread_every).await? == store::Folded::MoreToDo {}
                store::documents(connection, &known).await
            })
            .await?;
        self.board.replace(changed);
        self.board.checked(asked_at);
        Ok(())
    }

    /// The publisher: at most once per `publish_every`, at the latest after as long again when nobody says that
    /// anything changed (another instance may have written).
    pub async fn run(self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.pace.publish_every) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(self.pace.publish_every) => {}
            }
            match self.publish().await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("totals are published again");
                }
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "totals can't be published; the last ones stay");
                }
                _ => {}
            }
        }
    }
}
