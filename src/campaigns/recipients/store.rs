//! The shelf of recipients.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, PgExpressionMethods, QueryDsl, Queryable, dsl::now};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::Listed;
use crate::{
    audit::{self, Entry},
    crypto,
    db::{Connection, DbError, schema::recipients},
    sealing::{Audience, recipients::Recipient},
};

#[derive(Queryable)]
struct Row {
    id: Uuid,
    partner_id: Option<Uuid>,
    public_key: String,
    label: String,
    added_at: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
    removed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Listed {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            partner: row.partner_id,
            recipient: readable(&row.public_key)?,
            label: row.label,
            added_at: row.added_at,
            checked_at: row.checked_at,
            removed_at: row.removed_at,
        })
    }
}

fn readable(public_key: &str) -> Result<Recipient, DbError> {
    Recipient::parse(public_key).map_err(|_| DbError::Defect("a recipient can't be read"))
}

/// Every recipient that is sealed for now, in the order of their keys.
///
/// # Errors
/// Those of the database.
pub async fn in_force(connection: &mut Connection) -> Result<Vec<(Audience, Recipient)>, DbError> {
    let rows: Vec<(Uuid, Option<Uuid>, String)> = recipients::table
        .filter(recipients::removed_at.is_null())
        .filter(recipients::checked_at.is_not_null())
        .select((recipients::campaign_id, recipients::partner_id, recipients::public_key))
        .order(recipients::public_key)
        .load(connection)
        .await?;
    rows.into_iter().map(|(campaign, partner, key)| Ok((Audience { campaign, partner }, readable(&key)?))).collect()
}

/// Every recipient that a campaign has or had, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Listed>, DbError> {
    let rows: Vec<Row> = recipients::table
        .filter(recipients::campaign_id.eq(campaign))
        .select((
            recipients::id,
            recipients::partner_id,
            recipients::public_key,
            recipients::label,
            recipients::added_at,
            recipients::checked_at,
            recipients::removed_at,
        ))
        .order(recipients::id)
        .load(connection)
        .await?;
    rows.into_iter().map(Listed::try_from).collect()
}

/// Adds a recipient. Nothing is sealed for it before its test.
///
/// # Errors
/// [`DbError::Constraint`] when it is there already.
pub async fn add(
    connection: &mut Connection,
    audience: Audience,
    recipient: &Recipient,
    label: &str,
) -> Result<(), DbError> {
    let details = json!({ "public_key": recipient.to_string(), "label": label, "partner": audience.partner });
    connection
        .transaction(async |connection| {
            diesel::insert_into(recipients::table)
                .values((
                    recipients::id.eq(Uuid::now_v7()),
                    recipients::campaign_id.eq(audience.campaign),
                    recipients::partner_id.eq(audience.partner),
                    recipients::public_key.eq(recipient.to_string()),
                    recipients::label.eq(label),
                ))
                .execute(connection)
                .await?;
            record(connection, audience.campaign, "recipient.add", details).await
        })
        .await
}

/// Notes the code of a new test record, instead of the one before.
///
/// # Errors
/// Those of the database.
pub async fn test_made(connection: &mut Connection, id: Uuid, code: &str) -> Result<(), DbError> {
    diesel::update(recipients::table.find(id))
        .set((
            recipients::test_code_hash.eq(Some(crypto::digest(code.as_bytes()).to_vec())),
            recipients::test_made_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Whose test record had this code: from now on it is sealed for. A code serves once.
///
/// # Errors
/// [`DbError::NotFound`] when no test record of the campaign had it, or a newer one was made.
pub async fn passed(connection: &mut Connection, campaign: Uuid, code: &str) -> Result<Recipient, DbError> {
    let hash = crypto::digest(code.as_bytes()).to_vec();
    connection
        .transaction(async |connection| {
            let found: Option<(Uuid, String)> = diesel::update(
                recipients::table
                    .filter(recipients::campaign_id.eq(campaign))
                    .filter(recipients::removed_at.is_null())
                    .filter(recipients::test_code_hash.eq(hash)),
            )
            .set((
                recipients::checked_at.eq(now),
                recipients::test_code_hash.eq(None::<Vec<u8>>),
                recipients::test_made_at.eq(None::<DateTime<Utc>>),
            ))
            .returning((recipients::id, recipients::public_key))
            .get_result(connection)
            .await
            .optional()?;
            let (_, key) = found.ok_or(DbError::NotFound)?;
            record(connection, campaign, "recipient.check", json!({ "public_key": key })).await?;
            readable(&key)
        })
        .await
}

/// Seals nothing more for a recipient. What was sealed for it stays so.
///
/// # Errors
/// [`DbError::NotFound`].
pub async fn remove(connection: &mut Connection, audience: Audience, recipient: &Recipient) -> Result<(), DbError> {
    let details = json!({ "public_key": recipient.to_string(), "partner": audience.partner });
    connection
        .transaction(async |connection| {
            let removed = diesel::update(
                recipients::table
                    .filter(recipients::campaign_id.eq(audience.campaign))
                    .filter(recipients::partner_id.is_not_distinct_from(audience.partner))
                    .filter(recipients::public_key.eq(recipient.to_string()))
                    .filter(recipients::removed_at.is_null()),
            )
            .set(recipients::removed_at.eq(now))
            .execute(connection)
            .await?;
            if removed == 0 {
                return Err(DbError::NotFound);
            }
            record(connection, audience.campaign, "recipient.remove", details).await
        })
        .await
}

async fn record(
    connection: &mut Connection,
    campaign: Uuid,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: None, campaign: Some(campaign), action, details }).await
}
