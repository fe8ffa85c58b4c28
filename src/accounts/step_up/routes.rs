//! The door for proving again who one is, and for one's own password.

use actix_web::{
    HttpRequest, HttpResponse, post,
    web::{Data, Json},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;
use zeroize::Zeroizing;

use super::Offered;
use crate::{
    accounts::{
        Accounts,
        routes::entrance,
        signed::{Moderator, Signed, Unfinished},
    },
    http::{FieldCode, Problem, ProblemBody, Valid},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(step_up).service(change_password);
}

/// Either of them.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "a-long-password-of-yours"}))]
pub struct NewProof {
    /// The account's password.
    #[serde(default)]
    #[validate(length(max = 1000, code = "too_long"))]
    #[schema(max_length = 1000, format = Password)]
    password: Option<String>,
    /// A code of the second factor, or a recovery code.
    #[serde(default)]
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(max_length = 63)]
    code: Option<String>,
}

/// Until when it is good.
#[derive(Serialize, ToSchema)]
pub struct Proven {
    /// Until then dangerous calls are taken.
    proved_until: DateTime<Utc>,
}

/// Prove again who you are
///
/// With the password or a code. For ten minutes from now this session may do what answers `step_up_required` otherwise; signing in counts
/// as well.
#[utoipa::path(
    tag = "Own account", operation_id = "stepUp", security(("access_token" = [])), request_body = NewProof,
    responses(
        (status = 200, description = "Proved", body = Proven),
        (status = 403, description = "Password or code is not right", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many were not right", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/step-up")]
pub async fn step_up(
    signed: Signed<Moderator, Unfinished>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    Valid(body): Valid<NewProof>,
) -> Result<Json<Proven>, Problem> {
    let offered = match (body.password, body.code) {
        (Some(password), None) => Offered::Password(Zeroizing::new(password)),
        (None, Some(code)) => Offered::Code(Zeroizing::new(code)),
        (None, None) => return Err(Problem::field("/password", FieldCode::Required)),
        (Some(_), Some(_)) => return Err(Problem::field("/code", FieldCode::NotAllowed)),
    };
    let proved_until = accounts.step_up(&signed.who, offered, entrance(&request)).await?;
    Ok(Json(Proven { proved_until }))
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "a-long-password-of-yours", "new_password": "quite-another-one-of-yours"}))]
pub struct NewPassword {
    /// The password so far.
    #[validate(length(max = 1000, code = "too_long"))]
    #[schema(max_length = 1000, format = Password)]
    password: String,
    /// Fifteen characters or more, of any kind.
    #[validate(length(max = 1000, code = "too_long"))]
    #[schema(min_length = 15, max_length = 1000, format = Password)]
    new_password: String,
}

/// Change the password
///
/// Ends the account's other sessions.
#[utoipa::path(
    tag = "Own account", operation_id = "changePassword", security(("access_token" = [])), request_body = NewPassword,
    responses(
        (status = 204, description = "Changed"),
        (status = 403, description = "The password so far is not right", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many were not right", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/password")]
pub async fn change_password(
    signed: Signed<Moderator>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    Valid(body): Valid<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let (old, new) = (Zeroizing::new(body.password), Zeroizing::new(body.new_password));
    accounts.change_password(&signed.who, old, new, entrance(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}
