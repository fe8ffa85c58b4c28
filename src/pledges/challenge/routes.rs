//! The door to challenges.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Path},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{Asking, Challenges, NoChallenge};
use crate::{
    campaigns::Campaigns,
    gate::proof::issuer::NotIssued,
    http::{Code, Problem, ProblemBody, ValidQuery, Visitor, allow, announce},
    partners::{Claims, Lane, Partners, routes::origin},
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_challenge);
}

/// A challenge of ALTCHA, version 2. Its solver takes it as it is; so does the attribute `challenge` of its element.
#[derive(ToSchema)]
#[schema(as = Challenge)]
#[expect(dead_code, reason = "documents gate::proof::Challenge, which the crate altcha defines")]
struct ChallengeBody {
    parameters: ChallengeParameters,
    /// Ours, over the parameters: send it back as it is.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    signature: String,
}

/// What is to be solved: find a number from 0 on for which SHA-256 of salt, nonce and number (four bytes, the highest
/// first), hashed `cost` times in all, begins with the hexadecimal digits `keyPrefix`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what the crate altcha defines")]
struct ChallengeParameters {
    #[schema(example = "SHA-256")]
    algorithm: String,
    #[schema(minimum = 1, example = 4)]
    cost: u32,
    data: ChallengeData,
    /// When it expires, in seconds since 1970: 20 minutes after it was given out.
    #[schema(example = 1_893_456_000)]
    expires_at: i64,
    #[schema(example = 32)]
    key_length: u32,
    #[schema(example = "000")]
    key_prefix: String,
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
    #[schema(pattern = "^[0-9a-f]{32}$")]
    salt: String,
}

/// What the challenge is good for, and nothing else.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what the gate writes into a challenge")]
struct ChallengeData {
    campaign: Uuid,
    partner: Option<Uuid>,
    test: bool,
    /// When it was given out, in milliseconds since 1970.
    issued: i64,
}

impl From<NoChallenge> for Problem {
    fn from(none: NoChallenge) -> Self {
        match none {
            NoChallenge::Closed => Code::CampaignClosed.into(),
            NoChallenge::NotIssued(NotIssued::Source(wait)) => Self::retry_after(wait),
            NoChallenge::NotIssued(NotIssued::Everybody(wait)) => Self::from(Code::Unavailable).after(wait),
            NoChallenge::NotIssued(NotIssued::Crypto(error)) => error.into(),
        }
    }
}

/// Whose form asks.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The partner's public key; a form of another site needs it.
    #[serde(default)]
    #[param(example = "pk_3q2-7wAAAAAAAAAAAAAAAA")]
    site_key: Option<String>,
}

/// A challenge
///
/// A proof of work for one pledge, in the form of [ALTCHA](https://altcha.org) version 2: its element and its solver take it as
/// it is. It is good for 20 minutes, for this campaign, and once.
#[utoipa::path(
    tag = "Pledges", operation_id = "getChallenge", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Asked),
    responses(
        (status = 200, description = "A new challenge; not to be kept", body = ChallengeBody),
        (status = 403, description = "This page or key may not post here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The campaign is closed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Your network has asked for too many", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many are asked for at the moment", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/challenge")]
pub async fn get_challenge(
    challenges: Data<Challenges>,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    visitor: Visitor,
    request: HttpRequest,
    slug: Path<String>,
    asked: Result<ValidQuery<Asked>, Problem>,
) -> Result<HttpResponse, Problem> {
    announce(&request, [challenges.allowance(visitor.source())]);
    let ValidQuery(asked) = asked?;
    let campaign = campaigns.find(&slug).ok_or(Code::CampaignNotFound)?;
    let claims = Claims { site_key: asked.site_key.as_deref(), secret: None, origin: origin(&request)? };
    // Who gets no challenge never sends the pledge.
    let refused = |problem: &Problem| partners.refused(campaign.id, claims, problem.code, 1);
    let admitted = partners.admit(campaign.id, claims).inspect_err(refused)?;
    let partner = admitted.partner.as_ref().map(|partner| partner.id);
    let asking = Asking { partner, test: admitted.lane == Lane::Test, source: visitor.source() };
    let given = challenges.give(&campaign, asking);
    allow(&request, [challenges.allowance(visitor.source())]).inspect_err(refused)?;
    let challenge = given.map_err(Problem::from).inspect_err(refused)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(challenge))
}
