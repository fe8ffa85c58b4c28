//! The shelf of the audit log: append and read.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, IntoSql, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    dsl::{IntervalDsl, now},
    sql_types::Timestamptz,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::{Entry, Filter, Recorded, chain::Link, verify};
use crate::db::{
    Connection, DbError,
    schema::{audit_log, campaigns, moderators},
};

type Row = (i64, DateTime<Utc>, Option<String>, Option<String>, String, Value, Vec<u8>);

/// Entries with the names of whoever and whatever they are about.
macro_rules! entries {
    () => {
        audit_log::table
            .left_join(moderators::table.on(audit_log::moderator_id.eq(moderators::id.nullable())))
            .left_join(campaigns::table.on(audit_log::campaign_id.eq(campaigns::id.nullable())))
            .select((
                audit_log::number,
                audit_log::at,
                moderators::login.nullable(),
                campaigns::slug.nullable(),
                audit_log::action,
                audit_log::details,
                audit_log::hash,
            ))
    };
}

/// Appends an entry. Belongs in the transaction of the action, as its last statement: from here to the commit everybody else
/// who appends waits, and who then waited for them would wait for ever.
///
/// # Errors
/// Those of the database; the action must then not commit.
pub async fn record(connection: &mut Connection, entry: Entry) -> Result<(), DbError> {
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::moderator_id.eq(entry.moderator),
            audit_log::campaign_id.eq(entry.campaign),
            audit_log::action.eq(entry.action),
            audit_log::details.eq(entry.details),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Entries, newest first, before the one with the number `before`.
///
/// # Errors
/// Those of the database.
pub async fn list(
    connection: &mut Connection,
    filter: Filter,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Recorded>, DbError> {
    let mut query = entries!().order(audit_log::number.desc()).limit(limit.into()).into_boxed();
    if let Some(campaign) = filter.campaign {
        query = query.filter(audit_log::campaign_id.eq(campaign));
    }
    if let Some(login) = filter.login {
        query = query.filter(moderators::login.eq(login));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_log::action.eq(action));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_log::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_log::at.lt(to));
    }
    if let Some(before) = before {
        query = query.filter(audit_log::number.lt(before));
    }
    let rows: Vec<Row> = query.load(connection).await?;
    Ok(rows.into_iter().map(recorded).collect())
}

/// Entries that [`lines`] reads at once.
const LINES: i64 = 1_000;

/// Up to 1,000 entries behind this number as parts of the chain, in order; none: this was the end. Read again and again nothing is
/// left out: who has a number commits before the next one gets its own.
///
/// # Errors
/// Those of the database.
pub async fn lines(connection: &mut Connection, number: i64) -> Result<Vec<Link>, DbError> {
    verify::store::after(connection, number, None, LINES).await
}

/// At most 1,000 entries of these actions in the last `days`, newest first.
///
/// # Errors
/// Those of the database.
pub async fn recent(connection: &mut Connection, actions: &[&str], days: i32) -> Result<Vec<Recorded>, DbError> {
    let rows: Vec<Row> = entries!()
        .filter(audit_log::action.eq_any(actions))
        .filter(audit_log::at.gt(now.into_sql::<Timestamptz>() - days.days()))
        .order(audit_log::number.desc())
        .limit(1_000)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(recorded).collect())
}

fn recorded((number, at, login, campaign, action, details, hash): Row) -> Recorded {
    Recorded { number, at, login, campaign, action, details, hash }
}
