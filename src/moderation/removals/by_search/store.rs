//! The shelf of removals by a search: previews, and their beginning, pausing, resuming and cancelling. A transaction each.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
    dsl::sql,
    expression::SqlLiteral,
    pg::Pg,
    sql_types::{BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{SearchOrder, Tally, Turn, kept};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signal,
    moderation::{
        removals::{
            PausedBecause, Removal, RemovalError,
            store::find,
            walk::{self, Place},
        },
        search::{
            Search,
            hits::moved,
            store::{Boxed, conditions, prepare},
        },
    },
    totals,
};

/// States of pledges that can be removed.
pub const REMOVABLE: [&str; 3] = ["awaiting", "held", "counted"];

/// What a removal by this search takes.
pub(in crate::moderation::removals) fn removable(search: &Search) -> Boxed<'_> {
    conditions(search).filter(pledges::state.eq_any(REMOVABLE)).filter(spared(search))
}

/// Not what a moderator has accepted, unless the search asks for that by its signal: clusters take those for people's, and so does whoever
/// removes one.
pub(in crate::moderation::removals) fn spared(search: &Search) -> SqlLiteral<Bool> {
    let accepted = Signal::Accepted;
    let bits = if search.signals.contains(&accepted) { 0 } else { accepted.bit().bits() };
    sql(&format!("pledges.signals & {bits} = 0"))
}

/// Candidates that are looked at together.
const PAGE: usize = 20_000;

/// A pledge that fits.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pledges, check_for_backend(Pg))]
pub struct Fits {
    /// The pledge.
    pub id: Uuid,
    /// Its state.
    pub state: String,
    /// Where from.
    pub country: String,
    /// The partner whose site it came from.
    pub partner_id: Option<Uuid>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// What a removal by this search would take out. None: it isn't known by `until`.
///
/// # Errors
/// Those of the database.
pub async fn preview(connection: &mut Connection, search: &Search, until: Instant) -> Result<Option<Tally>, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            prepare(connection).await?;
            let mut walk = walk::store::begin(connection, search.clone()).await?;
            // The snapshot was taken a moment later than the transaction began: all that is in it belongs to it.
            walk.began_at = moved(walk.began_at, TimeDelta::hours(1));
            let (mut tally, mut place) = (Tally::default(), Some(Place::BEGIN));
            while let Some(at) = place {
                if Instant::now() >= until {
                    return Ok(None);
                }
                let page = walk::store::page(connection, &walk, at, PAGE).await?;
                let ids: Vec<Uuid> = page.candidates.iter().map(|(id, _)| *id).collect();
                let fitting = removable(search).filter(pledges::id.eq_any(&ids)).select(Fits::as_select());
                let rows: Vec<Fits> = if ids.is_empty() { Vec::new() } else { fitting.load(&mut *connection).await? };
                tally.add(rows, matches!(at, Place::Changed(_)));
                place = page.next;
            }
            Ok(Some(tally))
        })
        .await
}

/// A campaign's exact counts by country, for the log.
pub(in crate::moderation) async fn counts(
    connection: &mut Connection,
    campaign: Uuid,
) -> Result<BTreeMap<String, i64>, DbError> {
    let counts = totals::deltas::store::exact(connection, campaign).await?;
    Ok(counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(country, count)| (country.to_string(), count))
        .collect())
}

/// Puts on record what was done to a removal; None: by the service itself.
pub(in crate::moderation::removals) async fn record(
    connection: &mut Connection,
    moderator: Option<Uuid>,
    campaign: Uuid,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator, campaign: Some(campaign), action, details }).await
}

/// Begins a removal that finds about so many.
///
/// # Errors
/// Those of the database.
pub async fn begin(
    connection: &mut Connection,
    who: &Who,
    order: &SearchOrder,
    found: i64,
) -> Result<Removal, RemovalError> {
    let (id, campaign) = (Uuid::now_v7(), order.search.campaign);
    connection
        .transaction(async |connection| {
            let walk = walk::store::begin(connection, order.search.clone()).await?;
            diesel::sql_query(
                "INSERT INTO removals (id, campaign_id, moderator_id, reason, note, pledges, state, expected) \
                 VALUES ($1, $2, $3, $4, $5, 0, 'running', $6)",
            )
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(campaign)
            .bind::<SqlUuid, _>(who.id)
            .bind::<Text, _>(order.reason.as_str())
            .bind::<Text, _>(&order.note)
            .bind::<BigInt, _>(found)
            .execute(&mut *connection)
            .await?;
            work(connection, id, who, Some(kept::kept(&order.search)?), None, &walk).await?;
            let details = json!({ "removal": id, "reason": order.reason, "note": order.note, "expected": found,
                "search": kept::told(&order.search), "before": counts(connection, campaign).await? });
            record(connection, Some(who.id), campaign, "removal.create", details).await?;
            find(connection, campaign, id).await
        })
        .await
}

/// Has a removal undone in the background. Belongs in a transaction that has locked the removal, and ends with the entry that is returned.
///
/// # Errors
/// Those of the database.
pub(in crate::moderation::removals) async fn begin_undo(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    removal: Uuid,
    note: &str,
) -> Result<Entry, DbError> {
    diesel::sql_query("UPDATE removals SET state = 'undoing' WHERE id = $1")
        .bind::<SqlUuid, _>(removal)
        .execute(&mut *connection)
        .await?;
    let walk = walk::store::begin(connection, Search { campaign, ..Search::default() }).await?;
    work(connection, removal, who, None, Some(note), &walk).await?;
    let details = json!({ "removal": removal, "note": note, "before": counts(connection, campaign).await? });
    Ok(Entry { moderator: Some(who.id), campaign: Some(campaign), action: "removal.undo", details })
}

async fn work(
    connection: &mut Connection,
    removal: Uuid,
    who: &Who,
    search: Option<Value>,
    undo_note: Option<&str>,
    walk: &walk::Walk,
) -> Result<(), DbError> {
    let (part, number, id) = Place::BEGIN.parts();
    diesel::sql_query(
        "INSERT INTO removal_work (removal_id, undo, moderator_id, note, search, began_at, recent_from, part, number, id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind::<SqlUuid, _>(removal)
    .bind::<Bool, _>(search.is_none())
    .bind::<SqlUuid, _>(who.id)
    .bind::<Nullable<Text>, _>(undo_note)
    .bind::<Nullable<Jsonb>, _>(search)
    .bind::<Timestamptz, _>(walk.began_at)
    .bind::<SqlUuid, _>(walk.recent_from)
    .bind::<SmallInt, _>(part)
    .bind::<BigInt, _>(number)
    .bind::<SqlUuid, _>(id)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct UnderWay {
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Jsonb)]
    change: Value,
}

/// Pauses, resumes or cancels a removal. The lock of its work comes first: the worker's transaction has ended then, and it takes out
/// no pledge more before it has seen what is changed here.
///
/// # Errors
/// [`RemovalError::NotUnderWay`], and those of the database.
pub async fn turn(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    removal: Uuid,
    turn: Turn,
) -> Result<Removal, RemovalError> {
    connection
        .transaction(async |connection| {
            // Whether it is there at all, in this campaign.
            find(connection, campaign, removal).await?;
            let under_way: Option<UnderWay> = diesel::sql_query(
                "SELECT paused_at IS NOT NULL AS paused, change FROM removal_work WHERE removal_id = $1 AND NOT undo FOR UPDATE",
            )
            .bind::<SqlUuid, _>(removal)
            .get_result(&mut *connection)
            .await
            .optional()?;
            let under_way = under_way.ok_or(RemovalError::NotUnderWay)?;
            match turn {
                Turn::Pause if under_way.paused => {}
                Turn::Pause => pause(connection, removal, PausedBecause::Moderator).await?,
                Turn::Resume if under_way.paused => resume(connection, removal, who).await?,
                Turn::Resume => {}
                Turn::Cancel => cancel(connection, removal).await?,
            }
            let after = find(connection, campaign, removal).await?;
            let mut details = json!({ "removal": removal, "pledges": after.pledges, "expected": after.expected });
            let action = match turn {
                Turn::Pause => "removal.pause",
                Turn::Resume => "removal.resume",
                Turn::Cancel => "removal.cancel",
            };
            if let (Turn::Cancel, Value::Object(details)) = (turn, &mut details) {
                details.insert("change".into(), under_way.change);
                details.insert("after".into(), json!(counts(connection, campaign).await?));
            }
            record(connection, Some(who.id), campaign, action, details).await?;
            Ok(after)
        })
        .await
}

/// Pauses a removal whose work is locked.
///
/// # Errors
/// Those of the database.
pub(in crate::moderation::removals) async fn pause(
    connection: &mut Connection,
    removal: Uuid,
    because: PausedBecause,
) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH work AS (UPDATE removal_work SET paused_at = now() WHERE removal_id = $1) \
         UPDATE removals SET state = 'paused', paused_because = $2 WHERE id = $1",
    )
    .bind::<SqlUuid, _>(removal)
    .bind::<Text, _>(because.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

async fn resume(connection: &mut Connection, removal: Uuid, who: &Who) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH work AS (UPDATE removal_work SET paused_at = NULL, moderator_id = $2, taken_at = now() WHERE removal_id = $1) \
         UPDATE removals SET state = 'running', paused_because = NULL WHERE id = $1",
    )
    .bind::<SqlUuid, _>(removal)
    .bind::<SqlUuid, _>(who.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a removal whose work is locked.
///
/// # Errors
/// Those of the database.
pub(in crate::moderation::removals) async fn cancel(connection: &mut Connection, removal: Uuid) -> Result<(), DbError> {
    diesel::sql_query(
        "WITH work AS (DELETE FROM removal_work WHERE removal_id = $1) \
         UPDATE removals SET state = 'cancelled', paused_because = NULL WHERE id = $1",
    )
    .bind::<SqlUuid, _>(removal)
    .execute(connection)
    .await?;
    Ok(())
}
