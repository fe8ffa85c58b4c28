//! The shelf of managed accounts.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Change, Changed, Managed, PerDay};
use crate::{
    accounts::{
        Role, Seat, Who, invitations, organised,
        sessions::store::end_all,
        store::{campaigns_of_each, record_by, set_campaigns},
    },
    db::{Connection, DbError},
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    login: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    disabled_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    second_factor: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Integer>)]
    removals_per_day: Option<i32>,
    #[diesel(sql_type = BigInt)]
    removed_today: i64,
}

impl Row {
    fn read(self, campaigns: Vec<Seat>) -> Result<Managed, DbError> {
        Ok(Managed {
            id: self.id,
            login: self.login,
            role: role(&self.role)?,
            campaigns,
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            second_factor: self.second_factor,
            used_at: self.used_at,
            removals_per_day: self.removals_per_day,
            removed_today: self.removed_today,
        })
    }
}

fn role(text: &str) -> Result<Role, DbError> {
    Role::parse(text).ok_or(DbError::Defect("an unknown role is stored"))
}

/// Every account by login, or one.
///
/// # Errors
/// Those of the database.
pub async fn list(connection: &mut Connection, only: Option<Uuid>) -> Result<Vec<Managed>, DbError> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT id, login, role, created_at, disabled_at, removals_per_day, \
           EXISTS (SELECT FROM second_factors WHERE moderator_id = moderators.id AND since IS NOT NULL) AS second_factor, \
           (SELECT max(last_used_at) FROM sessions WHERE moderator_id = moderators.id) AS used_at, \
           coalesce((SELECT pledges FROM removal_counts WHERE moderator_id = moderators.id \
             AND day = (now() AT TIME ZONE 'UTC')::date), 0) AS removed_today \
         FROM moderators WHERE id = coalesce($1, id) ORDER BY login",
    )
    .bind::<Nullable<SqlUuid>, _>(only)
    .get_results(&mut *connection)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut seats = campaigns_of_each(connection, &ids).await?;
    let read = |row: Row| {
        let campaigns = seats.remove(&row.id).unwrap_or_default();
        row.read(campaigns)
    };
    rows.into_iter().map(read).collect()
}

/// Makes sure that there is such an account.
///
/// # Errors
/// [`DbError::NotFound`], and others of the database.
pub async fn exists(connection: &mut Connection, account: Uuid) -> Result<(), DbError> {
    let found = diesel::sql_query("SELECT FROM moderators WHERE id = $1").bind::<SqlUuid, _>(account);
    if found.execute(connection).await? > 0 { Ok(()) } else { Err(DbError::NotFound) }
}

/// Holds the account and the one of who changes it, so that two who change each other come one after the other, and the second
/// may be no admin any more.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such account, [`DbError::Conflict`] when who changes it may not any more, and others of
/// the database.
pub async fn lock(connection: &mut Connection, by: Option<&Who>, account: Uuid) -> Result<(), DbError> {
    let ids: Vec<Uuid> = by.map(|who| who.id).into_iter().chain([account]).collect();
    diesel::sql_query("SELECT FROM moderators WHERE id = ANY($1) ORDER BY id FOR UPDATE")
        .bind::<Array<SqlUuid>, _>(&ids)
        .execute(&mut *connection)
        .await?;
    if let Some(who) = by {
        let still = "SELECT FROM moderators WHERE id = $1 AND role = 'admin' AND disabled_at IS NULL";
        if diesel::sql_query(still).bind::<SqlUuid, _>(who.id).execute(&mut *connection).await? == 0 {
            return Err(DbError::Conflict);
        }
    }
    exists(connection, account).await
}

#[derive(QueryableByName)]
struct Voided {
    #[diesel(sql_type = Text)]
    login: String,
    #[diesel(sql_type = Text)]
    role: String,
}

/// Leaves an account without a password that is right. Its login and role.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such account or it is closed, and others of the database.
pub async fn void(connection: &mut Connection, account: Uuid) -> Result<(String, Role), DbError> {
    let voided: Option<Voided> = diesel::sql_query(
        "UPDATE moderators SET password_hash = '' WHERE id = $1 AND disabled_at IS NULL RETURNING login, role",
    )
    .bind::<SqlUuid, _>(account)
    .get_result(connection)
    .await
    .optional()?;
    let voided = voided.ok_or(DbError::NotFound)?;
    Ok((voided.login, role(&voided.role)?))
}

/// Gives an account that was reset its new password.
///
/// # Errors
/// Those of the database.
pub async fn revive(connection: &mut Connection, account: Uuid, password_hash: &str) -> Result<(), DbError> {
    diesel::sql_query("UPDATE moderators SET password_hash = $2 WHERE id = $1")
        .bind::<SqlUuid, _>(account)
        .bind::<Text, _>(password_hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Changes an account.
///
/// # Errors
/// Those of [`lock`].
pub async fn change(
    connection: &mut Connection,
    who: &Who,
    account: Uuid,
    change: &Change,
) -> Result<Changed, DbError> {
    connection
        .transaction(async |connection| {
            lock(connection, Some(who), account).await?;
            let before = one(connection, account).await?;
            let role = change.role.unwrap_or(before.role);
            let none_left = change.campaigns.as_ref().map_or(before.campaigns.is_empty(), Vec::is_empty);
            if role != Role::Admin && none_left && (change.role.is_some() || change.campaigns.is_some()) {
                return Ok(Changed::NoCampaignLeft);
            }
            let Some(seats) = seats(&before.campaigns, change) else { return Ok(Changed::NotItsCampaign) };
            diesel::sql_query(
                "UPDATE moderators SET role = $2, removals_per_day = CASE WHEN $5 THEN $3 ELSE removals_per_day END, \
                   disabled_at = CASE $4 WHEN true THEN coalesce(disabled_at, now()) WHEN false THEN NULL \
                     ELSE disabled_at END WHERE id = $1",
            )
            .bind::<SqlUuid, _>(account)
            .bind::<Text, _>(role.as_str())
            .bind::<Nullable<Integer>, _>(change.removals_per_day.and_then(PerDay::own))
            .bind::<Nullable<Bool>, _>(change.disabled)
            .bind::<Bool, _>(change.removals_per_day.is_some())
            .execute(&mut *connection)
            .await?;
            if seats != before.campaigns {
                set_campaigns(connection, account, &seats).await?;
            }
            if change.disabled == Some(true) {
                end_all(connection, account, "disabled").await?;
            }
            if change.disabled == Some(true) || role != Role::Admin {
                invitations::store::revoke_those_of(connection, account).await?;
            }
            let after = one(connection, account).await?;
            let details = json!({ "account": account, "login": after.login,
                "before": told(&before), "after": told(&after) });
            record_by(connection, Some(who), "account.change", details).await?;
            Ok(Changed::Done(after))
        })
        .await
}

/// The campaigns afterwards: those that stay are organised as before, unless something else is said. None: one that shall be
/// organised isn't among them.
fn seats(before: &[Seat], change: &Change) -> Option<Vec<Seat>> {
    let kept = |slug: &str| before.iter().any(|seat| seat.slug == slug && seat.organises);
    let mut seats = change.campaigns.clone().unwrap_or_else(|| before.to_vec());
    for seat in &mut seats {
        let said = change.organises.as_ref().map(|slugs| slugs.contains(&seat.slug));
        seat.organises = said.unwrap_or_else(|| kept(&seat.slug));
    }
    let among = |slug: &String| seats.iter().any(|seat| seat.slug == *slug);
    change.organises.iter().flatten().all(among).then_some(seats)
}

async fn one(connection: &mut Connection, account: Uuid) -> Result<Managed, DbError> {
    list(connection, Some(account)).await?.pop().ok_or(DbError::NotFound)
}

fn told(account: &Managed) -> serde_json::Value {
    let campaigns: Vec<&str> = account.campaigns.iter().map(|seat| seat.slug.as_str()).collect();
    json!({ "role": account.role, "campaigns": campaigns, "organises": organised(account.role, &account.campaigns),
        "disabled": account.disabled_at.is_some(), "removals_per_day": account.removals_per_day })
}
