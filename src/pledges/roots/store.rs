//! The shelf of what needs root secrets: the key ids in review copies, four bytes behind the first.

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bytea, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::{Connection, DbError};

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Bytea)]
    key_id: Vec<u8>,
}

/// The key id in the oldest review copy of a campaign, if it has any left.
pub(super) async fn oldest_copy(connection: &mut Connection, campaign: Uuid) -> Result<Option<Vec<u8>>, DbError> {
    let oldest: Option<Oldest> = diesel::sql_query(
        "SELECT substring(sealed_review FROM 2 FOR 4) AS key_id FROM pledges \
         WHERE campaign_id = $1 AND sealed_review IS NOT NULL ORDER BY id LIMIT 1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_result(connection)
    .await
    .optional()?;
    Ok(oldest.map(|oldest| oldest.key_id))
}

#[derive(QueryableByName)]
struct Copies {
    #[diesel(sql_type = Bytea)]
    key_id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    copies: i64,
}

/// How many review copies there are by key id. Reads every pledge.
pub(super) async fn copies_by_key(connection: &mut Connection) -> Result<Vec<(Vec<u8>, i64)>, DbError> {
    diesel::sql_query("SET statement_timeout = 0").execute(connection).await?;
    let copies: Vec<Copies> = diesel::sql_query(
        "SELECT substring(sealed_review FROM 2 FOR 4) AS key_id, count(*) AS copies FROM pledges \
         WHERE sealed_review IS NOT NULL GROUP BY 1",
    )
    .get_results(connection)
    .await?;
    Ok(copies.into_iter().map(|row| (row.key_id, row.copies)).collect())
}
