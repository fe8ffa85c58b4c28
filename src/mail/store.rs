//! The shelf of the outbox. Times are the database's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Due, Failure, Kind, NewMail};
use crate::db::{Connection, DbError, Prepared};

enum Delete {}

/// What becomes of a mail that could not be sent in its time.
const TOO_LATE: &str = "too_late";

/// Hours that an address is kept at the most.
pub const ADDRESS_HOURS: u32 = 72;

/// Days that a dead mail is shown.
pub const DEAD_DAYS: u32 = 7;

/// Puts mails into the outbox. Call [`super::Outbox::changed`] after the commit.
///
/// # Errors
/// Those of the database.
pub async fn insert(connection: &mut Connection, mails: &[NewMail]) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, language, sealed) \
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bytea[])",
    )
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|mail| mail.id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|mail| mail.campaign).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|mail| mail.fingerprint).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(mails.iter().map(|mail| mail.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(mails.iter().map(|mail| mail.language.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(mails.iter().map(|mail| mail.sealed.as_slice()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    fingerprint: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    language: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    sealed: Option<Vec<u8>>,
    #[diesel(sql_type = SmallInt)]
    attempts: i16,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

/// A mail that was taken.
#[derive(Clone)]
pub struct Claimed {
    /// Which.
    pub due: Due,
    /// The address.
    pub sealed: Vec<u8>,
    /// How often it was taken, this time included.
    pub attempts: u32,
}

/// Takes up to `limit` mails that are due, those that have been due for the longest time first. For `lease` nobody else takes
/// them.
///
/// # Errors
/// Those of the database.
pub async fn claim(connection: &mut Connection, limit: usize, lease: Duration) -> Result<Vec<Claimed>, DbError> {
    let rows: Vec<ClaimedRow> = diesel::sql_query(
        "UPDATE mail_outbox SET due_at = now() + $2 * interval '1 second', \
           attempts = least(attempts, 32000) + 1 \
         WHERE id IN (SELECT id FROM mail_outbox WHERE dead_at IS NULL AND due_at <= now() \
           ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
         RETURNING id, campaign_id, fingerprint, kind, language, sealed, attempts, created_at",
    )
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .get_results(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = Kind::parse(&row.kind).ok_or(DbError::Defect("a mail's kind can't be read"))?;
            let due = Due {
                id: row.id,
                campaign: row.campaign_id,
                fingerprint: row.fingerprint,
                kind,
                language: row.language,
                created_at: row.created_at,
            };
            let attempts = u32::try_from(row.attempts).unwrap_or_default();
            Ok(Claimed { due, sealed: row.sealed.unwrap_or_default(), attempts })
        })
        .collect()
}

/// Deletes a mail: it was accepted, or nothing is to be sent.
///
/// # Errors
/// Those of the database.
pub async fn delete(connection: &mut Connection, id: Uuid) -> Result<(), DbError> {
    Prepared::<Delete>::new("DELETE FROM mail_outbox WHERE id = $1").bind::<SqlUuid, _>(id).execute(connection).await?;
    Ok(())
}

/// Deletes all mails about one fingerprint of a campaign, whether or not they wait: for whoever erases a person.
///
/// # Errors
/// Those of the database.
pub async fn delete_about(connection: &mut Connection, campaign: Uuid, fingerprint: Uuid) -> Result<(), DbError> {
    diesel::sql_query("DELETE FROM mail_outbox WHERE campaign_id = $1 AND fingerprint = $2")
        .bind::<SqlUuid, _>(campaign)
        .bind::<SqlUuid, _>(fingerprint)
        .execute(connection)
        .await?;
    Ok(())
}

/// Puts off mails that were taken and not tried: each is due after its time, and this attempt isn't counted.
///
/// # Errors
/// Those of the database.
pub async fn postpone(connection: &mut Connection, mails: &[(Uuid, Duration)]) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE mail_outbox SET due_at = now() + wait * interval '1 second', attempts = greatest(attempts - 1, 0) \
         FROM unnest($1::uuid[], $2::float8[]) AS waiting (mail, wait) WHERE id = mail AND dead_at IS NULL",
    )
    .bind::<Array<SqlUuid>, _>(mails.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Double>, _>(mails.iter().map(|(_, wait)| wait.as_secs_f64()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// A mail was tried and not accepted: it is due again after `wait`.
///
/// # Errors
/// Those of the database.
pub async fn failed(connection: &mut Connection, id: Uuid, failure: Failure, wait: Duration) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE mail_outbox SET due_at = now() + $3 * interval '1 second', failure = $2 \
         WHERE id = $1 AND dead_at IS NULL",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Text, _>(failure.to_string())
    .bind::<Double, _>(wait.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// A mail was refused for good.
///
/// # Errors
/// Those of the database.
pub async fn dead(connection: &mut Connection, id: Uuid, failure: Failure) -> Result<(), DbError> {
    diesel::sql_query("UPDATE mail_outbox SET dead_at = now(), failure = $2 WHERE id = $1 AND dead_at IS NULL")
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(failure.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives up mails that couldn't be sent in 72 hours, forgets addresses of that age, and deletes what has been dead for seven
/// days and has no address any more.
///
/// # Errors
/// Those of the database; what was forgotten until then stays forgotten.
pub async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE mail_outbox SET sealed = NULL, dead_at = coalesce(dead_at, now()), \
           failure = CASE WHEN dead_at IS NULL THEN $1 ELSE failure END \
         WHERE sealed IS NOT NULL AND created_at < now() - $2 * interval '1 hour'",
    )
    .bind::<Text, _>(TOO_LATE)
    .bind::<Double, _>(f64::from(ADDRESS_HOURS))
    .execute(&mut *connection)
    .await?;
    diesel::sql_query("DELETE FROM mail_outbox WHERE sealed IS NULL AND dead_at < now() - $1 * interval '24 hours'")
        .bind::<Double, _>(f64::from(DEAD_DAYS))
        .execute(connection)
        .await?;
    Ok(())
}

/// How the outbox does.
#[derive(Clone, Copy, Debug, PartialEq, QueryableByName)]
pub struct Figures {
    /// Mails that are to be sent, also those to be tried again.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Those of them that are due.
    #[diesel(sql_type = BigInt)]
    pub due: i64,
    /// Mails that were given up.
    #[diesel(sql_type = BigInt)]
    pub dead: i64,
    /// How long the oldest one that is due has been due, in seconds; 0: none is.
    #[diesel(sql_type = Double)]
    pub oldest: f64,
}

/// How the outbox does.
///
/// # Errors
/// Those of the database.
pub async fn figures(connection: &mut Connection) -> Result<Figures, DbError> {
    Ok(diesel::sql_query(
        "SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting, \
           count(*) FILTER (WHERE dead_at IS NULL AND due_at <= now()) AS due, \
           count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead, \
           coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE dead_at IS NULL AND due_at <= now())), 0)::float8 \
             AS oldest FROM mail_outbox",
    )
    .get_result(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Writes down how the mail server does: it answered, or it can't be used.
///
/// # Errors
/// Those of the database.
pub async fn note_server(connection: &mut Connection, worked: bool) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO mail_server (worked_at, failing_since) \
           VALUES (CASE WHEN $1 THEN now() END, CASE WHEN NOT $1 THEN now() END) \
         ON CONFLICT (only_row) DO UPDATE SET worked_at = coalesce(excluded.worked_at, mail_server.worked_at), \
           failing_since = CASE WHEN NOT $1 THEN coalesce(mail_server.failing_since, excluded.failing_since) END",
    )
    .bind::<Bool, _>(worked)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether mails leave, as far as can be told. They don't when the mail server has answered about none for ten minutes, though one
/// waits for as long, and that is nobody's intention: it can't be used, nobody takes mails that are due, or their failures are the
/// service's own. A mail that is only put off, for its domain's pace or rest, is no sign.
///
/// # Errors
/// Those of the database.
pub async fn leave(connection: &mut Connection) -> Result<bool, DbError> {
    let leave: Yes = diesel::sql_query(
        "SELECT NOT EXISTS (SELECT FROM mail_outbox LEFT JOIN mail_server ON true, \
             LATERAL (SELECT now() - interval '10 minutes' AS ten) AS ago \
           WHERE dead_at IS NULL AND created_at < ten AND coalesce(worked_at < ten, true) \
             AND (failing_since < ten OR due_at < ten OR failure NOT LIKE 'smtp\\_%')) AS yes",
    )
    .get_result(connection)
    .await?;
    Ok(leave.yes)
}

/// A mail that was given up, as operators see it.
#[derive(Clone, Debug, QueryableByName)]
pub struct Dead {
    /// Which.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Slug of the campaign; None: it isn't there.
    #[diesel(sql_type = Nullable<Text>)]
    pub campaign: Option<String>,
    /// What it is about.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Why, see [`Failure`]; `too_late` after 72 hours.
    #[diesel(sql_type = Nullable<Text>)]
    pub failure: Option<String>,
    /// How often it was tried.
    #[diesel(sql_type = SmallInt)]
    pub attempts: i16,
    /// When it was put into the outbox.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When it was given up.
    #[diesel(sql_type = Timestamptz)]
    pub dead_at: DateTime<Utc>,
    /// Whether it can be sent again.
    #[diesel(sql_type = Bool)]
    pub has_address: bool,
}

/// Mails that were given up, the newest first, `limit` at the most.
///
/// # Errors
/// Those of the database.
pub async fn list_dead(connection: &mut Connection, limit: u32) -> Result<Vec<Dead>, DbError> {
    Ok(diesel::sql_query(
        "SELECT mail_outbox.id, slug AS campaign, kind, failure, attempts, mail_outbox.created_at, dead_at, \
           sealed IS NOT NULL AS has_address \
         FROM mail_outbox LEFT JOIN campaigns ON campaigns.id = campaign_id \
         WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, mail_outbox.id DESC LIMIT $1",
    )
    .bind::<BigInt, _>(i64::from(limit))
    .get_results(connection)
    .await?)
}

/// Has mails that were given up sent again, those in `ids` or all; only where the address is still there. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn retry(connection: &mut Connection, ids: Option<&[Uuid]>) -> Result<usize, DbError> {
    Ok(diesel::sql_query(
        "UPDATE mail_outbox SET dead_at = NULL, due_at = now(), attempts = 0 \
         WHERE dead_at IS NOT NULL AND sealed IS NOT NULL AND ($1 IS NULL OR id = ANY($1))",
    )
    .bind::<Nullable<Array<SqlUuid>>, _>(ids)
    .execute(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Addresses {
    #[diesel(sql_type = Binary)]
    key_id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    addresses: i64,
}

/// How many sealed addresses there are by key id, those that alerts go to among them, which stands behind the first byte.
///
/// # Errors
/// Those of the database.
pub async fn addresses_by_key(connection: &mut Connection) -> Result<Vec<(Vec<u8>, i64)>, DbError> {
    let rows: Vec<Addresses> = diesel::sql_query(
        "SELECT substring(sealed FROM 2 FOR 4) AS key_id, count(*) AS addresses FROM ( \
           SELECT sealed FROM mail_outbox WHERE sealed IS NOT NULL UNION ALL SELECT sealed FROM alert_mailboxes) AS all_of_them \
         GROUP BY 1",
    )
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.addresses)).collect())
}
