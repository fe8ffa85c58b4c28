//! The door to invitations: for admins, and for the invited, who has nothing but the link.

use actix_web::{
    HttpRequest, HttpResponse, delete, get, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;
use zeroize::Zeroizing;

use super::{Acceptance, Invitation, Link};
use crate::{
    accounts::{
        Accounts, Role, organised,
        routes::{Tokens, entrance, refresh_cookie, refuse_other_sites},
        second_factor::routes::Offer,
        signed::{Admin, Proved, Signed},
    },
    http::{Problem, ProblemBody, Valid, Visitor, allow},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(invite).service(revoke).service(look).service(accept);
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// It can be accepted.
    Open,
    /// It was used.
    Accepted,
    /// It was revoked, or another took its place.
    Revoked,
    /// Nobody used it in time.
    Expired,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
pub struct InvitationEntry {
    id: Uuid,
    #[schema(example = "ada")]
    login: String,
    role: Role,
    /// Slugs of the campaigns that the account may see.
    #[schema(example = json!(["together-we-defend"]))]
    campaigns: Vec<String>,
    /// Those of them that it is an organiser of.
    #[schema(example = json!(["together-we-defend"]))]
    organises: Vec<String>,
    /// The account that gets a new password; null: a new one is made.
    resets: Option<Uuid>,
    /// Login of who invited; null: the operator.
    #[schema(example = "grace")]
    made_by: Option<String>,
    made_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    state: InvitationState,
}

impl From<Invitation> for InvitationEntry {
    fn from(invitation: Invitation) -> Self {
        let state = match (invitation.accepted_at, invitation.revoked_at) {
            (Some(_), _) => InvitationState::Accepted,
            (None, Some(_)) => InvitationState::Revoked,
            (None, None) if invitation.is_open => InvitationState::Open,
            (None, None) => InvitationState::Expired,
        };
        let Invitation { id, login, role, campaigns, resets, made_by, made_at, expires_at, .. } = invitation;
        let organises = organised(role, &campaigns);
        let campaigns = campaigns.into_iter().map(|seat| seat.slug).collect();
        Self { id, login, role, campaigns, organises, resets, made_by, made_at, expires_at, state }
    }
}

/// Invitations, the newest first; those that have ended for thirty days.
#[derive(Serialize, ToSchema)]
pub struct InvitationList {
    invitations: Vec<InvitationEntry>,
}

/// A link, given out this once.
#[derive(Serialize, ToSchema)]
pub struct OneTimeLink {
    invitation: InvitationEntry,
    /// Good once, for 72 hours. Give it to whom it is for over a channel that only they read: whoever opens it first has the account.
    #[schema(example = "https://pledges.example.org/moderation/#invite=q83vEjRWeJC-mHZUMhDKzxI0VniavN4AESIzRFVmd4g")]
    link: String,
}

impl OneTimeLink {
    pub(in crate::accounts) fn of(link: Link, accounts: &Accounts) -> Self {
        let address = link.address(&accounts.public_origin).to_string();
        Self { link: address, invitation: link.invitation.into() }
    }
}

/// Whom to invite.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"login": "ada", "role": "moderator", "campaigns": ["together-we-defend"]}))]
pub struct NewInvitation {
    /// Small letters, digits and single . _ -
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(min_length = 1, max_length = 63)]
    login: String,
    role: Role,
    /// Slugs of the campaigns that the account may see. Admins see all.
    #[serde(default)]
    #[validate(length(max = 100, code = "too_many"))]
    #[schema(max_items = 100)]
    campaigns: Vec<String>,
    /// Slugs of those of them that it is an organiser of, though its role is moderator.
    #[serde(default)]
    #[validate(length(max = 100, code = "too_many"))]
    #[schema(max_items = 100)]
    organises: Vec<String>,
}

/// Invitations
#[utoipa::path(
    tag = "Accounts", operation_id = "listInvitations", security(("access_token" = [])),
    responses((status = 200, description = "Invitations, the newest first", body = InvitationList)),
)]
#[get("/v1/admin/invitations")]
pub async fn list(_signed: Signed<Admin>, accounts: Data<Accounts>) -> Result<Json<InvitationList>, Problem> {
    let invitations = accounts.invitations().await?.into_iter().map(InvitationEntry::from).collect();
    Ok(Json(InvitationList { invitations }))
}

/// Invite somebody
///
/// Answers with a link, once. A link for the same login that is open ends.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Accounts", operation_id = "invite", security(("access_token" = [])), request_body = NewInvitation,
    responses(
        (status = 201, description = "Invited", body = OneTimeLink),
        (status = 409, description = "There is an account with this login", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/invitations")]
pub async fn invite(
    signed: Signed<Admin, Proved>,
    accounts: Data<Accounts>,
    Valid(body): Valid<NewInvitation>,
) -> Result<HttpResponse, Problem> {
    let link = accounts.invite(&signed.who, &body.login, body.role, &body.campaigns, &body.organises).await?;
    Ok(HttpResponse::Created().json(OneTimeLink::of(link, &accounts)))
}

/// Revoke an invitation
#[utoipa::path(
    tag = "Accounts", operation_id = "revokeInvitation", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The invitation")),
    responses(
        (status = 204, description = "Its link is good for nothing any more"),
        (status = 404, description = "None that is open", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/admin/invitations/{id}")]
pub async fn revoke(signed: Signed<Admin>, accounts: Data<Accounts>, id: Path<Uuid>) -> Result<HttpResponse, Problem> {
    accounts.revoke(&signed.who, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a link carries.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "q83vEjRWeJC-mHZUMhDKzxI0VniavN4AESIzRFVmd4g"}))]
pub struct InvitationToken {
    /// What stands behind `#invite=`.
    #[validate(length(max = 100, code = "too_long"))]
    #[schema(max_length = 100)]
    token: String,
}

/// What a link is good for.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    #[schema(example = "ada")]
    login: String,
    role: Role,
    expires_at: DateTime<Utc>,
    /// Whether an account is there that gets a new password.
    resets: bool,
    /// Whether a second factor must be set up in the same go; it may be.
    totp_required: bool,
    /// The secret to set it up with.
    totp: Offer,
}

/// Look at an invitation
///
/// Changes nothing.
#[utoipa::path(
    tag = "Sign-in", operation_id = "lookAtInvitation", security(()), request_body = InvitationToken,
    responses(
        (status = 200, description = "What it is good for", body = Invited),
        (status = 403, description = "From another site", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The link is not good any more", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many attempts from one source", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/invitation")]
pub async fn look(
    request: HttpRequest,
    accounts: Data<Accounts>,
    visitor: Visitor,
    Valid(body): Valid<InvitationToken>,
) -> Result<Json<Invited>, Problem> {
    refuse_other_sites(&request, &accounts)?;
    allow(&request, [accounts.limits.login(visitor.source())])?;
    let token = Zeroizing::new(body.token);
    let (invitation, secret) = accounts.look_at_invitation(&token).await?;
    let totp = Offer { secret: secret.text().to_string(), uri: secret.uri(&invitation.login).to_string() };
    Ok(Json(Invited {
        totp_required: accounts.needs_second_factor(invitation.role),
        login: invitation.login,
        role: invitation.role,
        expires_at: invitation.expires_at,
        resets: invitation.resets.is_some(),
        totp,
    }))
}

/// A password, and a code to set up the second factor.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "token": "q83vEjRWeJC-mHZUMhDKzxI0VniavN4AESIzRFVmd4g", "password": "a-long-password-of-yours", "code": "287082",
}))]
pub struct InvitationAcceptance {
    /// What stands behind `#invite=`.
    #[validate(length(max = 100, code = "too_long"))]
    #[schema(max_length = 100)]
    token: String,
    /// Fifteen characters or more, of any kind.
    #[validate(length(max = 1000, code = "too_long"))]
    #[schema(min_length = 15, max_length = 1000, format = Password)]
    password: String,
    /// A code of the secret that `/v1/auth/invitation` told: then the account has a second factor.
    #[serde(default)]
    #[validate(length(max = 63, code = "too_long"))]
    #[schema(max_length = 63)]
    code: Option<String>,
}

/// Somebody who has just made an account.
#[derive(Serialize, ToSchema)]
pub struct InvitationAccepted {
    /// Recovery codes, shown this once; none without a second factor.
    #[schema(example = json!(["mfrg-gzdf-mztw-q2lk-nnwg-23tp"]))]
    recovery_codes: Vec<String>,
    signed_in: Tokens,
}

/// Accept an invitation
///
/// Makes the account, or gives it its new password, and signs in. The link is good for nothing from then on.
#[utoipa::path(
    tag = "Sign-in", operation_id = "acceptInvitation", security(()), request_body = InvitationAcceptance,
    responses(
        (status = 201, description = "Signed in", body = InvitationAccepted, headers(("Set-Cookie" = String, description = "The refresh token"))),
        (status = 403, description = "From another site", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The link is not good any more", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The login was taken meanwhile", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many attempts from one source", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/auth/invitation/accept")]
pub async fn accept(
    request: HttpRequest,
    accounts: Data<Accounts>,
    visitor: Visitor,
    Valid(body): Valid<InvitationAcceptance>,
) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request, &accounts)?;
    allow(&request, [accounts.limits.login(visitor.source())])?;
    let acceptance = Acceptance {
        token: Zeroizing::new(body.token),
        password: Zeroizing::new(body.password),
        code: body.code.map(Zeroizing::new),
        agent: entrance(&request).agent,
    };
    let (signed_in, codes) = accounts.accept(acceptance).await?;
    let recovery_codes = codes.iter().map(|code| code.to_string()).collect();
    let accepted = InvitationAccepted { recovery_codes, signed_in: Tokens::from(&signed_in) };
    Ok(HttpResponse::Created().cookie(refresh_cookie(&signed_in)).json(accepted))
}
