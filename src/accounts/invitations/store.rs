//! The shelf of invitations.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Factor, HOURS, Invitation, Plan};
use crate::{
    accounts::{
        Role, Seat, Who, managed, organised,
        second_factor::store::{put, remove},
        sessions::{self, Agent, NewSession},
        store::{insert, record_by},
    },
    crypto::CryptoError,
    db::{Connection, DbError},
};

/// How long a row stays after its end, in days.
const KEPT_DAYS: i32 = 30;

const COLUMNS: &str = "invitations.id, invitations.login, invitations.role, resets, made_at, expires_at, accepted_at, \
     revoked_at, accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now() AS is_open, \
     (SELECT login FROM moderators WHERE moderators.id = made_by) AS made_by, \
     ARRAY(SELECT id FROM campaigns WHERE id = ANY(invitations.campaigns) ORDER BY slug) AS campaigns, \
     ARRAY(SELECT slug FROM campaigns WHERE id = ANY(invitations.campaigns) ORDER BY slug) AS slugs, invitations.organises";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    login: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Array<Text>)]
    slugs: Vec<String>,
    #[diesel(sql_type = Array<SqlUuid>)]
    campaigns: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    organises: Vec<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    resets: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    made_by: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    made_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    accepted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    revoked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    is_open: bool,
}

impl Row {
    fn read(self) -> Result<Invitation, DbError> {
        let seat = |(campaign, slug)| Seat { organises: self.organises.contains(&campaign), campaign, slug };
        Ok(Invitation {
            id: self.id,
            login: self.login,
            role: Role::parse(&self.role).ok_or(DbError::Defect("an unknown role is stored"))?,
            campaigns: self.campaigns.into_iter().zip(self.slugs).map(seat).collect(),
            resets: self.resets,
            made_by: self.made_by,
            made_at: self.made_at,
            expires_at: self.expires_at,
            accepted_at: self.accepted_at,
            revoked_at: self.revoked_at,
            is_open: self.is_open,
        })
    }
}

/// Why a link was not accepted.
#[derive(Debug)]
pub enum NotAccepted {
    /// It was used, revoked, or its time is over.
    Ended,
    /// The second factor can't be sealed.
    Crypto(CryptoError),
    /// The database.
    Database(DbError),
}

impl From<DbError> for NotAccepted {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for NotAccepted {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Invites somebody; `by` is None for the operator. A link for the same login that is open ends. None when the login is taken.
///
/// # Errors
/// [`DbError::Constraint`] when the login has a form that it can't have, and others of the database.
pub async fn make(
    connection: &mut Connection,
    by: Option<&Who>,
    plan: &Plan,
    token_hash: &[u8; 32],
) -> Result<Option<Invitation>, DbError> {
    connection
        .transaction(async |connection| {
            let taken = diesel::sql_query("SELECT FROM moderators WHERE login = $1");
            if taken.bind::<Text, _>(&plan.login).execute(&mut *connection).await? > 0 {
                return Ok(None);
            }
            let invitation = write(connection, by, plan, None, token_hash).await?;
            let campaigns: Vec<Uuid> = plan.campaigns.iter().map(|seat| seat.campaign).collect();
            let details = json!({ "invitation": invitation.id, "login": plan.login, "role": plan.role,
                "campaigns": campaigns, "organises": organised(plan.role, &plan.campaigns) });
            record_by(connection, by, "invitation.make", details).await?;
            Ok(Some(invitation))
        })
        .await
}

async fn write(
    connection: &mut Connection,
    by: Option<&Who>,
    plan: &Plan,
    resets: Option<Uuid>,
    token_hash: &[u8; 32],
) -> Result<Invitation, DbError> {
    let revoke = "UPDATE invitations SET revoked_at = now() \
                  WHERE login = $1 AND accepted_at IS NULL AND revoked_at IS NULL";
    diesel::sql_query(revoke).bind::<Text, _>(&plan.login).execute(&mut *connection).await?;
    diesel::sql_query("DELETE FROM invitations WHERE expires_at < now() - make_interval(days => $1)")
        .bind::<Integer, _>(KEPT_DAYS)
        .execute(&mut *connection)
        .await?;
    let ids = |which: fn(&Seat) -> bool| -> Vec<Uuid> {
        plan.campaigns.iter().filter(|seat| which(seat)).map(|seat| seat.campaign).collect()
    };
    let row: Row = diesel::sql_query(format!(
        "INSERT INTO invitations (id, login, role, campaigns, resets, token_hash, made_by, expires_at, organises) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(hours => $8), $9) RETURNING {COLUMNS}"
    ))
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Text, _>(&plan.login)
    .bind::<Text, _>(plan.role.as_str())
    .bind::<Array<SqlUuid>, _>(ids(|_| true))
    .bind::<Nullable<SqlUuid>, _>(resets)
    .bind::<Bytea, _>(token_hash.as_slice())
    .bind::<Nullable<SqlUuid>, _>(by.map(|who| who.id))
    .bind::<Integer, _>(HOURS)
    .bind::<Array<SqlUuid>, _>(ids(|seat| seat.organises))
    .get_result(connection)
    .await?;
    row.read()
}

/// Voids an account's password, second factor and sessions, and writes a link by which it is set up anew.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such account or it is closed, and others of the database.
pub async fn reset(
    connection: &mut Connection,
    by: Option<&Who>,
    account: Uuid,
    token_hash: &[u8; 32],
) -> Result<Invitation, DbError> {
    connection
        .transaction(async |connection| {
            managed::store::lock(connection, by, account).await?;
            let (login, role) = managed::store::void(connection, account).await?;
            remove(connection, account).await?;
            revoke_those_of(connection, account).await?;
            sessions::store::end_all(connection, account, "reset").await?;
            let plan = Plan { login, role, campaigns: Vec::new() };
            let invitation = write(connection, by, &plan, Some(account), token_hash).await?;
            let details = json!({ "invitation": invitation.id, "account": account, "login": plan.login });
            record_by(connection, by, "account.reset", details).await?;
            Ok(invitation)
        })
        .await
}

/// Invitations that are open or ended lately, the newest first, a thousand at the most.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection) -> Result<Vec<Invitation>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM invitations ORDER BY id DESC LIMIT 1000");
    let rows: Vec<Row> = diesel::sql_query(query).get_results(connection).await?;
    rows.into_iter().map(Row::read).collect()
}

/// The invitation of a token, if it can be accepted.
///
/// # Errors
/// Those of the database.
pub async fn open_one(connection: &mut Connection, token_hash: &[u8; 32]) -> Result<Option<Invitation>, DbError> {
    let row: Option<Row> = diesel::sql_query(format!("SELECT {COLUMNS} FROM invitations WHERE token_hash = $1"))
        .bind::<Bytea, _>(token_hash.as_slice())
        .get_result(connection)
        .await
        .optional()?;
    row.filter(|row| row.is_open).map(Row::read).transpose()
}

/// Ends an invitation.
///
/// # Errors
/// [`DbError::NotFound`] when there is none that is open, and others of the database.
pub async fn revoke(connection: &mut Connection, who: &Who, invitation: Uuid) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let revoked = diesel::sql_query(
                "UPDATE invitations SET revoked_at = now() WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL \
                 AND expires_at > now()",
            )
            .bind::<SqlUuid, _>(invitation)
            .execute(&mut *connection)
            .await?;
            if revoked == 0 {
                return Err(DbError::NotFound);
            }
            record_by(connection, Some(who), "invitation.revoke", json!({ "invitation": invitation })).await
        })
        .await
}

/// Ends the invitations of somebody who may invite no more: they would outlive whoever took over the account.
///
/// # Errors
/// Those of the database.
pub async fn revoke_those_of(connection: &mut Connection, account: Uuid) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE invitations SET revoked_at = now() WHERE made_by = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
    )
    .bind::<SqlUuid, _>(account)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Planned {
    #[diesel(sql_type = Array<SqlUuid>)]
    campaigns: Vec<Uuid>,
}

/// Makes the account, or gives it its new password, and opens a session. Once, however often it is tried at once.
///
/// # Errors
/// See [`NotAccepted`]; [`DbError::Constraint`] when the login was taken meanwhile.
pub async fn accept(
    connection: &mut Connection,
    invitation: &Invitation,
    password_hash: &str,
    factor: Option<&Factor>,
    agent: Agent,
) -> Result<(Zeroizing<String>, Who), NotAccepted> {
    connection
        .transaction(async |connection| {
            let planned: Option<Planned> = diesel::sql_query(
                "UPDATE invitations SET accepted_at = now() WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL \
                 AND expires_at > now() RETURNING ARRAY(SELECT id FROM campaigns WHERE id = ANY(invitations.campaigns)) AS campaigns",
            )
            .bind::<SqlUuid, _>(invitation.id)
            .get_result(&mut *connection)
            .await
            .optional()?;
            let planned = planned.ok_or(NotAccepted::Ended)?;
            let account = if let Some(account) = invitation.resets {
                managed::store::revive(connection, account, password_hash).await?;
                sessions::store::end_all(connection, account, "reset").await?;
                account
            } else {
                let there = |seat: &&Seat| planned.campaigns.contains(&seat.campaign);
                let seats: Vec<Seat> = invitation.campaigns.iter().filter(there).cloned().collect();
                insert(connection, &invitation.login, invitation.role, password_hash, &seats).await?
            };
            if let Some(factor) = factor {
                let sealed = (factor.seal)(account).map_err(NotAccepted::Crypto)?;
                put(connection, account, &sealed, factor.step, &factor.hashes).await?;
            }
            let details = json!({ "invitation": invitation.id, "login": invitation.login, "role": invitation.role,
                "second_factor": factor.is_some() });
            crate::accounts::store::record(connection, account, "invitation.accept", details).await?;
            let (refresh, session) = NewSession::new(account, agent).map_err(NotAccepted::Crypto)?;
            let who = sessions::store::open(connection, &session).await?.ok_or(NotAccepted::Ended)?;
            Ok((refresh, who))
        })
        .await
}
