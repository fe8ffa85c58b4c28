//! The shelf of walks.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::{Page, Place, Walk};
use crate::{
    db::{Connection, DbError, schema::pledges},
    moderation::search::{
        Search,
        filler::store::{earlier, seen},
        hits::{Hits, first_id_at, moved},
        store::conditions,
    },
};

/// The filler looks for what came late a quarter of an hour later.
const LATE_MILLISECONDS: u128 = 20 * 60 * 1_000;

/// By as much a service's clock may be wrong for its latest pledges to be met all the same: there are hardly any ids beyond now.
const CLOCKS_WRONG: TimeDelta = TimeDelta::minutes(10);

/// Rows that one page of recent ones looks at: some ten milliseconds.
const LOOKED_AT: i64 = 20_000;

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// A walk that begins now.
///
/// # Errors
/// Those of the database.
pub async fn begin(connection: &mut Connection, search: Search) -> Result<Walk, DbError> {
    let Now { now } = diesel::sql_query("SELECT now()").get_result(&mut *connection).await?;
    let known = seen(connection, search.campaign).await?.min(first_id_at(now));
    Ok(Walk { search, began_at: now, recent_from: earlier(known, LATE_MILLISECONDS) })
}

/// The piece of a walk that begins at `place`: about `limit` candidates, or fewer, or none.
///
/// # Errors
/// Those of the database.
pub async fn page(connection: &mut Connection, walk: &Walk, place: Place, limit: usize) -> Result<Page, DbError> {
    match place {
        Place::Changed(number) => changed(connection, walk, number, limit).await,
        Place::Recent(before) => recent(connection, walk, before, limit).await,
        Place::Indexed(before) => {
            let hits = Hits::by_index(connection, &walk.search).await?;
            let ids = hits.candidates(connection, before.min(walk.recent_from), limit).await?;
            let next = ids.last().filter(|_| ids.len() >= limit).map(|last| Place::Indexed(*last));
            Ok(Page { candidates: ids.into_iter().map(|id| (id, Place::Indexed(id))).collect(), next })
        }
    }
}

/// Reads what a change of these pledges needs, so that whoever changes them next doesn't wait for the disk: each has an entry in the index of
/// mailboxes, and those lie anywhere.
///
/// # Errors
/// Those of the database.
pub async fn read_ahead(connection: &mut Connection, pledges: &[Uuid]) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            // Nobody waits long for what only saves time.
            connection.batch_execute("SET LOCAL statement_timeout = '1s'").await?;
            // A subquery that can't be taken apart: each is looked for by its mailbox.
            diesel::sql_query(
                "SELECT count(*) FROM pledges CROSS JOIN LATERAL (SELECT FROM pledges AS same \
                   WHERE same.fingerprint = pledges.fingerprint OFFSET 0) AS by_mailbox WHERE pledges.id = ANY($1)",
            )
            .bind::<Array<SqlUuid>, _>(pledges)
            .execute(connection)
            .await?;
            Ok(())
        })
        .await
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
}

async fn changed(connection: &mut Connection, walk: &Walk, behind: i64, limit: usize) -> Result<Page, DbError> {
    // What has changed since then doesn't matter, and a removal would follow its own changes.
    let changed: Vec<Changed> = diesel::sql_query(
        "SELECT number, pledge_id FROM search_changes WHERE campaign_id = $1 AND number > $2 AND at <= $3 \
           AND pledge_id >= $5 AND pledge_id < $6 ORDER BY number LIMIT $4",
    )
    .bind::<SqlUuid, _>(walk.search.campaign)
    .bind::<BigInt, _>(behind)
    .bind::<Timestamptz, _>(walk.began_at)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<SqlUuid, _>(begin_of(walk))
    .bind::<SqlUuid, _>(end_of(walk))
    .get_results(connection)
    .await?;
    let last = changed.last().filter(|_| changed.len() >= limit).map(|last| Place::Changed(last.number));
    let next = last.unwrap_or(Place::Recent(end_of(walk)));
    let candidates = changed.into_iter().map(|row| (row.pledge_id, Place::Changed(row.number))).collect();
    Ok(Page { candidates, next: Some(next) })
}

/// Ids below are of earlier pledges than are looked for.
fn begin_of(walk: &Walk) -> Uuid {
    walk.search.from.map_or(Uuid::nil(), |from| first_id_at(moved(from, -CLOCKS_WRONG)))
}

/// Ids from here on are of later pledges than are looked for.
fn end_of(walk: &Walk) -> Uuid {
    let to = walk.search.to.map_or(walk.began_at, |to| to.min(walk.began_at));
    first_id_at(moved(to, CLOCKS_WRONG + TimeDelta::seconds(1)))
}

async fn recent(connection: &mut Connection, walk: &Walk, before: Uuid, limit: usize) -> Result<Page, DbError> {
    let from = begin_of(walk).max(walk.recent_from);
    let ids = pledges::table
        .filter(pledges::campaign_id.eq(walk.search.campaign))
        .filter(pledges::id.lt(before))
        .filter(pledges::id.ge(from))
        .order(pledges::id.desc())
        .select(pledges::id);
    // So many rows are looked at, whether they fit or not.
    let last: Vec<Uuid> = ids.offset(LOOKED_AT).limit(1).load(&mut *connection).await?;
    let (last, ends) = last.into_iter().next().map_or((from, true), |last| (last, false));
    let found: Vec<Uuid> = conditions(&walk.search)
        .filter(pledges::id.lt(before))
        .filter(pledges::id.ge(last))
        .order(pledges::id.desc())
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(pledges::id)
        .load(connection)
        .await?;
    let full = found.len() >= limit;
    let next = match found.last().filter(|_| full) {
        Some(found) => Place::Recent(*found),
        None if ends => Place::Indexed(walk.recent_from),
        None => Place::Recent(last),
    };
    Ok(Page { candidates: found.into_iter().map(|id| (id, Place::Recent(id))).collect(), next: Some(next) })
}
