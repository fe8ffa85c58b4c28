//! The door for signing in and out. The doors of the other parts stand in their folders.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    get,
    http::header,
    post,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;
use zeroize::Zeroizing;

use super::{
    AccountError, Accounts, Entrance, Role, SESSION_HOURS, SignedIn, Who, invitations, managed, organised,
    quota::QuotaError,
    second_factor,
    sessions::{self, Agent},
    signed::{Moderator, Signed, Unfinished},
    step_up,
    tokens::LIFETIME_SECONDS,
};
use crate::http::{Code, Problem, ProblemBody, Valid, Visitor, allow};

/// `__Host-` makes browsers insist on Secure, the exact host and the root path.
const COOKIE: &str = "__Host-pledges_refresh";

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(login).service(refresh).service(logout).service(me);
    second_factor::routes::routes(config);
    step_up::routes::routes(config);
    sessions::routes::routes(config);
    invitations::routes::routes(config);
    managed::routes::routes(config);
}

/// Login and password.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Login, example = json!({"login": "admin", "password": "a-long-password-of-yours"}))]
pub struct NewLogin {
    /// The account's login.
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(max_length = 63)]
    login: String,
    /// The password.
    #[validate(length(max = 1000, code = "too_long"))]
    #[schema(max_length = 1000, format = Password)]
    password: String,
    /// What the account's program shows, or a recovery code; for accounts with a second factor, which answer `totp_required` without.
    #[serde(default)]
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(max_length = 63, example = "287082")]
    code: Option<String>,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct Account {
    #[schema(example = "ada")]
    login: String,
    role: Role,
    /// Slugs of the campaigns that the account may see; an admin sees all.
    #[schema(example = json!(["together-we-defend"]))]
    campaigns: Vec<String>,
    /// Those of them that it is an organiser of.
    #[schema(example = json!(["together-we-defend"]))]
    organises: Vec<String>,
}

impl From<&Who> for Account {
    fn from(who: &Who) -> Self {
        let campaigns = who.campaigns.iter().map(|seat| seat.slug.clone()).collect();
        let organises = organised(who.role, &who.campaigns);
        Self { login: who.login.clone(), role: who.role, campaigns, organises }
    }
}

/// An access token.
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.…")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it ends.
    #[schema(example = 600)]
    expires_in: i64,
    moderator: Account,
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WrongLogin => Code::WrongLogin.into(),
            AccountError::CodeNeeded => Code::TotpRequired.into(),
            AccountError::WrongCode => Code::WrongCode.into(),
            AccountError::NotProved => Code::StepUpFailed.into(),
            AccountError::NoSession => Code::Unauthorized.into(),
            // At least a second: what is left was rounded down.
            AccountError::Slowed(wait) => Self::retry_after(wait),
            AccountError::Field(pointer, code) => Self::field(pointer, code),
            AccountError::NoInvitation => Code::NoInvitation.into(),
            AccountError::LoginTaken => Code::LoginTaken.into(),
            AccountError::OwnAccount => Code::OwnAccount.into(),
            AccountError::NoSecondFactor => Code::NoSecondFactor.into(),
            AccountError::NeedsSecondFactor => Code::Forbidden.into(),
            AccountError::Busy => Code::Unavailable.into(),
            AccountError::Database(error) => error.into(),
            AccountError::Crypto(error) => error.into(),
        }
    }
}

impl From<QuotaError> for Problem {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Spent { seconds, .. } => {
                Self::from(Code::RemovalQuotaSpent).after(std::time::Duration::from_secs(seconds.into()))
            }
            QuotaError::Database(error) => error.into(),
        }
    }
}

/// Sign in
///
/// Answers with an access token, and sets the refresh token as a cookie that scripts can't read. The answer takes as
/// long for an unknown login as for a wrong password. An account with a second factor needs `code` as well: without it a right
/// password is answered `totp_required`; send all three then.
#[utoipa::path(
    tag = "Sign-in", operation_id = "login", security(()), request_body = NewLogin,
    responses(
        (status = 200, description = "Signed in", body = Tokens, headers(("Set-Cookie" = String, description = "The refresh token"))),
        (status = 401, description = "Login failed, or a code is needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "From another site", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many attempts from one source, or too many have failed", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/login")]
pub async fn login(
    request: HttpRequest,
    accounts: Data<Accounts>,
    visitor: Visitor,
    Valid(body): Valid<NewLogin>,
) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request, &accounts)?;
    allow(&request, [accounts.limits.login(visitor.source())])?;
    let (password, code) = (Zeroizing::new(body.password), body.code.map(Zeroizing::new));
    let code = code.as_ref().map(|code| code.as_str());
    let signed_in = accounts.login(&body.login, password, code, entrance(&request)).await?;
    Ok(answer(&signed_in))
}

/// Get a new access token
///
/// Reads the refresh cookie and replaces it. A refresh token is exchanged once: a second use ends the session, unless
/// the answer to the first was evidently lost.
#[utoipa::path(
    tag = "Sign-in", operation_id = "refresh", security(("refresh_cookie" = [])),
    responses(
        (status = 200, description = "A new access token", body = Tokens, headers(("Set-Cookie" = String, description = "The next refresh token"))),
        (status = 401, description = "The session has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "From another site", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/refresh")]
pub async fn refresh(request: HttpRequest, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request, &accounts)?;
    let token = request.cookie(COOKIE).ok_or(Code::Unauthorized)?;
    let signed_in = accounts.refresh(token.value()).await?;
    Ok(answer(&signed_in))
}

/// Sign out
///
/// Ends the session: its access and refresh tokens are refused from now on.
#[utoipa::path(
    tag = "Sign-in", operation_id = "logout", security(("access_token" = [])),
    responses(
        (status = 204, description = "Signed out"),
    ),
)]
#[post("/v1/auth/logout")]
pub async fn logout(signed: Signed<Moderator, Unfinished>, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.logout(&signed.who).await?;
    Ok(HttpResponse::NoContent().cookie(cookie("", Duration::ZERO)).finish())
}

/// Who am I
#[utoipa::path(
    tag = "Sign-in", operation_id = "me", security(("access_token" = [])),
    responses(
        (status = 200, description = "Who is signed in", body = Account),
    ),
)]
#[get("/v1/auth/me")]
pub async fn me(signed: Signed<Moderator, Unfinished>) -> Json<Account> {
    Json(Account::from(&signed.who))
}

impl From<&SignedIn> for Tokens {
    fn from(signed_in: &SignedIn) -> Self {
        Self {
            access_token: signed_in.access.to_string(),
            token_type: "Bearer",
            expires_in: LIFETIME_SECONDS,
            moderator: Account::from(&signed_in.who),
        }
    }
}

/// Where a request comes from, and with what program.
pub(super) fn entrance(request: &HttpRequest) -> Entrance {
    let agent = request.headers().get(header::USER_AGENT).map_or(Agent::Other, |value| Agent::of(value.as_bytes()));
    Entrance { source: Visitor::of(request).source(), agent }
}

fn answer(signed_in: &SignedIn) -> HttpResponse {
    HttpResponse::Ok().cookie(refresh_cookie(signed_in)).json(Tokens::from(signed_in))
}

/// The cookie with the refresh token of a session that was just opened or renewed.
pub(super) fn refresh_cookie(signed_in: &SignedIn) -> Cookie<'_> {
    cookie(&signed_in.refresh, Duration::hours(SESSION_HOURS.into()))
}

fn cookie(value: &str, max_age: Duration) -> Cookie<'_> {
    Cookie::build(COOKIE, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(max_age)
        .finish()
}

/// Cookies travel by themselves; a request that carries one must come from our own pages, or from no page at all.
pub(super) fn refuse_other_sites(request: &HttpRequest, accounts: &Accounts) -> Result<(), Problem> {
    let text = |name: header::HeaderName| request.headers().get(name).map(header::HeaderValue::as_bytes);
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN);
    let ours = site.is_none_or(|site| site == b"same-origin")
        && origin.is_none_or(|origin| origin == accounts.public_origin.as_bytes());
    if ours { Ok(()) } else { Err(Code::ForeignOrigin.into()) }
}
