//! The job that holds rules against what moderators' search has just taken in. The filler puts it into a queue in its own transaction,
//! so nothing is forgotten when either of them is killed; one instance at a time takes from it, a thousand pledges a transaction:
//! rows, deltas, removal, quota, hits and what the log is told are one.

pub mod chosen;
pub mod store;

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::store::Step;
use super::told;
use crate::{
    db::{Database, DbError},
    logged,
    moderation::{Moderation, turns::Turns},
    pledges::rules::Rules,
    totals::Totals,
};

/// Between two looks while there is nothing to do. One delta for each that finds something.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Rests so many times as long as it worked.
const REST: u32 = 1;

/// How often rules that are over are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How often rules are looked for that the log hasn't been told of for a minute.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How long it is taken for granted that some rules of a campaign don't open.
const CLOSED_FOR: Duration = Duration::from_secs(60);

/// A transaction that takes longer is given up: it is tried again anyway.
const PATIENCE: Duration = Duration::from_secs(20);

/// The job.
pub struct Applier {
    database: Database,
    totals: Totals,
    rules: Rules,
    turns: Turns,
    forgot: Option<Instant>,
    told: Option<Instant>,
    /// Campaigns some of whose rules don't open here: what comes is left to other instances for some seconds.
    left: HashMap<Uuid, Instant>,
    /// Whether the log was told, since all was well.
    told_closed: bool,
    told_failing: bool,
}

impl Applier {
    /// Over all campaigns.
    pub fn new(moderation: &Moderation, rules: Rules) -> Self {
        Self {
            database: moderation.database.clone(),
            totals: moderation.totals.clone(),
            rules,
            turns: moderation.turns(),
            forgot: None,
            told: None,
            left: HashMap::new(),
            told_closed: false,
            told_failing: false,
        }
    }

    /// Applies rules until `stop` is cancelled. A transaction that has begun is finished before.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let turn = self.turns.next().await;
            let began = Instant::now();
            let more = match self.work().await {
                Ok(more) => {
                    self.told_failing = false;
                    more
                }
                // The publisher of the totals says it when the database is away.
                Err(DbError::Unavailable | DbError::Conflict) => false,
                Err(error) => {
                    if !self.told_failing {
                        tracing::error!(error = %logged::cause(error), "rules that search can't be applied");
                    }
                    self.told_failing = true;
                    false
                }
            };
            drop(turn);
            let rest = if more { began.elapsed() * REST } else { LOOK_EVERY };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// One transaction. Whether there is more to do.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed, and it is tried again.
    pub async fn work(&mut self) -> Result<bool, DbError> {
        let deadline = Instant::now() + PATIENCE;
        if self.forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            let forget = async |connection: &mut _| super::store::forget(connection).await;
            if self.database.run_until(deadline, forget).await? {
                self.forgot = Some(Instant::now());
            }
        }
        if self.told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.database.run_until(deadline, async |connection| told::store::tell(connection).await).await?;
            self.told = Some(Instant::now());
        }
        self.left.retain(|_, since| since.elapsed() < CLOSED_FOR);
        let (rules, left): (_, Vec<Uuid>) = (&self.rules, self.left.keys().copied().collect());
        let step = async |connection: &mut _| store::step(connection, rules, &left).await;
        let step = self.database.run_until(deadline, step).await?;
        match step {
            Step::Idle => Ok(false),
            Step::Left(campaigns) => {
                self.tell_closed(campaigns.values().sum());
                self.left.extend(campaigns.into_keys().map(|campaign| (campaign, Instant::now())));
                Ok(true)
            }
            Step::Went(went) => {
                if went.changed > 0 {
                    self.totals.changed();
                }
                self.tell_closed(went.closed);
                Ok(went.more)
            }
        }
    }

    /// Tells the log that some rules don't open: once, until all that were looked at do again.
    fn tell_closed(&mut self, count: usize) {
        if count > 0 && !self.told_closed {
            tracing::error!(
                count,
                "rules that search do not open: sealed under a root secret that isn't listed, or damaged; other instances, if they can \
                 open them, hold them against what comes"
            );
        }
        self.told_closed = count > 0 || !self.left.is_empty();
    }
}
