//! The shelf of the check. Each statement sees pledges, index and changes in one snapshot.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Double},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::super::filler::store::lock;
use crate::db::{Connection, DbError};

/// What the search knows wrongly: [`ROWS`] rows are looked at, or all if there are no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, QueryableByName)]
pub struct Wrong {
    /// Pledges that it has otherwise than they are, or not at all. Those that have just come or were changed don't count.
    #[diesel(sql_type = BigInt)]
    pub pledges: i64,
    /// What it has and isn't there any more.
    #[diesel(sql_type = BigInt)]
    pub gone: i64,
    /// Numbers of its terms that are not those of its rows.
    #[diesel(sql_type = BigInt)]
    pub counts: i64,
}

/// Rows that are looked at, about.
const ROWS: i64 = 200_000;

/// Chunks whose counts are looked at.
const CHUNKS: i64 = 3;

/// Where a pledge differs from what the search has of it.
macro_rules! differing {
    ($sample:literal) => {
        concat!(
            "FROM pledges ",
            $sample,
            " LEFT JOIN LATERAL (SELECT number FROM search_chunks WHERE search_chunks.campaign_id = pledges.campaign_id \
               AND first_id <= pledges.id ORDER BY first_id DESC LIMIT 1) AS chunks ON true \
             LEFT JOIN pledge_search AS known ON known.chunk = number AND known.id = pledges.id \
             WHERE ROW(known.at, known.source_tag, known.domain_tag, known.name_tag, known.shape_tag, known.score, known.terms) \
               IS DISTINCT FROM ROW(pledges.created_at, pledges.source_tag, pledges.domain_tag, pledges.name_tag, pledges.shape_tag, \
                 pledges.score, pledge_terms(country, state, language, partner_id, removal_id, pledges.score, signals) || -number)"
        )
    };
}

#[derive(QueryableByName)]
struct Share {
    #[diesel(sql_type = Double)]
    percent: f64,
}

/// Looks for what is wrong.
///
/// # Errors
/// Those of the database.
pub async fn check(connection: &mut Connection) -> Result<Wrong, DbError> {
    // Some twenty million rows take half a minute.
    connection.batch_execute("SET statement_timeout = 0").await?;
    let share: Share = diesel::sql_query(
        "SELECT least(100, 100 * $1 / greatest(reltuples, 1))::float8 AS percent FROM pg_class WHERE oid = 'pledges'::regclass",
    )
    .bind::<BigInt, _>(ROWS)
    .get_result(&mut *connection)
    .await?;
    Ok(diesel::sql_query(concat!(
        "SELECT (SELECT count(*) ",
        differing!("TABLESAMPLE SYSTEM ($1)"),
        " AND pledges.created_at < now() - interval '20 minutes' \
           AND pledges.id <= (SELECT seen FROM search_progress WHERE search_progress.campaign_id = pledges.campaign_id) \
           AND NOT EXISTS (SELECT FROM search_changes WHERE pledge_id = pledges.id)) AS pledges, \
         (SELECT count(*) FROM pledge_search AS known TABLESAMPLE SYSTEM ($1) WHERE NOT EXISTS (SELECT FROM pledges WHERE pledges.id = known.id) \
           AND NOT EXISTS (SELECT FROM search_changes WHERE pledge_id = known.id)) AS gone, \
         (SELECT count(*) FROM (SELECT term, chunk, count(*) AS pledges FROM pledge_search, unnest(terms) AS term \
               WHERE chunk = ANY(numbers) AND term <> -chunk GROUP BY term, chunk) AS counted \
             FULL JOIN (SELECT * FROM search_counts WHERE chunk = ANY(numbers)) AS told USING (term, chunk) \
             WHERE counted.pledges IS DISTINCT FROM told.pledges) AS counts \
         FROM (SELECT ARRAY(SELECT number FROM search_chunks ORDER BY random() LIMIT $2) AS numbers) AS chosen"
    ))
    .bind::<Double, _>(share.percent)
    .bind::<BigInt, _>(CHUNKS)
    .get_result(connection)
    .await?)
}

/// Notes all pledges that differ as changed, and all that is gone, so that the filler mends them; and counts every chunk anew. How
/// many pledges were noted.
///
/// # Errors
/// Those of the database.
pub async fn repair(connection: &mut Connection) -> Result<usize, DbError> {
    connection
        .transaction(async |connection| {
            lock(connection).await?;
            let differing = diesel::sql_query(concat!(
                "INSERT INTO search_changes (campaign_id, pledge_id) SELECT pledges.campaign_id, pledges.id ",
                differing!("")
            ))
            .execute(&mut *connection)
            .await?;
            let gone = diesel::sql_query(
                "INSERT INTO search_changes (campaign_id, pledge_id) SELECT campaign_id, id FROM pledge_search \
                   JOIN search_chunks ON number = chunk WHERE NOT EXISTS (SELECT FROM pledges WHERE pledges.id = pledge_search.id)",
            )
            .execute(&mut *connection)
            .await?;
            diesel::sql_query(
                "MERGE INTO search_counts AS told USING (SELECT term, chunk, sum(pledges) AS pledges FROM ( \
                     SELECT term, chunk, 1 AS pledges FROM pledge_search, unnest(terms) AS term WHERE term <> -chunk \
                     UNION ALL SELECT term, chunk, 0 FROM search_counts) AS each GROUP BY term, chunk) AS counted \
                   ON told.term = counted.term AND told.chunk = counted.chunk \
                 WHEN MATCHED AND counted.pledges = 0 THEN DELETE \
                 WHEN MATCHED AND told.pledges <> counted.pledges THEN UPDATE SET pledges = counted.pledges \
                 WHEN NOT MATCHED THEN INSERT VALUES (counted.term, counted.chunk, counted.pledges)",
            )
            .execute(connection)
            .await?;
            Ok(differing + gone)
        })
        .await
}
