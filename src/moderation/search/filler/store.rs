//! The shelf of the filler. Every step is a short transaction under one lock, so whoever fills is alone, and also through a pooler.

use std::time::Duration;

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bool, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::put::store::put;
use crate::db::{Connection, DbError, Prepared};

/// The advisory lock of whoever fills. Any number, the same for every instance: "search" in ASCII.
pub const LOCK: i64 = 0x73_65_61_72_63_68;

/// Rows of one transaction, where nothing else is at work: it lasts some ten milliseconds.
pub const ROWS_AT_ONCE: i64 = 1_000;

/// Rows that one transaction of a sweep walks over; hardly ever one is missing.
const SWEPT_AT_ONCE: i64 = 20_000;

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

/// The chunk of an id, in a query whose `$1` is the campaign; it may be the first place of that.
macro_rules! chunk_of {
    ($id:literal) => {
        concat!(
            "(SELECT number FROM search_chunks WHERE campaign_id = $1 AND first_id <= ",
            $id,
            " ORDER BY first_id DESC LIMIT 1)"
        )
    };
}
pub(super) use chunk_of;

/// Where a look for new pledges begins.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// So long before the last one that was taken, because batches are committed in another order than ids are made. Who comes later still
    /// is found by a later look that begins earlier, or by [`sweep`].
    Before(Duration),
    /// Behind this one.
    Behind(Uuid),
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

/// Held until the end of the transaction. Until then, too, statements with values are planned for what the tables are now: a plan that was made while they
/// were empty would be kept until somebody analyzes them, and read all of what has come since.
async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    enum Lock {}
    let sql = format!(
        "SELECT pg_try_advisory_xact_lock({LOCK}) AS yes, set_config('plan_cache_mode', 'force_custom_plan', true)"
    );
    let locked: Yes = Prepared::<Lock>::new(sql).get_result(connection).await?;
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
    enum Begin {}
    enum All {}
    Prepared::<Begin>::new(concat!(
        "INSERT INTO search_progress (campaign_id, swept) SELECT id, ",
        id_before!("1 hour"),
        " FROM campaigns WHERE NOT EXISTS (SELECT FROM search_progress WHERE campaign_id = id) ON CONFLICT DO NOTHING"
    ))
    .execute(&mut *connection)
    .await?;
    let all: Vec<Id> =
        Prepared::<All>::new("SELECT campaign_id AS id FROM search_progress").get_results(connection).await?;
    Ok(all.into_iter().map(|Id { id }| id).collect())
}

/// Takes up to `rows` pledges that are new, from `start` on.
///
/// # Errors
/// Those of the database.
pub async fn take_new(connection: &mut Connection, campaign: Uuid, start: Start, rows: i64) -> Result<Step, DbError> {
    enum New {}
    enum Move {}
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Step::SomebodyElse);
            }
            let from = match start {
                Start::Behind(id) => id,
                Start::Before(time) => earlier(seen(connection, campaign).await?, time.as_millis()),
            };
            let new: Vec<Id> = Prepared::<New>::new(concat!(
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
                Prepared::<Move>::new(concat!(
                    "UPDATE search_progress SET seen = greatest(seen, least($1, ",
                    id_before!("0"),
                    ")) WHERE campaign_id = $2"
                ))
                .bind::<SqlUuid, _>(seen)
                .bind::<SqlUuid, _>(campaign)
                .execute(connection)
                .await?;
            }
            Ok(last.filter(|_| full(ids.len(), rows)).map_or(Step::Done, Step::More))
        })
        .await
}

/// The last pledge behind what is seen, though nothing is new: it was taken as a change, or made while a look began. Who comes meanwhile is
/// found by a next look, since those begin earlier.
async fn beyond(connection: &mut Connection, campaign: Uuid) -> Result<Option<Uuid>, DbError> {
    enum Beyond {}
    let last: Option<Id> = Prepared::<Beyond>::new(
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
    enum Seen {}
    let seen: Option<Id> = Prepared::<Seen>::new("SELECT seen AS id FROM search_progress WHERE campaign_id = $1")
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
    enum Changes {}
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(None);
            }
            let mut changes: Vec<Changed> = Prepared::<Changes>::new(
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
            let beside_removal = removing(connection).await? && !long_ago;
            Ok(Some(Followed { last: last.unwrap_or(floor), more, beside_removal }))
        })
        .await
}

/// Whether a removal, or an undo, is at work. One that is stuck isn't.
///
/// # Errors
/// Those of the database.
pub async fn removing(connection: &mut Connection) -> Result<bool, DbError> {
    enum Removing {}
    let removing: Yes = Prepared::<Removing>::new(
        "SELECT EXISTS (SELECT FROM removal_work WHERE paused_at IS NULL AND worked_at > now() - interval '10 seconds') AS yes",
    )
    .get_result(connection)
    .await?;
    Ok(removing.yes)
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
