//! The shelf of what the log is told.

use diesel::{
    QueryableByName,
    sql_types::{Array, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::Untold;
use crate::{
    audit,
    db::{Connection, DbError},
    moderation::removals::Reason,
    pledges::rules::APPLYING,
};

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether nobody else applies rules; then nobody does until the end of the transaction.
///
/// # Errors
/// Those of the database.
pub async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    let locked: Yes = diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({APPLYING}) AS yes"))
        .get_result(connection)
        .await?;
    Ok(locked.yes)
}

#[derive(QueryableByName)]
struct Owing {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    untold: Option<Value>,
}

/// Tells the log what rules have done that did nothing since, unless another instance is at it.
///
/// # Errors
/// Those of the database; then nothing has changed.
pub async fn tell(connection: &mut Connection) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(());
            }
            let owing: Vec<Owing> = diesel::sql_query(
                "SELECT id, campaign_id, reason, untold FROM search_rules WHERE untold IS NOT NULL \
                   AND told_at <= now() - interval '1 minute' ORDER BY id FOR NO KEY UPDATE",
            )
            .get_results(&mut *connection)
            .await?;
            if owing.is_empty() {
                return Ok(());
            }
            diesel::sql_query("UPDATE search_rules SET untold = NULL, told_at = now() WHERE id = ANY($1)")
                .bind::<Array<SqlUuid>, _>(owing.iter().map(|rule| rule.id).collect::<Vec<_>>())
                .execute(&mut *connection)
                .await?;
            for Owing { id, campaign_id, reason, untold } in owing {
                let reason = Reason::parse(&reason).unwrap_or(Reason::Other);
                for entry in Untold::read(untold).entries(id, campaign_id, reason) {
                    audit::store::record(connection, entry).await?;
                }
            }
            Ok(())
        })
        .await
}
