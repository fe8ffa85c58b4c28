//! The door to the wall, for moderators: what waits, what was decided, deciding.

use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{Decided, Decision, MAX_IDS, Reason, State, Waiting, WallError, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{
        Code, Problem, ProblemBody, Valid, ValidQuery,
        page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, next_cursor},
    },
    moderation::{Moderation, note::up_to},
    pledges::text::contains_link,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_waiting).service(list_entries);
    config.service(approve).service(decline).service(hide).service(dismiss);
}

impl From<WallError> for Problem {
    fn from(error: WallError) -> Self {
        match error {
            WallError::Off => Code::WallOff.into(),
            WallError::Spent { seconds } => {
                Self::from(Code::WallQuotaSpent).after(std::time::Duration::from_secs(seconds.into()))
            }
            WallError::Database(error) => error.into(),
        }
    }
}

/// A pledge that waits: what would be shown of it, unmasked.
#[derive(Serialize, ToSchema)]
pub struct WaitingEntry {
    /// The pledge.
    id: Uuid,
    /// As it would be shown.
    #[schema(example = "Amina Okafor")]
    name: Option<String>,
    /// As it would be shown.
    message: Option<String>,
    /// BCP 47 tag of the form.
    language: Option<String>,
    created_at: DateTime<Utc>,
    /// Whether the message seems to have a web address in it.
    has_link: bool,
}

impl From<Waiting> for WaitingEntry {
    fn from(waiting: Waiting) -> Self {
        let has_link = waiting.text.message.as_deref().is_some_and(contains_link);
        let (name, message) = (waiting.text.name, waiting.text.message);
        Self { id: waiting.id, name, message, language: waiting.language, created_at: waiting.created_at, has_link }
    }
}

/// What waits, a page at a time, oldest first.
#[derive(Serialize, ToSchema)]
pub struct WaitingPage {
    entries: Vec<WaitingEntry>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// What waits for the wall
///
/// Pledges that count, are confirmed by mail and agree to be shown, and that nobody has decided about, oldest first: as long as their
/// review copies are kept. Names are told in full, as they would be shown; so it is on record who saw which, and an account sees or
/// approves 5,000 a day (UTC) at the most.
#[utoipa::path(
    tag = "Moderation", operation_id = "getWallQueue", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Page),
    responses(
        (status = 200, description = "What waits", body = WaitingPage),
        (status = 409, description = "The campaign has no wall: nobody's name needs to be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "As many names as the account may see today", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/wall/waiting")]
pub async fn get_waiting(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<Json<WaitingPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    if !campaign.wall {
        return Err(Code::WallOff.into());
    }
    let (waiting, last) = moderation.wall_waiting(&signed.who, campaign.id, page.last()?, page.limit()).await?;
    let entries = waiting.into_iter().map(WaitingEntry::from).collect();
    Ok(Json(WaitingPage { entries, next_cursor: last.map(|last| Cursor(last).encode()) }))
}

/// Which entries: those to which all of it applies.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntryFilter {
    /// Decided so.
    state: Option<State>,
    /// Only what was reported, and is shown.
    #[serde(default)]
    #[param(example = true)]
    reported: bool,
    /// Entries a page.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// What was decided about a pledge.
#[derive(Serialize, ToSchema)]
pub struct DecidedEntry {
    /// The pledge.
    id: Uuid,
    state: State,
    /// As everybody sees it; null unless it is shown.
    name: Option<String>,
    /// As everybody sees it; null unless it is shown.
    message: Option<String>,
    /// The day (UTC) of the approval; null unless it is shown.
    day: Option<NaiveDate>,
    /// How often it was reported since then, or since reports of it were dismissed.
    #[schema(minimum = 0)]
    reports: i32,
    /// Why, each once.
    reasons: Vec<Reason>,
}

impl From<Decided> for DecidedEntry {
    fn from(decided: Decided) -> Self {
        let (name, message) = decided.text.map_or((None, None), |text| (text.name, text.message));
        let (id, state, day) = (decided.id, decided.state, decided.day);
        Self { id, state, name, message, day, reports: decided.reports, reasons: decided.reasons }
    }
}

/// What was decided, a page at a time, newest pledges first.
#[derive(Serialize, ToSchema)]
pub struct DecidedPage {
    entries: Vec<DecidedEntry>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// What was decided about the wall
///
/// What is shown, was declined or is hidden, the newest pledges first. What left the wall by itself, because the pledge was removed,
/// held again or taken back, is not among it.
#[utoipa::path(
    tag = "Moderation", operation_id = "listWallEntries", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), EntryFilter),
    responses(
        (status = 200, description = "Entries that fit", body = DecidedPage),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/wall/entries")]
pub async fn list_entries(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(filter): ValidQuery<EntryFilter>,
) -> Result<Json<DecidedPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (limit, before) = (filter.limit.unwrap_or(DEFAULT_LIMIT), filter.cursor.map(|cursor| cursor.0));
    let which = (filter.state, filter.reported);
    let list = async |connection: &mut _| store::decided(connection, campaign.id, which, (before, limit + 1)).await;
    let mut entries = moderation.database.run(list).await?;
    let next_cursor = next_cursor(&mut entries, limit, |entry| entry.id);
    Ok(Json(DecidedPage { entries: entries.into_iter().map(DecidedEntry::from).collect(), next_cursor }))
}

/// Some pledges.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = WallPledges, example = json!({"ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"]}))]
pub struct Chosen {
    /// Which, 1 to 100.
    #[validate(custom(function = "some_ids"))]
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<Uuid>,
}

/// Some pledges, and why not.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = WallRefusal, example = json!({"ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "reason": "spam"}))]
pub struct Refusal {
    /// Which, 1 to 100.
    #[validate(custom(function = "some_ids"))]
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<Uuid>,
    reason: Reason,
}

fn some_ids(ids: &[Uuid]) -> Result<(), ValidationError> {
    up_to(MAX_IDS, ids)
}

/// What is shown now.
#[derive(Serialize, ToSchema)]
pub struct Approved {
    approved: Vec<Uuid>,
}

/// Put pledges onto the wall
///
/// Everybody sees name and message from now on. Left out are those that can't be shown: that don't count, aren't confirmed by mail, don't
/// agree to it, or whose review copy is gone; and those that are shown already. What was declined or hidden can be approved too, as long as
/// its review copy is kept (the campaign's `review_days`, counted from when the pledge was made).
#[utoipa::path(
    tag = "Moderation", operation_id = "approveWallEntries", security(("access_token" = [])), request_body = Chosen,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Which of them are shown now", body = Approved),
        (status = 409, description = "The campaign has no wall", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "As many names as the account may see today", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/wall/approvals")]
pub async fn approve(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<Chosen>,
) -> Result<Json<Approved>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let approved = moderation.wall_approve(&signed.who, campaign.id, &body.ids).await?;
    Ok(Json(Approved { approved }))
}

/// What won't be shown.
#[derive(Serialize, ToSchema)]
pub struct Declined {
    declined: Vec<Uuid>,
}

/// Decline to show pledges
///
/// Those that wait. They go on counting; only the wall is without them. They can be approved later as long as their review copies are kept.
#[utoipa::path(
    tag = "Moderation", operation_id = "declineWallEntries", security(("access_token" = [])), request_body = Refusal,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Which of them were declined", body = Declined),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/wall/declines")]
pub async fn decline(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<Refusal>,
) -> Result<Json<Declined>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let decision = Decision::Decline(body.reason);
    let declined = moderation.wall_decide(&signed.who, campaign.id, &body.ids, decision).await?;
    Ok(Json(Declined { declined }))
}

/// What is shown no more.
#[derive(Serialize, ToSchema)]
pub struct Hidden {
    hidden: Vec<Uuid>,
}

/// Hide entries of the wall
///
/// Within a second nobody is given them any more; what was shown is deleted here. The pledges go on counting. They can be put onto the
/// wall again as long as their review copies are kept, and never after that.
#[utoipa::path(
    tag = "Moderation", operation_id = "hideWallEntries", security(("access_token" = [])), request_body = Refusal,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Which of them were hidden", body = Hidden),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/wall/hidings")]
pub async fn hide(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<Refusal>,
) -> Result<Json<Hidden>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let decision = Decision::Hide(body.reason);
    Ok(Json(Hidden { hidden: moderation.wall_decide(&signed.who, campaign.id, &body.ids, decision).await? }))
}

/// What may stay.
#[derive(Serialize, ToSchema)]
pub struct Dismissed {
    dismissed: Vec<Uuid>,
}

/// Dismiss reports
///
/// The entries stay, and what is reported of them is counted from nought.
#[utoipa::path(
    tag = "Moderation", operation_id = "dismissWallReports", security(("access_token" = [])), request_body = Chosen,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Of which of them there were reports", body = Dismissed),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/wall/dismissals")]
pub async fn dismiss(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<Chosen>,
) -> Result<Json<Dismissed>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let dismissed = moderation.wall_decide(&signed.who, campaign.id, &body.ids, Decision::Dismiss).await?;
    Ok(Json(Dismissed { dismissed }))
}
