//! The door to the published totals: JSON and CSV from memory, with ETag, compression and caching.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Totals, board::Document};
use crate::http::{Code, Problem, ProblemBody};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_totals).service(get_totals_csv);
}

/// The published totals
///
/// From memory. Ask again with `If-None-Match` (browsers do so by themselves): 304 when nothing has changed. There is
/// at most one new version a second.
#[utoipa::path(
    tag = "Totals", operation_id = "getTotals", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The totals", body = Document,
            headers(("ETag" = String, description = "Version and coding"), ("Cache-Control" = String))),
        (status = 304, description = "The version you have is current"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals")]
pub async fn get_totals(
    request: HttpRequest,
    totals: Data<Totals>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let published = totals.published(&slug).ok_or(Code::CampaignNotFound)?;
    Ok(published.json.answer(&request))
}

/// The published totals as a table
///
/// CSV (RFC 4180) with the columns `country` and `count`; the last two rows are `elsewhere` and `total`.
#[utoipa::path(
    tag = "Totals", operation_id = "getTotalsCsv", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The totals", body = String, content_type = "text/csv",
            example = json!("country,count\r\nDE,120\r\nelsewhere,3\r\ntotal,123\r\n")),
        (status = 304, description = "The version you have is current"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals.csv")]
pub async fn get_totals_csv(
    request: HttpRequest,
    totals: Data<Totals>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let published = totals.published(&slug).ok_or(Code::CampaignNotFound)?;
    Ok(published.csv.answer(&request))
}
