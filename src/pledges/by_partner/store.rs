//! The shelf of partners' published numbers.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{MOST, PartnerCount};
use crate::db::{Connection, DbError};

/// What the numbers are of.
#[derive(QueryableByName)]
pub struct Head {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    /// Numbers are rounded down to a multiple of this.
    #[diesel(sql_type = Integer)]
    pub threshold: i32,
    /// When they were last re-read.
    #[diesel(sql_type = Timestamptz)]
    pub reread_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    shown: i64,
}

/// What is shown of a campaign's partners, as of one moment.
///
/// # Errors
/// [`DbError::NotFound`]: there is no such campaign; those of the database.
pub async fn read(connection: &mut Connection, slug: &str) -> Result<(Head, Vec<PartnerCount>), DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            let head: Head = diesel::sql_query(
                "SELECT id, threshold, reread_at FROM campaigns JOIN campaign_totals ON campaign_id = id WHERE slug = $1",
            )
            .bind::<Text, _>(slug)
            .get_result(&mut *connection)
            .await?;
            let rows: Vec<Row> = diesel::sql_query(
                "SELECT name, shown FROM partner_totals JOIN partners ON partners.id = partner_id \
                 WHERE partner_totals.campaign_id = $1 AND shown > 0 ORDER BY shown DESC, name LIMIT $2",
            )
            .bind::<SqlUuid, _>(head.id)
            .bind::<BigInt, _>(MOST)
            .get_results(connection)
            .await?;
            let partners = rows.into_iter().map(|row| PartnerCount { name: row.name, count: row.shown }).collect();
            Ok((head, partners))
        })
        .await
}
