//! The shelf of the months. Names of parts come from the catalogue and have one of two forms.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{BigInt, Bytea, Date, Integer, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;

use super::Dropped;
use crate::{
    audit::{Entry, chain::hex, store::record},
    db::{Connection, DbError},
};

/// Where everything goes that has no month of its own.
const ELSE: &str = "audit_log_default";

/// Makes this month and the next three, where they are missing, and says how many it made. The service's role may.
///
/// # Errors
/// Those of the database. Who is in the way is no error: it is tried again at the next run.
pub async fn make(connection: &mut Connection) -> Result<i32, DbError> {
    #[derive(QueryableByName)]
    struct Made {
        #[diesel(sql_type = Integer)]
        made: i32,
    }
    let made: Made = diesel::sql_query("SELECT audit_log_make_months() AS made").get_result(connection).await?;
    Ok(made.made)
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    part: String,
}

/// The parts of months that ended so many months before this one, the oldest first; what is outside of the months, once all of
/// it is as old, last.
///
/// # Errors
/// Those of the database.
pub async fn old(connection: &mut Connection, months: i32) -> Result<Vec<String>, DbError> {
    let parts: Vec<Part> = diesel::sql_query(
        "WITH limits AS (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => $1) AS before) \
         SELECT relname::text AS part FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid, limits \
         WHERE inhparent = 'audit_log'::regclass AND CASE \
           WHEN relname = 'audit_log_default' \
             THEN (SELECT max(at) FROM audit_log_default) < before AT TIME ZONE 'UTC' \
           WHEN relname ~ '^audit_log_[0-9]{4}_[0-9]{2}$' THEN to_date(right(relname, 7), 'YYYY_MM') < before \
           ELSE false END ORDER BY relname COLLATE \"C\"",
    )
    .bind::<Integer, _>(months)
    .load(connection)
    .await?;
    Ok(parts.into_iter().map(|part| part.part).collect())
}

#[derive(QueryableByName)]
struct Overdue {
    #[diesel(sql_type = Date)]
    month: NaiveDate,
    #[diesel(sql_type = BigInt)]
    entries: i64,
}

/// What [`old`] would name `days_late` days ago, or as of a time: months with what is in them. The service's role may ask. Walks over
/// the log.
///
/// # Errors
/// Those of the database.
pub async fn due(
    connection: &mut Connection,
    months: i32,
    as_of: Option<DateTime<Utc>>,
    days_late: i32,
) -> Result<Vec<Dropped>, DbError> {
    let due: Vec<Overdue> = diesel::sql_query(
        "SELECT date_trunc('month', min(at) AT TIME ZONE 'UTC')::date AS month, count(*) AS entries FROM audit_log GROUP BY tableoid \
         HAVING max(at) < (date_trunc('month', (coalesce($2, now()) - make_interval(days => $3)) AT TIME ZONE 'UTC') \
           - make_interval(months => $1)) AT TIME ZONE 'UTC' ORDER BY month",
    )
    .bind::<Integer, _>(months)
    .bind::<Nullable<Timestamptz>, _>(as_of)
    .bind::<Integer, _>(days_late)
    .load(connection)
    .await?;
    Ok(due.into_iter().map(|Overdue { month, entries }| Dropped { month, entries }).collect())
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Date)]
    month: NaiveDate,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    entries: i64,
}

/// How dropping a part locks: in the order in which actions do, and for a moment only, because behind it everybody who signs in waits.
const LOCK: &str = "SET LOCAL lock_timeout = '200ms'; LOCK TABLE moderators, campaigns IN ACCESS EXCLUSIVE MODE; \
     LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE";

/// That nobody is in the way of dropping a part: a dump, an export.
///
/// # Errors
/// [`DbError::Unavailable`] when somebody is. And others of the database.
pub async fn nobody_in_the_way(connection: &mut Connection) -> Result<(), DbError> {
    connection.transaction(async |connection| Ok(connection.batch_execute(LOCK).await?)).await
}

/// Drops a part after its checkpoint, on record, in one transaction. None: it is empty and has no month to keep, or something in
/// it is younger.
///
/// # Errors
/// [`DbError::Unavailable`] when somebody was in the way: try again. And others of the database.
pub async fn drop_part(connection: &mut Connection, part: &str, months: i32) -> Result<Option<Dropped>, DbError> {
    connection
        .transaction(async |connection| {
            connection.batch_execute(LOCK).await?;
            // Another instance may have dropped it meanwhile.
            let there = diesel::sql_query("SELECT relname::text AS part FROM pg_class WHERE oid = to_regclass($1)");
            let there: Option<Part> = there.bind::<Text, _>(part).get_result(&mut *connection).await.optional()?;
            if there.is_none() {
                return Ok(None);
            }
            let held: Option<Held> = diesel::sql_query(format!(
                "SELECT date_trunc('month', min(at) AT TIME ZONE 'UTC')::date AS month, count(*) AS entries, \
                   max(number) AS number, (SELECT hash FROM {part} ORDER BY number DESC LIMIT 1) AS hash FROM {part} \
                 HAVING max(at) < (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => $1)) \
                   AT TIME ZONE 'UTC'"
            ))
            .bind::<Integer, _>(months)
            .get_result(&mut *connection)
            .await
            .optional()?;
            let Some(held) = held else {
                if part != ELSE {
                    drop_if_empty(connection, part).await?;
                }
                return Ok(None);
            };
            keep(connection, &held).await?;
            connection.batch_execute(&format!("DROP TABLE {part}")).await?;
            if part == ELSE {
                connection
                    .batch_execute(
                        "CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT; \
                         CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log_default \
                           FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()",
                    )
                    .await?;
            }
            let details =
                json!({ "month": held.month, "entries": held.entries, "number": held.number, "hash": hex(&held.hash) });
            record(connection, Entry { moderator: None, campaign: None, action: "audit.drop", details }).await?;
            Ok(Some(Dropped { month: held.month, entries: held.entries }))
        })
        .await
}

/// A month in which nothing happened needs no checkpoint.
async fn drop_if_empty(connection: &mut Connection, part: &str) -> Result<(), DbError> {
    let any: Option<Part> = diesel::sql_query(format!("SELECT 'any'::text AS part FROM {part} LIMIT 1"))
        .get_result(&mut *connection)
        .await
        .optional()?;
    if any.is_none() {
        connection.batch_execute(&format!("DROP TABLE {part}")).await?;
    }
    Ok(())
}

/// Writes the checkpoint. Numbers of one never are below those of the one before: a transaction may have begun in the old month
/// and have ended in the new one.
async fn keep(connection: &mut Connection, held: &Held) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO audit_checkpoints (month, number, hash, entries) \
         SELECT coalesce((SELECT max(month) + 1 FROM audit_checkpoints WHERE month >= $1 \
             AND month < $1 + interval '1 month'), $1), last.number, last.hash, $4 \
         FROM (SELECT $2 AS number, $3 AS hash UNION ALL SELECT number, hash FROM audit_checkpoints \
           ORDER BY number DESC LIMIT 1) AS last",
    )
    .bind::<Date, _>(held.month)
    .bind::<BigInt, _>(held.number)
    .bind::<Bytea, _>(&held.hash)
    .bind::<BigInt, _>(held.entries)
    .execute(connection)
    .await?;
    Ok(())
}
