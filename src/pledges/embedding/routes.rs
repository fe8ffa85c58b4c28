//! The door for web people who ask before they try.

use actix_web::{
    HttpRequest, get,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::findings;
use crate::{
    campaigns::Campaigns,
    http::{Code, Problem, ProblemBody, ValidQuery, Visitor, allow},
    partners::Partners,
    pledges::Pledges,
};

/// The operation of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(check);
}

/// A page and a key.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Embedding {
    /// The campaign's slug.
    #[validate(length(max = 100, code = "too_long"))]
    #[param(example = "together-we-defend", max_length = 100)]
    campaign: String,
    /// The partner's public key, or the one for trials.
    #[validate(length(max = 100, code = "too_long"))]
    #[param(example = "pk_3q2-7wAAAAAAAAAAAAAAAA", max_length = 100)]
    site_key: String,
    /// The origin of the page, as its scripts see it (`self.origin`).
    #[validate(length(max = 300, code = "too_long"))]
    #[param(example = "https://www.example.org", max_length = 300)]
    origin: String,
}

/// Whether the page may embed the form.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingCheck {
    /// Whether it may.
    may_embed: bool,
    /// What is wrong, or worth knowing.
    problems: Vec<EmbeddingProblem>,
}

/// Something about the page or the key.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingProblem {
    /// `foreign_origin`, `unknown_key`, `partner_disabled`, `partner_paused`, `test_key` (all goes well, and nothing counts),
    /// `insecure_origin`, `null_origin` or `not_an_origin`.
    #[schema(example = "foreign_origin")]
    code: &'static str,
    /// What it means and what to do.
    text: &'static str,
}

/// Whether a page may embed the form
///
/// What a browser would find out, said beforehand. Site keys and origins are no secrets: both stand in the page.
#[utoipa::path(
    tag = "Partners", operation_id = "checkEmbedding", security(()), params(Embedding),
    responses(
        (status = 200, description = "Whether it may, and why not", body = EmbeddingCheck),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many at once from this network. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/partner/check")]
pub async fn check(
    request: HttpRequest,
    (campaigns, partners, pledges): (Data<Campaigns>, Data<Partners>, Data<Pledges>),
    visitor: Visitor,
    ValidQuery(asked): ValidQuery<Embedding>,
) -> Result<Json<EmbeddingCheck>, Problem> {
    allow(&request, [pledges.limited_guess(visitor.source())])?;
    let campaign = campaigns.find(&asked.campaign).ok_or(Code::CampaignNotFound)?;
    let found = findings(&partners, campaign.id, &asked.site_key, &asked.origin);
    let problem = |finding: &super::Finding| EmbeddingProblem { code: finding.code(), text: finding.text() };
    Ok(Json(EmbeddingCheck {
        may_embed: !found.iter().any(|finding| finding.hinders()),
        problems: found.iter().map(problem).collect(),
    }))
}
