//! The shelf of removals: rows, delta, removal and audit entry in one transaction.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{MAX_IDS, Order, Outcome, PausedBecause, Reason, Removal, RemovalError, RemovalState, Undone, by_search};
use crate::{
    accounts::{Who, quota},
    audit::{self, Entry},
    db::{Connection, DbError, Prepared},
    moderation::rules::searches,
    totals::{
        self,
        deltas::{ByMinute, CountedRow, changes},
    },
};

impl From<diesel::result::Error> for RemovalError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
}

/// A pledge that was taken out or put back.
#[derive(QueryableByName)]
pub struct Changed {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// As the counters see it.
    #[diesel(embed)]
    pub pledge: CountedRow,
    /// Its state while it isn't removed.
    #[diesel(sql_type = Text)]
    pub state_before: String,
}

/// The end of an `UPDATE` that takes out: what is told of each pledge, as [`Changed`].
pub(super) const RETURNING: &str =
    " RETURNING id, country, state_before, counted_at, partner_id, confirmed_at IS NOT NULL AS confirmed";

/// Takes the pledges of `order` (sorted ids) out.
///
/// # Errors
/// See [`RemovalError`].
pub async fn remove(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    order: &Order,
) -> Result<Outcome, RemovalError> {
    connection
        .transaction(async |connection| {
            let found: Vec<Found> = diesel::sql_query(
                "SELECT id, state FROM pledges WHERE campaign_id = $1 AND id = ANY($2) ORDER BY id FOR UPDATE",
            )
            .bind::<SqlUuid, _>(campaign)
            .bind::<Array<SqlUuid>, _>(&order.ids)
            .get_results(connection)
            .await?;
            let known: HashSet<Uuid> = found.iter().map(|row| row.id).collect();
            let not_found = order.ids.iter().filter(|id| !known.contains(id)).copied().collect();
            let (already, removable): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.state == "removed");
            if removable.is_empty() {
                return Err(if already.is_empty() {
                    RemovalError::PledgesNotFound
                } else {
                    RemovalError::NothingToRemove
                });
            }
            let ids: Vec<Uuid> = removable.iter().map(|row| row.id).collect();
            let removal = take_out(connection, who, campaign, order, &ids).await?;
            Ok(Outcome { removal, already_removed: already.into_iter().map(|row| row.id).collect(), not_found })
        })
        .await
}

async fn take_out(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    order: &Order,
    ids: &[Uuid],
) -> Result<Removal, RemovalError> {
    let id = Uuid::now_v7();
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    quota::take(connection, who.id, count).await?;
    let rows = mark_removed(connection, id, ids).await?;
    let changes = uncounted(&rows, -1);
    diesel::sql_query(
        "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges, counted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(who.id)
    .bind::<Text, _>(order.reason.as_str())
    .bind::<Text, _>(&order.note)
    .bind::<BigInt, _>(count)
    .bind::<BigInt, _>(counted(&rows))
    .execute(&mut *connection)
    .await?;
    totals::deltas::store::append(connection, campaign, &changes).await?;
    let (before, after) = counts_around(connection, campaign, &changes).await?;
    let details = json!({ "removal": id, "reason": order.reason, "note": order.note, "pledges": count, "before": before,
        "change": by_country(&changes), "after": after });
    audit::store::record(connection, entry(who, campaign, "removal.create", details)).await?;
    find(connection, campaign, id).await
}

/// Puts pledges, whose rows are locked, into a removal.
pub(in crate::moderation) async fn mark_removed(
    connection: &mut Connection,
    removal: Uuid,
    ids: &[Uuid],
) -> Result<Vec<Changed>, DbError> {
    let update = "UPDATE pledges SET state_before = state, state = 'removed', removal_id = $1 WHERE id = ANY($2)";
    Ok(diesel::sql_query(format!("{update}{RETURNING}"))
        .bind::<SqlUuid, _>(removal)
        .bind::<Array<SqlUuid>, _>(ids)
        .get_results(connection)
        .await?)
}

/// A campaign's exact counts before and after what this transaction has just changed in them, for the log.
async fn counts_around(
    connection: &mut Connection,
    campaign: Uuid,
    changes: &ByMinute,
) -> Result<(BTreeMap<String, i64>, BTreeMap<String, i64>), DbError> {
    let after = by_search::store::counts(connection, campaign).await?;
    let mut before = after.clone();
    for (country, by) in by_country(changes) {
        *before.entry(country).or_default() -= by;
    }
    before.retain(|_, count| *count != 0);
    Ok((before, after))
}

/// How many of them are counted while they aren't removed.
pub(in crate::moderation) fn counted(rows: &[Changed]) -> i64 {
    let counted = rows.iter().filter(|changed| changed.state_before == "counted").count();
    i64::try_from(counted).unwrap_or(i64::MAX)
}

/// What becomes (un)counted, by the minute it was counted in and by country.
pub(in crate::moderation) fn uncounted(rows: &[Changed], by: i64) -> ByMinute {
    let counted = rows.iter().filter(|changed| changed.state_before == "counted");
    changes(counted.map(|changed| &changed.pledge), by)
}

/// The same by country.
pub(in crate::moderation) fn by_country(changes: &ByMinute) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (country, by) in changes.values().flat_map(|delta| &delta.countries) {
        *sums.entry(country.to_string()).or_default() += by;
    }
    sums
}

fn entry(who: &Who, campaign: Uuid, action: &'static str, details: serde_json::Value) -> Entry {
    Entry { moderator: Some(who.id), campaign: Some(campaign), action, details }
}

async fn record_all(connection: &mut Connection, entries: Vec<Entry>) -> Result<(), DbError> {
    for entry in entries {
        audit::store::record(connection, entry).await?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    undone_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// Puts back exactly what the removal took out; or, when it is much, has it put back in the background.
///
/// # Errors
/// See [`RemovalError`].
pub async fn undo(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    removal: Uuid,
    note: &str,
) -> Result<Removal, RemovalError> {
    connection
        .transaction(async |connection| {
            // Else it would take the same ones again.
            let mut entries = searches::store::end_of_removal(connection, campaign, removal, who.id).await?;
            let locked: Option<Locked> = diesel::sql_query(
                "SELECT undone_at, state, pledges FROM removals WHERE id = $1 AND campaign_id = $2 FOR UPDATE",
            )
            .bind::<SqlUuid, _>(removal)
            .bind::<SqlUuid, _>(campaign)
            .get_result(connection)
            .await
            .optional()?;
            let locked = locked.ok_or(DbError::NotFound)?;
            if locked.undone_at.is_some() {
                return Err(RemovalError::AlreadyUndone);
            }
            if ["running", "paused", "undoing"].contains(&locked.state.as_str()) {
                return Err(RemovalError::UnderWay);
            }
            if usize::try_from(locked.pledges).unwrap_or(usize::MAX) > MAX_IDS {
                entries.push(by_search::store::begin_undo(connection, who, campaign, removal, note).await?);
                record_all(connection, entries).await?;
                return find(connection, campaign, removal).await;
            }
            in_order(connection).await?;
            let changes = uncounted(&put_back(connection, removal, Uuid::nil(), i64::MAX).await?, 1);
            diesel::sql_query("UPDATE removals SET undone_at = now(), undone_by = $2, undo_note = $3 WHERE id = $1")
                .bind::<SqlUuid, _>(removal)
                .bind::<SqlUuid, _>(who.id)
                .bind::<Text, _>(note)
                .execute(connection)
                .await?;
            totals::deltas::store::append(connection, campaign, &changes).await?;
            let (before, after) = counts_around(connection, campaign, &changes).await?;
            let details = json!({ "removal": removal, "note": note, "before": before, "change": by_country(&changes),
                "after": after });
            entries.push(entry(who, campaign, "removal.undo", details));
            record_all(connection, entries).await?;
            find(connection, campaign, removal).await
        })
        .await
}

/// Settings as a part of a SELECT: until the end of the transaction, rows are changed, and so locked, in the order in which their ids are found,
/// like everywhere: a plan by pages or by hashes would take them in another one, and two that change the same rows would wait for each other.
/// And plans are made for what the tables are now.
pub(super) const IN_ORDER: &str = "set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true), \
     set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)";

/// Has the settings [`IN_ORDER`].
///
/// # Errors
/// Those of the database.
pub(super) async fn in_order(connection: &mut Connection) -> Result<(), DbError> {
    enum InOrder {}
    Prepared::<InOrder>::new(format!("SELECT {IN_ORDER}")).execute(connection).await?;
    Ok(())
}

/// Puts back up to `limit` of what a removal took out, with larger ids than `above`, and returns what. The transaction must have [`IN_ORDER`].
///
/// # Errors
/// Those of the database.
pub(super) async fn put_back(
    connection: &mut Connection,
    removal: Uuid,
    above: Uuid,
    limit: i64,
) -> Result<Vec<Changed>, DbError> {
    enum PutBack {}
    // Whoever changes one meanwhile is waited for. Rules that are in force would take again what
    // came after them: an undo holds, whatever else the pledges fit. `IS TRUE`, or all that the removal took would be read for each part.
    Ok(Prepared::<PutBack>::new(
        "WITH taken AS MATERIALIZED (SELECT id FROM pledges WHERE removal_id = $1 AND id > $2 ORDER BY id LIMIT $3), \
         back AS (UPDATE pledges SET state = state_before, state_before = NULL, removal_id = NULL FROM taken \
           WHERE pledges.id = taken.id AND (removal_id = $1) IS TRUE RETURNING pledges.id, campaign_id, created_at, country, state, counted_at, \
             partner_id, confirmed_at IS NOT NULL AS confirmed), \
         spared AS (INSERT INTO pledges_put_back (pledge_id, campaign_id, until) \
           SELECT back.id, campaign_id, rules.until FROM back JOIN (SELECT campaign_id, min(created_at) AS since, max(expires_at) AS until \
             FROM search_rules WHERE expires_at > now() GROUP BY campaign_id) AS rules USING (campaign_id) \
           WHERE back.created_at >= since \
           ON CONFLICT (pledge_id) DO UPDATE SET until = greatest(pledges_put_back.until, excluded.until)) \
         SELECT id, country, state AS state_before, counted_at, partner_id, confirmed FROM back",
    )
    .bind::<SqlUuid, _>(removal)
    .bind::<SqlUuid, _>(above)
    .bind::<BigInt, _>(limit)
    .get_results(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    moderator: Option<String>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    note: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    paused_because: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    expected: Option<i64>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    rule_id: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = BigInt)]
    put_back: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    undone_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    undone_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    undo_note: Option<String>,
}

impl From<Row> for Removal {
    fn from(row: Row) -> Self {
        let state = match row.undone_at {
            Some(_) => RemovalState::Undone,
            None => RemovalState::parse(&row.state).unwrap_or(RemovalState::Done),
        };
        let undone = row.undone_at.zip(row.undone_by).zip(row.undo_note);
        Self {
            id: row.id,
            moderator: row.moderator,
            reason: Reason::parse(&row.reason).unwrap_or(Reason::Other),
            note: row.note,
            state,
            paused_because: row.paused_because.as_deref().and_then(PausedBecause::parse),
            expected: row.expected,
            rule: row.rule_id,
            pledges: row.pledges,
            put_back: row.put_back,
            created_at: row.created_at,
            undone: undone.map(|((at, moderator), note)| Undone { at, moderator, note }),
        }
    }
}

const SELECT: &str = "SELECT removals.id, moderators.login AS moderator, reason, note, state, paused_because, \
     expected, rule_id, pledges, put_back, removals.created_at, undone_at, undoer.login AS undone_by, undo_note FROM removals \
     LEFT JOIN moderators ON moderators.id = removals.moderator_id \
     LEFT JOIN moderators AS undoer ON undoer.id = undone_by WHERE campaign_id = $1";

/// One removal of a campaign.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn find(connection: &mut Connection, campaign: Uuid, removal: Uuid) -> Result<Removal, RemovalError> {
    let row: Row = diesel::sql_query(format!("{SELECT} AND removals.id = $2"))
        .bind::<SqlUuid, _>(campaign)
        .bind::<SqlUuid, _>(removal)
        .get_result(connection)
        .await?;
    Ok(row.into())
}

/// A campaign's removals, newest first, before the id `before`.
///
/// # Errors
/// Those of the database.
pub async fn list(
    connection: &mut Connection,
    campaign: Uuid,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Removal>, DbError> {
    let sql = format!("{SELECT} AND ($2::uuid IS NULL OR removals.id < $2) ORDER BY removals.id DESC LIMIT $3");
    let rows: Vec<Row> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(campaign)
        .bind::<Nullable<SqlUuid>, _>(before)
        .bind::<BigInt, _>(i64::from(limit))
        .get_results(connection)
        .await?;
    Ok(rows.into_iter().map(Removal::from).collect())
}
