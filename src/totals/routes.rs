//! The door to the published totals: JSON and CSV from memory, with ETag, compression and caching, and as a stream.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Totals,
    board::Document,
    events::Event,
    stream::{Refusal, Streams},
};
use crate::http::{Code, Problem, ProblemBody, Visitor};

/// When to ask for a stream again that there was no place for. Streams last long.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_totals).service(get_totals_csv).service(stream_totals);
}

/// The published totals
///
/// From memory. Ask again with `If-None-Match` (browsers do so by themselves): 304 when nothing has changed. There is
/// at most one new version a second, or as rarely as the campaign wants.
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

/// The published totals as they change
///
/// Server-Sent Events, for a browser's `EventSource` or any reader of lines. The schema is that of the `data` of each
/// event:
///
/// * `totals`: the whole document. First, and whenever a change can't be told or you have missed one.
/// * `change`: what differs from the version before, `previous_version`; 0 is a country that is no longer shown.
/// * `heartbeat`: every fifteen seconds. It tells when the service last made sure that there is no newer version, so
///   that silence can be told from being cut off.
///
/// Events have the version as their `id`. Ignore one with a lower version than you have, and ask for the totals should a
/// change be one of a version that you don't have. A reader that is slow is never sent old versions: it receives the
/// newest document at once. Connect again with `Last-Event-ID` (browsers do so by themselves) and you receive what you
/// lack: nothing but a heartbeat, one change, or the whole document.
///
/// The number of streams is limited, for each source and in all: then, ask for the totals now and again instead.
#[utoipa::path(
    tag = "Totals", operation_id = "streamTotals", security(()),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("Last-Event-ID" = String, Header, description = "The version that you have", example = "81"),
    ),
    responses(
        (status = 200, description = "The totals and their changes, without end", body = Event,
            content_type = "text/event-stream", headers(("Cache-Control" = String))),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "This source has as many streams as one may have", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "There are as many streams as there may be, or the service is stopping",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals/stream")]
pub async fn stream_totals(
    request: HttpRequest,
    streams: Data<Streams>,
    visitor: Visitor,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let seen = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let subscription = streams.open(&slug, visitor.source(), seen)?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx would collect events until its buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(subscription.frames()))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoCampaign => Code::CampaignNotFound.into(),
            Refusal::SourceIsFull => Self::retry_after(TRY_AGAIN_AFTER),
            Refusal::Full => Self::from(Code::Unavailable).after(TRY_AGAIN_AFTER),
            Refusal::Stopping => Code::Unavailable.into(),
        }
    }
}
