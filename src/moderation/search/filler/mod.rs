//! The filler: keeps `pledge_search` what the pledges are, just behind them. One instance at a time, whichever takes the lock.
//!
//! New pledges are found by their ids, which grow with time, so that their way into the database pays for nothing: look by look from a second before the
//! last one, every few seconds from so far back that none that was stored up to five seconds late is passed over, and once more a quarter of an
//! hour later. What is changed or deleted is
//! noted by triggers in the same transaction (`search_changes`), so that no way of changing a pledge can be forgotten. After each piece of
//! work it rests twice as long as the piece took: while the database is busy with pledges it takes at most a third of one core, and
//! falls behind; and it catches up by itself. It takes turns ([`Turns`]) with removals; while one is at work, for which somebody waits,
//! it works in smaller pieces, and follows changes at a walk, as long as they don't wait for more than a minute.

mod put;
pub mod store;

use std::{collections::HashMap, time::Duration};

use prometheus::Gauge;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::store::{Followed, ROWS_AT_ONCE, Start, Step};
use super::store::lag;
use crate::{
    db::{Connection, Database, DbError, KeptConnection},
    logged,
    metrics::Metrics,
    moderation::turns::Turns,
};

/// Between two looks while there is nothing to do.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A look for new pledges begins so long before the last one that was taken: batches are under way for a part of it, but for those of a crowd.
pub const EARLIER: Duration = Duration::from_secs(1);

/// So much later than its id says may a pledge be stored, and be found within seconds: it waited in a crowd, for three seconds at the most, or
/// the clock of its instance is behind.
pub const LATE: Duration = Duration::from_secs(5);

/// Between two looks for those: they hold each pledge of that time, and of the time since the last such look, against the rows that are there.
const LATE_EVERY: Duration = Duration::from_secs(3);

/// The look back over the time since the last one ends here: in a longer time another instance did it, or so much came that whoever was late
/// was there before his turn; and a look must end.
const SINCE_AT_MOST: Duration = Duration::from_secs(20);

/// Between two looks for what came later still.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Rests so many times as long as it worked.
const REST: u32 = 2;

/// Between two pieces of changes while a removal is at work, which may make hundreds of times as many in that time, and a piece takes three of its steps'
/// time. A page looks at the latest changes by itself; rules that search wait as long.
const BESIDE_REMOVAL: Duration = Duration::from_secs(10);

/// Rows of a transaction meanwhile: a removal's step waits for it, and pledges for both.
const ROWS_BESIDE_REMOVAL: i64 = 500;

/// Pieces of changes that are followed until new pledges have their turn.
const CHANGES_FIRST: u32 = 10;

/// Transactions that hold a number of `search_changes` have ended after this time: the longest statement takes half of it.
const SETTLED: Duration = Duration::from_secs(60);

/// Between two looks at all changes.
const WHOLE_LOOK_EVERY: Duration = Duration::from_secs(600);

/// A step that takes longer is given up: it is tried again anyway.
const PATIENCE: Duration = Duration::from_secs(20);

/// The job.
pub struct Filler {
    connection: KeptConnection,
    turns: Turns,
    lag: Gauge,
    /// Numbers of changes up to here have been followed and belong to no transaction under way. Rows that are followed are deleted, but
    /// under a long snapshot they stay as dead ones, and each look would walk over all of them.
    floor: i64,
    /// The highest number that was followed, and when it will be settled.
    settling: (i64, Instant),
    /// When `floor` was last forgotten, in case that one has lasted longer all the same.
    whole_look_at: Instant,
    /// When the last piece of changes was followed beside a removal.
    beside_removal_at: Option<Instant>,
    /// Rows of a transaction.
    rows: i64,
    /// When the last look for those that come late began, by campaign.
    late_at: HashMap<Uuid, Instant>,
    swept_at: Option<Instant>,
}

impl Filler {
    /// Over all campaigns in `database`; `turns` are shared with whatever else works in the background.
    pub fn new(database: &Database, turns: Turns, metrics: &Metrics) -> Self {
        let lag = metrics.seconds(
            "pledges_search_lag_seconds",
            "How old the oldest pledge or change is that moderators' search doesn't know yet; 0: it knows all.",
        );
        let now = Instant::now();
        let settling = (0, now + SETTLED);
        Self {
            connection: database.keep(),
            turns,
            lag,
            floor: 0,
            settling,
            whole_look_at: now,
            beside_removal_at: None,
            rows: ROWS_AT_ONCE,
            late_at: HashMap::new(),
            swept_at: None,
        }
    }

    /// Fills again and again until `stop` is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let filled = tokio::select! {
                () = stop.cancelled() => return,
                filled = self.fill() => filled,
            };
            match filled {
                Ok(()) => failing = false,
                // The publisher of the totals says it when the database is away.
                Err(DbError::Unavailable | DbError::Conflict) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(error = %logged::cause(error), "moderators' search can't be filled");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Takes in all that there is, unless another instance is at it; beside a removal, all that is new and a piece of what has changed.
    ///
    /// # Errors
    /// Those of the database; the next look goes on from there.
    pub async fn fill(&mut self) -> Result<(), DbError> {
        while self.fill_some().await? {}
        Ok(())
    }

    /// Takes in what is new, and some of what has changed. Whether there is more of that, and it should go on without waiting.
    async fn fill_some(&mut self) -> Result<bool, DbError> {
        let more = self.follow_some().await?;
        let campaigns = self.step(async |connection| store::campaigns(connection).await).await?;
        for campaign in &campaigns {
            let (began, since) = (Instant::now(), self.late_at.get(campaign).map_or(LATE_EVERY, Instant::elapsed));
            let late = since >= LATE_EVERY;
            let start = Start::Before(if late { LATE + since.min(SINCE_AT_MOST) } else { EARLIER });
            if self.take_new(*campaign, start).await? && late {
                self.late_at.insert(*campaign, began);
            }
        }
        if self.swept_at.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY) {
            for campaign in &campaigns {
                while let Step::More(_) =
                    self.step(async |connection| store::sweep(connection, *campaign).await).await?
                {}
            }
            self.swept_at = Some(Instant::now());
        }
        let lag = self.step(async |connection| lag(connection, None).await).await?;
        self.lag.set(lag);
        Ok(more)
    }

    /// Takes in what is new. Whether it was done: otherwise another instance is at it.
    async fn take_new(&mut self, campaign: Uuid, mut start: Start) -> Result<bool, DbError> {
        loop {
            let rows = self.rows;
            let step = self.step(async |connection| store::take_new(connection, campaign, start, rows).await).await?;
            let Step::More(last) = step else { return Ok(step == Step::Done) };
            start = Start::Behind(last);
            // Who changed something meanwhile doesn't wait for all that is new.
            self.follow().await?;
        }
    }

    /// Follows changes for a while. Whether there are more, and it should go on without waiting.
    async fn follow_some(&mut self) -> Result<bool, DbError> {
        for _ in 0..CHANGES_FIRST {
            if !self.follow().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Follows some changes. Whether there are more, and it should go on without waiting.
    async fn follow(&mut self) -> Result<bool, DbError> {
        if self.beside_removal_at.is_some_and(|at| at.elapsed() < BESIDE_REMOVAL) {
            let removing = async |connection: &mut Connection| store::removing(connection).await;
            if self.connection.run_until(Instant::now() + PATIENCE, removing).await? {
                return Ok(false);
            }
        }
        if self.whole_look_at.elapsed() >= WHOLE_LOOK_EVERY {
            (self.floor, self.whole_look_at) = (0, Instant::now());
        }
        let (floor, rows) = (self.floor, self.rows);
        let followed = self.step(async |connection| store::take_changes(connection, floor, rows).await).await?;
        let Some(Followed { last, more, beside_removal }) = followed else {
            // Whoever is at it may have followed them in another order.
            self.floor = 0;
            return Ok(false);
        };
        let now = Instant::now();
        if now >= self.settling.1 {
            self.floor = self.settling.0;
            self.settling = (last.max(self.settling.0), now + SETTLED);
        }
        self.rows = if beside_removal { ROWS_BESIDE_REMOVAL } else { ROWS_AT_ONCE };
        self.beside_removal_at = beside_removal.then_some(now);
        Ok(more && !beside_removal)
    }

    /// One transaction when its turn has come, and the rest after it.
    async fn step<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        let turn = self.turns.next().await;
        let began = Instant::now();
        let done = self.connection.run_until(began + PATIENCE, work).await?;
        let worked = began.elapsed();
        drop(turn);
        // A look that finds nothing takes a moment, and so does the rest.
        tokio::time::sleep(worked * REST).await;
        Ok(done)
    }
}
