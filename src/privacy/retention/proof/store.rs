//! The shelf of the proof.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::{Checkup, Cleared};
use crate::{
    db::{Connection, DbError},
    pledges::leave::store::{PERSONAL, REVIEWED},
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    changed: i64,
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    looked_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    looked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<Text>)]
    overdue: Vec<String>,
    #[diesel(sql_type = BigInt)]
    left_over: i64,
}

/// When a campaign's limits were last looked after, and what was cleared of it, newest first.
///
/// # Errors
/// Those of the database.
pub async fn of_campaign(
    connection: &mut Connection,
    campaign: Uuid,
    limit: i64,
) -> Result<(Option<DateTime<Utc>>, Vec<Cleared>), DbError> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT ended_at AS at, what, changed FROM retention_runs WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(limit)
    .get_results(&mut *connection)
    .await?;
    let looked: Looked =
        diesel::sql_query("SELECT (SELECT looked_at FROM retention_progress WHERE campaign_id = $1) AS looked_at")
            .bind::<SqlUuid, _>(campaign)
            .get_result(connection)
            .await?;
    let cleared = rows.into_iter().map(|Row { at, what, changed }| Cleared { at, what, changed }).collect();
    Ok((looked.looked_at, cleared))
}

/// Whether retention is looked after, and whether what it believes to be cleared is. Reads every row.
///
/// # Errors
/// Those of the database.
pub async fn check_up(connection: &mut Connection) -> Result<Checkup, DbError> {
    connection.batch_execute("SET statement_timeout = 0").await?;
    let found: Found = diesel::sql_query(format!(
        "SELECT (SELECT min(looked_at) FROM retention_progress) AS looked_at, \
           (SELECT coalesce(array_agg(slug ORDER BY slug), '{{}}') FROM campaigns \
             LEFT JOIN retention_progress ON campaign_id = campaigns.id \
             WHERE coalesce(looked_at, created_at) < now() - interval '24 hours' \
               OR cleared_at IS NULL AND test_of IS NULL AND salt_destroyed_at < now() - interval '24 hours') AS overdue, \
           (SELECT count(*) FROM pledges JOIN retention_progress USING (campaign_id) \
             WHERE id < review_from AND {REVIEWED} OR cleared_at IS NOT NULL AND {PERSONAL}) \
           + (SELECT count(*) FROM departures JOIN retention_progress USING (campaign_id) WHERE cleared_at IS NOT NULL) \
           AS left_over",
    ))
    .get_result(connection)
    .await?;
    Ok(Checkup { looked_at: found.looked_at, overdue: found.overdue, left_over: found.left_over })
}
