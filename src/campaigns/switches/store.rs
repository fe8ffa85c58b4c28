//! The shelf of switches. A switch is on by the database's clock, from its row until its end or until it is switched off.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Switch;
use crate::{
    audit::{self, Entry},
    db::{Connection, DbError},
};

/// Days for which one that has ended is listed.
const LISTED_DAYS: i32 = 30;

/// Those that are listed at the most.
const LISTED: i32 = 500;

/// Which switch.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Of which campaign.
    pub campaign: Uuid,
    /// Which.
    pub switch: Switch,
    /// Of which partner, for one that is of a partner.
    pub partner: Option<Uuid>,
}

/// A switch that is or was on.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which.
    pub switch: Switch,
    /// Of which partner.
    pub partner: Option<Uuid>,
    /// Whether it is on at this moment.
    pub is_on: bool,
    /// Why, in the words of who switched it on.
    pub reason: String,
    /// Login of who did; None: the operator.
    pub by: Option<String>,
    /// Since when.
    pub on_at: DateTime<Utc>,
    /// When it ends, or ended: by itself, by hand, or because it was switched on again.
    pub ends_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    switch: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    partner_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    is_on: bool,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Text>)]
    login: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    on_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    ends_at: DateTime<Utc>,
}

impl TryFrom<Row> for Standing {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            switch: read(&row.switch)?,
            partner: row.partner_id,
            is_on: row.is_on,
            reason: row.reason,
            by: row.login,
            on_at: row.on_at,
            ends_at: row.ends_at,
        })
    }
}

fn read(switch: &str) -> Result<Switch, DbError> {
    Switch::parse(switch).ok_or(DbError::Defect("a switch can't be read"))
}

/// Switches on for so many hours from now. One that is on already is on for these hours instead, for this reason. `moderator`: who
/// does it; None: the operator.
///
/// # Errors
/// [`DbError::NotFound`] when the campaign has no such partner, and those of the database.
pub async fn on(
    connection: &mut Connection,
    target: Target,
    hours: i32,
    reason: &str,
    moderator: Option<Uuid>,
) -> Result<Standing, DbError> {
    connection
        .transaction(async |connection| {
            end(connection, target).await?;
            diesel::sql_query(
                "INSERT INTO campaign_switches (id, campaign_id, switch, partner_id, reason, moderator_id, ends_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 hour')",
            )
            .bind::<SqlUuid, _>(Uuid::now_v7())
            .bind::<SqlUuid, _>(target.campaign)
            .bind::<Text, _>(target.switch.as_str())
            .bind::<Nullable<SqlUuid>, _>(target.partner)
            .bind::<Text, _>(reason)
            .bind::<Nullable<SqlUuid>, _>(moderator)
            .bind::<Integer, _>(hours)
            .execute(&mut *connection)
            .await?;
            let row: Row = diesel::sql_query(format!("{SELECT} {OF_TARGET}"))
                .bind::<SqlUuid, _>(target.campaign)
                .bind::<Text, _>(target.switch.as_str())
                .bind::<Nullable<SqlUuid>, _>(target.partner)
                .get_result(&mut *connection)
                .await?;
            let standing = Standing::try_from(row)?;
            let details = json!({
                "switch": target.switch.as_str(), "partner": target.partner, "hours": hours, "until": standing.ends_at,
                "reason": reason,
            });
            record(connection, target, moderator, "switch.on", details).await?;
            Ok(standing)
        })
        .await
}

/// Switches off, and says whether it was on.
///
/// # Errors
/// [`DbError::NotFound`] when the campaign has no such partner, and those of the database.
pub async fn off(connection: &mut Connection, target: Target, moderator: Option<Uuid>) -> Result<bool, DbError> {
    connection
        .transaction(async |connection| {
            let was_on = end(connection, target).await?;
            if was_on {
                let details = json!({ "switch": target.switch.as_str(), "partner": target.partner });
                record(connection, target, moderator, "switch.off", details).await?;
            }
            Ok(was_on)
        })
        .await
}

const SELECT: &str = "SELECT switch, partner_id, off_at IS NULL AND ends_at > now() AS is_on, reason, login, on_at, \
       least(off_at, ends_at) AS ends_at \
     FROM campaign_switches LEFT JOIN moderators ON moderators.id = moderator_id WHERE campaign_id = $1";

const OF_TARGET: &str = "AND switch = $2 AND partner_id IS NOT DISTINCT FROM $3 AND off_at IS NULL";

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Ends the row of a switch, and says whether it was on. Others who switch something of the campaign wait until this commits.
async fn end(connection: &mut Connection, target: Target) -> Result<bool, DbError> {
    diesel::sql_query(
        "SELECT true AS yes FROM campaigns WHERE id = $1 AND ($2 IS NULL \
           OR EXISTS (SELECT FROM partners WHERE id = $2 AND campaign_id = $1)) FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(target.campaign)
    .bind::<Nullable<SqlUuid>, _>(target.partner)
    .get_result::<Yes>(&mut *connection)
    .await?;
    let ended: Option<Yes> = diesel::sql_query(format!(
        "UPDATE campaign_switches SET off_at = least(ends_at, now()) WHERE campaign_id = $1 {OF_TARGET} \
         RETURNING ends_at > now() AS yes"
    ))
    .bind::<SqlUuid, _>(target.campaign)
    .bind::<Text, _>(target.switch.as_str())
    .bind::<Nullable<SqlUuid>, _>(target.partner)
    .get_result(connection)
    .await
    .optional()?;
    Ok(ended.is_some_and(|ended| ended.yes))
}

/// A campaign's switches that are on, and those that were in the last thirty days, newest first.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Standing>, DbError> {
    let sql = format!("{SELECT} ORDER BY campaign_switches.id DESC LIMIT $2");
    let rows: Vec<Row> =
        diesel::sql_query(sql).bind::<SqlUuid, _>(campaign).bind::<Integer, _>(LISTED).get_results(connection).await?;
    rows.into_iter().map(Standing::try_from).collect()
}

#[derive(QueryableByName)]
struct On {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    switch: String,
}

/// What is on at this moment, of every campaign.
///
/// # Errors
/// Those of the database.
pub async fn in_force(connection: &mut Connection) -> Result<Vec<(Uuid, Switch)>, DbError> {
    let rows: Vec<On> =
        diesel::sql_query("SELECT campaign_id, switch FROM campaign_switches WHERE off_at IS NULL AND ends_at > now()")
            .get_results(connection)
            .await?;
    rows.into_iter().map(|row| Ok((row.campaign_id, read(&row.switch)?))).collect()
}

/// Forgets those that ended long ago.
///
/// # Errors
/// Those of the database.
pub async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    diesel::sql_query("DELETE FROM campaign_switches WHERE least(off_at, ends_at) < now() - $1 * interval '1 day'")
        .bind::<Integer, _>(LISTED_DAYS)
        .execute(connection)
        .await?;
    Ok(())
}

async fn record(
    connection: &mut Connection,
    target: Target,
    moderator: Option<Uuid>,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator, campaign: Some(target.campaign), action, details }).await
}
