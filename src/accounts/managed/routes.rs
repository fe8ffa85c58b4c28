//! The door to accounts, for admins.

use actix_web::{
    HttpResponse, get, patch, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{Change, Managed, PerDay};
use crate::{
    accounts::{
        Accounts, Role,
        invitations::routes::OneTimeLink,
        organised,
        quota::USUAL_PER_DAY,
        signed::{Admin, Proved, Signed},
    },
    http::{FieldCode, Problem, ProblemBody, Valid, body::coded},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(change).service(reset);
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct ManagedAccount {
    id: Uuid,
    #[schema(example = "ada")]
    login: String,
    role: Role,
    /// Slugs of the campaigns that it may see. Admins see all.
    #[schema(example = json!(["together-we-defend"]))]
    campaigns: Vec<String>,
    /// Those of them that it is an organiser of.
    #[schema(example = json!(["together-we-defend"]))]
    organises: Vec<String>,
    created_at: DateTime<Utc>,
    /// Since when it is closed; null: it isn't.
    disabled_at: Option<DateTime<Utc>>,
    /// Whether signing in takes a code.
    second_factor: bool,
    /// When it was last used, as far as its sessions are kept: thirty days after their end.
    used_at: Option<DateTime<Utc>>,
    /// Pledges that it may remove in a day (UTC), those that it accepts among them; null: any number.
    #[schema(minimum = 0)]
    removals_per_day: Option<i64>,
    /// Whether that is a number of its own; otherwise it is what its role has: 200,000, and any number for admins.
    removals_per_day_is_own: bool,
    /// Pledges that it has removed today.
    #[schema(minimum = 0)]
    removed_today: i64,
}

impl From<Managed> for ManagedAccount {
    fn from(account: Managed) -> Self {
        let usual = (account.role != Role::Admin).then_some(USUAL_PER_DAY);
        Self {
            id: account.id,
            login: account.login,
            role: account.role,
            organises: organised(account.role, &account.campaigns),
            campaigns: account.campaigns.into_iter().map(|seat| seat.slug).collect(),
            created_at: account.created_at,
            disabled_at: account.disabled_at,
            second_factor: account.second_factor,
            used_at: account.used_at,
            removals_per_day: account.removals_per_day.map(i64::from).or(usual),
            removals_per_day_is_own: account.removals_per_day.is_some(),
            removed_today: account.removed_today,
        }
    }
}

/// Accounts, by login.
#[derive(Serialize, ToSchema)]
pub struct AccountList {
    accounts: Vec<ManagedAccount>,
}

/// Accounts
#[utoipa::path(
    tag = "Accounts", operation_id = "listAccounts", security(("access_token" = [])),
    responses((status = 200, description = "Every account, by login", body = AccountList)),
)]
#[get("/v1/admin/accounts")]
pub async fn list(_signed: Signed<Admin>, accounts: Data<Accounts>) -> Result<Json<AccountList>, Problem> {
    let accounts = accounts.managed().await?.into_iter().map(ManagedAccount::from).collect();
    Ok(Json(AccountList { accounts }))
}

/// What to change; what is left out stays.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "organiser", "campaigns": ["together-we-defend"]}))]
pub struct AccountChange {
    #[serde(default)]
    role: Option<Role>,
    /// Slugs of the campaigns that it may see, in the place of those so far. Who is no admin needs one.
    #[serde(default)]
    #[validate(length(max = 100, code = "too_many"))]
    #[schema(max_items = 100)]
    campaigns: Option<Vec<String>>,
    /// Slugs of those of its campaigns that it is an organiser of though its role is moderator, in the place of those so far. Left out:
    /// as before.
    #[serde(default)]
    #[validate(length(max = 100, code = "too_many"))]
    #[schema(max_items = 100)]
    organises: Option<Vec<String>>,
    /// true: it is closed, and its sessions end at once. false: it may sign in again.
    #[serde(default)]
    disabled: Option<bool>,
    /// Pledges that it may remove in a day (UTC), those that it accepts among them. null: as many as its role has.
    #[serde(default, deserialize_with = "per_day")]
    #[schema(value_type = Option<i32>, minimum = 0)]
    removals_per_day: Option<PerDay>,
}

/// Null says something too.
fn per_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PerDay>, D::Error> {
    match Option::<i32>::deserialize(deserializer)? {
        None => Ok(Some(PerDay::Usual)),
        Some(number) if number < 0 => Err(coded(FieldCode::OutOfRange)),
        Some(number) => Ok(Some(PerDay::Own(number))),
    }
}

/// Change an account
///
/// In force with its next request. Not one's own: so there is always an admin left.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Accounts", operation_id = "setAccount", security(("access_token" = [])), request_body = AccountChange,
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 200, description = "As it is now", body = ManagedAccount),
        (status = 404, description = "No such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is your own", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[patch("/v1/admin/accounts/{id}")]
pub async fn change(
    signed: Signed<Admin, Proved>,
    accounts: Data<Accounts>,
    id: Path<Uuid>,
    Valid(body): Valid<AccountChange>,
) -> Result<Json<ManagedAccount>, Problem> {
    let AccountChange { role, campaigns, organises, disabled, removals_per_day } = body;
    let change = Change { role, campaigns: None, organises, disabled, removals_per_day };
    Ok(Json(accounts.change(&signed.who, *id, change, campaigns.as_deref()).await?.into()))
}

/// Reset an account
///
/// Its password, second factor, recovery codes and sessions are void at once. Answers with a link, once, by which its owner sets it
/// up anew. Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Accounts", operation_id = "resetAccount", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 201, description = "Reset", body = OneTimeLink),
        (status = 404, description = "No such account, or it is closed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is your own", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/accounts/{id}/reset")]
pub async fn reset(
    signed: Signed<Admin, Proved>,
    accounts: Data<Accounts>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let link = accounts.reset(&signed.who, *id).await?;
    Ok(HttpResponse::Created().json(OneTimeLink::of(link, &accounts)))
}
