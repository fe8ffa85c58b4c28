//! The shelf of corrections.

use chrono::NaiveDate;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Date, Text},
};
use diesel_async::RunQueryDsl;

use super::{Correction, MOST};
use crate::{
    db::{Connection, DbError},
    moderation::removals::Reason,
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Date)]
    day: NaiveDate,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Text)]
    reason: String,
}

/// What a campaign's removals that stand took out of its totals.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, slug: &str) -> Result<Vec<Correction>, DbError> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT (removals.created_at AT TIME ZONE 'UTC')::date AS day, sum(counted - counted_back)::bigint AS count, reason \
         FROM removals JOIN campaigns ON campaigns.id = campaign_id \
         WHERE slug = $1 AND undone_at IS NULL AND counted > counted_back \
         GROUP BY day, reason ORDER BY day DESC, count DESC, reason LIMIT $2",
    )
    .bind::<Text, _>(slug)
    .bind::<BigInt, _>(MOST)
    .get_results(connection)
    .await?;
    let correction = |row: Row| Correction {
        day: row.day,
        count: row.count,
        reason: Reason::parse(&row.reason).unwrap_or(Reason::Other),
    };
    Ok(rows.into_iter().map(correction).collect())
}
