//! The shelf of links.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::{CODE_TRIES, CONFIRMS_FOR};
use crate::{
    db::{Connection, DbError, Prepared},
    pledges::State,
};

enum OneByOne {}
enum OfMail {}
enum Add {}

/// What decides whether a mail is written, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    state_before: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    counted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    erased: bool,
    #[diesel(sql_type = Bool)]
    suppressed: bool,
    #[diesel(sql_type = BigInt)]
    mails: i64,
    #[diesel(sql_type = BigInt)]
    campaign_mails: i64,
}

/// The same, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The pledge.
    pub pledge: Uuid,
    /// Its state; of one that moderators removed, the state before.
    pub state: State,
    /// When it was counted.
    pub counted_at: Option<DateTime<Utc>>,
    /// Whether nothing personal is left.
    pub erased: bool,
    /// Whether its owner wants no mail.
    pub suppressed: bool,
    /// Mails to the mailbox in the last seven days, this one left out.
    pub mails: i64,
    /// Those of them that this campaign wrote.
    pub campaign_mails: i64,
}

/// A mail that is about to be written.
#[derive(Clone, Copy)]
pub struct Mail<'a> {
    /// Which.
    pub id: Uuid,
    /// What its note is kept under.
    pub note: Uuid,
    /// What its mailbox is counted by.
    pub tags: &'a [Uuid],
    /// What the campaign's mails to it are counted by.
    pub campaign_tags: &'a [Uuid],
}

/// Waits until nobody else writes to the same mailbox, so that its mails are counted one after the other.
async fn one_by_one(connection: &mut Connection, mail: &Mail<'_>) -> Result<(), DbError> {
    Prepared::<OneByOne>::new("SELECT pg_advisory_xact_lock(hashtextextended('mailbox ' || $1::uuid[]::text, 0))")
        .bind::<Array<SqlUuid>, _>(mail.tags)
        .execute(connection)
        .await?;
    Ok(())
}

/// What is known about the pledge with this fingerprint, which stays until the transaction ends, and about the mailbox; None: there is no such pledge. Whoever
/// asks for the same mailbox waits until the transaction ends, so that its mails are counted one after the other.
///
/// # Errors
/// Those of the database.
async fn facts(connection: &mut Connection, mail: &Mail<'_>, fingerprint: Uuid) -> Result<Option<Facts>, DbError> {
    one_by_one(connection, mail).await?;
    let row: Option<FactsRow> = Prepared::<OfMail>::new(
        "SELECT id, state, state_before, coalesce(confirmed_at, counted_at) AS counted_at, erased_at IS NOT NULL AS erased, \
           suppressed_at IS NOT NULL AS suppressed, mails, campaign_mails \
         FROM pledges, (SELECT count(*) AS mails, count(*) FILTER (WHERE in_campaign = ANY($1)) AS campaign_mails \
           FROM mailbox_mails WHERE mailbox = ANY($2) AND mail_id <> $3 \
             AND written_at > now() - interval '7 days') AS week \
         WHERE fingerprint = $4 FOR KEY SHARE OF pledges",
    )
    .bind::<Array<SqlUuid>, _>(mail.campaign_tags)
    .bind::<Array<SqlUuid>, _>(mail.tags)
    .bind::<SqlUuid, _>(mail.note)
    .bind::<SqlUuid, _>(fingerprint)
    .get_result(connection)
    .await
    .optional()?;
    let unreadable = || DbError::Defect("a pledge has a state that is unknown");
    let facts = |row: FactsRow| {
        let state = row.state_before.as_deref().unwrap_or(&row.state);
        let state = State::parse(state).ok_or_else(unreadable)?;
        let FactsRow { id: pledge, counted_at, erased, suppressed, mails, campaign_mails, .. } = row;
        Ok(Facts { pledge, state, counted_at, erased, suppressed, mails, campaign_mails })
    };
    row.map(facts).transpose()
}

/// Lets `choose` decide by what is known, and writes the link down that it wants: all of it is there before the mail is sent.
/// None: there is no such pledge, or no mail is to be written.
///
/// # Errors
/// Those of the database.
pub async fn prepare<T: Send>(
    connection: &mut Connection,
    mail: &Mail<'_>,
    fingerprint: Uuid,
    choose: impl Fn(&Facts) -> Option<(T, NewLink)> + Sync,
) -> Result<Option<T>, DbError> {
    connection
        .transaction(async |connection| {
            let Some(facts) = facts(connection, mail, fingerprint).await? else { return Ok(None) };
            let Some((chosen, link)) = choose(&facts) else { return Ok(None) };
            add(connection, mail, &facts, &link).await?;
            Ok(Some(chosen))
        })
        .await
}

/// Counts a mail that is about no pledge, if its mailbox had fewer than `limit` in the last seven days. Returns whether it may be
/// written.
///
/// # Errors
/// Those of the database.
pub async fn count(connection: &mut Connection, mail: &Mail<'_>, limit: i64) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            one_by_one(connection, mail).await?;
            let counted = diesel::sql_query(
                "INSERT INTO mailbox_mails (mail_id, mailbox, in_campaign) SELECT $1, $2, $3 \
                 WHERE (SELECT count(*) FROM mailbox_mails WHERE mailbox = ANY($4) AND mail_id <> $1 \
                   AND written_at > now() - interval '7 days') < $5 \
                 ON CONFLICT (mail_id) DO UPDATE SET mail_id = excluded.mail_id",
            )
            .bind::<SqlUuid, _>(mail.note)
            .bind::<Nullable<SqlUuid>, _>(mail.tags.first())
            .bind::<Nullable<SqlUuid>, _>(mail.campaign_tags.first())
            .bind::<Array<SqlUuid>, _>(mail.tags)
            .bind::<BigInt, _>(limit)
            .execute(connection)
            .await?;
            Ok(counted > 0)
        })
        .await
}

/// The link of a mail.
pub struct NewLink {
    /// The campaign.
    pub campaign: Uuid,
    /// Hash of the secret.
    pub hash: [u8; 32],
    /// The code as it is stored; None: the mail has none.
    pub code: Option<[u8; 16]>,
}

/// Writes a link down and counts the mail. A mail that is sent again keeps its tries.
async fn add(connection: &mut Connection, mail: &Mail<'_>, facts: &Facts, link: &NewLink) -> Result<(), DbError> {
    Prepared::<Add>::new(
        "WITH counted AS (INSERT INTO mailbox_mails (mail_id, mailbox, in_campaign) VALUES ($1, $2, $3) ON CONFLICT (mail_id) DO NOTHING) \
         INSERT INTO mail_links (id, campaign_id, pledge_id, hash, code) VALUES ($4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET pledge_id = excluded.pledge_id, hash = excluded.hash, code = excluded.code",
    )
    .bind::<SqlUuid, _>(mail.note)
    .bind::<Nullable<SqlUuid>, _>(mail.tags.first())
    .bind::<Nullable<SqlUuid>, _>(mail.campaign_tags.first())
    .bind::<SqlUuid, _>(mail.id)
    .bind::<SqlUuid, _>(link.campaign)
    .bind::<SqlUuid, _>(facts.pledge)
    .bind::<Bytea, _>(link.hash.as_slice())
    .bind::<Nullable<Bytea>, _>(link.code.as_ref().map(<[u8; 16]>::as_slice))
    .execute(connection)
    .await?;
    Ok(())
}

/// A mail whose code may be tried.
#[derive(QueryableByName)]
pub struct Tried {
    /// The mail.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Hash of the secret in its link.
    #[diesel(sql_type = Bytea)]
    pub hash: Vec<u8>,
    /// Its code as it is stored.
    #[diesel(sql_type = Bytea)]
    pub code: Vec<u8>,
}

/// Counts a try at the codes of a mailbox's mails and returns those that may still be tried. A delta of nothing is written along,
/// so that an address without a pledge waits for the disk like one with a pledge.
///
/// # Errors
/// Those of the database.
pub async fn try_code(connection: &mut Connection, campaign: Uuid, fingerprint: Uuid) -> Result<Vec<Tried>, DbError> {
    Ok(diesel::sql_query(
        "WITH same AS (INSERT INTO count_deltas (campaign_id, minute, countries, amounts, partners, partner_amounts) \
           VALUES ($1, date_trunc('minute', now(), 'UTC'), '{}', '{}', '{}', '{}')) \
         UPDATE mail_links SET code_attempts = code_attempts + 1 \
         WHERE pledge_id = (SELECT id FROM pledges WHERE fingerprint = $2) AND code IS NOT NULL \
           AND code_attempts < $3 AND created_at > now() - $4 * interval '1 second' \
         RETURNING id, hash, code",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(fingerprint)
    .bind::<Integer, _>(i32::from(CODE_TRIES))
    .bind::<BigInt, _>(CONFIRMS_FOR.num_seconds())
    .get_results(connection)
    .await?)
}
