//! The door for what a supporter does without a link at hand: confirm by typing the code, ask for the link. The pages that
//! links lead to are in [`crate::web`].

use actix_web::{
    HttpRequest, HttpResponse, post,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::OwnError;
use crate::{
    campaigns::Campaigns,
    http::{Code as ProblemCode, FieldCode, Problem, ProblemBody, Valid, Visitor, allow},
    pledges::{Pledges, fields::Language, links::Code, mailbox::Email},
    totals::{Totals, board::Document},
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(confirm).service(ask);
}

impl From<OwnError> for Problem {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Refused(refused) => refused.into(),
            OwnError::Database(error) => error.into(),
            OwnError::Crypto(error) => error.into(),
            OwnError::CodeNotAccepted => ProblemCode::CodeNotAccepted.into(),
        }
    }
}

/// The code of a mail.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "amina@example.org", "code": "K7M2XQ"}))]
pub struct TypedCode {
    /// The address that the mail went to.
    #[schema(value_type = Email)]
    email: String,
    /// Six letters and digits; case, blanks and hyphens don't matter, nor do full-width characters, and digits may be Arabic-Indic
    /// or Persian.
    #[schema(pattern = "^[ -]*([2-9A-HJ-NP-Za-hj-np-z٢-٩۲-۹２-９Ａ-ＨＪ-ＮＰ-Ｚａ-ｈｊ-ｎｐ-ｚ][ -]*){6}$")]
    code: String,
}

/// The pledge is confirmed.
#[derive(Serialize, ToSchema)]
pub struct ConfirmedBody<'a> {
    /// The totals as published before.
    #[schema(value_type = Document)]
    totals: &'a RawValue,
}

/// Confirm a pledge by its code
///
/// For whoever types the code of the mail rather than follow its link. Confirming again is answered alike. A code is good for
/// seven days and five tries; the link of the mail is good all the same.
#[utoipa::path(
    tag = "Pledges", operation_id = "confirmPledge", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    request_body = TypedCode,
    responses(
        (status = 200, description = "Confirmed", body = ConfirmedBody),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Address and code don't belong together, the code is no longer good, or the campaign's retention has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many from this network. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not stored; send it again", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/campaigns/{slug}/confirmations")]
pub async fn confirm(
    request: HttpRequest,
    pledges: Data<Pledges>,
    campaigns: Data<Campaigns>,
    totals: Data<Totals>,
    slug: Path<String>,
    Valid(typed): Valid<TypedCode>,
) -> Result<HttpResponse, Problem> {
    allow(&request, [pledges.limited_guess(Visitor::of(&request).source())])?;
    let campaign = campaigns.find(&slug).ok_or(ProblemCode::CampaignNotFound)?;
    let email = Email::parse(&typed.email).map_err(|code| Problem::field("/email", code))?;
    let code = Code::parse(&typed.code).ok_or_else(|| Problem::field("/code", FieldCode::NotAllowed))?;
    let published = totals.published(&campaign.slug).ok_or(ProblemCode::Unavailable)?;
    pledges.confirm_by_code(&campaign, &email, &code).await?;
    Ok(HttpResponse::Ok().json(ConfirmedBody { totals: &published.raw }))
}

/// Whose link.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "amina@example.org", "language": "en"}))]
pub struct Asked {
    /// The address.
    #[schema(value_type = Email)]
    email: String,
    /// The language to write in (BCP 47).
    #[serde(default)]
    #[schema(value_type = Option<Language>)]
    language: Option<String>,
}

/// Ask for the link to one's pledge
///
/// If a pledge was made with the address, a mail goes there, with a link to see, change or withdraw it. The answer is always the
/// same. A mailbox gets five mails a week at the most.
#[utoipa::path(
    tag = "Pledges", operation_id = "askForLink", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    request_body = Asked,
    responses(
        (status = 202, description = "If there is a pledge, its mail is on its way"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The campaign's retention has ended", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many from this network. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not stored; send it again", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/campaigns/{slug}/links")]
pub async fn ask(
    request: HttpRequest,
    pledges: Data<Pledges>,
    campaigns: Data<Campaigns>,
    slug: Path<String>,
    Valid(asked): Valid<Asked>,
) -> Result<HttpResponse, Problem> {
    allow(&request, [pledges.limited_guess(Visitor::of(&request).source())])?;
    let campaign = campaigns.find(&slug).ok_or(ProblemCode::CampaignNotFound)?;
    let email = Email::parse(&asked.email).map_err(|code| Problem::field("/email", code))?;
    let language = asked.language.as_deref().map(Language::parse).transpose();
    let language = language.map_err(|code| Problem::field("/language", code))?;
    pledges.ask(&campaign, &email, language.as_ref().map(Language::as_str)).await?;
    Ok(HttpResponse::Accepted().finish())
}
