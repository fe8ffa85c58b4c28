//! The shelf of the preview. It counts what [`crate::privacy::retention::store`] would change.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{
    db::{Connection, DbError},
    pledges::leave::store::{PERSONAL, REVIEWED},
    privacy::retention::{
        Due, Limit, held,
        mails::store::{MAILS, REMOVED_UNCONFIRMED, UNCONFIRMED},
        store::{LONG_ENDED, Plan, SESSION_DAYS, plans},
        trials::store::{TRIALS, due_mailboxes},
    },
};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What a run over every row would clear, from one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn preview(connection: &mut Connection, as_of: Option<DateTime<Utc>>) -> Result<Vec<Due>, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            connection.batch_execute("SET LOCAL statement_timeout = 0").await?;
            let mut due = Vec::new();
            for plan in plans(connection, as_of).await? {
                for (limit, count) in due_of(connection, &plan, as_of).await? {
                    due.push(Due { campaign: Some(plan.slug.clone()), limit, count });
                }
            }
            let sessions: Count =
                diesel::sql_query(format!("SELECT count(*) AS count FROM sessions WHERE {LONG_ENDED}"))
                    .bind::<Nullable<Timestamptz>, _>(as_of)
                    .bind::<BigInt, _>(SESSION_DAYS)
                    .get_result(connection)
                    .await?;
            due.push(Due { campaign: None, limit: Limit::Sessions, count: sessions.count });
            let mails: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM ({MAILS}) AS mails"))
                .bind::<Nullable<Timestamptz>, _>(as_of)
                .get_result(connection)
                .await?;
            due.push(Due { campaign: None, limit: Limit::Mails, count: mails.count });
            due.retain(|due| due.count > 0);
            Ok(due)
        })
        .await
}

async fn due_of(
    connection: &mut Connection,
    plan: &Plan,
    as_of: Option<DateTime<Utc>>,
) -> Result<Vec<(Limit, i64)>, DbError> {
    if plan.test_of.is_some() {
        let trials: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM ({TRIALS}) AS trials"))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .bind::<Nullable<Timestamptz>, _>(as_of)
            .get_result(connection)
            .await?;
        return Ok(vec![(Limit::Trials, trials.count)]);
    }
    let unconfirmed: Count = diesel::sql_query(format!(
        "SELECT count(*) AS count FROM ({UNCONFIRMED} UNION ALL {REMOVED_UNCONFIRMED}) AS unconfirmed"
    ))
    .bind::<SqlUuid, _>(plan.campaign_id)
    .bind::<Nullable<Timestamptz>, _>(as_of)
    .get_result(connection)
    .await?;
    let held = held::store::due(connection, plan).await?;
    let mailboxes = due_mailboxes(connection, plan, as_of).await?;
    let mut due =
        vec![(Limit::Held, held), (Limit::Unconfirmed, unconfirmed.count), (Limit::TrialMailboxes, mailboxes)];
    if !plan.ends && !plan.ended {
        let copies: Count = diesel::sql_query(format!(
            "SELECT count(*) AS count FROM pledges \
             WHERE campaign_id = $1 AND id < $2 AND created_at < $3 AND {REVIEWED}"
        ))
        .bind::<SqlUuid, _>(plan.campaign_id)
        .bind::<SqlUuid, _>(plan.review_bound)
        .bind::<Timestamptz, _>(plan.review_before)
        .get_result(connection)
        .await?;
        due.push((Limit::ReviewCopies, copies.count));
        return Ok(due);
    }
    if plan.ends {
        let epochs: Count =
            diesel::sql_query("SELECT count(*) + 1 AS count FROM sealing_epochs WHERE campaign_id = $1")
                .bind::<SqlUuid, _>(plan.campaign_id)
                .get_result(connection)
                .await?;
        due.push((Limit::Keys, epochs.count));
    }
    let records: Count =
        diesel::sql_query(format!("SELECT count(*) AS count FROM pledges WHERE campaign_id = $1 AND {PERSONAL}"))
            .bind::<SqlUuid, _>(plan.campaign_id)
            .get_result(connection)
            .await?;
    due.push((Limit::Records, records.count));
    let departures: Count = diesel::sql_query("SELECT count(*) AS count FROM departures WHERE campaign_id = $1")
        .bind::<SqlUuid, _>(plan.campaign_id)
        .get_result(connection)
        .await?;
    due.push((Limit::Departures, departures.count));
    Ok(due)
}
