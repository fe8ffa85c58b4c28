//! The shelf of accounts: moderators, sessions, refresh tokens.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Bool, Bytea, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Role, SESSION_HOURS, Who};
use crate::{
    audit::{self, Entry},
    db::{
        Connection, DbError,
        schema::{campaigns, moderator_campaigns, moderators, sessions},
    },
};

/// A consumed token may come again this long after its exchange, if the answer was lost.
const LOST_ANSWER_SECONDS: i32 = 60;

/// What a log-in is checked against.
pub struct Credentials {
    /// The account.
    pub id: Uuid,
    /// PHC string.
    pub password_hash: String,
    /// Whether the account is closed.
    pub disabled: bool,
}

/// An account as the operator sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub id: Uuid,
    /// Its login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is closed.
    pub disabled: bool,
    /// Slugs of its campaigns.
    pub campaigns: Vec<String>,
}

/// The credentials of a login, if there is one.
///
/// # Errors
/// Those of the database.
pub async fn credentials(connection: &mut Connection, login: &str) -> Result<Option<Credentials>, DbError> {
    // PostgreSQL doesn't even take a NUL to look for.
    if login.contains('\0') {
        return Ok(None);
    }
    let row = moderators::table
        .filter(moderators::login.eq(login))
        .select((moderators::id, moderators::password_hash, moderators::disabled_at.is_not_null()))
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(|(id, password_hash, disabled)| Credentials { id, password_hash, disabled }))
}

/// Who is behind a session, if session and account are still open.
///
/// # Errors
/// Those of the database.
pub async fn who(connection: &mut Connection, account: Uuid, session: Uuid) -> Result<Option<Who>, DbError> {
    let row: Option<(String, String)> = sessions::table
        .inner_join(moderators::table)
        .filter(sessions::id.eq(session).and(moderators::id.eq(account)))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(diesel::dsl::now)))
        .filter(moderators::disabled_at.is_null())
        .select((moderators::login, moderators::role))
        .first(connection)
        .await
        .optional()?;
    let Some((login, role)) = row else { return Ok(None) };
    let role = Role::parse(&role).ok_or(DbError::Defect("an unknown role is stored"))?;
    Ok(Some(Who { id: account, login, role, session, campaigns: campaigns_of(connection, account).await? }))
}

async fn campaigns_of(connection: &mut Connection, account: Uuid) -> Result<Vec<(Uuid, String)>, DbError> {
    Ok(moderator_campaigns::table
        .inner_join(campaigns::table.on(campaigns::id.eq(moderator_campaigns::campaign_id)))
        .filter(moderator_campaigns::moderator_id.eq(account))
        .order(campaigns::slug)
        .select((campaigns::id, campaigns::slug))
        .load(connection)
        .await?)
}

/// Opens a session with its first refresh token. None when the account was closed meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn open_session(
    connection: &mut Connection,
    account: Uuid,
    session: Uuid,
    refresh: &[u8; 32],
) -> Result<Option<Who>, DbError> {
    connection
        .transaction(async |connection| {
            diesel::sql_query(
                "INSERT INTO sessions (id, moderator_id, expires_at) VALUES ($1, $2, now() + make_interval(hours => $3))",
            )
            .bind::<SqlUuid, _>(session)
            .bind::<SqlUuid, _>(account)
            .bind::<diesel::sql_types::Integer, _>(SESSION_HOURS)
            .execute(connection)
            .await?;
            add_token(connection, session, refresh, None).await?;
            record(connection, account, "session.open", json!({ "session": session })).await?;
            who(connection, account, session).await
        })
        .await
}

#[derive(QueryableByName)]
struct Presented {
    #[diesel(sql_type = SqlUuid)]
    session_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    moderator_id: Uuid,
    #[diesel(sql_type = Bool)]
    open: bool,
    /// Never exchanged, and no sibling of it was.
    #[diesel(sql_type = Bool)]
    fresh: bool,
    /// Exchanged a moment ago, and what it was exchanged for was never used.
    #[diesel(sql_type = Bool)]
    answer_lost: bool,
}

/// Exchanges one refresh token for another. None when it can't be: unknown, of an ended session, or used a second time,
/// which ends the session.
///
/// # Errors
/// Those of the database.
pub async fn exchange(connection: &mut Connection, old: &[u8; 32], new: &[u8; 32]) -> Result<Option<Who>, DbError> {
    connection
        .transaction(async |connection| {
            let Some(presented) = presented(connection, old).await?.filter(|presented| presented.open) else {
                return Ok(None);
            };
            if !presented.fresh && !presented.answer_lost {
                end_session(connection, presented.session_id, "reuse").await?;
                let details = json!({ "session": presented.session_id });
                record(connection, presented.moderator_id, "session.refresh_token_reused", details).await?;
                return Ok(None);
            }
            diesel::sql_query("UPDATE refresh_tokens SET used_at = now() WHERE hash = $1 AND used_at IS NULL")
                .bind::<Bytea, _>(old.as_slice())
                .execute(connection)
                .await?;
            add_token(connection, presented.session_id, new, Some(old)).await?;
            who(connection, presented.moderator_id, presented.session_id).await
        })
        .await
}

/// The token's session is locked first, so that two exchanges come one after the other.
async fn presented(connection: &mut Connection, token: &[u8; 32]) -> Result<Option<Presented>, DbError> {
    diesel::sql_query(
        "SELECT id FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) FOR UPDATE",
    )
    .bind::<Bytea, _>(token.as_slice())
    .execute(&mut *connection)
    .await?;
    Ok(diesel::sql_query(
        "SELECT session_id, moderator_id, ended_at IS NULL AND expires_at > now() AS open, \
           used_at IS NULL AND NOT EXISTS (SELECT FROM refresh_tokens AS sibling \
             WHERE sibling.parent = token.parent AND sibling.used_at IS NOT NULL) AS fresh, \
           used_at IS NOT NULL AND used_at > now() - make_interval(secs => $2) AND NOT EXISTS \
             (SELECT FROM refresh_tokens AS child WHERE child.parent = token.hash AND child.used_at IS NOT NULL) \
             AS answer_lost \
         FROM refresh_tokens AS token JOIN sessions ON sessions.id = session_id WHERE hash = $1",
    )
    .bind::<Bytea, _>(token.as_slice())
    .bind::<diesel::sql_types::Double, _>(f64::from(LOST_ANSWER_SECONDS))
    .get_result(connection)
    .await
    .optional()?)
}

async fn add_token(
    connection: &mut Connection,
    session: Uuid,
    token: &[u8; 32],
    parent: Option<&[u8; 32]>,
) -> Result<(), DbError> {
    diesel::sql_query("INSERT INTO refresh_tokens (hash, session_id, parent) VALUES ($1, $2, $3)")
        .bind::<Bytea, _>(token.as_slice())
        .bind::<SqlUuid, _>(session)
        .bind::<Nullable<Bytea>, _>(parent.map(<[u8; 32]>::as_slice))
        .execute(connection)
        .await?;
    Ok(())
}

async fn end_session(connection: &mut Connection, session: Uuid, because: &str) -> Result<(), DbError> {
    diesel::sql_query("UPDATE sessions SET ended_at = now(), ended_because = $2 WHERE id = $1 AND ended_at IS NULL")
        .bind::<SqlUuid, _>(session)
        .bind::<Text, _>(because)
        .execute(connection)
        .await?;
    Ok(())
}

async fn end_all_sessions(connection: &mut Connection, account: Uuid, because: &str) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE sessions SET ended_at = now(), ended_because = $2 WHERE moderator_id = $1 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Text, _>(because)
    .execute(connection)
    .await?;
    Ok(())
}

async fn record(
    connection: &mut Connection,
    account: Uuid,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: Some(account), campaign: None, action, details }).await
}

/// Ends the session of somebody who signs out.
///
/// # Errors
/// Those of the database.
pub async fn logout(connection: &mut Connection, who: &Who) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            end_session(connection, who.session, "logout").await?;
            record(connection, who.id, "session.logout", json!({ "session": who.session })).await
        })
        .await
}

/// Adds an account for the operator. `campaigns` are ids.
///
/// # Errors
/// [`DbError::Constraint`] when the login is taken or has a form it can't have.
pub async fn add(
    connection: &mut Connection,
    login: &str,
    role: Role,
    password_hash: &str,
    campaigns: &[Uuid],
) -> Result<Uuid, DbError> {
    let id = Uuid::now_v7();
    connection
        .transaction(async |connection| {
            diesel::insert_into(moderators::table)
                .values((
                    moderators::id.eq(id),
                    moderators::login.eq(login),
                    moderators::role.eq(role.as_str()),
                    moderators::password_hash.eq(password_hash),
                ))
                .execute(connection)
                .await?;
            let rows: Vec<_> = campaigns
                .iter()
                .map(|campaign| {
                    (moderator_campaigns::moderator_id.eq(id), moderator_campaigns::campaign_id.eq(*campaign))
                })
                .collect();
            diesel::insert_into(moderator_campaigns::table).values(rows).execute(connection).await?;
            let details = json!({ "account": id, "login": login, "role": role, "campaigns": campaigns });
            operator(connection, "moderator.add", details).await
        })
        .await?;
    Ok(id)
}

async fn operator(
    connection: &mut Connection,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: None, campaign: None, action, details }).await
}

/// Every account, by login.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection) -> Result<Vec<Account>, DbError> {
    let rows: Vec<(Uuid, String, String, bool)> = moderators::table
        .order(moderators::login)
        .select((moderators::id, moderators::login, moderators::role, moderators::disabled_at.is_not_null()))
        .load(&mut *connection)
        .await?;
    let mut accounts = Vec::with_capacity(rows.len());
    for (id, login, role, disabled) in rows {
        let role = Role::parse(&role).ok_or(DbError::Defect("an unknown role is stored"))?;
        let campaigns = campaigns_of(connection, id).await?.into_iter().map(|(_, slug)| slug).collect();
        accounts.push(Account { id, login, role, disabled, campaigns });
    }
    Ok(accounts)
}

/// Closes an account and ends its sessions. False when there is none with this login.
///
/// # Errors
/// Those of the database.
pub async fn disable(connection: &mut Connection, login: &str) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            let Some(account) = credentials(connection, login).await? else { return Ok(false) };
            diesel::update(moderators::table.find(account.id))
                .set(moderators::disabled_at.eq(diesel::dsl::now))
                .execute(connection)
                .await?;
            end_all_sessions(connection, account.id, "disabled").await?;
            operator(connection, "moderator.disable", json!({ "account": account.id, "login": login })).await?;
            Ok(true)
        })
        .await
}

/// Sets a new password and ends the account's sessions. False when there is none with this login.
///
/// # Errors
/// Those of the database.
pub async fn set_password(connection: &mut Connection, login: &str, password_hash: &str) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            let Some(account) = credentials(connection, login).await? else { return Ok(false) };
            diesel::update(moderators::table.find(account.id))
                .set(moderators::password_hash.eq(password_hash))
                .execute(connection)
                .await?;
            end_all_sessions(connection, account.id, "password").await?;
            operator(connection, "moderator.reset_password", json!({ "account": account.id, "login": login })).await?;
            Ok(true)
        })
        .await
}
