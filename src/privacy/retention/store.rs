//! The shelf of retention. Every step is a short transaction that also remembers how far it came and what it cleared.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::Limit;
use crate::{
    db::{Connection, DbError},
    pledges::leave::store::{CLEARED, PERSONAL, REVIEW_CLEARED, REVIEWED},
};

/// Held by the instance that runs: "pledge-r" in ASCII.
const LOCK: i64 = 0x70_6c_65_64_67_65_2d_72;

/// Pledges that one transaction walks over.
const ROWS_AT_ONCE: i64 = 5_000;

/// Sessions that one transaction deletes.
const SESSIONS_AT_ONCE: i64 = 1_000;

/// Sessions that ended longer ago are deleted.
pub(super) const SESSION_DAYS: i64 = 30;

/// What is due of a campaign.
#[derive(Clone, Debug, QueryableByName)]
pub struct Plan {
    /// The campaign.
    #[diesel(sql_type = SqlUuid)]
    pub campaign_id: Uuid,
    /// Its slug.
    #[diesel(sql_type = Text)]
    pub slug: String,
    /// Review copies from before this go.
    #[diesel(sql_type = Timestamptz)]
    pub review_before: DateTime<Utc>,
    /// Ids from here on are younger.
    #[diesel(sql_type = SqlUuid)]
    pub review_bound: Uuid,
    /// Ids before this are done.
    #[diesel(sql_type = SqlUuid)]
    pub review_from: Uuid,
    /// Whether its retention ends now.
    #[diesel(sql_type = Bool)]
    pub ends: bool,
    /// Whether it has ended before.
    #[diesel(sql_type = Bool)]
    pub ended: bool,
    /// Ids before this are done.
    #[diesel(sql_type = SqlUuid)]
    pub records_from: Uuid,
    /// Whether all is done.
    #[diesel(sql_type = Bool)]
    pub cleared: bool,
    /// The campaign whose trials it has; None: it is a real one.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub test_of: Option<Uuid>,
    /// What becomes of pledges that are still held.
    #[diesel(sql_type = Text)]
    pub held_default: String,
}

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Rows that were changed.
    pub changed: i64,
    /// Where the next step begins; None: that was all.
    pub next: Option<Uuid>,
}

impl Step {
    /// One that deleted so many rows, of those that it deletes at the most: where it did, the next one begins at the beginning again.
    pub(super) fn deleted(deleted: i64, at_the_most: i64) -> Self {
        Self { changed: deleted, next: (deleted >= at_the_most).then_some(Uuid::nil()) }
    }
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Takes the lock of retention for this connection, unless another one has it.
///
/// # Errors
/// Those of the database.
pub async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    let locked: Yes =
        diesel::sql_query(format!("SELECT pg_try_advisory_lock({LOCK}) AS yes")).get_result(connection).await?;
    Ok(locked.yes)
}

/// Makes a place for the progress of every campaign; with `every_row`, forgets how far earlier runs came.
///
/// # Errors
/// Those of the database.
pub async fn begin(connection: &mut Connection, every_row: bool) -> Result<(), DbError> {
    diesel::sql_query("INSERT INTO retention_progress (campaign_id) SELECT id FROM campaigns ON CONFLICT DO NOTHING")
        .execute(&mut *connection)
        .await?;
    if every_row {
        diesel::sql_query(
            "UPDATE retention_progress SET review_from = DEFAULT, records_from = DEFAULT, cleared_at = NULL",
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// What is due of every campaign, by slug.
///
/// Ids are UUIDv7 and carry the time of the service's clock, `created_at` that of the database; they differ by less than
/// ten minutes. A bound of the id is a bound of the time, so the index that moderators use serves, and ingest pays for none.
///
/// # Errors
/// Those of the database.
pub async fn plans(connection: &mut Connection, as_of: Option<DateTime<Utc>>) -> Result<Vec<Plan>, DbError> {
    Ok(diesel::sql_query(
        "SELECT campaigns.id AS campaign_id, slug, review_before, \
           (lpad(to_hex((extract(epoch FROM review_before + interval '10 minutes') * 1000)::bigint), 12, '0') \
             || repeat('0', 20))::uuid AS review_bound, \
           coalesce(review_from, '00000000-0000-0000-0000-000000000000') AS review_from, \
           salt IS NOT NULL AND state = 'closed' AND closed_at < as_of - record_days * interval '24 hours' AS ends, \
           salt IS NULL AS ended, \
           coalesce(records_from, '00000000-0000-0000-0000-000000000000') AS records_from, \
           cleared_at IS NOT NULL AS cleared, test_of, held_default \
         FROM campaigns LEFT JOIN retention_progress ON campaign_id = campaigns.id, \
           LATERAL (SELECT coalesce($1, now()) AS as_of) AS clock, \
           LATERAL (SELECT as_of - review_days * interval '24 hours' AS review_before) AS limits ORDER BY slug",
    )
    .bind::<Nullable<Timestamptz>, _>(as_of)
    .get_results(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Page {
    #[diesel(sql_type = BigInt)]
    changed: i64,
    #[diesel(sql_type = BigInt)]
    walked: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    too_young: Option<Uuid>,
}

/// Clears the review copies of a few thousand pledges from `from` on that are due. It stops at the first one that is too
/// young, and the next run begins there.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn clear_review_copies(
    connection: &mut Connection,
    plan: &Plan,
    from: Uuid,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            // Locked in the order of the ids, like everywhere.
            let page: Page = diesel::sql_query(format!(
                "WITH page AS MATERIALIZED (SELECT id, {REVIEWED} AS held, created_at < $4 AS old \
                   FROM pledges WHERE campaign_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $5), \
                 due AS MATERIALIZED (SELECT pledges.id FROM pledges JOIN page ON page.id = pledges.id \
                   WHERE held AND old ORDER BY pledges.id FOR UPDATE OF pledges), \
                 changed AS (UPDATE pledges SET {REVIEW_CLEARED} FROM due WHERE pledges.id = due.id RETURNING 1) \
                 SELECT (SELECT count(*) FROM changed) AS changed, (SELECT count(*) FROM page) AS walked, \
                   (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, \
                   (SELECT id FROM page WHERE held AND NOT old ORDER BY id LIMIT 1) AS too_young"
            ))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<SqlUuid, _>(from)
            .bind::<SqlUuid, _>(plan.review_bound)
            .bind::<Timestamptz, _>(plan.review_before)
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_result(connection)
            .await?;
            if let Some(up_to) = page.too_young.or(page.last) {
                diesel::sql_query("UPDATE retention_progress SET review_from = $2 WHERE campaign_id = $1")
                    .bind::<SqlUuid, _>(plan.campaign_id)
                    .bind::<SqlUuid, _>(up_to)
                    .execute(connection)
                    .await?;
            }
            note(connection, run, Some(plan.campaign_id), Limit::ReviewCopies, page.changed).await?;
            let more = page.walked == ROWS_AT_ONCE && page.too_young.is_none();
            Ok(Step { changed: page.changed, next: page.last.filter(|_| more) })
        })
        .await
}

/// Ends the retention of a campaign: destroys its salt and the keys of its sealed records. None when it is no longer due.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn destroy_keys(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Option<i64>, DbError> {
    connection
        .transaction(async |connection| {
            // Whoever opens it again comes before or after.
            let due: Option<Yes> = diesel::sql_query(
                "SELECT true AS yes FROM campaigns WHERE id = $1 AND salt IS NOT NULL AND state = 'closed' \
                   AND closed_at < coalesce($2, now()) - record_days * interval '24 hours' FOR NO KEY UPDATE",
            )
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .get_result(connection)
            .await
            .optional()?;
            if due.is_none() {
                return Ok(None);
            }
            let epochs = diesel::sql_query("DELETE FROM sealing_epochs WHERE campaign_id = $1")
                .bind::<SqlUuid, _>(plan.campaign_id)
                .execute(connection)
                .await?;
            diesel::sql_query(
                "UPDATE campaigns SET salt = NULL, salt_destroyed_at = now() WHERE id = $1 OR test_of = $1",
            )
            .bind::<SqlUuid, _>(plan.campaign_id)
            .execute(connection)
            .await?;
            let keys = i64::try_from(epochs).unwrap_or(i64::MAX).saturating_add(1);
            note(connection, run, Some(plan.campaign_id), Limit::Keys, keys).await?;
            Ok(Some(keys))
        })
        .await
}

/// Clears all that is personal in a few thousand pledges from `from` on.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn clear_records(connection: &mut Connection, plan: &Plan, from: Uuid, run: Uuid) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let page: Page = diesel::sql_query(format!(
                "WITH page AS MATERIALIZED (SELECT id, {PERSONAL} AS held FROM pledges \
                   WHERE campaign_id = $1 AND id >= $2 ORDER BY id LIMIT $3), \
                 due AS MATERIALIZED (SELECT pledges.id FROM pledges JOIN page ON page.id = pledges.id \
                   WHERE held ORDER BY pledges.id FOR UPDATE OF pledges), \
                 changed AS (UPDATE pledges SET {CLEARED} FROM due WHERE pledges.id = due.id RETURNING 1) \
                 SELECT (SELECT count(*) FROM changed) AS changed, (SELECT count(*) FROM page) AS walked, \
                   (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, NULL::uuid AS too_young",
            ))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<SqlUuid, _>(from)
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_result(connection)
            .await?;
            if let Some(last) = page.last {
                diesel::sql_query("UPDATE retention_progress SET records_from = $2 WHERE campaign_id = $1")
                    .bind::<SqlUuid, _>(plan.campaign_id)
                    .bind::<SqlUuid, _>(last)
                    .execute(connection)
                    .await?;
            }
            note(connection, run, Some(plan.campaign_id), Limit::Records, page.changed).await?;
            Ok(Step { changed: page.changed, next: page.last.filter(|_| page.walked == ROWS_AT_ONCE) })
        })
        .await
}

/// Departures that one transaction deletes.
pub const DEPARTURES_AT_ONCE: i64 = 5_000;

/// Deletes the departures of a campaign whose retention has ended: what an export tells by them is gone from all lists by then.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn delete_departures(connection: &mut Connection, plan: &Plan, run: Uuid) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let deleted = diesel::sql_query(
                "DELETE FROM departures WHERE pledge_id IN \
                   (SELECT pledge_id FROM departures WHERE campaign_id = $1 LIMIT $2)",
            )
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<BigInt, _>(DEPARTURES_AT_ONCE)
            .execute(connection)
            .await?;
            let deleted = i64::try_from(deleted).unwrap_or(i64::MAX);
            note(connection, run, Some(plan.campaign_id), Limit::Departures, deleted).await?;
            Ok(Step::deleted(deleted, DEPARTURES_AT_ONCE))
        })
        .await
}

/// When a session ended and its time is over too.
pub(super) const LONG_ENDED: &str = "least(ended_at, expires_at) < coalesce($1, now()) - $2 * interval '24 hours'";

/// Deletes sessions that ended long ago, with their refresh tokens.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn delete_sessions(
    connection: &mut Connection,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let deleted = diesel::sql_query(format!(
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE {LONG_ENDED} LIMIT $3)"
            ))
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .bind::<BigInt, _>(SESSION_DAYS)
            .bind::<BigInt, _>(SESSIONS_AT_ONCE)
            .execute(connection)
            .await?;
            let deleted = i64::try_from(deleted).unwrap_or(i64::MAX);
            note(connection, run, None, Limit::Sessions, deleted).await?;
            Ok(Step::deleted(deleted, SESSIONS_AT_ONCE))
        })
        .await
}

/// Writes down what a run has cleared, adding to what it wrote before.
pub(super) async fn note(
    connection: &mut Connection,
    run: Uuid,
    campaign: Option<Uuid>,
    limit: Limit,
    changed: i64,
) -> Result<(), DbError> {
    if changed == 0 {
        return Ok(());
    }
    diesel::sql_query(
        "INSERT INTO retention_runs (id, campaign_id, what, changed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET changed = retention_runs.changed + excluded.changed, ended_at = now()",
    )
    .bind::<SqlUuid, _>(run)
    .bind::<Nullable<SqlUuid>, _>(campaign)
    .bind::<Text, _>(limit.as_str())
    .bind::<BigInt, _>(changed)
    .execute(connection)
    .await?;
    Ok(())
}

/// All limits of a campaign have been looked after.
///
/// # Errors
/// Those of the database.
pub async fn looked(connection: &mut Connection, campaign: Uuid) -> Result<(), DbError> {
    diesel::sql_query("UPDATE retention_progress SET looked_at = now() WHERE campaign_id = $1")
        .bind::<SqlUuid, _>(campaign)
        .execute(connection)
        .await?;
    Ok(())
}

/// Everything of an ended campaign is cleared, dead rows too.
///
/// # Errors
/// Those of the database.
pub async fn cleared(connection: &mut Connection, campaign: Uuid) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE retention_progress SET cleared_at = now() WHERE campaign_id = $1 \
           AND EXISTS (SELECT FROM campaigns WHERE id = $1 AND salt IS NULL)",
    )
    .bind::<SqlUuid, _>(campaign)
    .execute(connection)
    .await?;
    Ok(())
}
