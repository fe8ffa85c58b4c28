//! The door to dashboards.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Path, ServiceConfig},
};
use askama::Template;

use super::{
    Pages, pages,
    routes::{find, packed, wanted_language},
    texts::Texts,
    views,
};
use crate::{
    campaigns::Campaigns,
    http::{Code, Problem},
    pledges::by_partner::ByPartner,
};

/// What the scripts of a dashboard say.
const WORDS: [&str; 6] = ["dash_", "map_", "table_", "countries_", "total_label", "goal_text"];

/// The dashboards.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(dashboard);
}

/// In the language that is asked for (`?lang=`), else the visitor's.
#[get("/dashboard/{slug}")]
async fn dashboard(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    pages: Data<Pages>,
    by_partner: Data<ByPartner>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    let asked = |name: &str| {
        let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let language = asked("lang").and_then(|tag| campaign.spoken(&tag).map(str::to_owned));
    let language = language.unwrap_or_else(|| wanted_language(&request, &campaign));
    let view = views::CampaignView::new(&campaign, &language);
    let (Some(view), Some(published)) = (view, pages.totals.published(&slug)) else {
        return pages.not_found(Some(&format!("/c/{slug}")));
    };
    let (ui, document) = (Texts::of(&view.language), &published.document);
    let totals = views::TotalsView::new(document);
    let texts = serde_json::to_string(&ui.chosen(&WORDS)).map_err(|_| Code::Internal)?;
    let time = document.as_of.format("%H:%M UTC");
    let rounding = (document.threshold > 1)
        .then(|| ui.fill("dash_explain_rounding", &[("threshold", &ui.number(document.threshold))]));
    // The rest of the page doesn't wait for a database that is away.
    let partners = by_partner.of(&slug).await.ok().flatten();
    let page = pages::DashboardPage {
        ui,
        assets: &pages.assets,
        campaign: &view.campaign(),
        totals: &totals.totals(),
        wall: asked("wall").is_some(),
        as_of: &document.as_of.to_rfc3339(),
        as_of_text: &format!("{}, {time}", ui.date(document.as_of.date_naive())),
        drawn: &pages.totals.checked_at().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        rounding: rounding.as_deref(),
        texts: &texts,
        partners: partners.as_ref().map_or(&[], |counts| counts.partners.as_slice()),
    };
    let mut response = packed(&request, page.render().map_err(|_| Code::Internal)?);
    let vary = header::HeaderValue::from_static("Accept-Encoding, Accept-Language");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}
