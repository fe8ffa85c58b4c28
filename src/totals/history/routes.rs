//! The door to the history: JSON and CSV, with ETag and caching.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::{
    History,
    copies::Campaign,
    points::{Asked, Interval, Point, Refused, Span, Steps},
};
use crate::{
    country::Country,
    http::{
        Code, FieldCode, FieldProblem, Problem, ProblemBody, ValidQuery,
        compressed::{Forms, Kind, answer_once},
        optional_time,
    },
    totals::board::Published,
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_history).service(get_history_csv);
}

/// How long caches may use an answer. The last interval changes about each second; a chart of days needs that less than one
/// of minutes.
fn caching(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute => "public, max-age=2, stale-while-revalidate=10, stale-if-error=3600",
        Interval::Hour => "public, max-age=10, stale-while-revalidate=60, stale-if-error=3600",
        Interval::Day => "public, max-age=60, stale-while-revalidate=300, stale-if-error=3600",
    }
}

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How long an interval is; an hour when nothing is said. Minutes are kept for 48 hours and told of no country.
    #[param(example = "day")]
    interval: Option<Interval>,
    /// The first interval is the one that this time (RFC 3339) lies in. When nothing is said: a day ago for minutes, 30 days
    /// for hours, a year for days. Earlier intervals than the campaign, and minutes that are not kept any more, are left out.
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// The last interval is the one that ends at this time (RFC 3339) or that it lies in; when nothing is said, or later
    /// than now, the one that is under way.
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Of this country only, as published: a small country shows a multiple of `threshold`, rounded down. `ZZ` is not
    /// published.
    country: Option<Country>,
}

/// How a total came about, interval after interval without a gap. Each `total` is the one before and `count`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub struct HistoryBody<'a> {
    /// The campaign's slug.
    #[schema(example = "together-we-defend")]
    campaign: &'a str,
    interval: Interval,
    /// Where the first interval begins.
    #[schema(example = "2026-11-22T00:00:00Z")]
    from: DateTime<Utc>,
    /// Where the last interval ends.
    #[schema(example = "2026-11-24T00:00:00Z")]
    to: DateTime<Utc>,
    /// The country that was asked for; left out when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, pattern = "^[A-Z]{2}$", example = "DE")]
    country: Option<Country>,
    /// When the version of the totals came to be that this is a history of. What was counted later is in the next answer.
    #[schema(example = "2026-11-23T12:00:00Z")]
    as_of: DateTime<Utc>,
    /// Small numbers of countries are rounded down to a multiple of this; 1: nothing is rounded.
    #[schema(minimum = 1, example = 5)]
    threshold: i64,
    #[schema(max_items = 3000)]
    points: &'a [Point],
}

/// How the total grew
///
/// By minute, hour or day (UTC), with zeros where nothing happened; at most 3,000 intervals. What moderators take out or put
/// back is taken out of, or put back into, the minute in which it was counted. The last interval may be under way: its
/// `total` is the one that is published.
///
/// The history of a country is its published number: a small country is rounded at the end of each hour as it is in the
/// totals, and everything but the last interval changes only when the rounded numbers are renewed.
#[utoipa::path(
    tag = "Totals", operation_id = "getHistory", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), HistoryQuery),
    responses(
        (status = 200, description = "The history", body = HistoryBody,
            headers(("ETag" = String, description = "Version, bytes and coding"), ("Cache-Control" = String))),
        (status = 304, description = "What you have is current"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not loaded yet, and the database can't be reached", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals/history")]
pub async fn get_history(
    request: HttpRequest,
    history: Data<History>,
    slug: Path<String>,
    ValidQuery(query): ValidQuery<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    answer(&request, &history, &slug, &query, Format::Json).await
}

/// How the total grew, as a table
///
/// CSV (RFC 4180) with the columns `at`, `count` and `total`: the same as the JSON, and for the same questions.
#[utoipa::path(
    tag = "Totals", operation_id = "getHistoryCsv", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), HistoryQuery),
    responses(
        (status = 200, description = "The history", body = String, content_type = "text/csv",
            example = json!("at,count,total\r\n2026-11-23T12:00:00Z,12,3012\r\n2026-11-23T13:00:00Z,0,3012\r\n")),
        (status = 304, description = "What you have is current"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not loaded yet, and the database can't be reached", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals/history.csv")]
pub async fn get_history_csv(
    request: HttpRequest,
    history: Data<History>,
    slug: Path<String>,
    ValidQuery(query): ValidQuery<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    answer(&request, &history, &slug, &query, Format::Csv).await
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
}

impl Format {
    fn kind(self, interval: Interval) -> Kind {
        let content = match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
        };
        Kind { content, caching: caching(interval) }
    }
}

async fn answer(
    request: &HttpRequest,
    history: &History,
    slug: &str,
    query: &HistoryQuery,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let asked = query.asked()?;
    let published = history.published(slug).ok_or(Code::CampaignNotFound)?;
    let campaign = history.campaign(&published).await?;
    let span = Span::new(asked, campaign.began, campaign.head.minute).map_err(refusal)?;
    if let Some(country) = query.country {
        let of_countries = history.countries(slug, &campaign).await?;
        // Not older than the series: they may have been loaded after the look above.
        let published = history.published(slug).unwrap_or(published);
        let points = country_points(span, of_countries.countries.get(country), country, &published);
        let part = Part { asked, span, country: Some((country, &published)), points };
        return Ok(once(request, slug, &campaign, &part, format));
    }
    let points = || span.points(if asked.interval == Interval::Minute { &campaign.minutes } else { &campaign.hours });
    if asked.from.is_some() || asked.to.is_some() {
        return Ok(once(request, slug, &campaign, &Part { asked, span, country: None, points: points() }, format));
    }
    let usual = campaign.usual(asked.interval);
    let forms = match format {
        Format::Json => &usual.json,
        Format::Csv => &usual.csv,
    };
    let part = || Part { asked, span, country: None, points: points() };
    let version = || campaign.head.version.to_string();
    let made = || Forms::new(&version(), format.kind(asked.interval), &part().written(slug, &campaign, format));
    Ok(forms.get_or_init(made).answer(request))
}

impl HistoryQuery {
    /// What was asked for, where the parameters fit each other.
    fn asked(&self) -> Result<Asked, Problem> {
        let interval = self.interval.unwrap_or(Interval::Hour);
        let withheld = self.country.is_some_and(Country::is_withheld);
        if withheld || (self.country.is_some() && interval == Interval::Minute) {
            return Err(wrong("/country", FieldCode::NotAllowed));
        }
        Ok(Asked { interval, from: self.from, to: self.to })
    }
}

fn refusal(refused: Refused) -> Problem {
    match refused {
        Refused::Empty => wrong("/to", FieldCode::EmptyRange),
        Refused::TooLong => wrong("/from", FieldCode::RangeTooLong),
        Refused::TooLongAgo => wrong("/from", FieldCode::TooLongAgo),
    }
}

fn wrong(pointer: &str, code: FieldCode) -> Problem {
    Problem::with_errors(Code::InvalidQuery, vec![FieldProblem::new(pointer, code)])
}

/// What a country shows: as of the last re-reading, and in the interval that is under way as published.
fn country_points(span: Span, series: Option<&Steps>, country: Country, published: &Published) -> Vec<Point> {
    let mut points = span.points(series.unwrap_or(&Steps::default()));
    if let (true, Some(last)) = (span.reaches_now(), points.last_mut()) {
        let row = published.document.countries.iter().find(|row| row.country == country);
        let shown = row.map_or(0, |row| row.count);
        *last = Point { count: last.count + shown - last.total, total: shown, ..*last };
    }
    points
}

/// What is sent.
struct Part<'a> {
    asked: Asked,
    span: Span,
    country: Option<(Country, &'a Arc<Published>)>,
    points: Vec<Point>,
}

impl Part<'_> {
    fn written(&self, slug: &str, campaign: &Campaign, format: Format) -> Vec<u8> {
        match format {
            Format::Json => self.json(slug, campaign),
            Format::Csv => self.csv().into_bytes(),
        }
    }

    fn json(&self, slug: &str, campaign: &Campaign) -> Vec<u8> {
        let document = self.country.map(|(_, published)| &published.document);
        let body = HistoryBody {
            campaign: slug,
            interval: self.asked.interval,
            from: self.span.from(),
            to: self.span.to(),
            country: self.country.map(|(country, _)| country),
            as_of: document.map_or(campaign.head.changed_at, |document| document.as_of),
            threshold: document.map_or(campaign.head.threshold, |document| document.threshold),
            points: &self.points,
        };
        // A plain struct; if it ever failed to serialise, nothing would be sent and the contract test fail.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn csv(&self) -> String {
        let mut csv = String::from("at,count,total\r\n");
        for Point { at, count, total } in &self.points {
            // Writing to a String can't fail.
            let _ = write!(csv, "{},{count},{total}\r\n", at.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        csv
    }
}

/// An answer that isn't kept, because anybody may pick any range. 3,000 points are 170 kB, written in about 1 ms; the fastest
/// gzip makes 32 kB of them in 0.7 ms more. The kept ones get brotli too: 25 kB, but 4.5 ms (release build, one core of a
/// small server).
fn once(request: &HttpRequest, slug: &str, campaign: &Campaign, part: &Part, format: Format) -> HttpResponse {
    let bytes = part.written(slug, campaign, format);
    let version = campaign.head.version.to_string();
    answer_once(request, &version, format.kind(part.asked.interval), bytes)
}
