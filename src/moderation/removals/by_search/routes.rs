//! The door for removals by a search: preview, and what becomes of one that is under way.

use actix_web::{
    post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{MANY, PreviewError, Tally, Turn, tally::largest};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{Code, Problem, ProblemBody, Valid},
    moderation::{
        Moderation,
        removals::{routes::Removal, store},
        search::{self, filter::PledgeSearch, routes::Pledge},
    },
    totals::board::CountryCount,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(preview).service(pause).service(resume).service(cancel);
}

/// Lines of a breakdown.
const LINES: usize = 20;

/// Pledges in a state.
#[derive(Serialize, ToSchema)]
pub struct StateCount {
    #[schema(example = "counted", pattern = "^(awaiting|held|counted)$")]
    state: String,
    #[schema(minimum = 1)]
    count: i64,
}

/// Pledges by a partner's page or server.
#[derive(Serialize, ToSchema)]
pub struct PartnerCount {
    /// Null: by ours.
    partner: Option<Uuid>,
    #[schema(minimum = 1)]
    count: i64,
}

/// Pledges that were stored in an hour.
#[derive(Serialize, ToSchema)]
pub struct HourCount {
    /// When it began (UTC).
    hour: DateTime<Utc>,
    #[schema(minimum = 1)]
    count: i64,
}

/// What a removal by a search would take out now: pledges that are awaiting, held or counted, and that nobody has accepted (unless the
/// search names the signal `accepted`). All of it at one moment.
#[derive(Serialize, ToSchema)]
pub struct Preview {
    /// How many pledges, exactly: `expected` of the removal.
    #[schema(minimum = 0)]
    pledges: i64,
    /// All of them by state.
    states: Vec<StateCount>,
    /// The countries with most of them.
    #[schema(max_items = 20)]
    countries: Vec<CountryCount>,
    /// The partners with most of them.
    #[schema(max_items = 20)]
    partners: Vec<PartnerCount>,
    /// The hours with most of them, the fullest first.
    #[schema(max_items = 20)]
    hours: Vec<HourCount>,
    /// Some of them, chosen at random, newest first.
    #[schema(max_items = 20)]
    sample: Vec<Pledge>,
}

impl Preview {
    fn new(tally: &Tally, sample: Vec<Pledge>) -> Self {
        let states = largest(&tally.states, LINES).into_iter();
        let countries = largest(&tally.countries, LINES).into_iter();
        let partners = largest(&tally.partners, LINES).into_iter();
        let hours = largest(&tally.hours, LINES).into_iter();
        Self {
            pledges: tally.pledges,
            states: states.map(|(state, count)| StateCount { state, count }).collect(),
            countries: countries.map(|(country, count)| CountryCount { country, count }).collect(),
            partners: partners.map(|(partner, count)| PartnerCount { partner, count }).collect(),
            hours: hours.map(|(hour, count)| HourCount { hour, count }).collect(),
            sample,
        }
    }
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Busy => Code::PreviewsBusy.into(),
            PreviewError::TooLarge => Code::SearchTooLarge.into(),
            PreviewError::Database(error) => error.into(),
        }
    }
}

/// Preview of a removal by a search
///
/// How many pledges it would take out, where from, and some of them, masked. Changes nothing. `limit` and `cursor` mean nothing here.
/// Two are counted at once by an instance, for 25 seconds each at the most.
#[utoipa::path(
    tag = "Moderation", operation_id = "previewRemoval", security(("access_token" = [])), request_body = PledgeSearch,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "What it would take out", body = Preview),
        (status = 422, description = "Some fields are not right, or it finds too much to be counted", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/preview")]
pub async fn preview(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<PledgeSearch>,
) -> Result<Json<Preview>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let of_somebody = body.names_somebody();
    let (search, _) = body.search(campaign.id, &moderation.tag_keys)?;
    let tally = moderation.preview(&search).await?;
    let rows = async |connection: &mut _| search::store::rows(connection, &tally.sample).await;
    let rows = moderation.database.run(rows).await?;
    if of_somebody {
        moderation.note_look(&signed.who, campaign.id, "pledge.search_name", tally.pledges).await?;
    }
    let sample = rows.into_iter().map(|row| moderation.shown(campaign.id, row)).collect();
    Ok(Json(Preview::new(&tally, sample)))
}

/// Pause a removal
///
/// When this is answered, it takes nothing out until it is resumed. Paused for a week (or as long as review copies are kept, if that is
/// shorter), it is cancelled.
#[utoipa::path(
    tag = "Moderation", operation_id = "pauseRemoval", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "Paused", body = Removal),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is not under way", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/{id}/pause")]
pub async fn pause(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
) -> Result<Json<Removal>, Problem> {
    turn(&signed, &moderation, path, Turn::Pause).await
}

/// Resume a removal
///
/// It goes on where it was, and what it takes out from now on counts as removed by you. Where more than 10,000 are left, the check of
/// who you are must be fresh (`POST /v1/auth/step-up`).
#[utoipa::path(
    tag = "Moderation", operation_id = "resumeRemoval", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "It goes on", body = Removal),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is not under way", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/{id}/resume")]
pub async fn resume(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
) -> Result<Json<Removal>, Problem> {
    turn(&signed, &moderation, path, Turn::Resume).await
}

/// Cancel a removal
///
/// When this is answered, it takes nothing out any more. What it took out stays out, and can be put back by undoing it.
#[utoipa::path(
    tag = "Moderation", operation_id = "cancelRemoval", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "Cancelled", body = Removal),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is not under way", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/{id}/cancel")]
pub async fn cancel(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
) -> Result<Json<Removal>, Problem> {
    turn(&signed, &moderation, path, Turn::Cancel).await
}

async fn turn(
    signed: &Signed<Moderator>,
    moderation: &Moderation,
    path: Path<(String, Uuid)>,
    turn: Turn,
) -> Result<Json<Removal>, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    if turn == Turn::Resume {
        let find = async |connection: &mut _| store::find(connection, campaign.id, id).await;
        let removal = moderation.database.run(find).await?;
        if removal.expected.is_some_and(|expected| expected - removal.pledges > MANY) {
            signed.proved()?;
        }
    }
    Ok(Json(moderation.turn(&signed.who, campaign.id, id, turn).await?.into()))
}
