//! The shelf of the filler. Every step is a short transaction under one lock, so whoever fills is alone, and also through a pooler.

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Bool, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    moderation::rules,
};

/// The advisory lock of whoever fills. Any number, the same for every instance: "search" in ASCII.
pub const LOCK: i64 = 0x73_65_61_72_63_68;

/// Rows of one transaction, where nothing else is at work: it lasts some ten milliseconds.
pub const ROWS_AT_ONCE: i64 = 1_000;

/// Rows that one transaction of a sweep walks over; hardly ever one is missing.
const SWEPT_AT_ONCE: i64 = 20_000;

/// Rows of a chunk, about.
const CHUNK_ROWS: i64 = 65_536;

/// Smallest id of a time before now. Ids carry the time of the service's clock.
macro_rules! id_before {
    ($time:literal) => {
        concat!(
            "(lpad(to_hex((extract(epoch FROM now() - interval '",
            $time,
            "') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"
        )
    };
}

/// The chunk of an id, in a query whose `$1` is the campaign.
macro_rules! chunk_of {
    ($id:literal) => {
        concat!(
            "(SELECT number FROM search_chunks WHERE campaign_id = $1 AND first_id <= ",
            $id,
            " ORDER BY first_id DESC LIMIT 1)"
        )
    };
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another instance is at it.
    SomebodyElse,
    /// There was more than one transaction takes; the next one begins behind this id (or number).
    More(Uuid),
    /// All that there was is done.
    Done,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Held until the end of the transaction.
async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    let locked: Yes =
        diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS yes")).get_result(connection).await?;
    Ok(locked.yes)
}

/// Waits until nobody fills, and lets nobody until the end of the transaction.
///
/// # Errors
/// Those of the database.
pub async fn lock(connection: &mut Connection) -> Result<(), DbError> {
    diesel::sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(connection).await?;
    Ok(())
}

/// All campaigns; those that are new begin at their first pledge.
///
/// # Errors
/// Those of the database.
pub async fn campaigns(connection: &mut Connection) -> Result<Vec<Uuid>, DbError> {
    diesel::sql_query(concat!(
        "INSERT INTO search_progress (campaign_id, swept) SELECT id, ",
        id_before!("1 hour"),
        " FROM campaigns WHERE NOT EXISTS (SELECT FROM search_progress WHERE campaign_id = id) ON CONFLICT DO NOTHING"
    ))
    .execute(&mut *connection)
    .await?;
    let all: Vec<Id> =
        diesel::sql_query("SELECT campaign_id AS id FROM search_progress").get_results(connection).await?;
    Ok(all.into_iter().map(|Id { id }| id).collect())
}

/// Takes up to `rows` pledges that are new. Without `behind` it begins five seconds before the last one that was taken, because batches are
/// committed in another order than ids are made; who comes later still is found by [`sweep`].
///
/// # Errors
/// Those of the database.
pub async fn take_new(
    connection: &mut Connection,
    campaign: Uuid,
    behind: Option<Uuid>,
    rows: i64,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Step::SomebodyElse);
            }
            let from = match behind {
                Some(behind) => behind,
                None => earlier(seen(connection, campaign).await?, 5_000),
            };
            let new: Vec<Id> = diesel::sql_query(concat!(
                "SELECT id FROM pledges WHERE campaign_id = $1 AND id > $2 AND NOT EXISTS (SELECT FROM pledge_search \
                   WHERE pledge_search.id = pledges.id AND chunk = ",
                chunk_of!("pledges.id"),
                ") ORDER BY id LIMIT $3"
            ))
            .bind::<SqlUuid, _>(campaign)
            .bind::<SqlUuid, _>(from)
            .bind::<BigInt, _>(rows)
            .get_results(connection)
            .await?;
            let ids: Vec<Uuid> = new.into_iter().map(|Id { id }| id).collect();
            let last = ids.last().copied();
            if last.is_some() {
                put(connection, campaign, &ids).await?;
            }
            let seen = if last.is_some() { last } else { beyond(connection, campaign).await? };
            if let Some(seen) = seen {
                // A clock that is wrong must not carry it into the future, past all others.
                diesel::sql_query(concat!(
                    "UPDATE search_progress SET seen = greatest(seen, least($2, ",
                    id_before!("0"),
                    ")) WHERE campaign_id = $1"
                ))
                .bind::<SqlUuid, _>(campaign)
                .bind::<SqlUuid, _>(seen)
                .execute(connection)
                .await?;
            }
            Ok(last.filter(|_| full(ids.len(), rows)).map_or(Step::Done, Step::More))
        })
        .await
}

/// The last pledge behind what is seen, though nothing is new: it was taken as a change, or made while a look began. Who comes meanwhile is
/// found by the next look, since that begins earlier.
async fn beyond(connection: &mut Connection, campaign: Uuid) -> Result<Option<Uuid>, DbError> {
    let last: Option<Id> = diesel::sql_query(
        "SELECT last.id FROM search_progress CROSS JOIN LATERAL (SELECT id FROM pledges \
           WHERE pledges.campaign_id = search_progress.campaign_id AND id > seen ORDER BY id DESC LIMIT 1) AS last \
         WHERE search_progress.campaign_id = $1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_result(connection)
    .await
    .optional()?;
    Ok(last.map(|Id { id }| id))
}

fn full(found: usize, rows: i64) -> bool {
    i64::try_from(found).unwrap_or(i64::MAX) >= rows
}

/// The smallest id that many milliseconds before another.
pub(in crate::moderation) fn earlier(id: Uuid, milliseconds: u128) -> Uuid {
    let time = (id.as_u128() >> 80).saturating_sub(milliseconds);
    Uuid::from_u128(time << 80)
}

/// Up to where a campaign's pledges have been taken.
///
/// # Errors
/// Those of the database.
pub async fn seen(connection: &mut Connection, campaign: Uuid) -> Result<Uuid, DbError> {
    let seen: Option<Id> = diesel::sql_query("SELECT seen AS id FROM search_progress WHERE campaign_id = $1")
        .bind::<SqlUuid, _>(campaign)
        .get_result(connection)
        .await
        .optional()?;
    Ok(seen.map_or(Uuid::nil(), |Id { id }| id))
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pledge_id: Uuid,
    /// Whether it was made long ago.
    #[diesel(sql_type = Bool)]
    old: bool,
}

/// What was followed.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// The highest number that was there.
    pub last: i64,
    /// Whether there may be more.
    pub more: bool,
    /// Whether a removal, or an undo, is at work and nothing has waited for a minute.
    pub beside_removal: bool,
}

/// Follows up to `rows` changes with numbers above `floor`. None: another instance is at it.
///
/// # Errors
/// Those of the database.
pub async fn take_changes(connection: &mut Connection, floor: i64, rows: i64) -> Result<Option<Followed>, DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(None);
            }
            let mut changes: Vec<Changed> = diesel::sql_query(
                // Up to the last of them, not a list of them: that is compared one by one where the plan expects few rows.
                "DELETE FROM search_changes WHERE number > $1 AND number <= (SELECT max(number) FROM \
                     (SELECT number FROM search_changes WHERE number > $1 ORDER BY number LIMIT $2) AS first) \
                   RETURNING number, campaign_id, pledge_id, at < now() - interval '1 minute' AS old",
            )
            .bind::<BigInt, _>(floor)
            .bind::<BigInt, _>(rows)
            .get_results(connection)
            .await?;
            let (more, last) = (full(changes.len(), rows), changes.iter().map(|change| change.number).max());
            let long_ago = changes.iter().any(|change| change.old);
            changes.sort_unstable_by_key(|change| (change.campaign_id, change.pledge_id));
            changes.dedup_by_key(|change| (change.campaign_id, change.pledge_id));
            for of_one in changes.chunk_by(|one, next| one.campaign_id == next.campaign_id) {
                let ids: Vec<Uuid> = of_one.iter().map(|change| change.pledge_id).collect();
                if let Some(first) = of_one.first() {
                    put(connection, first.campaign_id, &ids).await?;
                }
            }
            // One that is stuck isn't at work.
            let removing: Yes = diesel::sql_query(
                "SELECT EXISTS (SELECT FROM removal_work WHERE paused_at IS NULL AND worked_at > now() - interval '10 seconds') AS yes",
            )
            .get_result(connection)
            .await?;
            Ok(Some(Followed { last: last.unwrap_or(floor), more, beside_removal: removing.yes && !long_ago }))
        })
        .await
}

#[derive(QueryableByName)]
struct Swept {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    missing: bool,
}

/// Looks once more, a quarter of an hour later, for pledges that were committed late or by a clock that goes wrong.
///
/// # Errors
/// Those of the database.
pub async fn sweep(connection: &mut Connection, campaign: Uuid) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Step::SomebodyElse);
            }
            let page: Vec<Swept> = diesel::sql_query(concat!(
                "SELECT id, NOT EXISTS (SELECT FROM pledge_search WHERE pledge_search.id = pledges.id AND chunk = ",
                chunk_of!("pledges.id"),
                ") AS missing FROM pledges WHERE campaign_id = $1 \
                   AND id > (SELECT swept FROM search_progress WHERE campaign_id = $1) AND id < ",
                id_before!("15 minutes"),
                // What hasn't been taken for the first time isn't late.
                " AND id < (SELECT seen FROM search_progress WHERE campaign_id = $1) ORDER BY id LIMIT $2"
            ))
            .bind::<SqlUuid, _>(campaign)
            .bind::<BigInt, _>(SWEPT_AT_ONCE)
            .get_results(connection)
            .await?;
            let Some(last) = page.last().map(|row| row.id) else { return Ok(Step::Done) };
            let missing: Vec<Uuid> = page.iter().filter(|row| row.missing).map(|row| row.id).collect();
            for ids in missing.chunks(usize::try_from(ROWS_AT_ONCE).unwrap_or(usize::MAX)) {
                put(connection, campaign, ids).await?;
            }
            diesel::sql_query("UPDATE search_progress SET swept = $2 WHERE campaign_id = $1")
                .bind::<SqlUuid, _>(campaign)
                .bind::<SqlUuid, _>(last)
                .execute(connection)
                .await?;
            Ok(if full(page.len(), SWEPT_AT_ONCE) { Step::More(last) } else { Step::Done })
        })
        .await
}

#[derive(QueryableByName)]
struct Lessened {
    #[diesel(sql_type = BigInt)]
    term: i64,
    #[diesel(sql_type = BigInt)]
    chunk: i64,
}

/// Makes the rows of these pledges, in the order of their ids, what the pledges are now: new, changed or gone; and the counts with them.
async fn put(connection: &mut Connection, campaign: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    make_room(connection, campaign, ids).await?;
    let lessened: Vec<Lessened> = diesel::sql_query(concat!(
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
    diesel::sql_query("SELECT take_in_search_terms()").execute(&mut *connection).await?;
    if lessened.is_empty() {
        return Ok(());
    }
    let (terms, chunks): (Vec<_>, Vec<_>) = lessened.into_iter().map(|one| (one.term, one.chunk)).unzip();
    diesel::sql_query(
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
struct LastChunk {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// Begins a chunk when there is none, or when the last one is full and some of these come behind all that is in it.
async fn make_room(connection: &mut Connection, campaign: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    const BEGIN: &str = "INSERT INTO search_chunks (number, campaign_id, first_id) \
         SELECT coalesce(max(number), 0) + 1, $1, $2 FROM search_chunks";
    let last: Option<LastChunk> = diesel::sql_query(
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
