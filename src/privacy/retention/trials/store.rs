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
