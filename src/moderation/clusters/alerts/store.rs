//! The shelf of alerts.

use diesel::{
    QueryableByName,
    sql_types::{Array, Binary, Bool, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    mail::{self, Kind, Outbox},
};

/// Any number, the same for every instance: "alerts" in ASCII.
const LOCK: i64 = 0x61_6c_65_72_74_73;

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
    #[diesel(sql_type = Array<Text>)]
    commons: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    values: Vec<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Mails that were put into the outbox.
    pub mails: usize,
    /// Addresses that don't open.
    pub closed: usize,
}

/// Writes the mails that are due, and remembers what they are about, in one transaction. Runs of minutes are one cluster here: where one
/// begins changes with what is usual.
///
/// # Errors
/// Those of the database.
pub async fn write(connection: &mut Connection, outbox: &Outbox) -> Result<Written, DbError> {
    connection
        .transaction(async |connection| {
            let locked: Yes = diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS yes"))
                .get_result(&mut *connection)
                .await?;
            if !locked.yes {
                return Ok(Written::default());
            }
            forget(connection).await?;
            let due: Vec<Due> = diesel::sql_query(
                "WITH over AS (SELECT DISTINCT alert_mailboxes.id, campaign_id, common, \
                     CASE common WHEN 'minute' THEN '' ELSE value END AS value \
                   FROM alert_mailboxes JOIN clusters USING (campaign_id), \
                     jsonb_to_recordset(found) AS cluster (common text, value text, score smallint) \
                   WHERE score >= score_from AND looked_at > now() - interval '15 minutes' \
                     AND NOT EXISTS (SELECT FROM cluster_alerts \
                       WHERE mailbox_id = alert_mailboxes.id AND alerted_at > now() - interval '5 minutes')) \
                 SELECT over.id, over.campaign_id, sealed, array_agg(common) AS commons, array_agg(value) AS values \
                 FROM over JOIN alert_mailboxes USING (id) \
                 WHERE (id, common, value) NOT IN (SELECT mailbox_id, common, value FROM cluster_alerts) \
                 GROUP BY over.id, over.campaign_id, sealed",
            )
            .get_results(&mut *connection)
            .await?;
            let (mut written, mut mails) = (Written::default(), Vec::new());
            for due in due {
                let Ok(address) = outbox.seal().open(due.id, &due.sealed) else {
                    written.closed += 1;
                    continue;
                };
                let mail = outbox.mail(due.campaign_id, due.id, Kind::Alert, None, &address);
                mails.push(mail.map_err(|_| DbError::Defect("an alert can't be sealed"))?);
                diesel::sql_query(
                    "INSERT INTO cluster_alerts (mailbox_id, common, value, alerted_at) \
                     SELECT $1, common, value, now() FROM unnest($2, $3) AS given (common, value)",
                )
                .bind::<SqlUuid, _>(due.id)
                .bind::<Array<Text>, _>(&due.commons)
                .bind::<Array<Text>, _>(&due.values)
                .execute(&mut *connection)
                .await?;
            }
            mail::store::insert(connection, &mails).await?;
            written.mails = mails.len();
            Ok(written)
        })
        .await
}

/// What is over: alerts of more than an hour ago (their values may be tags), and addresses of campaigns whose retention has ended.
async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    diesel::sql_query("DELETE FROM cluster_alerts WHERE alerted_at <= now() - interval '1 hour'")
        .execute(&mut *connection)
        .await?;
    diesel::sql_query(
        "DELETE FROM alert_mailboxes USING campaigns WHERE campaigns.id = campaign_id AND salt_destroyed_at IS NOT NULL",
    )
    .execute(connection)
    .await?;
    Ok(())
}
