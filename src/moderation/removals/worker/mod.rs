//! The worker: takes out, and puts back, what is much, up to a thousand pledges a transaction (rows, counts and progress in one).
//! Every instance has one, which takes turns ([`Turns`]) with the search that follows, and each removal is leased to one of them at a
//! time. Whoever is killed leaves whole transactions, and when the lease ends, after some seconds, another one (or the same, started
//! again) goes on from there. A pledge that was taken is in the state `removed` and fits no more, so nothing is taken twice.

mod pace;
pub mod paused;
pub mod store;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    pace::{Pace, ReadAhead},
    store::{Known, Step, StepError, Went},
};
use crate::{
    db::{DbError, IsUnavailable, KeptConnection},
    logged,
    moderation::{Moderation, removals::walk, turns::Turns},
    pledges::ingest::Ingest,
    totals::Totals,
};

/// Between two looks while there is nothing to do. This instance's own removals wake it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A transaction that takes longer is given up: it is tried again anyway.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reading ahead takes some ten milliseconds, and the server ends it after a second. What takes longer than this isn't waited for.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// How long a removal is left alone that met a defect, so that the others go on.
const AVOIDED_FOR: Duration = Duration::from_secs(30);

/// Between two looks for removals that have been paused for too long.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// The job.
pub struct Worker {
    id: Uuid,
    /// For steps, one after the other: what a connection of the server has looked at, it finds sooner.
    connection: KeptConnection,
    /// For reading ahead of them.
    reading: KeptConnection,
    totals: Totals,
    ingest: Ingest,
    turns: Turns,
    wake: Arc<Notify>,
    known: Known,
    ahead: Vec<Uuid>,
    read_ahead: ReadAhead,
    avoided: HashMap<Uuid, Instant>,
    pace: Pace,
    expired_at: Option<Instant>,
}

impl Worker {
    /// Over all campaigns; it paces itself by what `ingest` has to do.
    pub fn new(moderation: &Moderation, ingest: Ingest) -> Self {
        Self {
            id: Uuid::new_v4(),
            connection: moderation.database.keep(),
            reading: moderation.database.keep(),
            totals: moderation.totals.clone(),
            ingest,
            turns: moderation.turns(),
            wake: moderation.removal_work.clone(),
            known: Known::default(),
            ahead: Vec::new(),
            read_ahead: ReadAhead::default(),
            avoided: HashMap::new(),
            pace: Pace::default(),
            expired_at: None,
        }
    }

    /// Works until `stop` is cancelled. A transaction that has begun is finished before.
    pub async fn run(mut self, stop: CancellationToken) {
        let wake = self.wake.clone();
        while !stop.is_cancelled() {
            if let Some(rest) = self.work().await {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(rest) => {}
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = wake.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    /// One transaction. How long to rest after it; None: there was nothing to do.
    pub async fn work(&mut self) -> Option<Duration> {
        let _turn = self.turns.next().await;
        let began = Instant::now();
        if self.expired_at.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
            let expire = async |connection: &mut _| paused::store::expire(connection).await;
            if self.connection.run_until(began + PATIENCE, expire).await.is_ok() {
                self.expired_at = Some(Instant::now());
            }
        }
        self.avoided.retain(|_, since| since.elapsed() < AVOIDED_FOR);
        let (worker, known) = (self.id, Known { rows: self.pace.rows(), ..std::mem::take(&mut self.known) });
        let avoided: Vec<Uuid> = self.avoided.keys().copied().collect();
        let step = async move |connection: &mut _| store::step(connection, worker, &avoided, known).await;
        let ahead = std::mem::take(&mut self.ahead);
        let reads = !ahead.is_empty() && self.read_ahead.is_due(began);
        let (went, read) = tokio::join!(
            self.connection.run_until(Instant::now() + PATIENCE, step),
            read(&mut self.reading, &ahead, reads)
        );
        match read {
            Some(Ok(took)) => self.read_ahead.took(took),
            Some(Err(_)) => self.read_ahead.failed(Instant::now()),
            None => {}
        }
        match went {
            Ok(Step::Idle) => {
                // A process of the server for nothing, until there is a removal again.
                self.reading.throw_away();
                None
            }
            Ok(Step::Went(went)) => Some(self.went(went, began)),
            Err(error) => {
                self.failed(error).await;
                None
            }
        }
    }

    fn went(&mut self, went: Went, began: Instant) -> Duration {
        (self.known.loaded, self.ahead) = (went.loaded, went.ahead);
        if went.changed > 0 {
            self.totals.changed();
        }
        self.pace.rest(began, Instant::now(), went.deltas, went.appended, self.ingest.waiting())
    }

    async fn failed(&mut self, error: StepError) {
        match error {
            // The next step takes what is left, and the one behind it finds nothing left.
            StepError::Spent { removal, left: left @ 1.. } => self.known.fewer = Some((removal, left)),
            StepError::Spent { removal, .. } => {
                let pause = async move |connection: &mut _| paused::store::pause_spent(connection, removal).await;
                // Else the next transaction finds it spent again.
                let _ = self.connection.run_until(Instant::now() + PATIENCE, pause).await;
            }
            StepError::Database(_, DbError::Unavailable | DbError::Conflict) => {}
            StepError::Database(removal, error) => {
                tracing::error!(error = %logged::cause(error), "a removal in the background met a defect");
                if let Some(removal) = removal {
                    self.avoided.insert(removal, Instant::now());
                }
            }
        }
    }
}

impl IsUnavailable for StepError {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database(_, DbError::Unavailable))
    }
}

/// Reads ahead when it is `due`, and how long it took. Of no consequence but for the time: whoever changes what wasn't read reads it itself.
async fn read(connection: &mut KeptConnection, ahead: &[Uuid], due: bool) -> Option<Result<Duration, DbError>> {
    if !due {
        return None;
    }
    let began = Instant::now();
    let read = async move |connection: &mut _| walk::store::read_ahead(connection, ahead).await;
    let done = connection.run_until(began + READ_WITHIN, read).await;
    Some(done.map(|()| began.elapsed()))
}
