//! Retention: what is past its limit goes, a few thousand rows a transaction, by one instance at a time.
//!
//! Review copies go `review_days` after the pledge, and before them what is still held gets its campaign's default ([`held`]); pledges that nobody
//! confirmed go after seven days ([`mails`]), and those that were made with a partner's key for trials after one; the address
//! for their mails after seven, unless its owner agrees. A campaign ends `record_days` after it was closed: first its salt and
//! the keys of its sealed records are destroyed, in one transaction that is the point of no return, so that from then on
//! nobody opens or recomputes anything; then row by row what they protected. Rows are walked by id, and how far is
//! remembered, so that a run reads only what has become due since the last one. Then the tables are vacuumed: what was
//! cleared is a dead row until then.

pub mod dead_rows;
pub mod held;
pub mod job;
pub mod mails;
pub mod preview;
pub mod proof;
pub mod store;
mod trials;

use std::{future::Future, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::{Connection, Database, DbError, roles};

use store::{Plan, Step};

/// How long one step may take before the connection is given up: longer than the server lets a statement run.
const STEP_PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether others still see what was cleared, and after how long again: five seconds in all.
const LOOKS_FOR_READERS: u32 = 20;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How long vacuuming may take.
const VACUUM_PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// How often a run by hand asks for the lock while the job holds it, and how many times: for a minute.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
const ASK_TIMES: u32 = 240;

/// What is kept for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Pledges that are held until their review window ends.
    Held,
    /// Review copies.
    ReviewCopies,
    /// The salt of an ended campaign and the keys of its sealed records.
    Keys,
    /// All that is personal in the pledges of an ended campaign.
    Records,
    /// Ended sessions, with their refresh tokens.
    Sessions,
    /// Pledges that were not confirmed in seven days.
    Unconfirmed,
    /// Which mailbox had a mail, seven days after it.
    Mails,
    /// Of an ended campaign, the ids that pledges had which were taken back before their mailboxes pledged again.
    Departures,
    /// Pledges with a partner's key for trials, a day after them.
    Trials,
    /// Addresses for mails of a partner's trials: seven days unless their owners agree, and at the end of the campaign.
    TrialMailboxes,
}

impl Limit {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::ReviewCopies => "review_copies",
            Self::Keys => "keys",
            Self::Records => "records",
            Self::Sessions => "sessions",
            Self::Unconfirmed => "unconfirmed",
            Self::Mails => "mails",
            Self::Departures => "departures",
            Self::Trials => "trials",
            Self::TrialMailboxes => "trial_mailboxes",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        let of_campaigns = [
            Self::Held,
            Self::ReviewCopies,
            Self::Keys,
            Self::Records,
            Self::Unconfirmed,
            Self::Departures,
            Self::Trials,
            Self::TrialMailboxes,
        ];
        of_campaigns.into_iter().chain([Self::Sessions, Self::Mails]).find(|limit| limit.as_str() == text)
    }

    /// In words, after a number.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Held => "held pledges that nobody has judged",
            Self::ReviewCopies => "review copies",
            Self::Keys => "keys (the salt among them)",
            Self::Records => "pledges with personal data",
            Self::Sessions => "ended sessions",
            Self::Unconfirmed => "pledges that were never confirmed",
            Self::Mails => "notes of mails to a mailbox",
            Self::Departures => "ids of pledges that were taken back",
            Self::Trials => "trial pledges",
            Self::TrialMailboxes => "addresses for mails of trials",
        }
    }
}

/// What was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Slug of the campaign; None: of none.
    pub campaign: Option<String>,
    /// What.
    pub limit: Limit,
    /// How many.
    pub count: i64,
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    /// As if it were this time; None: the database's clock decides.
    pub as_of: Option<DateTime<Utc>>,
    /// Look at every row again, whatever an earlier run has seen.
    pub every_row: bool,
    /// Vacuum at once, however short ago it was done.
    pub vacuum_at_once: bool,
}

/// Clears what is due, or returns None when another instance is at it.
///
/// # Errors
/// Those of the database. What was cleared until then stays cleared, and the next run goes on from there.
pub async fn run(database: &Database, order: Order) -> Result<Option<Vec<Due>>, DbError> {
    let mut connection = database.open_direct().await?;
    // The lock is the connection's and ends with it.
    if !in_time(STEP_PATIENCE, store::try_lock(&mut connection)).await? {
        return Ok(None);
    }
    Run { database: database.clone(), connection, order, done: Vec::new() }.all().await.map(Some)
}

/// The same by hand: waits up to a minute for the job.
///
/// # Errors
/// [`DbError::Conflict`] when the job is still at it, and as [`run`].
pub async fn run_by_hand(database: &Database, as_of: Option<DateTime<Utc>>) -> Result<Vec<Due>, DbError> {
    let order = Order { as_of, every_row: true, vacuum_at_once: true };
    for _ in 0..ASK_TIMES {
        match run(database, order).await {
            Ok(Some(done)) => return Ok(done),
            // Somebody removed the same pledges in another order.
            Ok(None) | Err(DbError::Conflict) => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
    Err(DbError::Conflict)
}

/// What [`run_by_hand`] would clear. Changes nothing.
///
/// # Errors
/// Those of the database.
pub async fn preview(database: &Database, as_of: Option<DateTime<Utc>>) -> Result<Vec<Due>, DbError> {
    preview::store::preview(&mut database.open_direct().await?, as_of).await
}

async fn in_time<T>(patience: Duration, step: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    tokio::time::timeout(patience, step).await.map_err(|_| DbError::Unavailable)?
}

/// What is done in steps of a few thousand rows.
#[derive(Clone, Copy)]
enum Work<'a> {
    Held(&'a Plan),
    ReviewCopies(&'a Plan),
    Records(&'a Plan),
    Departures(&'a Plan),
    Links(&'a Plan),
    Unconfirmed(&'a Plan),
    RemovedUnconfirmed(&'a Plan),
    Trials(&'a Plan),
    TrialMailboxes(&'a Plan),
    Sessions,
    Mails,
}

impl Work<'_> {
    /// Where the first step begins: where the last run came to.
    fn begins(&self) -> Uuid {
        match self {
            Self::ReviewCopies(plan) => plan.review_from,
            Self::Records(plan) => plan.records_from,
            _ => Uuid::nil(),
        }
    }
}

struct Run {
    database: Database,
    connection: Connection,
    order: Order,
    done: Vec<Due>,
}

impl Run {
    async fn all(mut self) -> Result<Vec<Due>, DbError> {
        in_time(STEP_PATIENCE, store::begin(&mut self.connection, self.order.every_row)).await?;
        let plans = in_time(STEP_PATIENCE, store::plans(&mut self.connection, self.order.as_of)).await?;
        let mut ended = Vec::new();
        for plan in &plans {
            if plan.test_of.is_some() {
                let count = self.steps(Work::Trials(plan)).await?;
                self.note(Some(plan), Limit::Trials, count);
                in_time(STEP_PATIENCE, store::looked(&mut self.connection, plan.campaign_id)).await?;
                continue;
            }
            // First: afterwards nothing is left by which somebody could judge them.
            let settled = self.steps(Work::Held(plan)).await?;
            self.note(Some(plan), Limit::Held, settled);
            if plan.ends || plan.ended {
                if !plan.cleared {
                    self.end(plan).await?;
                    ended.push(plan.campaign_id);
                }
            } else {
                let count = self.steps(Work::ReviewCopies(plan)).await?;
                self.note(Some(plan), Limit::ReviewCopies, count);
            }
            let deleted = self.steps(Work::Unconfirmed(plan)).await?;
            let cleared = self.steps(Work::RemovedUnconfirmed(plan)).await?;
            self.note(Some(plan), Limit::Unconfirmed, deleted + cleared);
            let forgotten = self.steps(Work::TrialMailboxes(plan)).await?;
            self.note(Some(plan), Limit::TrialMailboxes, forgotten);
            in_time(STEP_PATIENCE, store::looked(&mut self.connection, plan.campaign_id)).await?;
        }
        for (work, limit) in [(Work::Sessions, Limit::Sessions), (Work::Mails, Limit::Mails)] {
            let count = self.steps(work).await?;
            self.note(None, limit, count);
        }
        self.vacuum(&ended).await?;
        Ok(self.done)
    }

    async fn end(&mut self, plan: &Plan) -> Result<(), DbError> {
        if plan.ends {
            let step = store::destroy_keys(&mut self.connection, plan, self.order.as_of, Uuid::now_v7());
            let Some(keys) = in_time(STEP_PATIENCE, step).await? else {
                // It was opened again in this moment.
                return Ok(());
            };
            self.note(Some(plan), Limit::Keys, keys);
        }
        let count = self.steps(Work::Records(plan)).await?;
        self.note(Some(plan), Limit::Records, count);
        let count = self.steps(Work::Departures(plan)).await?;
        self.note(Some(plan), Limit::Departures, count);
        // Nobody acts by them since the salt is gone.
        self.steps(Work::Links(plan)).await?;
        Ok(())
    }

    /// Takes step after step until all is done, and returns how much was changed.
    async fn steps(&mut self, work: Work<'_>) -> Result<i64, DbError> {
        let (run, as_of, mut count) = (Uuid::now_v7(), self.order.as_of, 0);
        let mut place = Some(work.begins());
        while let Some(from) = place {
            let connection = &mut self.connection;
            let step = async {
                match work {
                    Work::Held(plan) => held::store::settle(connection, plan, run).await,
                    Work::ReviewCopies(plan) => store::clear_review_copies(connection, plan, from, run).await,
                    Work::Records(plan) => store::clear_records(connection, plan, from, run).await,
                    Work::Departures(plan) => store::delete_departures(connection, plan, run).await,
                    Work::Links(plan) => mails::store::delete_links(connection, plan).await,
                    Work::Unconfirmed(plan) => mails::store::delete_unconfirmed(connection, plan, as_of, run).await,
                    Work::RemovedUnconfirmed(plan) => {
                        mails::store::clear_removed_unconfirmed(connection, plan, as_of, run).await
                    }
                    Work::Trials(plan) => trials::store::delete(connection, plan, as_of, run).await,
                    Work::TrialMailboxes(plan) => trials::store::clear_mailboxes(connection, plan, as_of, run).await,
                    Work::Sessions => store::delete_sessions(connection, as_of, run).await,
                    Work::Mails => mails::store::delete_mails(connection, as_of, run).await,
                }
            };
            let Step { changed, next } = in_time(STEP_PATIENCE, step).await?;
            count += changed;
            place = next;
        }
        Ok(count)
    }

    async fn vacuum(&mut self, ended: &[Uuid]) -> Result<(), DbError> {
        let at_once = !ended.is_empty() || (self.order.vacuum_at_once && !self.done.is_empty());
        if !at_once && !in_time(STEP_PATIENCE, dead_rows::store::vacuum_is_due(&mut self.connection)).await? {
            return Ok(());
        }
        let connection = &mut in_time(STEP_PATIENCE, self.database.open_owner()).await?;
        if !in_time(STEP_PATIENCE, roles::may_vacuum(connection)).await? {
            // It stays due, for the next run as the owner.
            return Ok(());
        }
        if self.database.has_owner() && !in_time(STEP_PATIENCE, roles::sees_the_sessions_of_others(connection)).await? {
            tracing::warn!(
                "the owner's role can't see whether the service still reads what was cleared, so that it is not taken for gone; grant it \
                 pg_read_all_stats (docs/operations.md, Two roles)"
            );
            return Ok(());
        }
        let moment = in_time(STEP_PATIENCE, dead_rows::store::moment(connection)).await?;
        let mut tries = 0;
        while !in_time(STEP_PATIENCE, dead_rows::store::is_past(connection, &moment)).await? {
            tries += 1;
            if tries == LOOKS_FOR_READERS {
                tracing::warn!(
                    "somebody reads the database since before something was cleared (an export, a dump, a standby), so that \
                     PostgreSQL keeps it; it will be tried again"
                );
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
        if !ended.is_empty() {
            in_time(VACUUM_PATIENCE, dead_rows::store::rewrite_keys(connection)).await?;
        }
        in_time(VACUUM_PATIENCE, dead_rows::store::vacuum(connection, &moment)).await?;
        for campaign in ended {
            in_time(STEP_PATIENCE, store::cleared(connection, *campaign)).await?;
        }
        Ok(())
    }

    fn note(&mut self, plan: Option<&Plan>, limit: Limit, count: i64) {
        if count > 0 {
            let campaign = plan.map(|plan| plan.slug.clone());
            tracing::info!(campaign, limit = limit.as_str(), count, "cleared what was past its limit");
            self.done.push(Due { campaign, limit, count });
        }
    }
}
