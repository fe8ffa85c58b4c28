//! The door to the page for partners' web people.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, ServiceConfig},
};
use askama::Template;

use super::{Pages, pages, routes::packed, texts::Texts, views};
use crate::{
    campaigns::Campaigns,
    http::{Code, Problem, headers::PAGE_POLICY},
};

/// The page.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(partners);
}

#[get("/partners")]
async fn partners(request: HttpRequest, all: Data<Campaigns>, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    let campaigns = all.all();
    let views: Vec<_> = campaigns
        .iter()
        .filter_map(|campaign| Some((views::CampaignView::new(campaign, &campaign.default_language)?, campaign.wall)))
        .collect();
    let shown: Vec<_> = views.iter().map(|(view, wall)| (view.campaign(), *wall)).collect();
    let shown: Vec<_> = shown
        .iter()
        .map(|(campaign, wall)| pages::PartnersCampaign {
            slug: campaign.slug,
            title: campaign.title,
            languages: campaign.languages,
            wall: *wall,
        })
        .collect();
    let page = pages::PartnersPage {
        ui: Texts::of("en"),
        assets: &pages.assets,
        public_url: &pages.origin.0,
        campaigns: &shown,
        integrity: pages.files.integrity("embed.js"),
    };
    let mut response = packed(&request, page.render().map_err(|_| Code::Internal)?);
    // The form is shown live, from this service.
    let policy = header::HeaderValue::from_str(&format!("{PAGE_POLICY}; frame-src 'self'"));
    if let Ok(policy) = policy {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
