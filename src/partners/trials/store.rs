//! The shelf of what partners try.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use crate::{
    db::{Connection, DbError},
    mail::{self, NewMail},
    partners::store::{States, record},
};

/// Days for which the owner of an address can agree; then it is forgotten.
pub const AGREES_FOR_DAYS: i64 = 7;

/// How many trials of a partner are in which state: of the last day, exactly and as they are now, for nobody else is in them. What is
/// held is told as counted: nobody shall try out by trials what the campaign holds.
///
/// # Errors
/// Those of the database.
pub async fn states(connection: &mut Connection, partner: Uuid) -> Result<States, DbError> {
    Ok(diesel::sql_query(
        "SELECT coalesce(jsonb_object_agg(state, amount), '{}') AS states, now() AS states_at FROM ( \
           SELECT CASE pledges.state WHEN 'held' THEN 'counted' ELSE pledges.state END AS state, count(*) AS amount FROM partners JOIN campaigns ON test_of = partners.campaign_id \
             JOIN pledges ON pledges.campaign_id = campaigns.id AND partner_id = partners.id \
           WHERE partners.id = $1 GROUP BY 1) AS of_state",
    )
    .bind::<SqlUuid, _>(partner)
    .get_result(connection)
    .await?)
}

/// Where the mails of a partner's trials are to go, and the mail that asks its owner.
#[derive(Clone)]
pub struct NewMailbox {
    /// The address, sealed for the partner's id.
    pub sealed: Vec<u8>,
    /// Of [`mail::Kind::TrialMailbox`], about the partner.
    pub asking: NewMail,
}

/// Sets or (None) forgets where the mails of a partner's trials go, and asks the address's owner. Call
/// [`mail::Outbox::changed`] after the commit.
///
/// # Errors
/// [`DbError::NotFound`], and those of the database.
pub async fn set_mailbox(
    connection: &mut Connection,
    (campaign, partner): (Uuid, Uuid),
    new: Option<&NewMailbox>,
    moderator: Option<Uuid>,
) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let changed = diesel::sql_query(
                "UPDATE partners SET trial_mailbox = $3, trial_mailbox_mail = $4, trial_mailbox_verified_at = NULL, \
                   trial_mailbox_asked_at = CASE WHEN $4 IS NOT NULL THEN now() END WHERE campaign_id = $1 AND id = $2",
            )
            .bind::<SqlUuid, _>(campaign)
            .bind::<SqlUuid, _>(partner)
            .bind::<Nullable<Bytea>, _>(new.map(|new| &new.sealed))
            .bind::<Nullable<SqlUuid>, _>(new.map(|new| new.asking.id))
            .execute(connection)
            .await?;
            if changed == 0 {
                return Err(DbError::NotFound);
            }
            mail::store::delete_about(connection, campaign, partner).await?;
            if let Some(new) = new {
                mail::store::insert(connection, std::slice::from_ref(&new.asking)).await?;
            }
            let details = json!({ "partner": partner, "set": new.is_some() });
            record(connection, campaign, moderator, "partner.trial_mailbox", details).await
        })
        .await
}

/// An address whose owner is asked.
#[derive(Clone, Debug, QueryableByName)]
pub struct Asked {
    /// The partner.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its campaign.
    #[diesel(sql_type = SqlUuid)]
    pub campaign_id: Uuid,
    /// When he agreed; None: not yet.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub trial_mailbox_verified_at: Option<DateTime<Utc>>,
}

/// Whom a mail asks, while that can be agreed to. None: the address was changed meanwhile, or too much time has passed.
///
/// # Errors
/// Those of the database.
pub async fn asked(connection: &mut Connection, mail: Uuid) -> Result<Option<Asked>, DbError> {
    Ok(diesel::sql_query(
        "SELECT id, name, campaign_id, trial_mailbox_verified_at FROM partners WHERE trial_mailbox_mail = $1 \
           AND (trial_mailbox_verified_at IS NOT NULL OR trial_mailbox_asked_at > now() - $2 * interval '1 day')",
    )
    .bind::<SqlUuid, _>(mail)
    .bind::<BigInt, _>(AGREES_FOR_DAYS)
    .get_result(connection)
    .await
    .optional()?)
}

/// The owner of the address agrees: mails of the trials go there from now on.
///
/// # Errors
/// [`DbError::NotFound`] when the address was changed in this moment, and those of the database.
pub async fn agree(connection: &mut Connection, asked: &Asked, mail: Uuid) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let agreed = diesel::sql_query(
                "UPDATE partners SET trial_mailbox_verified_at = now() \
                 WHERE id = $1 AND trial_mailbox_mail = $2 AND trial_mailbox_verified_at IS NULL",
            )
            .bind::<SqlUuid, _>(asked.id)
            .bind::<SqlUuid, _>(mail)
            .execute(connection)
            .await?;
            if agreed == 0 {
                return Err(DbError::NotFound);
            }
            let details = json!({ "partner": asked.id });
            record(connection, asked.campaign_id, None, "partner.trial_mailbox_agreed", details).await
        })
        .await
}
