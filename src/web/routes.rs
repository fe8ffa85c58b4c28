//! The door to pages and files. They are for people, so the API's document doesn't list them.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{
        Method, StatusCode,
        header::{self, AcceptLanguage, Header},
    },
    web::{Data, Path, ServiceConfig},
};
use askama::Template;

use super::{Asked, Pages, Whose, dashboard, embed, moderation, own, pages, partners, texts::Texts, views};
use crate::{
    campaigns::{Campaign, Campaigns},
    http::{
        Code, Problem,
        compressed::{self, Forms, Kind, Packed},
        headers::PAGE_POLICY,
        openapi::Methods,
    },
    partners::{Claims, Lane, Partners},
    pledges::fields::Source,
};

/// A page with a live number: asked again each time, kept for the back button.
const PAGE_CACHING: &str = "no-cache";

/// Pages and files.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(start)
        .service(in_some_language)
        .service(form)
        .service(thanks)
        .configure(own::routes::routes)
        .configure(embed::routes)
        .configure(dashboard::routes)
        .configure(partners::routes)
        .configure(moderation::routes)
        .service(reference)
        .service(problems)
        .service(openapi_yaml)
        .service(openapi_json)
        .service(robots)
        .service(file);
}

pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let text = page.render().map_err(|_| Code::Internal)?;
    Ok(html_text(status, text))
}

pub(super) fn html_text(status: StatusCode, text: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, PAGE_CACHING))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .content_type("text/html; charset=utf-8")
        .body(text)
}

/// A page without a secret, compressed.
pub(super) fn packed(request: &HttpRequest, text: String) -> HttpResponse {
    let mut response = compressed::page(request, text);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(PAGE_CACHING));
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(PAGE_POLICY));
    response
}

#[get("/")]
async fn start(all: Data<Campaigns>, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    let campaigns = all.all();
    let shown: Vec<_> = campaigns
        .iter()
        .filter_map(|campaign| {
            let view = views::CampaignView::new(campaign, "en")
                .or_else(|| views::CampaignView::new(campaign, &campaign.default_language))?;
            let published = pages.totals.published(&campaign.slug)?;
            Some((view, views::TotalsView::new(&published.document)))
        })
        .collect();
    let shown: Vec<_> = shown
        .iter()
        .map(|(view, totals)| pages::StartCampaign { campaign: view.campaign(), totals: totals.totals() })
        .collect();
    let page = pages::StartPage {
        ui: Texts::of("en"),
        assets: &pages.assets,
        public_url: &pages.origin.0,
        campaigns: &shown,
        development: pages.development,
    };
    html(StatusCode::OK, &page)
}

pub(super) fn find(campaigns: &Campaigns, slug: &str) -> Result<std::sync::Arc<Campaign>, Problem> {
    campaigns.find(slug).ok_or_else(|| Code::NotFound.into())
}

#[get("/c/{slug}")]
async fn in_some_language(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    pages: Data<Pages>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    Ok(in_the_visitors_language(&request, &campaign, "/c/"))
}

/// Leads to the form in the visitor's language.
pub(super) fn in_the_visitors_language(request: &HttpRequest, campaign: &Campaign, below: &str) -> HttpResponse {
    let (slug, language) = (&campaign.slug, wanted_language(request, campaign));
    let query = Some(request.query_string()).filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    HttpResponse::Found()
        .insert_header((header::LOCATION, format!("{below}{slug}/{language}{query}")))
        .insert_header((header::VARY, "Accept-Language"))
        .finish()
}

/// What a visitor reads, best first, as the browser says it.
pub(super) fn preferred_languages(request: &HttpRequest) -> Vec<String> {
    let accepted = AcceptLanguage::parse(request).map(|accepted| accepted.ranked()).unwrap_or_default();
    accepted.iter().map(ToString::to_string).collect()
}

pub(super) fn wanted_language(request: &HttpRequest, campaign: &Campaign) -> String {
    let accepted = preferred_languages(request);
    let found = accepted.iter().find_map(|tag| campaign.spoken(tag));
    found.unwrap_or(&campaign.default_language).to_owned()
}

/// Where the supporter came from; a partner's link may say. What the form would refuse is left out: the supporter
/// couldn't mend it.
pub(super) fn source(request: &HttpRequest) -> String {
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let mut sources = pairs.filter(|(name, _)| name == "source");
    let source = sources.find_map(|(_, value)| Source::parse(&value).ok());
    source.map(|source| source.as_str().to_owned()).unwrap_or_default()
}

/// Whose form it is, when a partner's link says so. A key that isn't (any more) is left out: the supporter couldn't mend it.
pub(super) fn whose(request: &HttpRequest, partners: &Partners, campaign: &Campaign) -> Option<Whose> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let site_key = pairs.find(|(name, _)| name == "site_key")?.1.into_owned();
    let claims = Claims { site_key: Some(&site_key), ..Claims::default() };
    let admitted = partners.admit(campaign.id, claims).ok()?;
    Some(Whose { partner: admitted.partner?, test: admitted.lane == Lane::Test, site_key })
}

#[get("/c/{slug}/{language}")]
async fn form(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    pages: Data<Pages>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, language) = path.into_inner();
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    let whose = whose(&request, &partners, &campaign);
    let asked = Asked { source: &source(&request), whose: whose.as_ref(), framed: false, styled: false };
    match pages.form(&campaign, &language, &asked) {
        Some(page) => Ok(packed(&request, page)),
        None => pages.not_found(Some(&format!("/c/{slug}"))),
    }
}

#[get("/c/{slug}/{language}/thanks")]
async fn thanks(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    pages: Data<Pages>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, language) = path.into_inner();
    let Ok(campaign) = find(&campaigns, &slug) else { return pages.not_found(None) };
    let trial = whose(&request, &partners, &campaign).is_some_and(|whose| whose.test);
    match pages.thanks(&campaign, &language, false, trial) {
        Some(page) => Ok(html_text(StatusCode::OK, page)),
        None => pages.not_found(Some(&format!("/c/{slug}"))),
    }
}

#[get("/docs")]
async fn reference(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    document(&request, &pages.documents.reference)
}

#[get("/docs/problems")]
async fn problems(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    document(&request, &pages.documents.problems)
}

#[get("/openapi.yaml")]
async fn openapi_yaml(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    pages.documents.yaml.answer(&request)
}

#[get("/openapi.json")]
async fn openapi_json(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    pages.documents.json.answer(&request)
}

/// What search engines are asked to leave alone. A wall's answers say `noindex` themselves, but that isn't heeded where a script puts
/// them into somebody else's page.
static ROBOTS: LazyLock<Packed> = LazyLock::new(|| {
    let kind = Kind { content: "text/plain; charset=utf-8", caching: super::DOCUMENT_CACHING };
    Packed::new("robots", kind, include_bytes!("robots.txt"))
});

#[get("/robots.txt")]
async fn robots(request: HttpRequest) -> HttpResponse {
    ROBOTS.answer(&request)
}

fn document(request: &HttpRequest, forms: &Forms) -> HttpResponse {
    let mut response = forms.answer(request);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(PAGE_POLICY));
    response
}

#[get("/assets/{name}")]
async fn file(request: HttpRequest, pages: Data<Pages>, name: Path<String>) -> Result<HttpResponse, Problem> {
    let file = pages.files.get(&name).ok_or(Code::NotFound)?;
    Ok(file.answer(&request))
}

/// Whatever has no route: 405 where the document knows the path with other methods, else 404; as a page for browsers.
pub async fn anything_else(
    request: HttpRequest,
    methods: Data<Methods>,
    pages: Data<Pages>,
) -> Result<HttpResponse, Problem> {
    // A path that fits but has no route (an empty slug, for instance) is not found whatever the method.
    if let Some(allowed) = methods.at(request.path()).filter(|allowed| !allowed.contains(request.method())) {
        let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let mut response = actix_web::ResponseError::error_response(&Problem::from(Code::MethodNotAllowed));
        if let Ok(value) = header::HeaderValue::from_str(&allowed.join(", ")) {
            response.headers_mut().insert(header::ALLOW, value);
        }
        return Ok(response);
    }
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.contains("text/html") { pages.not_found(None) } else { Err(Code::NotFound.into()) }
}

impl Pages {
    pub(super) fn not_found(&self, back: Option<&str>) -> Result<HttpResponse, Problem> {
        let page = pages::ErrorPage { ui: Texts::of("en"), assets: &self.assets, status: 404, back };
        html(StatusCode::NOT_FOUND, &page)
    }
}
