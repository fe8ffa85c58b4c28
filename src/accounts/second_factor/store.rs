//! The shelf of second factors and recovery codes.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, NullableExpressionMethods, OptionalExtension, QueryDsl,
    QueryableByName,
    dsl::{IntervalDsl, now},
    sql_types::{Array, BigInt, Bytea, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{OFFER_MINUTES, Proof, Standing};
use crate::{
    accounts::{
        Who,
        sessions::store::{end_others, proved, proved_until},
        store::record,
    },
    db::{
        Connection, DbError,
        schema::{recovery_codes, second_factors},
    },
};

/// Spends a proof: None when it was spent before, by whichever instance, or isn't enough. Belongs in the transaction of
/// what it is for.
///
/// # Errors
/// Those of the database.
pub async fn spend(connection: &mut Connection, account: Uuid, proof: &Proof) -> Result<Option<Spent>, DbError> {
    let (spent, left) = match proof {
        Proof::Password => {
            let factor = second_factors::table.find(account).filter(second_factors::since.is_not_null());
            let factor: Option<Uuid> =
                factor.select(second_factors::moderator_id).first(connection).await.optional()?;
            (usize::from(factor.is_none()), None)
        }
        // Whoever comes second waits for the first one's commit, and then finds the step spent.
        Proof::Step { step, sealed } => {
            let before = second_factors::table
                .find(account)
                .filter(second_factors::last_step.lt(*step).and(second_factors::since.is_not_null()));
            let spend = diesel::update(before)
                .set((second_factors::last_step.eq(*step), second_factors::sealed.eq(sealed.as_slice())));
            (spend.execute(connection).await?, None)
        }
        Proof::Recovery(hash) => {
            let unused =
                recovery_codes::table.find((account, hash.as_slice())).filter(recovery_codes::used_at.is_null());
            let spent = diesel::update(unused).set(recovery_codes::used_at.eq(now)).execute(&mut *connection).await?;
            (spent, Some(codes_left(connection, account).await?))
        }
    };
    Ok((spent > 0).then_some(Spent { codes_left: left }))
}

/// A proof that was spent, and is not on record yet.
#[must_use = "a recovery code that was spent goes on record"]
pub struct Spent {
    /// How many recovery codes are left, when it was one.
    codes_left: Option<i64>,
}

impl Spent {
    /// Puts it on record, if it was a recovery code. Belongs in the same transaction, behind what locks rows.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record(&self, connection: &mut Connection, account: Uuid) -> Result<(), DbError> {
        match self.codes_left {
            Some(left) => record(connection, account, "account.recovery_code", json!({ "left": left })).await,
            None => Ok(()),
        }
    }
}

/// Puts on record that a code was refused to somebody who had the password.
///
/// # Errors
/// Those of the database.
pub async fn refused(connection: &mut Connection, account: Uuid) -> Result<(), DbError> {
    record(connection, account, "session.code_refused", json!({})).await
}

async fn codes_left(connection: &mut Connection, account: Uuid) -> Result<i64, DbError> {
    let unused =
        recovery_codes::table.filter(recovery_codes::moderator_id.eq(account).and(recovery_codes::used_at.is_null()));
    Ok(unused.count().get_result(connection).await?)
}

/// What is known of somebody's second factor.
///
/// # Errors
/// Those of the database.
pub async fn standing(connection: &mut Connection, who: &Who) -> Result<Standing, DbError> {
    let since = second_factors::table.find(who.id).select(second_factors::since).first(connection).await.optional()?;
    Ok(Standing {
        since: since.flatten(),
        codes_left: codes_left(connection, who.id).await?,
        proved_until: proved_until(connection, who.session).await?,
    })
}

/// Keeps an offered secret.
///
/// # Errors
/// Those of the database.
pub async fn offer(connection: &mut Connection, who: &Who, sealed: &[u8]) -> Result<(), DbError> {
    let offered = (second_factors::offered.eq(sealed), second_factors::offered_at.eq(now));
    connection
        .transaction(async |connection| {
            diesel::insert_into(second_factors::table)
                .values((second_factors::moderator_id.eq(who.id), offered))
                .on_conflict(second_factors::moderator_id)
                .do_update()
                .set(offered)
                .execute(&mut *connection)
                .await?;
            record(connection, who.id, "account.totp_offer", json!({ "session": who.session })).await
        })
        .await
}

/// The secret that was offered lately.
///
/// # Errors
/// Those of the database.
pub async fn offered(connection: &mut Connection, account: Uuid) -> Result<Option<Vec<u8>>, DbError> {
    let lately = second_factors::offered_at.gt((now.into_sql::<Timestamptz>() - OFFER_MINUTES.minutes()).nullable());
    let offered: Option<Option<Vec<u8>>> = second_factors::table
        .find(account)
        .filter(lately)
        .select(second_factors::offered)
        .first(connection)
        .await
        .optional()?;
    Ok(offered.flatten())
}

/// Lets the offered secret hold, with new recovery codes, and ends other sessions. False when it isn't the offered one any more.
///
/// # Errors
/// Those of the database.
pub async fn confirm(
    connection: &mut Connection,
    who: &Who,
    offered: &[u8],
    step: i64,
    codes: &[Vec<u8>],
) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            let held = diesel::sql_query(
                "UPDATE second_factors SET sealed = offered, since = now(), last_step = $3, offered = NULL, \
                   offered_at = NULL WHERE moderator_id = $1 AND offered = $2",
            )
            .bind::<SqlUuid, _>(who.id)
            .bind::<Bytea, _>(offered)
            .bind::<BigInt, _>(step)
            .execute(&mut *connection)
            .await?;
            if held == 0 {
                return Ok(false);
            }
            replace_codes(connection, who.id, codes).await?;
            end_others(connection, who, "second_factor").await?;
            record(connection, who.id, "account.totp", json!({ "session": who.session })).await?;
            Ok(true)
        })
        .await
}

/// Gives an account a second factor at once; the caller has checked a code of it, and puts it on record.
///
/// # Errors
/// Those of the database.
pub async fn put(
    connection: &mut Connection,
    account: Uuid,
    sealed: &[u8],
    step: i64,
    codes: &[Vec<u8>],
) -> Result<(), DbError> {
    diesel::insert_into(second_factors::table)
        .values((
            second_factors::moderator_id.eq(account),
            second_factors::sealed.eq(sealed),
            second_factors::since.eq(now),
            second_factors::last_step.eq(step),
        ))
        .execute(&mut *connection)
        .await?;
    replace_codes(connection, account, codes).await
}

async fn replace_codes(connection: &mut Connection, account: Uuid, codes: &[Vec<u8>]) -> Result<(), DbError> {
    let old = recovery_codes::table.filter(recovery_codes::moderator_id.eq(account));
    diesel::delete(old).execute(&mut *connection).await?;
    diesel::sql_query("INSERT INTO recovery_codes (moderator_id, hash) SELECT $1, unnest($2)")
        .bind::<SqlUuid, _>(account)
        .bind::<Array<Bytea>, _>(codes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces the recovery codes.
///
/// # Errors
/// Those of the database.
pub async fn new_codes(connection: &mut Connection, who: &Who, codes: &[Vec<u8>]) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            replace_codes(connection, who.id, codes).await?;
            record(connection, who.id, "account.recovery_codes", json!({ "session": who.session })).await
        })
        .await
}

/// Takes the second factor off an account, and the recovery codes. Belongs in the transaction of what it is for.
///
/// # Errors
/// Those of the database.
pub async fn remove(connection: &mut Connection, account: Uuid) -> Result<(), DbError> {
    diesel::delete(second_factors::table.find(account)).execute(&mut *connection).await?;
    let codes = recovery_codes::table.filter(recovery_codes::moderator_id.eq(account));
    diesel::delete(codes).execute(connection).await?;
    Ok(())
}

/// Takes off one's own, and ends the other sessions.
///
/// # Errors
/// Those of the database.
pub async fn take_off(connection: &mut Connection, who: &Who) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            remove(connection, who.id).await?;
            end_others(connection, who, "second_factor").await?;
            record(connection, who.id, "account.totp_off", json!({ "session": who.session })).await
        })
        .await
}

#[derive(QueryableByName)]
struct Sealed {
    #[diesel(sql_type = Bytea)]
    key_id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    factors: i64,
}

/// How many second factors there are by key id, with which what is sealed begins.
///
/// # Errors
/// Those of the database.
pub async fn factors_by_key(connection: &mut Connection) -> Result<Vec<(Vec<u8>, i64)>, DbError> {
    let rows: Vec<Sealed> = diesel::sql_query(
        "SELECT substring(sealed FROM 1 FOR 4) AS key_id, count(*) AS factors FROM second_factors \
         WHERE sealed IS NOT NULL GROUP BY 1",
    )
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.factors)).collect())
}

/// Spends a proof for a session, which is proved by it. None when it was spent before.
///
/// # Errors
/// Those of the database.
pub async fn prove(connection: &mut Connection, who: &Who, proof: &Proof) -> Result<Option<DateTime<Utc>>, DbError> {
    connection
        .transaction(async |connection| {
            let Some(spent) = spend(connection, who.id, proof).await? else { return Ok(None) };
            let until = proved(connection, who).await?;
            spent.record(connection, who.id).await?;
            Ok(Some(until))
        })
        .await
}
