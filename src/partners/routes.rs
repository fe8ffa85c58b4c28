//! The door for partners themselves: how their forms do. And what of a request tells who posts.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, get,
    http::header,
    web::{Data, Json},
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Lane, Partners,
    flow::{self, Flag, HOURS, Hour, Week},
    keys, store, trials,
};
use crate::{
    db::DbError,
    gate::limits::Limits,
    http::{Code, Problem, ProblemBody, allow},
};

/// The states of a partner's pledges are told in steps of this.
const STEP: i64 = 20;

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(status);
}

/// The secret key, if one was sent. Whatever else stands in the header is not for partners: a proxy in front of the service
/// may ask for a password of its own.
pub fn secret_key(request: &HttpRequest) -> Option<String> {
    let (scheme, key) = only(request, header::AUTHORIZATION).ok()??.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && key.starts_with(keys::SECRET)).then(|| key.to_owned())
}

/// The origin of the page that sent a request. `null` (a sandboxed frame, or a form after a redirect) tells none.
///
/// # Errors
/// [`Code::BadHeader`] when it can't be read.
pub fn origin(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    Ok(only(request, header::ORIGIN)?.filter(|origin| *origin != "null"))
}

fn only(request: &HttpRequest, name: header::HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(name);
    let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
    value.to_str().ok().filter(|_| second.is_none()).map(Some).ok_or_else(|| Code::BadHeader.into())
}

/// One hour.
#[derive(Serialize, ToSchema)]
pub struct PartnerHour {
    /// Beginning of the hour (UTC).
    hour: DateTime<Utc>,
    /// Submissions that were taken, repeats too.
    #[schema(minimum = 0)]
    accepted: i64,
    /// Those that were refused, by the code of the problem.
    #[schema(example = json!({"invalid_fields": 3}))]
    refused: BTreeMap<String, i64>,
}

/// How a partner's forms do.
#[derive(Serialize, ToSchema)]
pub struct PartnerStatus {
    #[schema(example = "Human Rights House")]
    name: String,
    /// Whether the key is one for trials; then these are the trials.
    test: bool,
    /// Submissions of the last seven days that were taken, repeats too.
    #[schema(minimum = 0)]
    accepted: i64,
    /// Those that were refused, by the code of the problem.
    #[schema(example = json!({"invalid_fields": 12}))]
    refused: BTreeMap<String, i64>,
    /// When the last submission came; null: none did in the last seven days.
    last_at: Option<DateTime<Utc>>,
    /// What should be looked into. `stopped`: submissions came steadily, and have stopped; `refused`: far more of them are refused
    /// than before.
    flags: Vec<Flag>,
    /// How many of your pledges are in which state. Counted once an hour at most, and rounded down to steps of 20; of trials,
    /// which last a day, exactly and as they are now.
    #[schema(example = json!({"awaiting": 140, "counted": 5320}))]
    states: BTreeMap<String, i64>,
    /// When the states were counted.
    states_at: DateTime<Utc>,
    /// The hours of the last seven days in which anything came, oldest first.
    hours: Vec<PartnerHour>,
}

/// How your forms do
///
/// What became of the submissions that came with your keys. With the key for trials, of the trials. Figures count submissions,
/// repeats included, and nothing here tells of any one pledge.
#[utoipa::path(
    tag = "Partners", operation_id = "getPartnerStatus", security(("secret_key" = [])),
    responses(
        (status = 200, description = "The last seven days", body = PartnerStatus),
        (status = 401, description = "No secret key, or none that is known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many looks. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not available at the moment", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/partner/status")]
pub async fn status(
    request: HttpRequest,
    partners: Data<Partners>,
    limits: Data<Limits>,
) -> Result<Json<PartnerStatus>, Problem> {
    let found = secret_key(&request).and_then(|secret| partners.of_secret(&secret));
    let (partner, lane) = found.ok_or(Code::Unauthorized)?;
    allow(&request, [limits.status(partner.id, lane == Lane::Test)])?;
    let (rows, now, states) = partners
        .database
        .run(async |connection| {
            let (rows, now) = flow::store::week(connection, partner.id, lane == Lane::Test).await?;
            let states = match lane {
                Lane::Live => store::states(connection, partner.id, STEP).await?,
                Lane::Test => trials::store::states(connection, partner.id).await?,
            };
            Ok::<_, DbError>((rows, now, states))
        })
        .await?;
    let week = Week::of(rows, now);
    let present = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    let ago = |place: usize| TimeDelta::hours(i64::try_from(HOURS - 1 - place).unwrap_or_default());
    let hours = week.hours().iter().enumerate().filter(|(_, hour)| **hour != Hour::default());
    let hours = hours.map(|(place, hour)| PartnerHour {
        hour: present - ago(place),
        accepted: hour.accepted,
        refused: hour.refused.clone().into_iter().collect(),
    });
    Ok(Json(PartnerStatus {
        name: partner.name.clone(),
        test: lane == Lane::Test,
        accepted: week.accepted(),
        refused: week.refused(),
        last_at: week.last_at,
        flags: week.flags(partners.is_paused(partner.id)),
        states: serde_json::from_value(states.states).unwrap_or_default(),
        states_at: states.states_at,
        hours: hours.collect(),
    }))
}
