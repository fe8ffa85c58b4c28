//! The shelf of words. What is written into the statement here are numbers only.

use std::fmt::Write;

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Uuid as SqlUuid},
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
    let any = |tags: &[i64]| tags.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    // The first one's index is walked, in the order of ids, and the others are looked up.
    let (first, others) = search.words.split_first().ok_or(DbError::Defect("a search for no words"))?;
    let mut sql = format!(
        "SELECT pledge_id AS id FROM wall_words WHERE campaign_id = $1 AND word IN ({}) AND pledge_id >= $2 AND pledge_id < $3",
        any(first)
    );
    for other in others {
        let _ = write!(
            sql,
            " AND EXISTS (SELECT FROM wall_words AS also WHERE also.campaign_id = $1 AND also.word IN ({}) \
               AND also.pledge_id = wall_words.pledge_id)",
            any(other)
        );
    }
    sql.push_str(" ORDER BY pledge_id DESC LIMIT $4");
    let [from, below] = bounds;
    let found: Vec<Id> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(search.campaign)
        .bind::<SqlUuid, _>(from.unwrap_or(Uuid::nil()))
        .bind::<SqlUuid, _>(below.unwrap_or(Uuid::max()))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .get_results(connection)
        .await?;
    Ok(found.into_iter().map(|Id { id }| id).collect())
}
