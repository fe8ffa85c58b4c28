//! What other sites load: the form as a frame, the scripts and words of the elements around it. A partner's pages may frame the
//! partner's form (`frame-ancestors`), and nobody else's.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    web::{Data, Path, ServiceConfig},
};

use super::{
    Asked, Pages, Whose,
    routes::{find, in_the_visitors_language, source, whose},
    texts::Texts,
};
use crate::{
    campaigns::{Campaign, Campaigns},
    http::{
        Code, Problem,
        compressed::{self, Kind, Packed},
        headers::framed_policy,
    },
    partners::Partners,
};

/// Below this stands what is framed.
pub(super) const PATH: &str = "/embed/";

/// What the elements and `pledge.js` say. Shipped with each release, so caches may keep them for minutes.
const WORDS: [&str; 15] = [
    "error_",
    "errors_",
    "form_",
    "live_",
    "map_",
    "table_",
    "countries_",
    "country_unstated",
    "direction",
    "total_label",
    "goal_text",
    "closed_text",
    "trouble_no_match",
    "embed_",
    "wall_",
];

/// What frame.js loads look.js for.
const LOOK: [&str; 5] = ["accent", "background", "text", "radius", "font"];

/// Files, words and frames.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(embed_script)
        .service(pledge_script)
        .service(wall_script)
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

#[get("/wall.js")]
async fn wall_script(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    pages.stable(&request, "wall.js")
}

#[get("/embed/world.json")]
async fn world(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    pages.stable(&request, "world.json")
}

#[get("/embed/texts/{language}.json")]
async fn words(request: HttpRequest, language: Path<String>) -> Result<HttpResponse, Problem> {
    let language = Texts::of(&language).lang();
    let packed = PACKED_WORDS.iter().find(|(known, _)| *known == language).ok_or(Code::NotFound)?;
    Ok(packed.1.answer(&request))
}

static PACKED_WORDS: LazyLock<Vec<(&str, Packed)>> = LazyLock::new(|| {
    let kind = Kind { content: "application/json", caching: super::DOCUMENT_CACHING };
    let json = |texts: &'static Texts| {
        let mut all = texts.chosen(&WORDS);
        // Who asked for another language must know which this is.
        all.insert("lang", texts.lang());
        serde_json::to_vec(&all).unwrap_or_default()
    };
    Texts::all().iter().map(|texts| (texts.lang(), Packed::new("words", kind, &json(texts)))).collect()
});

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
    let styled = form_urlencoded::parse(request.query_string().as_bytes())
        .any(|(name, value)| LOOK.contains(&name.as_ref()) && !value.is_empty());
    let asked = Asked { source: &source(&request), whose: whose.as_ref(), framed: true, styled };
    match pages.form(&campaign, nearest(&campaign, &language), &asked) {
        Some(page) => Ok(framed(&request, page, &partners, whose.as_ref())),
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
    let whose = whose(&request, &partners, &campaign);
    let trial = whose.as_ref().is_some_and(|whose| whose.test);
    match pages.thanks(&campaign, nearest(&campaign, &language), true, trial) {
        Some(page) => Ok(framed(&request, page, &partners, whose.as_ref())),
        None => pages.not_found(None),
    }
}

/// A page that the partner's pages may frame. It has a token of its own, so nothing keeps it.
fn framed(request: &HttpRequest, page: String, partners: &Partners, whose: Option<&Whose>) -> HttpResponse {
    let framers = whose.map(|whose| partners.framers(&whose.partner)).unwrap_or_default();
    let mut response = compressed::page(request, page);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What can't be a header's value is no policy; then the answer has that of answers which nobody may frame.
    if let Ok(policy) = HeaderValue::try_from(framed_policy(&framers)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

impl Pages {
    fn stable(&self, request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
        let file = self.files.stable(name).ok_or(Code::NotFound)?;
        Ok(file.answer(request))
    }
}
