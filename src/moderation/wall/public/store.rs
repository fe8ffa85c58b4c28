//! The shelf of what everybody sees. An entry that is shown is of a pledge that may be shown: see the trigger `leaves_wall`.

use chrono::NaiveDate;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Date, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{EntryBody, Place};
use crate::{
    db::{Connection, DbError},
    moderation::wall::Reason,
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message: Option<String>,
    #[diesel(sql_type = Date)]
    day: NaiveDate,
}

/// What is shown behind `place`, newest day first.
///
/// # Errors
/// Those of the database.
pub async fn page(
    connection: &mut Connection,
    campaign: Uuid,
    place: Option<Place>,
    limit: u32,
) -> Result<Vec<EntryBody>, DbError> {
    let (day, token) = place.map_or((None, Uuid::max()), |(day, token)| (Some(day), token));
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT token, name, message, day FROM wall_entries \
         WHERE campaign_id = $1 AND state = 'shown' AND (day, token) < (coalesce($2, 'infinity'), $3) ORDER BY day DESC, token DESC LIMIT $4",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Nullable<Date>, _>(day)
    .bind::<SqlUuid, _>(token)
    .bind::<BigInt, _>(i64::from(limit))
    .get_results(connection)
    .await?;
    let entry = |row: Row| EntryBody { entry: row.token, name: row.name, message: row.message, day: row.day };
    Ok(rows.into_iter().map(entry).collect())
}

/// Notes a report of what is shown. From a thousand on nothing is written: one more would tell a moderator nothing.
///
/// # Errors
/// Those of the database.
pub async fn report(connection: &mut Connection, campaign: Uuid, entry: Uuid, reason: Reason) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE wall_entries SET reports = reports + 1, \
           reasons = CASE WHEN $3 = ANY(reasons) THEN reasons ELSE array_append(reasons, $3) END \
         WHERE token = $2 AND campaign_id = $1 AND state = 'shown' AND reports < 1000",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(entry)
    .bind::<Text, _>(reason.as_str())
    .execute(connection)
    .await?;
    Ok(())
}
