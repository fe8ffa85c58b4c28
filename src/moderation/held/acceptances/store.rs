//! The shelf of acceptances.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Acceptance, AcceptanceError};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::signals::Signal,
    moderation::{
        held::MAX_ACCEPTED,
        removals::{
            Undone,
            by_search::{MANY, store::counts},
            store::by_country,
        },
    },
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

impl From<diesel::result::Error> for AcceptanceError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What is accepted now.
pub struct Part<'a> {
    /// By whom.
    pub who: &'a Who,
    /// In which campaign.
    pub campaign: Uuid,
    /// The acceptance that it belongs to, where that has begun before.
    pub goes_on: Option<Uuid>,
    /// Whether a search found them.
    pub by_search: bool,
    /// Why, in words.
    pub note: &'a str,
}

#[derive(QueryableByName)]
struct Pledges {
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// The acceptance that `part` belongs to, locked until the end of the transaction where there is one already.
///
/// # Errors
/// [`AcceptanceError::AlreadyUndone`], [`DbError::NotFound`] where it is not one of this account, and those of the database.
pub async fn of(connection: &mut Connection, part: &Part<'_>) -> Result<Uuid, AcceptanceError> {
    let Some(id) = part.goes_on else { return Ok(Uuid::now_v7()) };
    let locked = lock(connection, part.campaign, id, Some(part.who.id)).await?;
    if locked.undone { Err(AcceptanceError::AlreadyUndone) } else { Ok(id) }
}

/// Writes down that it has let `count` more pledges count. All together, they are not more than somebody may accept whose check isn't fresh.
///
/// # Errors
/// [`AcceptanceError::NotProved`], and those of the database.
pub async fn add(connection: &mut Connection, id: Uuid, part: &Part<'_>, count: i64) -> Result<(), AcceptanceError> {
    let Pledges { pledges } = diesel::sql_query(
        "INSERT INTO acceptances AS kept (id, campaign_id, moderator_id, by_search, note, pledges) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET pledges = kept.pledges + excluded.pledges, by_search = kept.by_search OR excluded.by_search \
         RETURNING pledges",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(part.campaign)
    .bind::<SqlUuid, _>(part.who.id)
    .bind::<Bool, _>(part.by_search)
    .bind::<Text, _>(part.note)
    .bind::<BigInt, _>(count)
    .get_result(connection)
    .await?;
    if pledges > MANY && !part.who.proved { Err(AcceptanceError::NotProved) } else { Ok(()) }
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    undone: bool,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
}

/// Locks an acceptance; of this account, when it is named.
async fn lock(
    connection: &mut Connection,
    campaign: Uuid,
    id: Uuid,
    moderator: Option<Uuid>,
) -> Result<Locked, DbError> {
    let locked: Option<Locked> = diesel::sql_query(
        "SELECT undone_at IS NOT NULL AS undone, pledges FROM acceptances \
         WHERE id = $1 AND campaign_id = $2 AND ($3 IS NULL OR moderator_id = $3) FOR UPDATE",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(campaign)
    .bind::<Nullable<SqlUuid>, _>(moderator)
    .get_result(connection)
    .await
    .optional()?;
    locked.ok_or(DbError::NotFound)
}

#[derive(QueryableByName)]
struct HeldAgain {
    #[diesel(embed)]
    pledge: CountedRow,
    #[diesel(sql_type = Bool)]
    counted: bool,
}

/// Holds up to [`MAX_ACCEPTED`] of the pledges again that an acceptance let count. One that was removed since is held once that is undone; one
/// that its supporter has taken back stays so. Returns what became of the acceptance, and how many are left.
///
/// # Errors
/// See [`AcceptanceError`]; then nothing has changed.
pub async fn undo(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    id: Uuid,
    note: &str,
) -> Result<(Acceptance, i64), AcceptanceError> {
    connection
        .transaction(async |connection| {
            let locked = lock(connection, campaign, id, None).await?;
            if locked.pledges > MANY && !who.proved {
                return Err(AcceptanceError::NotProved);
            }
            let rows = hold_again(connection, id).await?;
            if locked.undone && rows.is_empty() {
                return Err(AcceptanceError::AlreadyUndone);
            }
            let counted = || rows.iter().filter(|row| row.counted);
            let again = i64::try_from(counted().count()).unwrap_or(i64::MAX);
            diesel::sql_query(
                "UPDATE acceptances SET held_again = held_again + $2, undone_at = coalesce(undone_at, now()), \
                   undone_by = coalesce(undone_by, $3), undo_note = coalesce(undo_note, $4) WHERE id = $1",
            )
            .bind::<SqlUuid, _>(id)
            .bind::<BigInt, _>(again)
            .bind::<SqlUuid, _>(who.id)
            .bind::<Text, _>(note)
            .execute(connection)
            .await?;
            let Pledges { pledges: left } =
                diesel::sql_query("SELECT count(*) AS pledges FROM pledges WHERE acceptance_id = $1")
                    .bind::<SqlUuid, _>(id)
                    .get_result(connection)
                    .await?;
            let changes = changes(counted().map(|row| &row.pledge), -1);
            totals::deltas::store::append(connection, campaign, &changes).await?;
            let after = counts(connection, campaign).await?;
            let details = json!({ "acceptance": id, "note": note, "pledges": again, "left": left,
                "change": by_country(&changes), "after": after });
            let entry =
                Entry { moderator: Some(who.id), campaign: Some(campaign), action: "pledge.accept_undo", details };
            audit::store::record(connection, entry).await?;
            Ok((find(connection, campaign, id).await?, left))
        })
        .await
}

async fn hold_again(connection: &mut Connection, id: Uuid) -> Result<Vec<HeldAgain>, DbError> {
    // Locked in the order of the ids, like everywhere; the state is read before it changes.
    Ok(diesel::sql_query(
        "WITH taken AS (SELECT id, state FROM pledges WHERE acceptance_id = $1 ORDER BY id LIMIT $2 FOR UPDATE) \
         UPDATE pledges SET acceptance_id = NULL, signals = signals & ~$3, \
           state = CASE taken.state WHEN 'counted' THEN 'held' ELSE taken.state END, \
           state_before = CASE state_before WHEN 'counted' THEN 'held' ELSE state_before END \
         FROM taken WHERE pledges.id = taken.id \
         RETURNING country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed, taken.state = 'counted' AS counted",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<BigInt, _>(i64::try_from(MAX_ACCEPTED).unwrap_or(i64::MAX))
    .bind::<Integer, _>(Signal::Accepted.bit().bits())
    .get_results(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    moderator: String,
    #[diesel(sql_type = Text)]
    note: String,
    #[diesel(sql_type = Bool)]
    by_search: bool,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = BigInt)]
    held_again: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    undone_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    undone_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    undo_note: Option<String>,
}

impl From<Row> for Acceptance {
    fn from(row: Row) -> Self {
        let undone = row.undone_at.zip(row.undone_by).zip(row.undo_note);
        Self {
            id: row.id,
            moderator: row.moderator,
            note: row.note,
            by_search: row.by_search,
            pledges: row.pledges,
            held_again: row.held_again,
            created_at: row.created_at,
            undone: undone.map(|((at, moderator), note)| Undone { at, moderator, note }),
        }
    }
}

const SELECT: &str = "SELECT acceptances.id, moderators.login AS moderator, note, by_search, pledges, held_again, \
     acceptances.created_at, undone_at, undoer.login AS undone_by, undo_note FROM acceptances \
     JOIN moderators ON moderators.id = moderator_id LEFT JOIN moderators AS undoer ON undoer.id = undone_by WHERE campaign_id = $1";

async fn find(connection: &mut Connection, campaign: Uuid, id: Uuid) -> Result<Acceptance, DbError> {
    let row: Row = diesel::sql_query(format!("{SELECT} AND acceptances.id = $2"))
        .bind::<SqlUuid, _>(campaign)
        .bind::<SqlUuid, _>(id)
        .get_result(connection)
        .await?;
    Ok(row.into())
}

/// A campaign's acceptances, newest first, before the id `before`.
///
/// # Errors
/// Those of the database.
pub async fn list(
    connection: &mut Connection,
    campaign: Uuid,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Acceptance>, DbError> {
    let sql = format!("{SELECT} AND ($2 IS NULL OR acceptances.id < $2) ORDER BY acceptances.id DESC LIMIT $3");
    let rows: Vec<Row> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(campaign)
        .bind::<Nullable<SqlUuid>, _>(before)
        .bind::<BigInt, _>(i64::from(limit))
        .get_results(connection)
        .await?;
    Ok(rows.into_iter().map(Acceptance::from).collect())
}
