//! The shelf of accounts.

use std::collections::HashMap;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{
    Role, Seat, Who, invitations, organised,
    sessions::store::{end_all, end_others},
};
use crate::{
    audit::{self, Entry},
    db::{
        Connection, DbError,
        schema::{campaigns, moderator_campaigns, moderators, second_factors},
    },
};

/// What a log-in is checked against.
pub struct Credentials {
    /// The account.
    pub id: Uuid,
    /// PHC string; empty: no password is right.
    pub password_hash: String,
    /// The secret of its second factor, sealed.
    pub sealed: Option<Vec<u8>>,
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
    /// Its campaigns.
    pub campaigns: Vec<Seat>,
}

macro_rules! credentials {
    () => {
        moderators::table.left_join(second_factors::table.on(second_factors::moderator_id.eq(moderators::id))).select((
            moderators::id,
            moderators::password_hash,
            moderators::disabled_at.is_not_null(),
            second_factors::sealed.nullable(),
        ))
    };
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
    let row = credentials!().filter(moderators::login.eq(login)).first(connection).await.optional()?;
    Ok(row.map(read))
}

/// The credentials of an account.
///
/// # Errors
/// Those of the database.
pub async fn credentials_of(connection: &mut Connection, account: Uuid) -> Result<Option<Credentials>, DbError> {
    let row = credentials!().filter(moderators::id.eq(account)).first(connection).await.optional()?;
    Ok(row.map(read))
}

fn read((id, password_hash, disabled, sealed): (Uuid, String, bool, Option<Vec<u8>>)) -> Credentials {
    Credentials { id, password_hash, sealed, disabled }
}

/// The campaigns that an account may see, by slug, besides those that its role lets it.
///
/// # Errors
/// Those of the database.
pub async fn campaigns_of(connection: &mut Connection, account: Uuid) -> Result<Vec<Seat>, DbError> {
    Ok(campaigns_of_each(connection, &[account]).await?.remove(&account).unwrap_or_default())
}

/// The same of several accounts; those that have none are left out.
///
/// # Errors
/// Those of the database.
pub async fn campaigns_of_each(
    connection: &mut Connection,
    accounts: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Seat>>, DbError> {
    let rows: Vec<(Uuid, Uuid, String, bool)> = moderator_campaigns::table
        .inner_join(campaigns::table.on(campaigns::id.eq(moderator_campaigns::campaign_id)))
        .filter(moderator_campaigns::moderator_id.eq_any(accounts))
        .order(campaigns::slug)
        .select((moderator_campaigns::moderator_id, campaigns::id, campaigns::slug, moderator_campaigns::organises))
        .load(connection)
        .await?;
    let mut seats: HashMap<Uuid, Vec<Seat>> = HashMap::new();
    for (account, campaign, slug, organises) in rows {
        seats.entry(account).or_default().push(Seat { campaign, slug, organises });
    }
    Ok(seats)
}

/// Puts on record what somebody did to accounts. Belongs in the transaction of the action.
///
/// # Errors
/// Those of the database.
pub async fn record(
    connection: &mut Connection,
    account: Uuid,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    audit::store::record(connection, Entry { moderator: Some(account), campaign: None, action, details }).await
}

/// The same for what admins do, or None: the operator.
///
/// # Errors
/// Those of the database.
pub async fn record_by(
    connection: &mut Connection,
    by: Option<&Who>,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    let moderator = by.map(|who| who.id);
    audit::store::record(connection, Entry { moderator, campaign: None, action, details }).await
}

/// Adds an account for the operator.
///
/// # Errors
/// [`DbError::Constraint`] when the login is taken or has a form it can't have.
pub async fn add(
    connection: &mut Connection,
    login: &str,
    role: Role,
    password_hash: &str,
    seats: &[Seat],
) -> Result<Uuid, DbError> {
    connection
        .transaction(async |connection| {
            let id = insert(connection, login, role, password_hash, seats).await?;
            let campaigns: Vec<Uuid> = seats.iter().map(|seat| seat.campaign).collect();
            let details = json!({ "account": id, "login": login, "role": role, "campaigns": campaigns,
                "organises": organised(role, seats) });
            operator(connection, "moderator.add", details).await?;
            Ok(id)
        })
        .await
}

/// Adds an account; the caller puts it on record.
///
/// # Errors
/// Those of [`add`].
pub async fn insert(
    connection: &mut Connection,
    login: &str,
    role: Role,
    password_hash: &str,
    seats: &[Seat],
) -> Result<Uuid, DbError> {
    let id = Uuid::now_v7();
    diesel::insert_into(moderators::table)
        .values((
            moderators::id.eq(id),
            moderators::login.eq(login),
            moderators::role.eq(role.as_str()),
            moderators::password_hash.eq(password_hash),
        ))
        .execute(&mut *connection)
        .await?;
    set_campaigns(connection, id, seats).await?;
    Ok(id)
}

/// Lets an account see these campaigns and no others.
///
/// # Errors
/// Those of the database.
pub async fn set_campaigns(connection: &mut Connection, account: Uuid, seats: &[Seat]) -> Result<(), DbError> {
    let old = moderator_campaigns::table.filter(moderator_campaigns::moderator_id.eq(account));
    diesel::delete(old).execute(&mut *connection).await?;
    let row = |seat: &Seat| {
        (
            moderator_campaigns::moderator_id.eq(account),
            moderator_campaigns::campaign_id.eq(seat.campaign),
            moderator_campaigns::organises.eq(seat.organises),
        )
    };
    let rows: Vec<_> = seats.iter().map(row).collect();
    diesel::insert_into(moderator_campaigns::table).values(rows).execute(connection).await?;
    Ok(())
}

/// Campaigns by slug, each once, none of them organised. None: one isn't there. Trials are nobody's.
///
/// # Errors
/// Those of the database.
pub async fn seats(connection: &mut Connection, slugs: &[String]) -> Result<Option<Vec<Seat>>, DbError> {
    // PostgreSQL doesn't even take a NUL to look for.
    if slugs.iter().any(|slug| slug.contains('\0')) {
        return Ok(None);
    }
    let known: Vec<(String, Uuid)> = campaigns::table
        .filter(campaigns::slug.eq_any(slugs).and(campaigns::test_of.is_null()))
        .order(campaigns::slug)
        .select((campaigns::slug, campaigns::id))
        .load(connection)
        .await?;
    let all_known = slugs.iter().all(|slug| known.iter().any(|(known, _)| known == slug));
    let seat = |(slug, campaign)| Seat { campaign, slug, organises: false };
    Ok(all_known.then(|| known.into_iter().map(seat).collect()))
}

/// As a condition of SQL: whether an account may still have what it began in a campaign since a time. It sees the campaign, and was not
/// reset since: perhaps somebody else has begun it. A reset leaves its invitation, for a month after its end. Whether the account is
/// closed is asked beside this, because that may be taken back. All three are names of columns.
pub fn keeps(account: &str, campaign: &str, since: &str) -> String {
    format!(
        "(EXISTS (SELECT FROM moderators AS keeper WHERE keeper.id = {account} AND (keeper.role = 'admin' \
           OR EXISTS (SELECT FROM moderator_campaigns WHERE moderator_campaigns.moderator_id = keeper.id \
             AND moderator_campaigns.campaign_id = {campaign}))) \
         AND NOT EXISTS (SELECT FROM invitations WHERE resets = {account} \
           AND greatest(made_at, accepted_at, revoked_at) >= {since}))"
    )
}

async fn operator(
    connection: &mut Connection,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), DbError> {
    record_by(connection, None, action, details).await
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
    let ids: Vec<Uuid> = rows.iter().map(|(id, ..)| *id).collect();
    let mut seats = campaigns_of_each(connection, &ids).await?;
    let read = |(id, login, role, disabled): (Uuid, _, String, _)| {
        let role = Role::parse(&role).ok_or(DbError::Defect("an unknown role is stored"))?;
        Ok(Account { id, login, role, disabled, campaigns: seats.remove(&id).unwrap_or_default() })
    };
    rows.into_iter().map(read).collect()
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
            end_all(connection, account.id, "disabled").await?;
            invitations::store::revoke_those_of(connection, account.id).await?;
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
            end_all(connection, account.id, "password").await?;
            operator(connection, "moderator.reset_password", json!({ "account": account.id, "login": login })).await?;
            Ok(true)
        })
        .await
}

/// Sets a new password for who is signed in, if it still is the one behind `old_hash`, and ends the account's other sessions.
///
/// # Errors
/// [`DbError::Conflict`] when it isn't any more, and others of the database.
pub async fn change_password(
    connection: &mut Connection,
    who: &Who,
    old_hash: &str,
    new_hash: &str,
) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            let same = moderators::table.find(who.id).filter(moderators::password_hash.eq(old_hash));
            let changed =
                diesel::update(same).set(moderators::password_hash.eq(new_hash)).execute(&mut *connection).await?;
            if changed == 0 {
                return Err(DbError::Conflict);
            }
            end_others(connection, who, "password").await?;
            record(connection, who.id, "account.password", json!({ "session": who.session })).await
        })
        .await
}
