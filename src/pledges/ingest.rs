//! Group commit: pledges wait in a queue, and a writer commits what has come while it was committing the batch before. It
//! never waits for a fuller batch, so one pledge alone is as quick as the disk, and many share its flush.
//!
//! An answer leaves only after its batch has committed. A batch that the database refuses is split until the culprit stands
//! alone: its neighbours are stored. When the connection breaks, nobody knows whether the batch was committed: it is
//! refused, and sent again it counts once.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus::Histogram;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{NewPledge, store};
use crate::{
    crypto::CryptoError,
    db::{Connection, Database, DbError, IsConflict, KeptConnection},
    metrics::Metrics,
    sealing::NoEpoch,
    totals::Totals,
};

/// A pledge is stored within this time or refused (issue: 503 within two seconds).
const DEADLINE: Duration = Duration::from_millis(1_800);

/// Pledges that wait at the most. Each takes about 600 bytes, with the longest message 3 KB.
const QUEUE: usize = 8_192;

/// A pledge that would probably wait longer than this is refused at once.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Pledges of one transaction at the most: enough that the price of the transaction doesn't matter (200 and 1,000 are slower
/// under 256 to 5,000 connections, and so are two writers), and few enough that it lasts some ten milliseconds.
const LARGEST_BATCH: usize = 400;

/// How long the writer waits for the database to commit a batch.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How often a batch is tried when other transactions are in the way, and how long it steps back, longer each time.
const ATTEMPTS: u32 = 5;
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);

/// Why a pledge was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum PledgeError {
    /// More come than can be stored. This one was not, and is best sent again a little later.
    #[error("more pledges come than can be stored")]
    Overloaded,
    /// The key was used for another pledge.
    #[error("the idempotency key was used for another pledge")]
    IdempotencyMismatch,
    /// The database. With [`DbError::Unavailable`] the pledge may be stored all the same; sent again, it counts once.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The pledge can't be sealed or fingerprinted.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// There is no key to seal it under.
    #[error(transparent)]
    NoEpoch(#[from] NoEpoch),
}

type Answer = Result<(), PledgeError>;

struct Waiting {
    pledge: NewPledge,
    since: Instant,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Waiting {
    fn answer(self, answer: Answer) {
        // Whoever asked may have gone; the pledge is stored all the same.
        let _ = self.answer.send(answer);
    }
}

/// How the queue and the writer do.
#[derive(Clone)]
struct Measures {
    wait: Histogram,
    batch: Histogram,
    commit: Histogram,
}

impl Measures {
    fn new(metrics: &Metrics) -> Self {
        const SECONDS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
        const PLEDGES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0];
        let wait = "Time that pledges waited to be taken into a batch.";
        let commit = "Time that batches took to be committed, or refused by the database.";
        Self {
            wait: metrics.histogram("pledges_ingest_wait_seconds", wait, &SECONDS),
            batch: metrics.histogram("pledges_ingest_batch_pledges", "Pledges of a batch.", &PLEDGES),
            commit: metrics.histogram("pledges_ingest_commit_seconds", commit, &SECONDS),
        }
    }
}

/// The queue, and the writer behind it. Clones share both.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    arrivals: Arc<Mutex<Option<mpsc::Receiver<Waiting>>>>,
    pace: Arc<AtomicU64>,
    database: Database,
    totals: Totals,
    measures: Measures,
}

impl Ingest {
    /// A queue in front of `database`; [`Self::run`] must run for anything to be stored. Stored pledges are told to
    /// `totals`.
    pub fn new(database: Database, totals: Totals, metrics: &Metrics) -> Self {
        let (queue, arrivals) = mpsc::channel(QUEUE);
        let arrivals = Arc::new(Mutex::new(Some(arrivals)));
        Self { queue, arrivals, pace: Arc::default(), database, totals, measures: Measures::new(metrics) }
    }

    /// Pledges that wait to be taken into a batch.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Stores a pledge whose sender has waited since `since`. When this returns Ok, it is committed; or its fingerprint was there
    /// before.
    ///
    /// # Errors
    /// See [`PledgeError`].
    pub async fn store(&self, pledge: NewPledge, since: Instant) -> Answer {
        if self.probable_wait() > LONGEST_WAIT {
            return Err(PledgeError::Overloaded);
        }
        let (answer, answered) = oneshot::channel();
        let deadline = since + DEADLINE;
        self.queue.try_send(Waiting { pledge, since, deadline, answer }).map_err(|_| PledgeError::Overloaded)?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            _ => Err(DbError::Unavailable.into()),
        }
    }

    /// From the full batches that stand before the next pledge, and the pace of the last ones. By batches and not by pledges:
    /// in quiet times a batch is one pledge, and takes nearly as long as four hundred. With less than a full batch waiting
    /// nobody is refused, so after an outage there is always a batch that corrects the pace.
    fn probable_wait(&self) -> Duration {
        let batches = u64::try_from(self.waiting() / LARGEST_BATCH).unwrap_or(u64::MAX);
        Duration::from_nanos(self.pace.load(Ordering::Relaxed).saturating_mul(batches))
    }

    /// The writer. Runs until `stop` is cancelled and the queue is empty.
    pub async fn run(self, stop: CancellationToken) {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut arrivals) = arrivals else { return };
        let mut writer = Writer { connection: self.database.keep() };
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                _ = arrivals.recv_many(&mut batch, LARGEST_BATCH) => {}
                () = stop.cancelled() => return,
            }
            let (began, size) = (Instant::now(), batch.len());
            for waiting in &batch {
                self.measures.wait.observe((began - waiting.since).as_secs_f64());
            }
            writer.write(batch).await;
            self.totals.changed();
            self.keep_pace(began.elapsed(), size);
        }
    }

    /// Measures a batch. The pace is a moving average of their times, of which the newest is an eighth.
    fn keep_pace(&self, took: Duration, pledges: usize) {
        self.measures.commit.observe(took.as_secs_f64());
        self.measures.batch.observe(f64::from(u32::try_from(pledges).unwrap_or(u32::MAX)));
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let before = self.pace.load(Ordering::Relaxed);
        self.pace.store(before - before / 8 + nanos(took) / 8, Ordering::Relaxed);
    }
}

struct Writer {
    connection: KeptConnection,
}

impl Writer {
    /// Stores a batch and answers each pledge of it.
    async fn write(&mut self, mut batch: Vec<Waiting>) {
        batch.sort_unstable_by_key(|waiting| waiting.pledge.fingerprint);
        let mut parts = vec![batch];
        let mut reachable = true;
        while let Some(mut part) = parts.pop() {
            let now = Instant::now();
            part.retain(|waiting| reachable && waiting.deadline > now);
            let pledges: Vec<&NewPledge> = part.iter().map(|waiting| &waiting.pledge).collect();
            match self.store(&pledges).await {
                Ok(mismatches) => {
                    for (place, waiting) in part.into_iter().enumerate() {
                        let mismatch = mismatches.contains(&place);
                        waiting.answer(if mismatch { Err(PledgeError::IdempotencyMismatch) } else { Ok(()) });
                    }
                }
                Err(error @ (DbError::Unavailable | DbError::Conflict)) => {
                    // What is left of the batch would wait in vain too. Who is let go of is told: unavailable.
                    reachable = matches!(error, DbError::Conflict);
                    for waiting in part {
                        waiting.answer(Err(DbError::Unavailable.into()));
                    }
                }
                Err(error) => match part.pop() {
                    Some(culprit) if part.is_empty() => culprit.answer(Err(error.into())),
                    Some(last) => {
                        part.push(last);
                        let half = part.split_off(part.len() / 2);
                        parts.extend([half, part]);
                    }
                    None => {}
                },
            }
        }
    }

    /// Commits pledges, and tells which used an idempotency key that was there with another pledge.
    async fn store(&mut self, pledges: &[&NewPledge]) -> Result<Vec<usize>, DbError> {
        if pledges.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection.get().await?;
        let committed = timeout_at(Instant::now() + PATIENCE, commit(connection, pledges)).await;
        let committed = committed.unwrap_or(Err(DbError::Unavailable));
        if matches!(committed, Err(DbError::Unavailable)) {
            self.connection.throw_away();
        }
        committed
    }
}

async fn commit(connection: &mut Connection, pledges: &[&NewPledge]) -> Result<Vec<usize>, DbError> {
    let mut attempts = 0;
    // Another instance may be in the way (40001, 40P01): then nothing was stored. Not by db::retrying: what borrows in a closure
    // is not known to be Send, and the writer is a task.
    while let Err(error) = store::insert(connection, pledges).await {
        attempts += 1;
        if !error.is_conflict() || attempts == ATTEMPTS {
            return Err(error);
        }
        sleep(CONFLICT_PAUSE * attempts).await;
    }
    if pledges.iter().all(|pledge| pledge.request_digest.is_none()) {
        return Ok(Vec::new());
    }
    store::mismatches(connection, pledges).await
}
