//! Group commit: jobs wait in a queue, and a writer commits what has come while it was committing the batch before. It
//! never waits for a fuller batch, so one job alone is as quick as the disk, and many share its flush.
//!
//! An answer leaves only after its batch has committed. A batch that the database refuses is split until the culprit stands
//! alone: its neighbours are done. When the connection breaks, nobody knows whether the batch was committed: it is
//! refused, and must be safe to send again.

use std::{
    future::Future,
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

use crate::{
    db::{Connection, Database, DbError, IsConflict, KeptConnection},
    metrics::Metrics,
    totals::Totals,
};

/// A job is done within this time or refused (503 within two seconds).
const DEADLINE: Duration = Duration::from_millis(1_800);

/// Jobs that wait at the most. A pledge takes about 600 bytes, with the longest message 3 KB.
const QUEUE: usize = 8_192;

/// A job that would probably wait longer than this is refused at once.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Jobs of one transaction at the most: enough that the price of the transaction doesn't matter (for pledges, 200 and 1,000
/// are slower under 256 to 5,000 connections, and so are two writers), and few enough that it lasts some ten milliseconds.
const LARGEST_BATCH: usize = 400;

/// How long the writer waits for the database to commit a batch.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How often a batch is tried when other transactions are in the way, and how long it steps back, longer each time.
const ATTEMPTS: u32 = 5;
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);

/// Why a job was not done.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Refused {
    /// More come than can be done. This one was not, and is best sent again a little later.
    #[error("more come than can be stored")]
    Overloaded,
    /// The database. With [`DbError::Unavailable`] it may be done all the same.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What is committed in batches. Must be safe to be done twice.
pub trait Job: Send + Sync + Sized + 'static {
    /// What a job that is committed is answered.
    type Answer: Send;

    /// Batches are sorted by this: two statements then wait for each other's rows in one order only.
    fn place(&self) -> uuid::Uuid;

    /// Does all of them in one transaction: an answer for each, in their order.
    fn commit(
        connection: &mut Connection,
        jobs: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, DbError>> + Send;
}

/// What a queue is called in the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Of the histograms.
    pub prefix: &'static str,
    /// What waits.
    pub jobs: &'static str,
}

type Answer<J> = Result<<J as Job>::Answer, Refused>;

struct Waiting<J: Job> {
    job: J,
    since: Instant,
    deadline: Instant,
    answer: oneshot::Sender<Answer<J>>,
}

impl<J: Job> Waiting<J> {
    fn answer(self, answer: Answer<J>) {
        // Whoever asked may have gone; it is done all the same.
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
    fn new(metrics: &Metrics, names: Names) -> Self {
        const SECONDS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
        const JOBS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0];
        let Names { prefix, jobs } = names;
        let histogram =
            |name: &str, help: String, bounds: &[f64]| metrics.histogram(&format!("{prefix}_{name}"), &help, bounds);
        Self {
            wait: histogram("wait_seconds", format!("Time that {jobs} waited to be taken into a batch."), &SECONDS),
            batch: histogram(&format!("batch_{jobs}"), format!("{} of a batch.", capitalised(jobs)), &JOBS),
            commit: histogram(
                "commit_seconds",
                format!("Time that batches of {jobs} took to be committed, or refused by the database."),
                &SECONDS,
            ),
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The queue, and the writer behind it. Clones share both.
pub struct Batches<J: Job> {
    queue: mpsc::Sender<Waiting<J>>,
    arrivals: Arc<Mutex<Option<mpsc::Receiver<Waiting<J>>>>>,
    pace: Arc<AtomicU64>,
    database: Database,
    totals: Totals,
    measures: Measures,
}

impl<J: Job> Clone for Batches<J> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            arrivals: self.arrivals.clone(),
            pace: self.pace.clone(),
            database: self.database.clone(),
            totals: self.totals.clone(),
            measures: self.measures.clone(),
        }
    }
}

impl<J: Job> Batches<J> {
    /// A queue in front of `database`; [`Self::run`] must run for anything to be done. What was done is told to `totals`.
    pub fn new(database: Database, totals: Totals, metrics: &Metrics, names: Names) -> Self {
        let (queue, arrivals) = mpsc::channel(QUEUE);
        let arrivals = Arc::new(Mutex::new(Some(arrivals)));
        Self { queue, arrivals, pace: Arc::default(), database, totals, measures: Measures::new(metrics, names) }
    }

    /// Jobs that wait to be taken into a batch.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Does a job whose sender has waited since `since`. When this returns Ok, it is committed.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn store(&self, job: J, since: Instant) -> Answer<J> {
        if self.probable_wait() > LONGEST_WAIT {
            return Err(Refused::Overloaded);
        }
        let (answer, answered) = oneshot::channel();
        let deadline = since + DEADLINE;
        self.queue.try_send(Waiting { job, since, deadline, answer }).map_err(|_| Refused::Overloaded)?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            _ => Err(DbError::Unavailable.into()),
        }
    }

    /// From the full batches that stand before the next job, and the pace of the last ones. By batches and not by jobs:
    /// in quiet times a batch is one job, and takes nearly as long as four hundred. With less than a full batch waiting
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
    fn keep_pace(&self, took: Duration, jobs: usize) {
        self.measures.commit.observe(took.as_secs_f64());
        self.measures.batch.observe(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let before = self.pace.load(Ordering::Relaxed);
        self.pace.store(before - before / 8 + nanos(took) / 8, Ordering::Relaxed);
    }
}

struct Writer {
    connection: KeptConnection,
}

impl Writer {
    /// Does a batch and answers each job of it.
    async fn write<J: Job>(&mut self, mut batch: Vec<Waiting<J>>) {
        batch.sort_unstable_by_key(|waiting| waiting.job.place());
        let mut parts = vec![batch];
        let mut reachable = true;
        while let Some(mut part) = parts.pop() {
            let now = Instant::now();
            part.retain(|waiting| reachable && waiting.deadline > now);
            let jobs: Vec<&J> = part.iter().map(|waiting| &waiting.job).collect();
            match self.store(&jobs).await {
                Ok(answers) => {
                    for (waiting, answer) in part.into_iter().zip(answers) {
                        waiting.answer(Ok(answer));
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

    async fn store<J: Job>(&mut self, jobs: &[&J]) -> Result<Vec<J::Answer>, DbError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection.get().await?;
        let committed = timeout_at(Instant::now() + PATIENCE, commit(connection, jobs)).await;
        let committed = committed.unwrap_or(Err(DbError::Unavailable));
        if matches!(committed, Err(DbError::Unavailable)) {
            self.connection.throw_away();
        }
        committed
    }
}

async fn commit<J: Job>(connection: &mut Connection, jobs: &[&J]) -> Result<Vec<J::Answer>, DbError> {
    let mut attempts = 0;
    // Another instance may be in the way (40001, 40P01): then nothing was done. Not by db::retrying: what borrows in a
    // closure is not known to be Send, and the writer is a task.
    loop {
        match J::commit(connection, jobs).await {
            Err(error) if error.is_conflict() && attempts + 1 < ATTEMPTS => attempts += 1,
            ended => return ended,
        }
        sleep(CONFLICT_PAUSE * attempts).await;
    }
}
