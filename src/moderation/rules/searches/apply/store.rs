//! The shelf of applying rules. All that a step takes is locked before anything is changed ([`super::chosen`]); then come the removals, the
//! deltas and the hits, and the log at the very end. An undo begins with the rule too, so neither can wait for the other.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::chosen::{Choice, Chosen, store::choose};
use crate::{
    audit,
    db::{Connection, DbError},
    gate::signals::Signal,
    moderation::{
        removals::store::{by_country, counted, mark_removed, uncounted},
        rules::searches::{store::Row, told::store::try_lock},
    },
    pledges::rules::Rules,
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

/// Pledges of one transaction: a look at each of at most fifty rules takes some milliseconds.
const ROWS_AT_ONCE: i64 = 1_000;

/// For how long a pledge is left to instances that can open all rules of its campaign: each looks every second. Where nobody can (the root
/// secret is gone, or comes later), it is held against the others then, so that nothing is stored up.
const LEFT_FOR: &str = "interval '10 seconds'";

/// Why a removal stands in the list that nobody ordered by itself.
const NOTE: &str = "By a rule that looks for new pledges";

/// What a step did.
#[derive(Debug, Default)]
pub struct Went {
    /// Pledges that were held or removed.
    pub changed: i64,
    /// Rules that don't open.
    pub closed: usize,
    /// Whether more is waiting.
    pub more: bool,
}

/// What became of a step.
#[derive(Debug)]
pub enum Step {
    /// Another instance is at it, or nothing is waiting.
    Idle,
    /// Nothing was done: of these campaigns some rules don't open here, and another instance may be able to.
    Left(BTreeMap<Uuid, usize>),
    /// A step was made.
    Went(Went),
}

/// Why a step has changed nothing.
enum NotDone {
    Left(BTreeMap<Uuid, usize>),
    Database(DbError),
}

impl From<DbError> for NotDone {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for NotDone {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
    /// Whether it came so lately that others may still take it.
    #[diesel(sql_type = Bool)]
    young: bool,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Holds the rules against what has waited longest. `left`: campaigns some of whose rules don't open here.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub(super) async fn step(connection: &mut Connection, rules: &Rules, left: &[Uuid]) -> Result<Step, DbError> {
    let done = connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Step::Idle);
            }
            let due = format!("(campaign_id <> ALL($2) OR at <= now() - {LEFT_FOR})");
            let waiting: Vec<Waiting> = diesel::sql_query(format!(
                // Up to the last of them, as with the changes of the search.
                "DELETE FROM search_rule_pledges WHERE {due} AND number <= (SELECT max(number) FROM \
                     (SELECT number FROM search_rule_pledges WHERE {due} ORDER BY number LIMIT $1) AS first) \
                 RETURNING campaign_id, pledge_id, at > now() - {LEFT_FOR} AS young"
            ))
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .bind::<Array<SqlUuid>, _>(left)
            .get_results(&mut *connection)
            .await?;
            if waiting.is_empty() {
                return Ok(Step::Idle);
            }
            let mut went = Went { more: number(waiting.len()) >= ROWS_AT_ONCE, ..Went::default() };
            let (mut by_campaign, mut with_young) = (BTreeMap::<Uuid, Vec<Uuid>>::new(), BTreeSet::new());
            for Waiting { campaign_id, pledge_id, young } in waiting {
                by_campaign.entry(campaign_id).or_default().push(pledge_id);
                if young {
                    with_young.insert(campaign_id);
                }
            }
            let Choice { chosen, mut closed } = choose(connection, rules, &by_campaign).await?;
            went.closed = closed.values().sum();
            closed.retain(|campaign, _| with_young.contains(campaign));
            if !closed.is_empty() {
                return Err(NotDone::Left(closed));
            }
            went.changed = apply(connection, chosen).await?;
            Ok(Step::Went(went))
        })
        .await;
    match done {
        Err(NotDone::Left(campaigns)) => Ok(Step::Left(campaigns)),
        Err(NotDone::Database(error)) => Err(error),
        Ok(step) => Ok(step),
    }
}

fn number(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// Removes and holds what was chosen. The log is locked last: the entries of all of it come behind everything else.
async fn apply(connection: &mut Connection, chosen: Vec<Chosen>) -> Result<i64, DbError> {
    let (mut changed, mut entries) = (0, Vec::new());
    for Chosen { mut rule, ids, removes } in chosen {
        let hits = if removes {
            remove(connection, &mut rule, &ids).await?
        } else {
            hold(connection, &mut rule, &ids).await?
        };
        if hits == 0 {
            continue;
        }
        changed += hits;
        if rule.tells {
            entries.extend(std::mem::take(&mut rule.untold).entries(rule.id, rule.campaign, rule.reason));
        }
        diesel::sql_query(
            "UPDATE search_rules SET hits = hits + $2, last_hit_at = now(), untold = $3, \
               told_at = CASE WHEN $4 THEN now() ELSE told_at END WHERE id = $1",
        )
        .bind::<SqlUuid, _>(rule.id)
        .bind::<BigInt, _>(hits)
        .bind::<Nullable<Jsonb>, _>(rule.untold.stored())
        .bind::<Bool, _>(rule.tells)
        .execute(&mut *connection)
        .await?;
    }
    for entry in entries {
        audit::store::record(connection, entry).await?;
    }
    Ok(changed)
}

/// The removal of the rule's day; made with its first pledges.
async fn removal_of_today(connection: &mut Connection, rule: &Row) -> Result<Uuid, DbError> {
    let removal: Id = diesel::sql_query(
        "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges, rule_id, rule_day) \
         VALUES ($1, $2, $3, $4, $5, 0, $6, (now() AT TIME ZONE 'UTC')::date) \
         ON CONFLICT (rule_id, rule_day) DO UPDATE SET last_at = now() RETURNING id",
    )
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<SqlUuid, _>(rule.campaign)
    .bind::<SqlUuid, _>(rule.maker)
    .bind::<Text, _>(rule.reason.as_str())
    .bind::<Text, _>(NOTE)
    .bind::<SqlUuid, _>(rule.id)
    .get_result(connection)
    .await?;
    Ok(removal.id)
}

async fn remove(connection: &mut Connection, rule: &mut Row, ids: &[Uuid]) -> Result<i64, DbError> {
    let removal = removal_of_today(connection, rule).await?;
    let rows = mark_removed(connection, removal, ids).await?;
    diesel::sql_query("UPDATE removals SET pledges = pledges + $2, counted = counted + $3 WHERE id = $1")
        .bind::<SqlUuid, _>(removal)
        .bind::<BigInt, _>(number(rows.len()))
        .bind::<BigInt, _>(counted(&rows))
        .execute(&mut *connection)
        .await?;
    let changes = uncounted(&rows, -1);
    totals::deltas::store::append(connection, rule.campaign, &changes).await?;
    rule.untold.removed(removal, number(rows.len()), by_country(&changes));
    Ok(number(rows.len()))
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    before: String,
    #[diesel(embed)]
    pledge: CountedRow,
}

/// What counts is held at once; what waits for its mailbox is marked, and held when that confirms it.
async fn hold(connection: &mut Connection, rule: &mut Row, ids: &[Uuid]) -> Result<i64, DbError> {
    let held: Vec<Held> = diesel::sql_query(
        "WITH chosen AS (SELECT id, state AS before FROM pledges WHERE id = ANY($1) \
           AND (state = 'counted' OR (state = 'awaiting' AND signals & $2 = 0))), \
         held AS (UPDATE pledges SET state = CASE state WHEN 'counted' THEN 'held' ELSE state END, signals = signals | $2 \
           FROM chosen WHERE pledges.id = chosen.id \
           RETURNING country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed, before) \
         SELECT * FROM held",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Integer, _>(Signal::Blocked.bit().bits())
    .get_results(&mut *connection)
    .await?;
    if held.is_empty() {
        return Ok(0);
    }
    let changes = changes(held.iter().filter(|one| one.before == "counted").map(|one| &one.pledge), -1);
    totals::deltas::store::append(connection, rule.campaign, &changes).await?;
    rule.untold.held(number(held.len()), by_country(&changes));
    Ok(number(held.len()))
}
