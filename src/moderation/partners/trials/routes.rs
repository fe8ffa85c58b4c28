//! The door to it, for organisers.

use actix_web::{
    HttpResponse, put,
    web::{Data, Path},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use crate::{
    accounts::signed::{Organiser, Signed},
    http::{Problem, ProblemBody, Valid},
    moderation::Moderation,
    pledges::{Pledges, mailbox::Email},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(set);
}

/// Where mails of trials are to go.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "web@example.org"}))]
pub struct TrialMailbox {
    /// The address; null: nowhere any more.
    #[schema(max_length = 254)]
    email: Option<String>,
}

/// Say where mails of a partner's trials go
///
/// The owner of the address gets a mail and agrees by its link, which is good for seven days. Until then, and without an address,
/// trials send no mail.
#[utoipa::path(
    tag = "Organising", operation_id = "setPartnerTrialMailbox", security(("access_token" = [])), request_body = TrialMailbox,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The partner"),
    ),
    responses(
        (status = 204, description = "The mail is on its way; or the address is forgotten"),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign or partner, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[put("/v1/admin/campaigns/{slug}/partners/{id}/trial-mailbox")]
pub async fn set(
    signed: Signed<Organiser>,
    (moderation, pledges): (Data<Moderation>, Data<Pledges>),
    path: Path<(String, Uuid)>,
    Valid(body): Valid<TrialMailbox>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let email = body.email.as_deref().map(Email::parse).transpose();
    let email = email.map_err(|code| Problem::field("/email", code))?;
    pledges.set_trial_mailbox((campaign.id, id), email.as_ref(), signed.who.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
