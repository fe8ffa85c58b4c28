//! The published totals. Whoever changes rows appends a *delta* in the same transaction ([`deltas`]); the [`publisher`] folds
//! deltas into the stored totals and time buckets about each second ([`fold`]), decides what may be shown
//! ([`shown`], rule 8), and puts the new document on the [`board`], from which everybody reads ([`routes`]) or is told of
//! each change ([`stream`]). How it came about is told by the [`history`]. Asks no other feature for anything.

pub mod board;
pub mod deltas;
pub mod events;
pub mod fold;
pub mod history;
pub mod places;
pub mod publisher;
pub mod recount;
pub mod routes;
pub mod shown;
pub mod store;
pub mod stream;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use crate::{clock::Clock, db::Database};

use board::{Board, Published};

/// The handle: reads the board, and runs the publisher. Clones share the board.
#[derive(Clone, Debug)]
pub struct Totals {
    database: Database,
    board: Arc<Board>,
    changed: Arc<Notify>,
    stopped: Arc<AtomicBool>,
    instance: Arc<str>,
    fold_lag_ms: Arc<AtomicU64>,
    damaged: Arc<Mutex<HashMap<Uuid, Instant>>>,
    pace: Pace,
    clock: Clock,
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
    pub fn new(database: Database, pace: Pace, clock: Clock) -> Self {
        let instance = Uuid::new_v4().to_string().into();
        let (board, changed, stopped, fold_lag_ms, damaged) = Default::default();
        Self { database, board, changed, stopped, instance, fold_lag_ms, damaged, pace, clock }
    }

    /// The published document of a public campaign, from memory.
    pub fn published(&self, slug: &str) -> Option<Arc<Published>> {
        self.board.get(slug)
    }

    /// When the board was last made sure to be what the database has.
    pub fn checked_at(&self) -> chrono::DateTime<chrono::Utc> {
        self.board.checked_at()
    }

    /// How long ago the board was last made sure to be what the database has.
    pub fn board_age(&self) -> Duration {
        (self.clock.now() - self.checked_at()).to_std().unwrap_or_default()
    }

    /// How long the oldest delta had been waiting when another instance was last found folding; zero when this one folded.
    pub fn fold_lag(&self) -> Duration {
        Duration::from_millis(self.fold_lag_ms.load(Ordering::Relaxed))
    }

    /// How many campaigns were found to have damaged counters, and stand still.
    pub fn damaged_campaigns(&self) -> usize {
        self.damaged().len()
    }

    /// Tells the publisher that deltas were appended.
    pub fn changed(&self) {
        self.changed.notify_one();
    }
}
