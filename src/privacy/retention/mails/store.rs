//! The shelf of what mails leave behind.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    pledges::leave::store::CLEARED,
    privacy::retention::{
        Limit,
        store::{Plan, Step, note},
    },
};

/// Rows that one transaction deletes.
const ROWS_AT_ONCE: i64 = 5_000;

/// Pledges of a campaign ($1) that were not confirmed in seven days, as of a time ($2): since they were made (again), and since
/// the last mail about them was written. Ids carry the time of the service's clock, within ten minutes of the database's.
macro_rules! too_late {
    ($which:literal) => {
        concat!(
            "SELECT id FROM pledges WHERE campaign_id = $1 AND ",
            $which,
            " AND id < (lpad(to_hex((extract(epoch FROM coalesce($2, now()) - interval '7 days' \
               + interval '10 minutes') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid \
             AND created_at < coalesce($2, now()) - interval '7 days' AND NOT EXISTS (SELECT FROM mail_links \
               WHERE pledge_id = pledges.id AND mail_links.created_at >= coalesce($2, now()) - interval '7 days')"
        )
    };
}

/// Those that wait.
pub(in crate::privacy::retention) const UNCONFIRMED: &str = too_late!("state = 'awaiting'");

/// Those that moderators removed while they waited, and that still have something personal or a link.
pub(in crate::privacy::retention) const REMOVED_UNCONFIRMED: &str = too_late!(
    "state = 'removed' AND state_before = 'awaiting' \
     AND (erased_at IS NULL OR EXISTS (SELECT FROM mail_links WHERE pledge_id = pledges.id))"
);

/// Notes of mails that are older than seven days, as of a time ($1).
pub(in crate::privacy::retention) const MAILS: &str =
    "SELECT mail_id FROM mailbox_mails WHERE written_at < coalesce($1, now()) - interval '7 days'";

#[derive(QueryableByName)]
struct Deleted {
    #[diesel(sql_type = BigInt)]
    deleted: i64,
}

/// Deletes pledges that were not confirmed, with their links and what is still to be sent to them.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn delete_unconfirmed(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    const DELETE: &str = "DELETE FROM pledges USING due";
    end_unconfirmed(connection, (plan, UNCONFIRMED, DELETE), as_of, run).await
}

/// Clears pledges that moderators removed before they were confirmed, and deletes their links and what is still to be sent to them.
/// The row stays, for the mailbox stays taken, and the removal can be undone: then the pledge waits again, and is deleted.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn clear_removed_unconfirmed(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    let clear = format!("UPDATE pledges SET {CLEARED}, erased_at = coalesce(erased_at, now()) FROM due");
    end_unconfirmed(connection, (plan, REMOVED_UNCONFIRMED, &clear), as_of, run).await
}

/// Does to those that are `due` what `how` says, and deletes their links and mails.
async fn end_unconfirmed(
    connection: &mut Connection,
    (plan, due, how): (&Plan, &str, &str),
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            // Locked in the order of the ids, like everywhere; whoever confirms or undoes the removal in this moment comes first.
            let Deleted { deleted } = diesel::sql_query(format!(
                "WITH due AS MATERIALIZED ({due} ORDER BY id LIMIT $3 FOR UPDATE), \
                 ended AS ({how} WHERE pledges.id = due.id RETURNING pledges.id, fingerprint), \
                 links AS (DELETE FROM mail_links USING ended WHERE pledge_id = ended.id), \
                 mails AS (DELETE FROM mail_outbox USING ended WHERE mail_outbox.fingerprint = ended.fingerprint) \
                 SELECT count(*) AS deleted FROM ended"
            ))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_result(connection)
            .await?;
            note(connection, run, Some(plan.campaign_id), Limit::Unconfirmed, deleted).await?;
            Ok(Step::deleted(deleted, ROWS_AT_ONCE))
        })
        .await
}

/// Deletes links of a campaign whose retention has ended.
///
/// # Errors
/// Those of the database.
pub async fn delete_links(connection: &mut Connection, plan: &Plan) -> Result<Step, DbError> {
    let Deleted { deleted } = diesel::sql_query(
        "WITH gone AS (DELETE FROM mail_links WHERE id IN (SELECT id FROM mail_links WHERE campaign_id = $1 LIMIT $2) \
           RETURNING 1) SELECT count(*) AS deleted FROM gone",
    )
    .bind::<SqlUuid, _>(plan.campaign_id)
    .bind::<BigInt, _>(ROWS_AT_ONCE)
    .get_result(connection)
    .await?;
    Ok(Step::deleted(deleted, ROWS_AT_ONCE))
}

/// Deletes notes of mails.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn delete_mails(
    connection: &mut Connection,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let Deleted { deleted } = diesel::sql_query(format!(
                "WITH gone AS (DELETE FROM mailbox_mails WHERE mail_id IN ({MAILS} LIMIT $2) RETURNING 1) \
                 SELECT count(*) AS deleted FROM gone"
            ))
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_result(connection)
            .await?;
            note(connection, run, None, Limit::Mails, deleted).await?;
            Ok(Step::deleted(deleted, ROWS_AT_ONCE))
        })
        .await
}
