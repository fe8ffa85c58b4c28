//! The shelf of words.

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::super::Search;
use crate::db::{Connection, DbError};

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Pledges that the public wall shows with all words, newest first: whether they fit otherwise is to be looked at.
///
/// # Errors
/// Those of the database.
pub async fn by_words(
    connection: &mut Connection,
    search: &Search,
    bounds: [Option<Uuid>; 2],
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    // One after the other, so that the order of the first one's index is that of the hits.
    let (first, others) = search.words.split_first().ok_or(DbError::Defect("a search for no words"))?;
    let [from, below] = bounds;
    let found: Vec<Id> = diesel::sql_query(
        "SELECT pledge_id AS id FROM wall_words WHERE campaign_id = $1 AND word = $2 AND pledge_id >= $4 AND pledge_id < $5 \
           AND NOT EXISTS (SELECT FROM unnest($3) AS other WHERE NOT EXISTS (SELECT FROM wall_words AS also \
             WHERE also.campaign_id = $1 AND also.word = other AND also.pledge_id = wall_words.pledge_id)) \
         ORDER BY pledge_id DESC LIMIT $6",
    )
    .bind::<SqlUuid, _>(search.campaign)
    .bind::<Text, _>(first)
    .bind::<Array<Text>, _>(others)
    .bind::<SqlUuid, _>(from.unwrap_or(Uuid::nil()))
    .bind::<SqlUuid, _>(below.unwrap_or(Uuid::max()))
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .get_results(connection)
    .await?;
    Ok(found.into_iter().map(|Id { id }| id).collect())
}
