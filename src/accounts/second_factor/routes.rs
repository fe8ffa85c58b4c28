//! The door to one's own second factor.

use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;
use zeroize::Zeroizing;

use crate::{
    accounts::{
        Accounts,
        signed::{Moderator, Proved, Signed, Unfinished, UnfinishedProved},
    },
    http::{Problem, ProblemBody, Valid},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(show).service(offer).service(take_off).service(confirm).service(new_codes);
}

/// How an account is secured.
#[derive(Serialize, ToSchema)]
pub struct SecondFactor {
    /// Since when there is a second factor; null: there is none.
    since: Option<DateTime<Utc>>,
    /// Whether the account must have one before it may do anything else.
    required: bool,
    /// Recovery codes that weren't used yet.
    #[schema(minimum = 0, maximum = 10)]
    recovery_codes_left: i64,
    /// Until when dangerous calls are taken without `POST /v1/auth/step-up`; may be over.
    proved_until: DateTime<Utc>,
}

/// My second factor
#[utoipa::path(
    tag = "Own account", operation_id = "getSecondFactor", security(("access_token" = [])),
    responses((status = 200, description = "How the account is secured", body = SecondFactor)),
)]
#[get("/v1/auth/totp")]
pub async fn show(
    signed: Signed<Moderator, Unfinished>,
    accounts: Data<Accounts>,
) -> Result<Json<SecondFactor>, Problem> {
    let standing = accounts.standing(&signed.who).await?;
    Ok(Json(SecondFactor {
        since: standing.since,
        required: accounts.needs_second_factor(signed.who.role),
        recovery_codes_left: standing.codes_left,
        proved_until: standing.proved_until,
    }))
}

/// A secret for a program that shows codes. It is shown this once.
#[derive(Serialize, ToSchema)]
pub struct Offer {
    /// To be typed into the program.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub(in crate::accounts) secret: String,
    /// To be drawn as a QR code, by the page itself: whoever else draws it knows the secret.
    #[schema(example = "otpauth://totp/Pledges:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Pledges")]
    pub(in crate::accounts) uri: String,
}

/// Begin to set up a second factor
///
/// Offers a secret; it holds once a code of it was confirmed, within half an hour. A second factor that is there stays until then.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Own account", operation_id = "offerTotp", security(("access_token" = [])),
    responses((status = 201, description = "The secret, shown this once", body = Offer)),
)]
#[post("/v1/auth/totp")]
pub async fn offer(
    signed: Signed<Moderator, UnfinishedProved>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let secret = accounts.offer(&signed.who).await?;
    let offer = Offer { secret: secret.text().to_string(), uri: secret.uri(&signed.who.login).to_string() };
    Ok(HttpResponse::Created().json(offer))
}

/// A code.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "287082"}))]
pub struct TotpCode {
    /// The six digits that the program shows.
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(max_length = 63)]
    code: String,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each signs in once, in the place of a code of the program.
    #[schema(example = json!(["mfrg-gzdf-mztw-q2lk-nnwg-23tp"]))]
    codes: Vec<String>,
}

impl RecoveryCodes {
    fn of(codes: &[Zeroizing<String>]) -> Self {
        Self { codes: codes.iter().map(|code| code.to_string()).collect() }
    }
}

/// Confirm the second factor
///
/// From now on signing in takes a code. Other sessions of the account end, and the answer has new recovery codes.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Own account", operation_id = "confirmTotp", security(("access_token" = [])), request_body = TotpCode,
    responses(
        (status = 200, description = "It holds; the recovery codes are shown this once", body = RecoveryCodes),
        (status = 409, description = "None was offered in the last half hour", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/totp/confirm")]
pub async fn confirm(
    signed: Signed<Moderator, UnfinishedProved>,
    accounts: Data<Accounts>,
    Valid(body): Valid<TotpCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    Ok(Json(RecoveryCodes::of(&accounts.confirm(&signed.who, &body.code).await?)))
}

/// Take the second factor off
///
/// And the recovery codes with it. Other sessions of the account end. In production admins can't.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Own account", operation_id = "removeTotp", security(("access_token" = [])),
    responses((status = 204, description = "There is none any more")),
)]
#[delete("/v1/auth/totp")]
pub async fn take_off(signed: Signed<Moderator, Proved>, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.take_off(&signed.who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// New recovery codes
///
/// In the place of the old ones, which are good for nothing any more.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Own account", operation_id = "newRecoveryCodes", security(("access_token" = [])),
    responses(
        (status = 201, description = "Ten codes, shown this once", body = RecoveryCodes),
        (status = 409, description = "There is no second factor", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/recovery-codes")]
pub async fn new_codes(signed: Signed<Moderator, Proved>, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(RecoveryCodes::of(&accounts.new_codes(&signed.who).await?)))
}
