//! What other sites load: the form as a frame, the scripts and words of the elements around it. A partner's pages may frame the
//! partner's form (`frame-ancestors`), and nobody else's.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Path, ServiceConfig},
};
use askama::Template;

use super::{
    Asked, Pages, Whose, own, pages,
    routes::{find, in_the_visitors_language, source, whose},
    texts::Texts,
    views,
};
use crate::{
    campaigns::{Campaign, Campaigns, settings::Confirmation},
    http::{
        Code, Problem,
        compressed::{Kind, answer_once},
        headers::framed_policy,
    },
    partners::Partners,
};

/// Below this stands what is framed.
pub(super) const PATH: &str = "/embed/";

/// What the elements and `pledge.js` say. Shipped with each release, so caches may keep them for minutes.
const WORDS: [&str; 13] = [
    "error_",
    "errors_",
    "form_",
    "live_",
    "map_",
    "table_",
    "countries_",
    "direction",
    "total_label",
    "goal_text",
    "closed_text",
    "trouble_no_match",
    "embed_",
];

/// Files, words and frames.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(embed_script)
        .service(pledge_script)
        .service(world)
        .service(words)
        .service(in_some_language)
        .service(frame)
        .service(frame_thanks);
}

/// Where the thanks of a framed form stand.
pub(super) fn thanks_address(slug: &str, language: &str, site_key: Option<&str>) -> String {
    let query = site_key.and_then(|key| serde_urlencoded::to_string([("site_key", key)]).ok());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{PATH}{slug}/{language}/thanks{query}")
}

#[get("/embed.js")]
async fn embed_script(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    pages.stable(&request, "embed.js")
}

#[get("/pledge.js")]
async fn pledge_script(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    pages.stable(&request, "pledge.js")
}

#[get("/embed/world.json")]
async fn world(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    pages.stable(&request, "world.json")
}

#[get("/embed/texts/{language}.json")]
async fn words(request: HttpRequest, language: Path<String>) -> Result<HttpResponse, Problem> {
    let words = Texts::of(&language).chosen(&WORDS);
    let kind = Kind { content: "application/json", caching: super::DOCUMENT_CACHING };
    Ok(answer_once(&request, "words", kind, serde_json::to_vec(&words).map_err(|_| Code::Internal)?))
}

#[get("/embed/{slug}")]
async fn in_some_language(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    pages: Data<Pages>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    Ok(in_the_visitors_language(&request, &campaign, PATH))
}

/// The page around says its own language, such as `en-GB`: the nearest of the campaign's.
fn nearest<'a>(campaign: &'a Campaign, language: &str) -> &'a str {
    campaign.spoken(language).unwrap_or(&campaign.default_language)
}

#[get("/embed/{slug}/{language}")]
async fn frame(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    pages: Data<Pages>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, language) = path.into_inner();
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    let whose = whose(&request, &partners, &campaign);
    let asked = Asked { source: &source(&request), whose: whose.as_ref(), framed: true };
    match pages.form(&campaign, nearest(&campaign, &language), &asked) {
        Some(page) => Ok(framed(page, &partners, whose.as_ref())),
        None => pages.not_found(None),
    }
}

#[get("/embed/{slug}/{language}/thanks")]
async fn frame_thanks(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    pages: Data<Pages>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, language) = path.into_inner();
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    let language = nearest(&campaign, &language);
    let view = views::CampaignView::new(&campaign, language);
    let (Some(view), Some(published)) = (view, pages.totals.published(&slug)) else { return pages.not_found(None) };
    let totals = views::TotalsView::new(&published.document);
    let (post, ask) = (own::door::code_address(&campaign, language), own::door::ask_address(&campaign, language));
    let code = own::CodeForm { post: &post, ask: Some(&ask), ..own::CodeForm::default() };
    let page = pages::FrameThanksPage(pages::ThanksPage {
        ui: Texts::of(&view.language),
        assets: &pages.assets,
        public_url: &pages.origin.0,
        campaign: &view.campaign(),
        totals: &totals.totals(),
        after: match campaign.confirmation {
            Confirmation::None => pages::After::Counted,
            Confirmation::Email => pages::After::Mail(&code),
        },
    });
    let whose = whose(&request, &partners, &campaign);
    Ok(framed(page.render().map_err(|_| Code::Internal)?, &partners, whose.as_ref()))
}

/// A page that the partner's pages may frame. It has a token of its own, so nothing keeps it.
fn framed(page: String, partners: &Partners, whose: Option<&Whose>) -> HttpResponse {
    let framers = whose.map(|whose| partners.framers(&whose.partner)).unwrap_or_default();
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, framed_policy(&framers)))
        .content_type("text/html; charset=utf-8")
        .body(page)
}

impl Pages {
    fn stable(&self, request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
        let file = self.files.stable(name).ok_or(Code::NotFound)?;
        Ok(file.answer(request))
    }
}
