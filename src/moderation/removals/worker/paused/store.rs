//! The shelf of removals that are paused by the service, or for too long.

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Jsonb, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    moderation::removals::{
        PausedBecause,
        by_search::store::{cancel, counts, pause, record},
    },
};

/// Pauses a removal that can't go on by itself, and whose work is locked.
///
/// # Errors
/// Those of the database.
pub async fn stop(
    connection: &mut Connection,
    removal: Uuid,
    campaign: Uuid,
    because: PausedBecause,
) -> Result<(), DbError> {
    pause(connection, removal, because).await?;
    let details = json!({ "removal": removal, "because": because });
    record(connection, None, campaign, "removal.pause", details).await
}

/// Pauses a removal whose account may remove no more today.
///
/// # Errors
/// Those of the database.
pub async fn pause_spent(connection: &mut Connection, removal: Uuid) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let Some(job) = locked(connection, "paused_at IS NULL AND removal_id = $1", removal).await? else {
                return Ok(());
            };
            stop(connection, removal, job.campaign_id, PausedBecause::Quota).await
        })
        .await
}

/// Cancels a removal that has been paused for as long as review copies are kept, or a week: its search may have tags, which are
/// kept no longer.
///
/// # Errors
/// Those of the database.
pub async fn expire(connection: &mut Connection) -> Result<(), DbError> {
    const TOO_LONG: &str = "paused_at < now() - least(7, review_days) * interval '1 day' AND removal_id <> $1";
    connection
        .transaction(async |connection| {
            let Some(job) = locked(connection, TOO_LONG, Uuid::nil()).await? else { return Ok(()) };
            cancel(connection, job.removal_id).await?;
            let after = counts(connection, job.campaign_id).await?;
            let details =
                json!({ "removal": job.removal_id, "because": "paused", "change": job.change, "after": after });
            record(connection, None, job.campaign_id, "removal.cancel", details).await
        })
        .await
}

#[derive(QueryableByName)]
struct LockedWork {
    #[diesel(sql_type = SqlUuid)]
    removal_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    change: Value,
}

async fn locked(connection: &mut Connection, which: &str, removal: Uuid) -> Result<Option<LockedWork>, DbError> {
    Ok(diesel::sql_query(format!(
        "SELECT removal_id, campaign_id, change FROM removal_work JOIN removals ON removals.id = removal_id \
           JOIN campaigns ON campaigns.id = campaign_id WHERE NOT undo AND {which} LIMIT 1 FOR UPDATE OF removal_work SKIP LOCKED"
    ))
    .bind::<SqlUuid, _>(removal)
    .get_result(connection)
    .await
    .optional()?)
}
