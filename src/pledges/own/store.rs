//! The shelf of one's own pledge.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bool, Bytea, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    campaigns::Campaign,
    db::{Connection, DbError},
    pledges::{
        SealedMail,
        leave::{self, Leave},
        links::CONFIRMS_FOR,
        submission::Consents,
    },
};

/// What the row of the pledge says, and whether the mail confirms.
#[derive(Clone, QueryableByName)]
pub struct Row {
    /// The campaign.
    #[diesel(sql_type = SqlUuid)]
    pub campaign_id: Uuid,
    /// The pledge.
    #[diesel(sql_type = SqlUuid)]
    pub pledge_id: Uuid,
    /// Its fingerprint.
    #[diesel(sql_type = SqlUuid)]
    pub fingerprint: Uuid,
    /// Its state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// The one before moderators removed it.
    #[diesel(sql_type = Nullable<Text>)]
    pub state_before: Option<String>,
    /// Where from.
    #[diesel(sql_type = Text)]
    pub country: String,
    /// BCP 47.
    #[diesel(sql_type = Nullable<Text>)]
    pub language: Option<String>,
    /// The partner whose site it came from.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub partner_id: Option<Uuid>,
    /// When it was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When nothing personal was left.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether its owner said that somebody else had made it.
    #[diesel(sql_type = Bool)]
    pub suppressed: bool,
    /// Version of the text agreed to.
    #[diesel(sql_type = Nullable<SmallInt>)]
    pub consent_updates: Option<i16>,
    /// Version of the text agreed to.
    #[diesel(sql_type = Nullable<SmallInt>)]
    pub consent_partner: Option<i16>,
    /// Version of the text agreed to.
    #[diesel(sql_type = Nullable<SmallInt>)]
    pub consent_public: Option<i16>,
    /// For moderators.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub sealed_review: Option<Vec<u8>>,
    /// Whether the mail is young enough to confirm.
    #[diesel(sql_type = Bool)]
    pub is_young: bool,
}

impl Row {
    /// What its owner agrees to.
    pub fn consents(&self) -> Consents {
        Consents { updates: self.consent_updates, partner: self.consent_partner, public: self.consent_public }
    }
}

/// The pledge of a link.
///
/// # Errors
/// Those of the database.
pub async fn find(connection: &mut Connection, mail: Uuid, hash: &[u8; 32]) -> Result<Option<Row>, DbError> {
    Ok(diesel::sql_query(
        "SELECT pledges.campaign_id, pledge_id, fingerprint, pledges.state, state_before, country, language, partner_id, \
           pledges.created_at, erased_at, suppressed_at IS NOT NULL AS suppressed, consent_updates, consent_partner, consent_public, sealed_review, \
           mail_links.created_at > now() - $3 * interval '1 second' AS is_young \
         FROM mail_links JOIN pledges ON pledges.id = pledge_id \
           JOIN campaigns ON campaigns.id = mail_links.campaign_id AND salt IS NOT NULL \
         WHERE mail_links.id = $1 AND hash = $2",
    )
    .bind::<SqlUuid, _>(mail)
    .bind::<Bytea, _>(hash.as_slice())
    .bind::<BigInt, _>(CONFIRMS_FOR.num_seconds())
    .get_result(connection)
    .await
    .optional()?)
}

/// Puts a mail with the link to a pledge into the outbox, whether or not there is one, unless such a mail waits already.
///
/// # Errors
/// Those of the database.
pub async fn ask(
    connection: &mut Connection,
    campaign: Uuid,
    fingerprint: Uuid,
    language: Option<&str>,
    mail: &SealedMail,
) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, language, sealed) \
         SELECT $1, $2, $3, 'access', $4, $5 WHERE NOT EXISTS (SELECT FROM mail_outbox \
           WHERE fingerprint = $3 AND kind = 'access' AND dead_at IS NULL)",
    )
    .bind::<SqlUuid, _>(mail.id)
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(fingerprint)
    .bind::<Nullable<Text>, _>(language)
    .bind::<Bytea, _>(&mail.sealed)
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes what the owner of a pledge agrees to. Not of one that was taken back or erased. The partner gets only what was sealed
/// for it when the pledge was made, so where nothing was, there is nothing to agree to.
///
/// # Errors
/// Those of the database.
pub async fn change_consents(connection: &mut Connection, pledge: Uuid, consents: Consents) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE pledges SET consent_updates = $2, consent_public = $4, \
           consent_partner = CASE WHEN sealed_for_partner IS NOT NULL THEN $3 END \
         WHERE id = $1 AND erased_at IS NULL AND coalesce(state_before, state) <> 'withdrawn'",
    )
    .bind::<SqlUuid, _>(pledge)
    .bind::<Nullable<SmallInt>, _>(consents.updates)
    .bind::<Nullable<SmallInt>, _>(consents.partner)
    .bind::<Nullable<SmallInt>, _>(consents.public)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets a pledge leave.
///
/// # Errors
/// Those of the database.
pub async fn leave(connection: &mut Connection, campaign: &Campaign, row: &Row, how: Leave) -> Result<(), DbError> {
    let who = leave::store::Who { fingerprint: row.fingerprint, pledge: Some(row.pledge_id) };
    connection.transaction(async |connection| leave::store::leave(connection, campaign, who, how).await).await
}
