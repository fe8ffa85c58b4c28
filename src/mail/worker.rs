//! The machine: takes mails that are due out of the outbox, and sends them.
//!
//! One part takes mails, a few hundred at a time but no more than the connections send in about a second, and gives them their
//! slots. Each connection sends one mail at a time, and its row is deleted before the next one. What can't be sent now (a stop,
//! a mail server that is away or has become slow) is given back. A third part clears what is too old and counts.
//!
//! Whatever fails, the row stays and its lease ends: so a crash, a lost database or a lost mail server delays mails and loses
//! none.

mod lookout;

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Address, Composed, Composer, Due, Failure, Kind, Letter, Mailer, Outbox, SendError,
    pacing::{Breaker, Domains, MOST_AT_ONCE, Pace, Slot, backoff},
    store::{self, Claimed},
};
use crate::{
    config::MailSettings,
    crypto::CryptoError,
    db::{Connection, Database, DbError, TASK_PATIENCE},
    logged,
};

/// How often it is looked for mails that are due when nobody says so.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the database is left alone after a failure.
const STEP_BACK: Duration = Duration::from_secs(1);

/// How long writing a letter may take.
const COMPOSE_WITHIN: Duration = Duration::from_secs(10);

/// How often the row of a mail that was accepted is tried to be deleted when the service is to stop.
const LAST_TRIES: u32 = 3;

/// A mail that was taken, on its way to a connection.
struct Taken {
    due: Due,
    to: Address,
    domain: String,
    attempts: u32,
    at: Instant,
    slot: Instant,
}

/// Sends the mails of the outbox. Any number may work on one database.
pub struct Worker<C> {
    database: Database,
    outbox: Outbox,
    mailer: Mailer,
    composer: C,
    settings: MailSettings,
    domains: Mutex<Domains>,
    breaker: Mutex<Breaker>,
    pace: Pace,
    /// Accepted, but the row is still there because the database is away.
    accepted: Mutex<HashSet<Uuid>>,
    database_fails: AtomicBool,
    /// The mail server has answered since that was written down.
    server_answered: AtomicBool,
    stop: CancellationToken,
}

impl<C: Composer> Worker<C> {
    /// With letters of `composer`, handed over by `mailer`. It wants a `database` of its own ([`super::DATABASE_CONNECTIONS`]).
    pub fn new(database: Database, outbox: Outbox, mailer: Mailer, composer: C, settings: &MailSettings) -> Self {
        Self {
            database,
            outbox,
            mailer,
            composer,
            settings: settings.clone(),
            domains: Mutex::new(Domains::new(settings.mail_per_domain_per_minute)),
            breaker: Mutex::new(Breaker::new()),
            pace: Pace::new(settings.mail_connections),
            accepted: Mutex::default(),
            database_fails: AtomicBool::new(false),
            server_answered: AtomicBool::new(false),
            stop: CancellationToken::new(),
        }
    }

    /// Runs until `stop` is cancelled; mails under way are finished, those that were only taken are given back.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop;
        let connections = usize::from(self.settings.mail_connections);
        let (queue, taken) = mpsc::channel(MOST_AT_ONCE);
        let taken = AsyncMutex::new(taken);
        let senders = join_all((0..connections).map(|_| self.send_all(&taken)));
        tokio::join!(self.take_all(queue), senders, self.look_after());
        self.mailer.close().await;
    }

    async fn take_all(&self, queue: mpsc::Sender<Taken>) {
        let mut many = 0;
        loop {
            let paused = locked(&self.breaker).until(Instant::now());
            let ready = async {
                if let Some(until) = paused {
                    sleep_until(until).await;
                }
                // Until half of them are sent.
                let ahead = self.pace.ahead();
                queue.reserve_many(MOST_AT_ONCE - ahead / 2).await.ok().map(|_| ahead)
            };
            let Some(Some(ahead)) = self.stop.run_until_cancelled(ready).await else { return };
            let room = ahead.saturating_sub(MOST_AT_ONCE - queue.capacity());
            let (taken, put_off) = self.take(&queue, room, room.max(many)).await;
            // Behind many mails that must wait may be others that needn't.
            many = if put_off > taken / 2 { (room.max(many) * 4).min(MOST_AT_ONCE) } else { 0 };
            if taken == 0 {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.outbox.0.changed.notified() => {}
                    () = sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    /// Takes up to `limit` mails and hands on as many as there is `room` for. Returns how many were taken, and how many of them
    /// must wait.
    async fn take(&self, queue: &mpsc::Sender<Taken>, room: usize, limit: usize) -> (usize, usize) {
        // The lease begins in the database a moment later.
        let (at, lease) = (Instant::now(), self.settings.lease());
        // Their rows may go between the claim and the look at what it took.
        let accepted = locked(&self.accepted).clone();
        let deadline = at + TASK_PATIENCE;
        let claim = self.database.run_until(deadline, async |connection| store::claim(connection, limit, lease).await);
        let Some(claimed) = self.heard(claim.await) else {
            sleep(STEP_BACK).await;
            return (0, 0);
        };
        let taken = claimed.len();
        let (mut waiting, mut put_off, mut room) = (Vec::new(), 0, room);
        for mail in claimed {
            let id = mail.due.id;
            if accepted.contains(&id) {
                continue;
            }
            let Some((mail, to)) = self.opened(mail).await else { continue };
            let Some(place) = queue.try_reserve().ok().filter(|_| room > 0) else {
                waiting.push((id, Duration::ZERO));
                continue;
            };
            let domain = to.domain();
            // Whether a mail that somebody asked for is written at all is not known yet: strangers must not use up the
            // slots of those who pledge. It gets its slot when it is written.
            let slot = match mail.due.kind {
                Kind::Access | Kind::TrialMailbox | Kind::Alert => Slot::At(at),
                Kind::Pledge => locked(&self.domains).slot(&domain, Instant::now()),
            };
            match slot {
                Slot::At(slot) => {
                    room -= 1;
                    place.send(Taken { due: mail.due, to, domain, attempts: mail.attempts, at, slot });
                }
                Slot::Later(wait) => {
                    put_off += 1;
                    waiting.push((id, wait));
                }
            }
        }
        self.postpone(&waiting).await;
        (taken, put_off)
    }

    async fn opened(&self, mail: Claimed) -> Option<(Claimed, Address)> {
        match self.outbox.0.seal.open(mail.due.id, &mail.sealed) {
            Ok(address) => return Some((mail, address)),
            Err(CryptoError::KeyMissing) => self.failed(mail.due.id, mail.attempts, Failure::KeyMissing).await,
            Err(_) => self.dead(mail.due.id, Failure::Sealed).await,
        }
        self.outbox.0.measures.failed.with_label_values(&["sealed"]).inc();
        None
    }

    /// One connection.
    async fn send_all(&self, taken: &AsyncMutex<mpsc::Receiver<Taken>>) {
        loop {
            let next = taken.lock().await.recv().await;
            let Some(mail) = next else { return };
            let paused = locked(&self.breaker).until(Instant::now());
            let its_turn = tokio::select! {
                biased;
                () = self.stop.cancelled() => false,
                () = sleep_until(mail.slot) => paused.is_none() && self.is_in_time(&mail),
            };
            // It may have begun while the mail lay ready.
            let rest = locked(&self.domains).rest(&mail.domain, Instant::now());
            if its_turn && !rest.is_zero() {
                self.postpone(&[(mail.due.id, rest)]).await;
            } else if its_turn {
                let began = Instant::now();
                self.send(&mail).await;
                self.pace.took(began.elapsed());
            } else {
                self.give_back(mail, taken, paused).await;
            }
        }
    }

    /// Whether it can be sent before another one may take it.
    fn is_in_time(&self, mail: &Taken) -> bool {
        mail.at.elapsed() + self.settings.timeout() * 5 / 4 <= self.settings.lease()
    }

    /// Gives back a mail that can't be sent now, with all that lie ready behind it.
    async fn give_back(&self, mail: Taken, taken: &AsyncMutex<mpsc::Receiver<Taken>>, until: Option<Instant>) {
        let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let mut mails = vec![mail];
        // Who has the lock waits for more: nothing lies there then.
        if let Ok(mut taken) = taken.try_lock() {
            mails.extend(std::iter::from_fn(|| taken.try_recv().ok()));
        }
        // Another one may have those whose lease is over, or will be before the database has heard of it.
        let ours =
            |mail: &&Taken| mail.at.elapsed() + TASK_PATIENCE.min(self.settings.lease() / 4) < self.settings.lease();
        let ours: Vec<_> = mails.iter().filter(ours).map(|mail| (mail.due.id, wait)).collect();
        self.postpone(&ours).await;
    }

    async fn send(&self, mail: &Taken) {
        let id = mail.due.id;
        let Some(letter) = self.letter(mail).await else { return };
        if mail.due.kind == Kind::Access {
            let slot = locked(&self.domains).slot(&mail.domain, Instant::now());
            match slot {
                Slot::At(slot) => sleep_until(slot).await,
                Slot::Later(wait) => return self.postpone(&[(id, wait)]).await,
            }
        }
        // Another one takes it when the lease is over: what can't be done until then isn't begun.
        if !self.is_in_time(mail) {
            return;
        }
        let sent = self.mailer.send(id, &letter).await;
        let now = Instant::now();
        let measures = &self.outbox.0.measures;
        let Err(error) = sent else {
            measures.sent.inc();
            self.server_works();
            locked(&self.domains).accepted(&mail.domain, now);
            self.finish(id).await;
            return;
        };
        measures.failed.with_label_values(&[error.class()]).inc();
        match error {
            SendError::Unreachable(_) => {
                let wait = self.server_failed(error);
                self.postpone(&[(id, wait)]).await;
            }
            SendError::Temporary(failure @ Failure::Status(_)) => {
                self.server_works();
                let rest = locked(&self.domains).refused(&mail.domain, now);
                let wait = backoff(self.settings.first_retry(), mail.attempts).max(rest);
                self.put_off(id, failure, wait).await;
            }
            SendError::Temporary(failure) => {
                self.server_failed(error);
                self.failed(id, mail.attempts, failure).await;
            }
            SendError::Permanent(_) | SendError::BadAddress => {
                self.server_works();
                self.dead(id, error.failure()).await;
            }
        }
    }

    /// The letter, unless there is none now.
    async fn letter(&self, mail: &Taken) -> Option<Box<Letter>> {
        let id = mail.due.id;
        let composed = timeout(COMPOSE_WITHIN, self.composer.compose(&mail.due, &mail.to)).await;
        match composed.unwrap_or(Err(DbError::Unavailable)) {
            Ok(Composed::Letter(letter)) => return Some(letter),
            Ok(Composed::Nothing) => self.finish(id).await,
            Err(error @ (DbError::Unavailable | DbError::Conflict)) => {
                self.heard::<()>(Err(error));
                sleep(STEP_BACK).await;
                self.postpone(&[(id, STEP_BACK)]).await;
            }
            Err(error) => {
                tracing::error!(error = %logged::cause(error), "a mail can't be written; it will be tried again");
                self.failed(id, mail.attempts, Failure::Letter).await;
            }
        }
        None
    }

    /// Deletes the row of a mail that needs nothing more. The connection sends nothing before that is done.
    async fn finish(&self, id: Uuid) {
        locked(&self.accepted).insert(id);
        let mut tries = 0;
        while self.within(async |connection| store::delete(connection, id).await).await.is_none() {
            tries += 1;
            if tries >= LAST_TRIES && self.stop.is_cancelled() {
                return;
            }
            sleep(STEP_BACK).await;
        }
        locked(&self.accepted).remove(&id);
    }

    async fn failed(&self, id: Uuid, attempts: u32, failure: Failure) {
        self.put_off(id, failure, backoff(self.settings.first_retry(), attempts)).await;
    }

    // Where the next three don't reach the database, the lease of the mail ends by itself.
    async fn put_off(&self, id: Uuid, failure: Failure, wait: Duration) {
        self.within(async |connection| store::failed(connection, id, failure, wait).await).await;
    }

    async fn dead(&self, id: Uuid, failure: Failure) {
        self.within(async |connection| store::dead(connection, id, failure).await).await;
    }

    async fn postpone(&self, mails: &[(Uuid, Duration)]) {
        if !mails.is_empty() {
            self.within(async |connection| store::postpone(connection, mails).await).await;
        }
    }

    /// Does something in the database. None: it failed, and that is told once.
    async fn within<T>(&self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>) -> Option<T> {
        self.heard(self.database.run_until(Instant::now() + TASK_PATIENCE, work).await)
    }

    fn heard<T>(&self, answer: Result<T, DbError>) -> Option<T> {
        match answer {
            Ok(answer) => {
                if self.database_fails.swap(false, Ordering::Relaxed) {
                    tracing::info!("the outbox can be used again");
                }
                Some(answer)
            }
            Err(error) => {
                if !self.database_fails.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %logged::cause(error), "the outbox can't be used; mails wait");
                }
                None
            }
        }
    }

    fn server_works(&self) {
        self.server_answered.store(true, Ordering::Relaxed);
        if locked(&self.breaker).worked() {
            tracing::info!("the mail server takes mails again");
        }
    }

    /// Returns after how long it may be tried again.
    fn server_failed(&self, error: SendError) -> Duration {
        let (wait, first) = locked(&self.breaker).failed(Instant::now());
        if first {
            tracing::warn!(error = %logged::cause(error), "the mail server can't be used; mails wait");
        }
        wait
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
