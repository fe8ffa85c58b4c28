//! The door to campaigns, for the public: from memory.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{Data, Path},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Campaign, Campaigns, State,
    settings::{Confirmation, Consent, Controller, Fields, ProofRule, Texts},
};
use crate::http::{
    Code, Problem, ProblemBody, ValidQuery,
    page::{Page, next_cursor},
};

/// Nothing stale unless the service is away: what the form needs may change from one moment to the next.
const CACHING: &str = "public, max-age=5, stale-if-error=3600";

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(get_campaign);
}

/// Whether a campaign takes pledges.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublicState {
    /// Takes pledges.
    Open,
    /// Over.
    Closed,
}

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct CampaignBody {
    /// Its name in addresses.
    #[schema(example = "together-we-defend")]
    slug: String,
    state: PublicState,
    /// The language (BCP 47) to fall back to.
    #[schema(example = "en")]
    default_language: String,
    /// The languages (BCP 47) it speaks.
    #[schema(example = json!(["en", "fr"]))]
    languages: Vec<String>,
    /// By language.
    texts: BTreeMap<String, Texts>,
    /// How many pledges it hopes for.
    #[schema(minimum = 1, example = 10_000)]
    goal: Option<i64>,
    fields: Fields,
    /// `email`: a pledge counts once its mailbox has confirmed it. `none`: at once.
    confirmation: Confirmation,
    /// Whether a pledge needs a solved challenge. `off`: no. `on`: yes, always of the same price. `adaptive`: yes, dearer for
    /// busy sources and in busy times.
    proof: ProofRule,
    /// What supporters may agree to, in the current versions.
    consents: Vec<Consent>,
    controller: Option<Controller>,
    /// Small numbers are published rounded down to a multiple of this; 1: exactly.
    #[schema(minimum = 1, example = 5)]
    threshold: i32,
    /// Whether it is published how many pledges came by which partner (`totals/partners`).
    publish_partners: bool,
    /// Whether there is a public wall (`wall`): names and messages of supporters who agree to be shown, once a moderator has approved them.
    wall: bool,
}

impl From<&Campaign> for CampaignBody {
    fn from(campaign: &Campaign) -> Self {
        Self {
            slug: campaign.slug.clone(),
            state: if campaign.state == State::Open { PublicState::Open } else { PublicState::Closed },
            default_language: campaign.default_language.clone(),
            languages: campaign.texts.keys().cloned().collect(),
            texts: campaign.texts.clone(),
            goal: campaign.goal,
            fields: campaign.fields,
            confirmation: campaign.confirmation,
            proof: campaign.proof,
            consents: campaign.current_consents().into_iter().cloned().collect(),
            controller: campaign.controller.clone(),
            threshold: campaign.threshold,
            publish_partners: campaign.publish_partners,
            wall: campaign.wall,
        }
    }
}

/// Campaigns, a page at a time.
#[derive(Serialize, ToSchema)]
pub struct CampaignPage {
    campaigns: Vec<CampaignBody>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// Campaigns
#[utoipa::path(
    tag = "Campaigns", operation_id = "listCampaigns", security(()), params(Page),
    responses(
        (status = 200, description = "Public campaigns, by slug", body = CampaignPage),
    ),
)]
#[get("/v1/campaigns")]
pub async fn list(campaigns: Data<Campaigns>, ValidQuery(page): ValidQuery<Page>) -> Result<HttpResponse, Problem> {
    let after: String = page.last()?.unwrap_or_default();
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let rest = campaigns.all().into_iter().filter(|campaign| campaign.slug > after);
    let mut rest: Vec<_> = rest.take(limit.saturating_add(1)).collect();
    let next_cursor = next_cursor(&mut rest, page.limit(), |campaign| campaign.slug.clone());
    let campaigns = rest.iter().map(|campaign| CampaignBody::from(campaign.as_ref())).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, CACHING)).json(CampaignPage { campaigns, next_cursor }))
}

/// One campaign
#[utoipa::path(
    tag = "Campaigns", operation_id = "getCampaign", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The campaign", body = CampaignBody),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}")]
pub async fn get_campaign(campaigns: Data<Campaigns>, slug: Path<String>) -> Result<HttpResponse, Problem> {
    let campaign = campaigns.find(&slug).ok_or(Code::CampaignNotFound)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, CACHING)).json(CampaignBody::from(campaign.as_ref())))
}
