//! The shelf of applying rules. Locks come in this order: the rules, the pledges in the order of their ids, the quota, the removal. An
//! undo begins with the rule too, so neither can wait for the other.

use std::collections::BTreeMap;

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName,
    dsl::sql,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Integer, Text, Untyped, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::quota::{self, QuotaError},
    audit::{self, Entry},
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signal,
    moderation::{
        removals::{
            by_search::store::REMOVABLE,
            store::{Changed, by_country, counted, uncounted},
        },
        rules::searches::{
            self, Effect,
            store::{Row, in_force},
        },
        search::{Search, store::conditions},
    },
    pledges::rules::Rules,
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

/// Any number, the same for every instance: "rules" in ASCII.
const LOCK: i64 = 0x72_75_6c_65_73;

/// Pledges of one transaction: a look at each of at most fifty rules takes some milliseconds.
const ROWS_AT_ONCE: i64 = 1_000;

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
    /// A step was made.
    Went(Went),
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Holds the rules against what has waited longest.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub(super) async fn step(connection: &mut Connection, rules: &Rules) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let locked: Yes = diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS yes"))
                .get_result(&mut *connection)
                .await?;
            if !locked.yes {
                return Ok(Step::Idle);
            }
            let waiting: Vec<Waiting> = diesel::sql_query(
                "DELETE FROM search_rule_pledges WHERE number = ANY(ARRAY(SELECT number FROM search_rule_pledges \
                   ORDER BY number LIMIT $1)) RETURNING campaign_id, pledge_id",
            )
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_results(&mut *connection)
            .await?;
            if waiting.is_empty() {
                return Ok(Step::Idle);
            }
            let mut went = Went { more: number(waiting.len()) >= ROWS_AT_ONCE, ..Went::default() };
            let mut by_campaign = BTreeMap::<Uuid, Vec<Uuid>>::new();
            for Waiting { campaign_id, pledge_id } in waiting {
                by_campaign.entry(campaign_id).or_default().push(pledge_id);
            }
            for (campaign, ids) in by_campaign {
                apply(connection, rules, campaign, &ids, &mut went).await?;
            }
            Ok(Step::Went(went))
        })
        .await
}

fn number(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

async fn apply(
    connection: &mut Connection,
    rules: &Rules,
    campaign: Uuid,
    ids: &[Uuid],
    went: &mut Went,
) -> Result<(), DbError> {
    for rule in in_force(connection, campaign).await? {
        let Some(opened) = searches::open(rules, &rule) else {
            went.closed += 1;
            continue;
        };
        let fitting = lock_fitting(connection, &rule, &opened.search, ids).await?;
        if fitting.is_empty() {
            continue;
        }
        let removes = rule.effect == Effect::Remove && may_remove(connection, &rule, fitting.len()).await?;
        let hits = if removes {
            remove(connection, &rule, &fitting).await?
        } else {
            // Those whom the account may not remove any more today wait for a moderator.
            hold(connection, &rule, &fitting).await?
        };
        if hits > 0 {
            went.changed += hits;
            diesel::sql_query("UPDATE search_rules SET hits = hits + $2, last_hit_at = now() WHERE id = $1")
                .bind::<SqlUuid, _>(rule.id)
                .bind::<BigInt, _>(hits)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// Locks pledges that fit. Whoever changes a row meanwhile is waited for, and the row held against the search once more.
struct Locked<'a> {
    fitting: pledges::BoxedQuery<'a, Pg, SqlUuid>,
}

impl QueryId for Locked<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Locked<'_> {
    type SqlType = Untyped;
}

impl QueryFragment<Pg> for Locked<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        QueryFragment::<Pg>::walk_ast(&self.fitting, out.reborrow())?;
        out.push_sql(" FOR UPDATE");
        Ok(())
    }
}

/// Those that came after the rule was made, that nobody has accepted, and that aren't erased.
async fn lock_fitting(
    connection: &mut Connection,
    rule: &Row,
    search: &Search,
    ids: &[Uuid],
) -> Result<Vec<Uuid>, DbError> {
    let judged = Signal::Accepted.bit().with(Signal::Unreviewed.bit()).bits();
    let unjudged = sql::<Bool>("pledges.signals & ").bind::<Integer, _>(judged).sql(" = 0");
    let fitting = conditions(search)
        .filter(pledges::id.eq_any(ids))
        .filter(pledges::state.eq_any(REMOVABLE))
        .filter(pledges::created_at.ge(rule.created_at))
        .filter(pledges::erased_at.is_null())
        .filter(unjudged)
        .order(pledges::id)
        .select(pledges::id);
    let locked: Vec<Id> = Locked { fitting }.get_results(connection).await?;
    Ok(locked.into_iter().map(|Id { id }| id).collect())
}

/// Why an account may not remove.
enum NotAllowed {
    Spent,
    Database(DbError),
}

impl From<diesel::result::Error> for NotAllowed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<QuotaError> for NotAllowed {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Spent { .. } => Self::Spent,
            QuotaError::Database(error) => Self::Database(error),
        }
    }
}

/// Takes so many from what the account of the rule may remove today, if that is enough.
async fn may_remove(connection: &mut Connection, rule: &Row, pledges: usize) -> Result<bool, DbError> {
    // Inside the other one: what was taken too much is given back, and the rest stands.
    let taken = connection
        .transaction(async |connection| {
            quota::take(connection, rule.maker, number(pledges)).await?;
            Ok::<_, NotAllowed>(())
        })
        .await;
    match taken {
        Ok(()) => Ok(true),
        Err(NotAllowed::Spent) => Ok(false),
        Err(NotAllowed::Database(error)) => Err(error),
    }
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

async fn remove(connection: &mut Connection, rule: &Row, ids: &[Uuid]) -> Result<i64, DbError> {
    let removal = removal_of_today(connection, rule).await?;
    let rows: Vec<Changed> = diesel::sql_query(
        "UPDATE pledges SET state_before = state, state = 'removed', removal_id = $1 WHERE id = ANY($2) \
         RETURNING id, country, state_before, counted_at, partner_id, confirmed_at IS NOT NULL AS confirmed",
    )
    .bind::<SqlUuid, _>(removal)
    .bind::<Array<SqlUuid>, _>(ids)
    .get_results(&mut *connection)
    .await?;
    diesel::sql_query("UPDATE removals SET pledges = pledges + $2, counted = counted + $3 WHERE id = $1")
        .bind::<SqlUuid, _>(removal)
        .bind::<BigInt, _>(number(rows.len()))
        .bind::<BigInt, _>(counted(&rows))
        .execute(&mut *connection)
        .await?;
    let changes = uncounted(&rows, -1);
    if !changes.is_empty() {
        totals::deltas::store::append(connection, rule.campaign, &changes).await?;
    }
    let details = json!({ "rule": rule.id, "removal": removal, "reason": rule.reason, "pledges": rows.len(),
        "change": by_country(&changes) });
    record(connection, rule, "rule.remove", details).await?;
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
async fn hold(connection: &mut Connection, rule: &Row, ids: &[Uuid]) -> Result<i64, DbError> {
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
    if !changes.is_empty() {
        totals::deltas::store::append(connection, rule.campaign, &changes).await?;
    }
    let details = json!({ "rule": rule.id, "why": "rule", "pledges": held.len(), "change": by_country(&changes) });
    record(connection, rule, "pledge.hold", details).await?;
    Ok(number(held.len()))
}

/// On record as the service's deed: who made the rule may be asleep.
async fn record(
    connection: &mut Connection,
    rule: &Row,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    let entry = Entry { moderator: None, campaign: Some(rule.campaign), action, details };
    audit::store::record(connection, entry).await
}
