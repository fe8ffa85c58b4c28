//! The shelf of applying rules. All that a step takes is locked before anything is changed ([`super::chosen`]); then come the removals, the
//! deltas and the hits, and the log at the very end. An undo begins with the rule too, so neither can wait for the other.

use std::collections::BTreeMap;

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::chosen::{Choice, Chosen, store::choose};
use crate::{
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::signals::Signal,
    moderation::{
        removals::store::{Changed, by_country, counted, uncounted},
        rules::searches::store::Row,
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
            let Choice { chosen, closed } = choose(connection, rules, &by_campaign).await?;
            went.closed = closed;
            went.changed = apply(connection, &chosen).await?;
            Ok(Step::Went(went))
        })
        .await
}

fn number(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// Removes and holds what was chosen. The log is locked last: the entries of all of it come behind everything else.
async fn apply(connection: &mut Connection, chosen: &[Chosen]) -> Result<i64, DbError> {
    let (mut changed, mut entries) = (0, Vec::new());
    for Chosen { rule, ids, removes } in chosen {
        let done = if *removes { remove(connection, rule, ids).await? } else { hold(connection, rule, ids).await? };
        let Some((hits, entry)) = done else { continue };
        changed += hits;
        entries.push(entry);
        diesel::sql_query("UPDATE search_rules SET hits = hits + $2, last_hit_at = now() WHERE id = $1")
            .bind::<SqlUuid, _>(rule.id)
            .bind::<BigInt, _>(hits)
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

async fn remove(connection: &mut Connection, rule: &Row, ids: &[Uuid]) -> Result<Option<(i64, Entry)>, DbError> {
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
    Ok(Some((number(rows.len()), entry(rule, "rule.remove", details))))
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    before: String,
    #[diesel(embed)]
    pledge: CountedRow,
}

/// What counts is held at once; what waits for its mailbox is marked, and held when that confirms it.
async fn hold(connection: &mut Connection, rule: &Row, ids: &[Uuid]) -> Result<Option<(i64, Entry)>, DbError> {
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
        return Ok(None);
    }
    let changes = changes(held.iter().filter(|one| one.before == "counted").map(|one| &one.pledge), -1);
    if !changes.is_empty() {
        totals::deltas::store::append(connection, rule.campaign, &changes).await?;
    }
    let details = json!({ "rule": rule.id, "why": "rule", "pledges": held.len(), "change": by_country(&changes) });
    Ok(Some((number(held.len()), entry(rule, "pledge.hold", details))))
}

/// On record as the service's deed: who made the rule may be asleep.
fn entry(rule: &Row, action: &'static str, details: serde_json::Value) -> Entry {
    Entry { moderator: None, campaign: Some(rule.campaign), action, details }
}
