//! The shelf of clusters: the last look, and who is told of what it finds.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Binary, Jsonb, Nullable, SmallInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::waves::Cluster,
};

/// Addresses of a campaign that alerts go to, at the most.
pub const MAILBOXES: i64 = 10;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    looked_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    since: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    compared: i64,
    #[diesel(sql_type = Jsonb)]
    found: Value,
}

/// What a look has found.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was.
    pub at: DateTime<Utc>,
    /// When the oldest pledge that was compared was stored; None: there was none.
    pub since: Option<DateTime<Utc>>,
    /// How many were compared.
    pub compared: i64,
    /// The highest score first.
    pub clusters: Vec<Cluster>,
}

/// The last look at a campaign; None: there was none yet, or the campaign isn't open.
///
/// # Errors
/// Those of the database.
pub async fn last(connection: &mut Connection, campaign: Uuid) -> Result<Option<Look>, DbError> {
    let row: Option<Row> =
        diesel::sql_query("SELECT looked_at, since, compared, found FROM clusters WHERE campaign_id = $1")
            .bind::<SqlUuid, _>(campaign)
            .get_result(connection)
            .await
            .optional()?;
    // Another release may have written them otherwise; its next look is twenty seconds away.
    let look = |row: Row| Look {
        at: row.looked_at,
        since: row.since,
        compared: row.compared,
        clusters: serde_json::from_value(row.found).unwrap_or_default(),
    };
    Ok(row.map(look))
}

/// An address that alerts go to.
#[derive(QueryableByName)]
pub struct Mailbox {
    /// Which.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The address, sealed for the id.
    #[diesel(sql_type = Binary)]
    pub sealed: Vec<u8>,
    /// From this score of a cluster on.
    #[diesel(sql_type = SmallInt)]
    pub score_from: i16,
}

/// The addresses of a campaign, in the order in which they were added.
///
/// # Errors
/// Those of the database.
pub async fn mailboxes(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Mailbox>, DbError> {
    let query = "SELECT id, sealed, score_from FROM alert_mailboxes WHERE campaign_id = $1 ORDER BY id";
    Ok(diesel::sql_query(query).bind::<SqlUuid, _>(campaign).get_results(connection).await?)
}

/// Adds an address, on record without itself. False: there are [`MAILBOXES`] already.
///
/// # Errors
/// Those of the database.
pub async fn add_mailbox(connection: &mut Connection, campaign: Uuid, new: &Mailbox) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            // One after the other, so that the bound holds.
            diesel::sql_query("SELECT FROM campaigns WHERE id = $1 FOR UPDATE")
                .bind::<SqlUuid, _>(campaign)
                .execute(&mut *connection)
                .await?;
            let added = diesel::sql_query(
                "INSERT INTO alert_mailboxes (id, campaign_id, sealed, score_from) SELECT $1, $2, $3, $4 \
                 WHERE (SELECT count(*) FROM alert_mailboxes WHERE campaign_id = $2) < $5",
            )
            .bind::<SqlUuid, _>(new.id)
            .bind::<SqlUuid, _>(campaign)
            .bind::<Binary, _>(&new.sealed)
            .bind::<SmallInt, _>(new.score_from)
            .bind::<BigInt, _>(MAILBOXES)
            .execute(&mut *connection)
            .await?;
            if added == 0 {
                return Ok(false);
            }
            let details = json!({ "mailbox": new.id, "score_from": new.score_from });
            record(connection, campaign, "alert.add", details).await?;
            Ok(true)
        })
        .await
}

/// Forgets an address, and the mails to it that wait.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn remove_mailbox(connection: &mut Connection, campaign: Uuid, id: Uuid) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let removed = diesel::sql_query("DELETE FROM alert_mailboxes WHERE campaign_id = $1 AND id = $2")
                .bind::<SqlUuid, _>(campaign)
                .bind::<SqlUuid, _>(id)
                .execute(&mut *connection)
                .await?;
            if removed == 0 {
                return Err(DbError::NotFound);
            }
            crate::mail::store::delete_about(connection, campaign, id).await?;
            record(connection, campaign, "alert.remove", json!({ "mailbox": id })).await
        })
        .await
}

async fn record(
    connection: &mut Connection,
    campaign: Uuid,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: None, campaign: Some(campaign), action, details }).await
}
