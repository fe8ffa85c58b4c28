//! The shelf of trials.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    partners::trials::store::AGREES_FOR_DAYS,
    privacy::retention::{
        Limit,
        store::{Plan, Step, note},
    },
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

/// Rows that one transaction deletes.
const ROWS_AT_ONCE: i64 = 5_000;

/// Trials of a campaign's place of trials ($1) that are over, as of a time ($2). Ids carry the time of the service's clock, within
/// ten minutes of the database's.
pub(in crate::privacy::retention) const TRIALS: &str = "SELECT id FROM pledges WHERE campaign_id = $1 \
    AND id < (lpad(to_hex((extract(epoch FROM coalesce($2, now()) - interval '24 hours' \
      + interval '10 minutes') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid \
    AND created_at < coalesce($2, now()) - interval '24 hours'";

#[derive(QueryableByName)]
struct Over {
    #[diesel(sql_type = Bool)]
    was_counted: bool,
    #[diesel(embed)]
    pledge: CountedRow,
}

/// Deletes trials with their links, mails and former ids, and the keys of their records; their counters follow.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn delete(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            // Locked in the order of the ids, like everywhere.
            let over: Vec<Over> = diesel::sql_query(format!(
                "WITH due AS MATERIALIZED ({TRIALS} ORDER BY id LIMIT $3 FOR UPDATE), \
                 over AS (DELETE FROM pledges USING due WHERE pledges.id = due.id RETURNING pledges.*), \
                 links AS (DELETE FROM mail_links USING over WHERE pledge_id = over.id), \
                 mails AS (DELETE FROM mail_outbox USING over WHERE mail_outbox.fingerprint = over.fingerprint) \
                 SELECT state = 'counted' AS was_counted, country, partner_id, counted_at, \
                   confirmed_at IS NOT NULL AS confirmed FROM over"
            ))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .bind::<BigInt, _>(ROWS_AT_ONCE)
            .get_results(connection)
            .await?;
            let counted = over.iter().filter(|over| over.was_counted).map(|over| &over.pledge);
            totals::deltas::store::append(connection, plan.campaign_id, &changes(counted, -1)).await?;
            // A key lasts an hour at the most. One hour more, for clocks.
            diesel::sql_query(
                "WITH ids AS (DELETE FROM departures WHERE campaign_id = $1 \
                   AND left_at < coalesce($2, now()) - interval '24 hours') \
                 DELETE FROM sealing_epochs WHERE campaign_id = $1 \
                   AND began_at < coalesce($2, now()) - interval '26 hours'",
            )
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .execute(connection)
            .await?;
            let deleted = i64::try_from(over.len()).unwrap_or(i64::MAX);
            note(connection, run, Some(plan.campaign_id), Limit::Trials, deleted).await?;
            Ok(Step::deleted(deleted, ROWS_AT_ONCE))
        })
        .await
}

/// Partners of a campaign ($1) with an address for mails of their trials whose time is over ($2): its owner hasn't agreed in so
/// many days ($3), or the campaign's retention ends ($4).
const MAILBOXES: &str = "SELECT id FROM partners WHERE campaign_id = $1 AND trial_mailbox IS NOT NULL AND ($4 \
    OR trial_mailbox_verified_at IS NULL AND trial_mailbox_asked_at < coalesce($2, now()) - $3 * interval '24 hours')";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many addresses for mails of trials are past their limit.
///
/// # Errors
/// Those of the database.
pub async fn due_mailboxes(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
) -> Result<i64, DbError> {
    let due: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM ({MAILBOXES}) AS due"))
        .bind::<SqlUuid, _>(plan.campaign_id)
        .bind::<Nullable<Timestamptz>, _>(as_of)
        .bind::<BigInt, _>(AGREES_FOR_DAYS)
        .bind::<Bool, _>(plan.ends || plan.ended)
        .get_result(connection)
        .await?;
    Ok(due.count)
}

/// Forgets them, with the mails that ask their owners.
///
/// # Errors
/// Those of the database; after [`DbError::Conflict`] the next run does it.
pub async fn clear_mailboxes(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
    run: Uuid,
) -> Result<Step, DbError> {
    connection
        .transaction(async |connection| {
            let cleared: Count = diesel::sql_query(format!(
                "WITH due AS MATERIALIZED ({MAILBOXES} ORDER BY id FOR UPDATE), \
                 mails AS (DELETE FROM mail_outbox USING due WHERE campaign_id = $1 AND fingerprint = due.id), \
                 cleared AS (UPDATE partners SET trial_mailbox = NULL, trial_mailbox_mail = NULL, trial_mailbox_asked_at = NULL, \
                   trial_mailbox_verified_at = NULL FROM due WHERE partners.id = due.id RETURNING 1) \
                 SELECT count(*) AS count FROM cleared"
            ))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .bind::<BigInt, _>(AGREES_FOR_DAYS)
            .bind::<Bool, _>(plan.ends || plan.ended)
            .get_result(connection)
            .await?;
            note(connection, run, Some(plan.campaign_id), Limit::TrialMailboxes, cleared.count).await?;
            // A campaign has few partners.
            Ok(Step { changed: cleared.count, next: None })
        })
        .await
}
