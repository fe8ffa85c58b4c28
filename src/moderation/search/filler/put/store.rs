//! The shelf of the pieces: the rows of some pledges, the counts of their terms, and the chunks they lie in.

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::super::store::chunk_of;
use crate::{
    db::{Connection, DbError, Prepared},
    moderation::rules,
};

/// Rows of a chunk, about.
const CHUNK_ROWS: i64 = 65_536;

#[derive(QueryableByName)]
struct Lessened {
    #[diesel(sql_type = BigInt)]
    term: i64,
    #[diesel(sql_type = BigInt)]
    chunk: i64,
}

/// Makes the rows of these pledges, in the order of their ids, what the pledges are now: new, changed or gone; and the counts with them. Under
/// the lock of whoever fills, or counts go wrong.
///
/// # Errors
/// Those of the database.
pub(in super::super) async fn put(connection: &mut Connection, campaign: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    enum Put {}
    enum TakeIn {}
    enum Delete {}
    make_room(connection, campaign, ids).await?;
    let lessened: Vec<Lessened> = Prepared::<Put>::new(concat!(
        "WITH given AS MATERIALIZED (SELECT id, ",
        chunk_of!("given.id"),
        " AS chunk FROM unnest($2) AS given (id)), \
         was AS MATERIALIZED (SELECT pledge_search.* FROM given JOIN pledge_search USING (chunk, id)), \
         becomes AS MATERIALIZED (SELECT chunk, id, created_at AS at, source_tag, domain_tag, name_tag, shape_tag, score, \
             pledge_terms(country, state, language, partner_id, removal_id, score, signals) || -chunk AS terms \
           FROM given JOIN pledges USING (id) WHERE campaign_id = $1), \
         gone AS (DELETE FROM pledge_search USING was WHERE pledge_search.chunk = was.chunk AND pledge_search.id = was.id \
           AND NOT EXISTS (SELECT FROM becomes WHERE becomes.id = was.id)), \
         put AS (INSERT INTO pledge_search TABLE becomes EXCEPT TABLE was ON CONFLICT (chunk, id) DO UPDATE SET at = excluded.at, \
           source_tag = excluded.source_tag, domain_tag = excluded.domain_tag, name_tag = excluded.name_tag, \
           shape_tag = excluded.shape_tag, score = excluded.score, terms = excluded.terms), \
         change AS (SELECT term, chunk, sum(amount)::bigint AS amount FROM (SELECT chunk, unnest(terms) AS term, 1 AS amount FROM becomes \
             UNION ALL SELECT chunk, unnest(terms), -1 FROM was) AS each \
           WHERE term <> -chunk GROUP BY term, chunk HAVING sum(amount) <> 0), \
         counted AS (INSERT INTO search_counts TABLE change ON CONFLICT (term, chunk) DO UPDATE \
           SET pledges = search_counts.pledges + excluded.pledges) \
         SELECT term, chunk FROM change WHERE amount < 0"
    ))
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(ids)
    .get_results(&mut *connection)
    .await?;
    rules::searches::store::queue(connection, campaign, ids).await?;
    // In the index's own list they would make each look slower until somebody vacuums.
    Prepared::<TakeIn>::new("SELECT take_in_search_terms()").execute(&mut *connection).await?;
    if lessened.is_empty() {
        return Ok(());
    }
    let (terms, chunks): (Vec<_>, Vec<_>) = lessened.into_iter().map(|one| (one.term, one.chunk)).unzip();
    Prepared::<Delete>::new(
        "DELETE FROM search_counts USING unnest($1, $2) AS given (term, chunk) \
         WHERE search_counts.term = given.term AND search_counts.chunk = given.chunk AND pledges = 0",
    )
    .bind::<Array<BigInt>, _>(terms)
    .bind::<Array<BigInt>, _>(chunks)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct LastChunk {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// Begins a chunk when there is none, or when the last one is full and some of these come behind all that is in it.
async fn make_room(connection: &mut Connection, campaign: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    enum Last {}
    const BEGIN: &str = "INSERT INTO search_chunks (number, campaign_id, first_id) \
         SELECT coalesce(max(number), 0) + 1, $1, $2 FROM search_chunks";
    let last: Option<LastChunk> = Prepared::<Last>::new(
        "SELECT number, coalesce((SELECT pledges FROM search_counts WHERE chunk = number AND term = hashtextextended('', 0)), 0) \
           AS pledges FROM search_chunks WHERE campaign_id = $1 ORDER BY first_id DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_result(&mut *connection)
    .await
    .optional()?;
    let first = match last {
        None => Some(Uuid::nil()),
        Some(last) if last.pledges + i64::try_from(ids.len()).unwrap_or(i64::MAX) > CHUNK_ROWS => {
            let newest: Option<Id> =
                diesel::sql_query("SELECT id FROM pledge_search WHERE chunk = $1 ORDER BY id DESC LIMIT 1")
                    .bind::<BigInt, _>(last.number)
                    .get_result(&mut *connection)
                    .await
                    .optional()?;
            ids.iter().copied().find(|id| newest.as_ref().is_some_and(|newest| *id > newest.id))
        }
        Some(_) => None,
    };
    if let Some(first) = first {
        diesel::sql_query(BEGIN).bind::<SqlUuid, _>(campaign).bind::<SqlUuid, _>(first).execute(connection).await?;
    }
    Ok(())
}
