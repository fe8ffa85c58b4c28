//! The shelf of later holds.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    campaigns::Campaign,
    country::Country,
    db::{Connection, DbError},
    gate::{
        signals::{Signal, Signals},
        waves::{CONFIRMED_CREDIT, Cluster, Raise, Row},
    },
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

/// Any number, the same for every instance: "waves" in ASCII.
const LOCK: i64 = 0x77_61_76_65_73;

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether no other instance is at it. The lock is held as long as the connection.
///
/// # Errors
/// Those of the database.
pub async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    let locked: Yes =
        diesel::sql_query(format!("SELECT pg_try_advisory_lock({LOCK}) AS yes")).get_result(connection).await?;
    Ok(locked.yes)
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// The time of the database's clock.
///
/// # Errors
/// Those of the database.
pub async fn now(connection: &mut Connection) -> Result<DateTime<Utc>, DbError> {
    let Now { now } = diesel::sql_query("SELECT now()").get_result(connection).await?;
    Ok(now)
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    source_tag: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    domain_tag: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    name_tag: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    shape_tag: Option<i64>,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    partner_id: Option<Uuid>,
    #[diesel(sql_type = Integer)]
    signals: i32,
    #[diesel(sql_type = SmallInt)]
    score: i16,
    #[diesel(sql_type = Bool)]
    confirmed: bool,
}

/// Smallest id of a time that many seconds ago. Ids carry the time of the service's clock.
macro_rules! id_of_seconds_ago {
    ($seconds:literal) => {
        concat!(
            "(lpad(to_hex((extract(epoch FROM now() - interval '",
            $seconds,
            " seconds') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"
        )
    };
}

/// Rows of the last day after `seen`, oldest first. The last ten seconds are left for the next look: batches may still be under
/// way, and instances' clocks apart.
///
/// # Errors
/// Those of the database.
pub async fn since(connection: &mut Connection, campaign: Uuid, seen: Uuid, limit: i64) -> Result<Vec<Row>, DbError> {
    let rows: Vec<Stored> = diesel::sql_query(concat!(
        "SELECT id, created_at, source_tag, domain_tag, name_tag, shape_tag, country, partner_id, signals, score, \
           confirmed_at IS NOT NULL AS confirmed FROM pledges WHERE campaign_id = $1 AND id > $2 AND id > ",
        id_of_seconds_ago!("86400"),
        " AND id < ",
        id_of_seconds_ago!("10"),
        " AND state IN ('awaiting', 'held', 'counted') ORDER BY id LIMIT $3"
    ))
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(seen)
    .bind::<BigInt, _>(limit)
    .get_results(connection)
    .await?;
    let row = |row: Stored| Row {
        id: row.id,
        at: row.created_at,
        source: row.source_tag,
        domain: row.domain_tag,
        name: row.name_tag,
        shape: row.shape_tag,
        country: row.country.parse().unwrap_or(Country::WITHHELD),
        partner: row.partner_id,
        signals: Signals::from_bits(row.signals),
        score: row.score,
        confirmed: row.confirmed,
    };
    Ok(rows.into_iter().map(row).collect())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

fn ids(rows: Vec<Id>) -> Vec<Uuid> {
    rows.into_iter().map(|Id { id }| id).collect()
}

/// Of a campaign (`$1`), from an id on (`$2`).
macro_rules! of_the_last_day {
    () => {
        concat!("SELECT id FROM pledges WHERE campaign_id = $1 AND id >= $2 AND id > ", id_of_seconds_ago!("86400"))
    };
}

/// Of a campaign's pledges of the last day, from one on, those that were removed or withdrawn. Read by the indexes of just those.
///
/// # Errors
/// Those of the database.
pub async fn gone(connection: &mut Connection, campaign: Uuid, oldest: Uuid) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<Id> = diesel::sql_query(concat!(
        of_the_last_day!(),
        " AND state = 'removed' UNION ALL ",
        of_the_last_day!(),
        " AND state = 'withdrawn'"
    ))
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(oldest)
    .get_results(connection)
    .await?;
    Ok(ids(rows))
}

/// The same of those that a moderator has accepted and that are still there, by the index of each acceptance: one may have begun long ago.
///
/// # Errors
/// Those of the database.
pub async fn accepted(connection: &mut Connection, campaign: Uuid, oldest: Uuid) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<Id> = diesel::sql_query(concat!(
        "SELECT pledges.id FROM acceptances JOIN pledges ON acceptance_id = acceptances.id \
         WHERE acceptances.campaign_id = $1 AND pledges.id >= $2 AND pledges.id > ",
        id_of_seconds_ago!("86400"),
        " AND state NOT IN ('removed', 'withdrawn')"
    ))
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(oldest)
    .get_results(connection)
    .await?;
    Ok(ids(rows))
}

/// The same of those whose mailbox has confirmed them after `asked` (None: ever). All pledges of that time are read for it.
///
/// # Errors
/// Those of the database.
pub async fn confirmed(
    connection: &mut Connection,
    campaign: Uuid,
    oldest: Uuid,
    asked: Option<DateTime<Utc>>,
) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<Id> = diesel::sql_query(concat!(of_the_last_day!(), " AND confirmed_at > coalesce($3, '-infinity')"))
        .bind::<SqlUuid, _>(campaign)
        .bind::<SqlUuid, _>(oldest)
        .bind::<Nullable<Timestamptz>, _>(asked)
        .get_results(connection)
        .await?;
    Ok(ids(rows))
}

/// Puts what stands out in the place of what was there: at `looked_at`, among so many rows, the oldest of them sent then.
///
/// # Errors
/// Those of the database.
pub async fn put_clusters(
    connection: &mut Connection,
    campaign: Uuid,
    clusters: &[Cluster],
    looked_at: DateTime<Utc>,
    (rows, since): (usize, Option<DateTime<Utc>>),
) -> Result<(), DbError> {
    let found = serde_json::to_value(clusters).map_err(|_| DbError::Defect("clusters can't be written"))?;
    diesel::sql_query(
        "INSERT INTO clusters (campaign_id, looked_at, since, compared, found) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (campaign_id) DO UPDATE SET looked_at = excluded.looked_at, since = excluded.since, \
           compared = excluded.compared, found = excluded.found",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Timestamptz, _>(looked_at)
    .bind::<Nullable<Timestamptz>, _>(since)
    .bind::<BigInt, _>(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind::<Jsonb, _>(found)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the clusters of all other campaigns: they have tags, and nobody looks there any more.
///
/// # Errors
/// Those of the database.
pub async fn keep_clusters_of(connection: &mut Connection, campaigns: &[Uuid]) -> Result<(), DbError> {
    diesel::sql_query("DELETE FROM clusters WHERE campaign_id <> ALL($1)")
        .bind::<Array<SqlUuid>, _>(campaigns)
        .execute(connection)
        .await?;
    Ok(())
}

/// Raises scores, and holds those that counted and are over the campaign's limit now: on record, because the public total falls.
/// What a rule allows gets its score and stays. Who was erased has no score. How many were held.
///
/// # Errors
/// Those of the database; then none is changed.
pub async fn raise(connection: &mut Connection, campaign: &Campaign, raises: &[Raise]) -> Result<usize, DbError> {
    connection
        .transaction(async |connection| {
            let held: Vec<CountedRow> = diesel::sql_query(
                "WITH given AS (SELECT * FROM unnest($1, $2, $3) AS given (id, score, signals)), \
                 locked AS (SELECT pledges.id, state AS before, given.score, given.signals, given.score \
                     - CASE WHEN confirmed_at IS NULL THEN 0 ELSE $4 END >= $5 AND pledges.signals & $8 = 0 AS over FROM pledges JOIN given USING (id) \
                   WHERE campaign_id = $6 AND pledges.signals & $7 = 0 AND erased_at IS NULL ORDER BY fingerprint FOR UPDATE OF pledges), \
                 raised AS (UPDATE pledges SET score = greatest(pledges.score, locked.score), \
                     signals = pledges.signals | locked.signals, \
                     state = CASE WHEN state = 'counted' AND over THEN 'held' ELSE state END \
                   FROM locked WHERE pledges.id = locked.id \
                   RETURNING country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed, before, state) \
                 SELECT country, partner_id, counted_at, confirmed FROM raised WHERE before = 'counted' AND state = 'held'",
            )
            .bind::<Array<SqlUuid>, _>(raises.iter().map(|raise| raise.id).collect::<Vec<_>>())
            .bind::<Array<SmallInt>, _>(raises.iter().map(|raise| raise.score).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(raises.iter().map(|raise| raise.signals.bits()).collect::<Vec<_>>())
            .bind::<SmallInt, _>(CONFIRMED_CREDIT)
            .bind::<SmallInt, _>(campaign.hold_at)
            .bind::<SqlUuid, _>(campaign.id)
            .bind::<Integer, _>(Signal::Accepted.bit().with(Signal::Unreviewed.bit()).bits())
            .bind::<Integer, _>(Signal::Allowed.bit().bits())
            .get_results(connection)
            .await?;
            if !held.is_empty() {
                totals::deltas::store::append(connection, campaign.id, &changes(&held, -1)).await?;
                let details = json!({ "pledges": held.len(), "why": "wave" });
                let entry = Entry { moderator: None, campaign: Some(campaign.id), action: "pledge.hold", details };
                audit::store::record(connection, entry).await?;
            }
            Ok(held.len())
        })
        .await
}

#[derive(QueryableByName)]
struct Fate {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    caught: bool,
}

/// Which of these pledges are stored (of two with one mailbox only one is), and whether each is held or removed.
///
/// # Errors
/// Those of the database.
pub async fn fates(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<(Uuid, bool)>, DbError> {
    let fates: Vec<Fate> =
        diesel::sql_query("SELECT id, state IN ('held', 'removed') AS caught FROM pledges WHERE id = ANY($1)")
            .bind::<Array<SqlUuid>, _>(ids)
            .get_results(connection)
            .await?;
    Ok(fates.into_iter().map(|Fate { id, caught }| (id, caught)).collect())
}
