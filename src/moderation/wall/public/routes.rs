//! The door to the wall, for everybody: pages of any site show it, and let their readers report.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, get,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    post, web,
    web::{Data, Path},
};
use chrono::Datelike;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{KIND, Place, Wall, WallBody};
use crate::{
    gate::limits::Limits,
    http::{
        Code, FieldCode, FieldProblem, Problem, ProblemBody, Valid, ValidQuery, Visitor, allow,
        compressed::answer_once, headers::AllowedOrigin, page::Cursor,
    },
    moderation::wall::Reason,
};

const REPORTS: &str = "/v1/campaigns/{slug}/wall/reports";

/// Search engines leave it alone: what is hidden must not live on elsewhere.
const ROBOTS: (HeaderName, &str) = (HeaderName::from_static("x-robots-tag"), "noindex, noarchive");

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_wall).service(report_entry).route(REPORTS, web::method(Method::OPTIONS).to(preflight));
}

/// Which part.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Place>>,
}

impl Part {
    fn place(&self) -> Result<Option<Place>, Problem> {
        let Some(Cursor(place)) = self.cursor.as_ref() else { return Ok(None) };
        // PostgreSQL's days don't reach as far as chrono's.
        let invalid = || FieldProblem::new("/cursor", FieldCode::InvalidCursor);
        let known = (0..=9999).contains(&place.0.year());
        known.then_some(Some(*place)).ok_or_else(|| Problem::with_errors(Code::InvalidQuery, vec![invalid()]))
    }
}

/// The public wall
///
/// Names and messages of supporters who wanted to be shown, each looked at by a moderator, twenty a page; where the campaign has a wall
/// (`wall`). What is hidden or taken back is gone within a second: ask again with the `ETag` you have rather than keep a page.
#[utoipa::path(
    tag = "Campaigns", operation_id = "getWall", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Part),
    responses(
        (status = 200, description = "A page of the wall", body = WallBody,
            headers(("ETag" = String, description = "Bytes and coding"), ("Cache-Control" = String), ("X-Robots-Tag" = String))),
        (status = 304, description = "What you have is current"),
        (status = 404, description = "No such campaign, or it has no wall", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Can't be read at the moment", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/wall")]
pub async fn get_wall(
    request: HttpRequest,
    wall: Data<Wall>,
    slug: Path<String>,
    ValidQuery(part): ValidQuery<Part>,
) -> Result<HttpResponse, Problem> {
    let campaign = wall.campaign(&slug).ok_or(Code::NotFound)?;
    let mut response = match part.place()? {
        None => wall.first_page(&campaign).await?.answer(&request),
        Some(place) => {
            let body = wall.later_page(&campaign, place).await?;
            answer_once(&request, "wall", KIND, serde_json::to_vec(&body).map_err(|_| Code::Internal)?)
        }
    };
    response.headers_mut().insert(ROBOTS.0, HeaderValue::from_static(ROBOTS.1));
    Ok(response)
}

/// What shouldn't be shown.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = WallReport, example = json!({"entry": "3f0c1d1e-5f0a-4e1b-9a55-0d5b7a1f2c3d", "reason": "abuse"}))]
pub struct NewReport {
    /// `entry` of the wall.
    entry: Uuid,
    reason: Reason,
}

/// Report an entry of the wall
///
/// A moderator will look at it. The answer is the same whether or not there is such an entry. Nothing is kept of who reports.
#[utoipa::path(
    tag = "Campaigns", operation_id = "reportWallEntry", security(()), request_body = NewReport,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 204, description = "Noted"),
        (status = 404, description = "No such campaign, or it has no wall", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many from this network. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/campaigns/{slug}/wall/reports")]
pub async fn report_entry(
    request: HttpRequest,
    wall: Data<Wall>,
    limits: Data<Limits>,
    slug: Path<String>,
    Valid(report): Valid<NewReport>,
) -> Result<HttpResponse, Problem> {
    allow_any_page(&request);
    let source = Visitor::of(&request).source();
    allow(&request, [limits.report(source)])?;
    let campaign = wall.campaign(&slug).ok_or(Code::NotFound)?;
    wall.report(&campaign, source, report.entry, report.reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a browser asks before a script of another site may report: every page may, without credentials.
async fn preflight(request: HttpRequest) -> HttpResponse {
    allow_any_page(&request);
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "7200"))
        .finish()
}

fn allow_any_page(request: &HttpRequest) {
    request.extensions_mut().insert(AllowedOrigin(HeaderValue::from_static("*")));
}
