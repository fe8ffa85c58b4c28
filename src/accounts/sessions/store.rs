//! The shelf of sessions and their refresh tokens.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, OptionalExtension, QueryDsl, QueryableByName,
    dsl::{IntervalDsl, exists, now},
    sql_types::{Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Agent, NewSession, Open, Which};
use crate::{
    accounts::{
        FRESH_MINUTES, Role, SESSION_HOURS, Who,
        second_factor::{self, Proof},
        store::{campaigns_of, record},
    },
    db::{
        Connection, DbError,
        schema::{moderators, second_factors, sessions},
    },
};

/// A consumed token may come again this long after its exchange, if the answer was lost.
const LOST_ANSWER_SECONDS: i32 = 60;

/// How often it is written down that a session is used, in minutes.
const USED_EVERY_MINUTES: i32 = 1;

/// Who is behind a session, if session and account are still open. That it is used is written down about once a minute.
///
/// # Errors
/// Those of the database.
pub async fn who(connection: &mut Connection, account: Uuid, session: Uuid) -> Result<Option<Who>, DbError> {
    let second_factor =
        second_factors::table.filter(second_factors::moderator_id.eq(account).and(second_factors::since.is_not_null()));
    let row: Option<(String, String, bool, bool, bool)> = sessions::table
        .inner_join(moderators::table)
        .filter(sessions::id.eq(session).and(moderators::id.eq(account)))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
        .filter(moderators::disabled_at.is_null())
        .select((
            moderators::login,
            moderators::role,
            exists(second_factor),
            sessions::proved_at.gt(now.into_sql::<Timestamptz>() - FRESH_MINUTES.minutes()),
            sessions::last_used_at.lt(now.into_sql::<Timestamptz>() - USED_EVERY_MINUTES.minutes()),
        ))
        .first(connection)
        .await
        .optional()?;
    let Some((login, role, second_factor, proved, idle)) = row else { return Ok(None) };
    let role = Role::parse(&role).ok_or(DbError::Defect("an unknown role is stored"))?;
    if idle {
        diesel::update(sessions::table.find(session)).set(sessions::last_used_at.eq(now)).execute(connection).await?;
    }
    let campaigns = campaigns_of(connection, account).await?;
    // Whoever doesn't come through a handler's `Signed` says nowhere what they want to do.
    let asked = Role::Admin;
    Ok(Some(Who { id: account, login, role, asked, session, campaigns, second_factor, proved, unfinished: false }))
}

/// Opens a session for who has proved who they are: with the password whose hash is `password_hash`, and with `proof`, which
/// is spent. None when the proof was used before, or the account was closed, got another password or a second factor
/// meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn open_after(
    connection: &mut Connection,
    session: &NewSession,
    password_hash: &str,
    proof: &Proof,
) -> Result<Option<Who>, DbError> {
    connection
        .transaction(async |connection| {
            // Whoever sets another password or closes the account waits for this, and then ends the session too.
            let still = diesel::sql_query(
                "SELECT FROM moderators WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR SHARE",
            )
            .bind::<SqlUuid, _>(session.account)
            .bind::<Text, _>(password_hash)
            .execute(&mut *connection)
            .await?;
            if still == 0 {
                return Ok(None);
            }
            let spent = second_factor::store::spend(connection, session.account, proof).await?;
            let Some(spent) = spent else { return Ok(None) };
            spent.record(connection, session.account).await?;
            open(connection, session).await
        })
        .await
}

/// Opens a session with its first refresh token. Belongs in the transaction in which it was found that it may be.
///
/// # Errors
/// Those of the database.
pub async fn open(connection: &mut Connection, session: &NewSession) -> Result<Option<Who>, DbError> {
    diesel::sql_query(
        "INSERT INTO sessions (id, moderator_id, expires_at, agent) VALUES ($1, $2, now() + make_interval(hours => $3), $4)",
    )
    .bind::<SqlUuid, _>(session.id)
    .bind::<SqlUuid, _>(session.account)
    .bind::<Integer, _>(SESSION_HOURS)
    .bind::<Text, _>(session.agent.as_str())
    .execute(&mut *connection)
    .await?;
    add_token(connection, session.id, &session.refresh_hash, None).await?;
    record(connection, session.account, "session.open", json!({ "session": session.id })).await?;
    who(connection, session.account, session.id).await
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

/// Ends every session of an account. Belongs in the transaction of what ends them.
///
/// # Errors
/// Those of the database.
pub async fn end_all(connection: &mut Connection, account: Uuid, because: &str) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE sessions SET ended_at = now(), ended_because = $2 WHERE moderator_id = $1 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(account)
    .bind::<Text, _>(because)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends every session of somebody's but the one at hand. Belongs in the transaction of what ends them.
///
/// # Errors
/// Those of the database.
pub async fn end_others(connection: &mut Connection, who: &Who, because: &str) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE sessions SET ended_at = now(), ended_because = $3 \
         WHERE moderator_id = $1 AND id <> $2 AND ended_at IS NULL",
    )
    .bind::<SqlUuid, _>(who.id)
    .bind::<SqlUuid, _>(who.session)
    .bind::<Text, _>(because)
    .execute(connection)
    .await?;
    Ok(())
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

/// Ends sessions of `account`, on record as done by `who`.
///
/// # Errors
/// [`DbError::NotFound`] when one is named that isn't open, and others of the database.
pub async fn end(
    connection: &mut Connection,
    who: &Who,
    account: Uuid,
    which: Which,
    because: &str,
) -> Result<(), DbError> {
    let (only, but) = match which {
        Which::One(session) => (Some(session), None),
        Which::AllBut(session) => (None, Some(session)),
        Which::All => (None, None),
    };
    connection
        .transaction(async |connection| {
            let ended = diesel::sql_query(
                "UPDATE sessions SET ended_at = now(), ended_because = $4 WHERE moderator_id = $1 AND ended_at IS NULL \
                 AND expires_at > now() AND id = coalesce($2, id) AND id IS DISTINCT FROM $3",
            )
            .bind::<SqlUuid, _>(account)
            .bind::<Nullable<SqlUuid>, _>(only)
            .bind::<Nullable<SqlUuid>, _>(but)
            .bind::<Text, _>(because)
            .execute(&mut *connection)
            .await?;
            if only.is_some() && ended == 0 {
                return Err(DbError::NotFound);
            }
            let details = json!({ "account": account, "session": only, "sessions": ended });
            record(connection, who.id, "session.end", details).await
        })
        .await
}

/// Whose session it is.
///
/// # Errors
/// Those of the database.
pub async fn owner(connection: &mut Connection, session: Uuid) -> Result<Option<Uuid>, DbError> {
    Ok(sessions::table.find(session).select(sessions::moderator_id).first(connection).await.optional()?)
}

/// The open sessions of an account, the one used last first.
///
/// # Errors
/// Those of the database.
pub async fn open_ones(connection: &mut Connection, account: Uuid) -> Result<Vec<Open>, DbError> {
    type Row = (Uuid, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, String);
    let rows: Vec<Row> = sessions::table
        .filter(sessions::moderator_id.eq(account))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select((sessions::id, sessions::created_at, sessions::last_used_at, sessions::expires_at, sessions::agent))
        .load(connection)
        .await?;
    let open = |(id, opened_at, used_at, expires_at, agent): Row| Open {
        id,
        opened_at,
        used_at,
        expires_at,
        agent: Agent::parse(&agent),
    };
    Ok(rows.into_iter().map(open).collect())
}

/// Writes down that a session has proved who it is.
///
/// # Errors
/// Those of the database.
pub async fn proved(connection: &mut Connection, who: &Who) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Until {
        #[diesel(sql_type = Timestamptz)]
        until: DateTime<Utc>,
    }
    connection
        .transaction(async |connection| {
            let until: Until = diesel::sql_query(
                "UPDATE sessions SET proved_at = now() WHERE id = $1 \
                 RETURNING proved_at + make_interval(mins => $2) AS until",
            )
            .bind::<SqlUuid, _>(who.session)
            .bind::<Integer, _>(FRESH_MINUTES)
            .get_result(&mut *connection)
            .await?;
            record(connection, who.id, "session.step_up", json!({ "session": who.session })).await?;
            Ok(until.until)
        })
        .await
}

/// Until when what a session has proved is fresh; in the past: it isn't.
///
/// # Errors
/// Those of the database.
pub async fn proved_until(connection: &mut Connection, session: Uuid) -> Result<DateTime<Utc>, DbError> {
    let proved: DateTime<Utc> = sessions::table.find(session).select(sessions::proved_at).first(connection).await?;
    Ok(proved + chrono::TimeDelta::minutes(FRESH_MINUTES.into()))
}
