//! The shelf of what became of submissions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, QueryDsl, Queryable,
    dsl::{IntervalDsl, now},
    sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::{
    Connection, DbError,
    schema::{partner_hours, partners},
};

/// Days that are read: a week is told, and each of its hours judged by the week before.
const READ_DAYS: i32 = 14;

/// Days that hours are kept for.
const KEPT_DAYS: i32 = 15;

/// Submissions of one hour with one outcome.
#[derive(Clone, Debug, Queryable)]
pub struct Row {
    /// Beginning of the hour.
    pub hour: DateTime<Utc>,
    /// [`super::ACCEPTED`], or the code of a problem.
    pub outcome: String,
    /// How many.
    pub amount: i64,
    /// When the last came.
    pub last_at: DateTime<Utc>,
}

/// Adds to the present hour: partner, whether a trial, outcome, amount. Rows of partners that are gone are left out.
///
/// # Errors
/// Those of the database.
pub async fn add(connection: &mut Connection, rows: &[(Uuid, bool, &'static str, i64)]) -> Result<(), DbError> {
    diesel::sql_query(
        "INSERT INTO partner_hours (partner_id, hour, test, outcome, amount, last_at) \
         SELECT partner_id, date_trunc('hour', now(), 'UTC'), test, outcome, amount, now() \
         FROM unnest($1, $2, $3, $4) AS given (partner_id, test, outcome, amount) \
         WHERE EXISTS (SELECT FROM partners WHERE id = partner_id) ORDER BY 1, 3, 4 \
         ON CONFLICT (partner_id, hour, test, outcome) \
         DO UPDATE SET amount = partner_hours.amount + excluded.amount, last_at = excluded.last_at",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(rows.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.3).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What became of a partner's submissions in the last two weeks, and of its trials, by hour; and what the time is.
///
/// # Errors
/// Those of the database.
pub async fn week(
    connection: &mut Connection,
    partner: Uuid,
    test: bool,
) -> Result<(Vec<Row>, DateTime<Utc>), DbError> {
    let rows = partner_hours::table
        .filter(partner_hours::partner_id.eq(partner).and(partner_hours::test.eq(test)))
        .filter(partner_hours::hour.gt(now.into_sql::<Timestamptz>() - READ_DAYS.days()))
        .select((partner_hours::hour, partner_hours::outcome, partner_hours::amount, partner_hours::last_at))
        .load(connection)
        .await?;
    let at = diesel::select(now.into_sql::<Timestamptz>()).get_result(connection).await?;
    Ok((rows, at))
}

/// What became of the submissions of all of a campaign's partners in the last two weeks, trials left out; and what the time is.
///
/// # Errors
/// Those of the database.
pub async fn weeks(
    connection: &mut Connection,
    campaign: Uuid,
) -> Result<(HashMap<Uuid, Vec<Row>>, DateTime<Utc>), DbError> {
    let rows: Vec<(Uuid, Row)> = partner_hours::table
        .filter(
            partner_hours::partner_id
                .eq_any(partners::table.filter(partners::campaign_id.eq(campaign)).select(partners::id)),
        )
        .filter(partner_hours::test.eq(false))
        .filter(partner_hours::hour.gt(now.into_sql::<Timestamptz>() - READ_DAYS.days()))
        .select((
            partner_hours::partner_id,
            (partner_hours::hour, partner_hours::outcome, partner_hours::amount, partner_hours::last_at),
        ))
        .load(connection)
        .await?;
    let mut weeks: HashMap<Uuid, Vec<Row>> = HashMap::new();
    for (partner, row) in rows {
        weeks.entry(partner).or_default().push(row);
    }
    let at = diesel::select(now.into_sql::<Timestamptz>()).get_result(connection).await?;
    Ok((weeks, at))
}

/// Forgets hours that nobody needs any more.
///
/// # Errors
/// Those of the database.
pub async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    let old = partner_hours::table.filter(partner_hours::hour.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()));
    diesel::delete(old).execute(connection).await?;
    Ok(())
}
