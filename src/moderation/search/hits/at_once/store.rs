//! The shelf of counting at once.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Timestamptz},
};
use diesel_async::RunQueryDsl;

use super::{
    super::{
        super::Search,
        store::{Number, Span, beside, listed, typed},
    },
    Seen,
};
use crate::db::{Connection, DbError};

/// How many pledges of all campaigns have this term.
///
/// # Errors
/// Those of the database.
pub async fn everywhere(connection: &mut Connection, term: i64) -> Result<i64, DbError> {
    let sql = "SELECT coalesce(sum(pledges), 0)::bigint AS number FROM search_counts WHERE term = $1";
    let sum: Number = diesel::sql_query(sql).bind::<BigInt, _>(term).get_result(connection).await?;
    Ok(sum.number)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = BigInt)]
    hits: i64,
}

/// Looks at up to `limit` rows of these chunks that have the term. `IS TRUE`, or the planner would read the ids of all these chunks.
///
/// # Errors
/// Those of the database.
pub async fn look(
    connection: &mut Connection,
    search: &Search,
    term: i64,
    chunks: &[i64],
    limit: i64,
) -> Result<Seen, DbError> {
    let fits = beside(search, Span::by_row(None, None));
    let sql = format!(
        "SELECT count(*) AS looked_at, count(*) FILTER (WHERE fits) AS hits FROM (SELECT true{fits} AS fits FROM pledge_search \
           WHERE terms @> '{{{term}}}'::bigint[] AND (chunk = ANY('{{{}}}'::bigint[])) IS TRUE LIMIT {limit}) AS looked_at",
        listed(chunks)
    );
    let Row { looked_at, hits } = diesel::sql_query(typed(&sql))
        .bind::<Nullable<Timestamptz>, _>(search.from)
        .bind::<Nullable<Timestamptz>, _>(search.to)
        .get_result(connection)
        .await?;
    Ok(Seen { looked_at, hits })
}
