//! The door for removals.

use actix_web::{
    HttpResponse, get,
    http::header,
    post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{
    MAX_IDS, Order, Outcome, PausedBecause, Reason, RemovalError, RemovalState,
    by_search::{MANY, SearchOrder},
    store,
};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{
        Code, FieldCode, Problem, ProblemBody, Valid, ValidQuery,
        body::Object,
        page::{Page, next_cursor},
    },
    moderation::{
        Moderation,
        note::{Note, up_to},
        search::filter::PledgeSearch,
    },
};

/// A thousand ids take 39 KB.
const REMOVAL_BODY_LIMIT: usize = 64 * 1024;

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(create).service(list).service(get_removal).service(undo);
}

/// Pledges to take out, and why: either `ids`, or `search` and `expected`.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "reason": "bot", "note": "Same message from forty sources",
}))]
pub struct NewRemoval {
    /// Which pledges, 1 to 1,000.
    #[serde(default, deserialize_with = "given")]
    #[validate(custom(function = "some_ids"))]
    #[schema(value_type = Vec<Uuid>, required = false, min_items = 1, max_items = 1000)]
    ids: Option<Vec<Uuid>>,
    /// All pledges that fit this and are there now, whether awaiting, held or counted. `limit` and `cursor` mean nothing here.
    #[serde(default, deserialize_with = "given_object")]
    #[validate(nested)]
    #[schema(value_type = PledgeSearch, required = false)]
    search: Option<PledgeSearch>,
    /// With `search`: how many those are, as its preview says.
    #[serde(default, deserialize_with = "given")]
    #[validate(range(min = 0, code = "out_of_range"))]
    #[schema(value_type = i64, required = false, minimum = 0)]
    expected: Option<i64>,
    /// Why, as a category.
    reason: Reason,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

/// Left out, or a value, but not null.
pub(in crate::moderation) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same of an object.
pub(in crate::moderation) fn given_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| Some(value))
}

/// What a body asks for.
pub(in crate::moderation) enum Wanted {
    /// These.
    Ids(Vec<Uuid>),
    /// Those that a search finds, so many.
    Found(Box<PledgeSearch>, i64),
}

/// Reads which of both it is.
///
/// # Errors
/// What is missing, or doesn't belong there.
pub(in crate::moderation) fn wanted(
    ids: Option<Vec<Uuid>>,
    search: Option<PledgeSearch>,
    expected: Option<i64>,
) -> Result<Wanted, Problem> {
    let wrong = |pointer: &str, code| Err(Problem::field(pointer, code));
    match (ids, search, expected) {
        (Some(ids), None, None) => Ok(Wanted::Ids(ids)),
        (None, Some(search), Some(expected)) => Ok(Wanted::Found(Box::new(search), expected)),
        (None, Some(_), None) => wrong("/expected", FieldCode::Required),
        (None, None, _) => wrong("/ids", FieldCode::Required),
        (Some(_), Some(_), _) => wrong("/search", FieldCode::NotAllowed),
        (Some(_), None, Some(_)) => wrong("/expected", FieldCode::NotAllowed),
    }
}

/// The same problem, in a part of the body.
pub(in crate::moderation) fn within(part: &str, mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        error.pointer.insert_str(0, part);
    }
    problem
}

/// Why it is undone.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "They were a school class"}))]
pub struct NewUndo {
    /// In your words.
    pub(in crate::moderation) note: Note,
}

fn some_ids(ids: &[Uuid]) -> Result<(), ValidationError> {
    up_to(MAX_IDS, ids)
}

/// A removal.
#[derive(Serialize, ToSchema)]
pub struct Removal {
    id: Uuid,
    /// Login of who removed; null: the service, because they were held until the review window ended.
    #[schema(example = "ada")]
    moderator: Option<String>,
    reason: Reason,
    note: String,
    /// How far it is. `running` (taking pledges out), `paused`, `cancelled` (what it took out stays out), `done`, `undoing` or `undone`.
    state: RemovalState,
    /// Why it is paused; null: it isn't.
    paused_because: Option<PausedBecause>,
    /// How many pledges fitted its search when it began; null: they were named one by one.
    #[schema(minimum = 0)]
    expected: Option<i64>,
    /// The rule that took them out: all that it does in a day (UTC) is one removal. Undoing that ends the rule. Null: somebody did.
    rule: Option<Uuid>,
    /// How many pledges it took out, so far.
    #[schema(minimum = 0)]
    pledges: i64,
    /// How many of them an undo in the background has put back, so far.
    #[schema(minimum = 0)]
    put_back: i64,
    created_at: DateTime<Utc>,
    /// Null: it stands.
    undone_at: Option<DateTime<Utc>>,
    /// Login of who undid it.
    undone_by: Option<String>,
    undo_note: Option<String>,
}

impl From<super::Removal> for Removal {
    fn from(removal: super::Removal) -> Self {
        let (undone_at, undone_by, undo_note) = match removal.undone {
            Some(undone) => (Some(undone.at), Some(undone.moderator), Some(undone.note)),
            None => (None, None, None),
        };
        Self {
            id: removal.id,
            moderator: removal.moderator,
            reason: removal.reason,
            note: removal.note,
            state: removal.state,
            paused_because: removal.paused_because,
            expected: removal.expected,
            rule: removal.rule,
            put_back: removal.put_back,
            pledges: removal.pledges,
            created_at: removal.created_at,
            undone_at,
            undone_by,
            undo_note,
        }
    }
}

/// What a removal did.
#[derive(Serialize, ToSchema)]
pub struct RemovalResult {
    removal: Removal,
    /// Ids that were removed already.
    already_removed: Vec<Uuid>,
    /// Ids that the campaign has no pledge for.
    not_found: Vec<Uuid>,
}

impl From<Outcome> for RemovalResult {
    fn from(outcome: Outcome) -> Self {
        let Outcome { removal, already_removed, not_found } = outcome;
        Self { removal: removal.into(), already_removed, not_found }
    }
}

/// Removals, a page at a time, newest first.
#[derive(Serialize, ToSchema)]
pub struct RemovalPage {
    removals: Vec<Removal>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

impl From<RemovalError> for Problem {
    fn from(error: RemovalError) -> Self {
        match error {
            RemovalError::NothingToRemove => Code::NothingToRemove.into(),
            RemovalError::PledgesNotFound => Code::PledgesNotFound.into(),
            RemovalError::AlreadyUndone => Code::AlreadyUndone.into(),
            RemovalError::Outdated => Code::PreviewOutdated.into(),
            RemovalError::UnderWay => Code::RemovalUnderWay.into(),
            RemovalError::NotUnderWay => Code::RemovalNotUnderWay.into(),
            RemovalError::Preview(error) => error.into(),
            RemovalError::Quota(error) => error.into(),
            RemovalError::Database(error) => error.into(),
        }
    }
}

/// Remove pledges
///
/// They leave the totals in the same transaction; the action is on record, and can be undone. Pledges that are removed
/// already, and ids that are not there, are named in the answer. What stands on the public wall leaves it, and an undo doesn't bring that
/// back.
///
/// By a search any number goes, in the background: the answer comes at once, and the removal tells how far it is. Pledges that are
/// stored later stay, and so do those that somebody has accepted, unless the search names the signal `accepted`. Where more than 10,000
/// are expected, the check of who you are must be fresh (`POST /v1/auth/step-up`). By a `name` it is on record like a search by it,
/// whatever comes of it.
#[utoipa::path(
    tag = "Moderation", operation_id = "removePledges", security(("access_token" = [])), request_body = NewRemoval,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 201, description = "Removed", body = RemovalResult, headers(("Location" = String, description = "The removal"))),
        (status = 202, description = "Begun", body = RemovalResult, headers(("Location" = String, description = "The removal, with its progress"))),
        (status = 404, description = "No such campaign or pledge, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "All of them are removed already, or the preview is out of date", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "You have removed as many today as you may", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals")]
pub async fn create(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<NewRemoval, REMOVAL_BODY_LIMIT>,
) -> Result<HttpResponse, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (reason, note) = (body.reason, body.note.into_text());
    let (mut answer, outcome) = match wanted(body.ids, body.search, body.expected)? {
        Wanted::Ids(ids) => {
            let order = Order { ids, reason, note };
            (HttpResponse::Created(), moderation.remove(&signed.who, campaign.id, order).await?)
        }
        Wanted::Found(search, expected) => {
            if expected > MANY {
                signed.proved()?;
            }
            let of_somebody = search.names_somebody();
            let search = search.search(campaign.id, &moderation.tag_keys);
            let (search, _) = search.map_err(|problem| within("/search", problem))?;
            let order = SearchOrder { search, expected, reason, note, of_somebody };
            let removal = moderation.remove_found(&signed.who, order).await?;
            let outcome = Outcome { removal, already_removed: Vec::new(), not_found: Vec::new() };
            (HttpResponse::Accepted(), outcome)
        }
    };
    let location = location(&campaign.slug, outcome.removal.id);
    Ok(answer.insert_header((header::LOCATION, location)).json(RemovalResult::from(outcome)))
}

fn location(slug: &str, removal: Uuid) -> String {
    format!("/v1/moderation/campaigns/{slug}/removals/{removal}")
}

/// Removals
#[utoipa::path(
    tag = "Moderation", operation_id = "listRemovals", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Page),
    responses(
        (status = 200, description = "Removals, newest first", body = RemovalPage),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/removals")]
pub async fn list(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<Json<RemovalPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (limit, before) = (page.limit(), page.last()?);
    let list = async |connection: &mut _| store::list(connection, campaign.id, before, limit + 1).await;
    let mut removals = moderation.database.run(list).await?;
    let next_cursor = next_cursor(&mut removals, limit, |removal| removal.id);
    Ok(Json(RemovalPage { removals: removals.into_iter().map(Removal::from).collect(), next_cursor }))
}

/// One removal
#[utoipa::path(
    tag = "Moderation", operation_id = "getRemoval", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "The removal", body = Removal),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/removals/{id}")]
pub async fn get_removal(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
) -> Result<Json<Removal>, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let find = async |connection: &mut _| store::find(connection, campaign.id, id).await;
    Ok(Json(moderation.database.run(find).await?.into()))
}

/// Undo a removal
///
/// Puts back exactly the pledges that it took out, with the time at which they were counted first. None of them is on the public wall
/// then: they wait for a moderator again as long as their review copies are kept, and later can't be shown any more. More than 1,000 are put
/// back in the background, and the removal tells how far that is. If a rule took them out, it ends. Of one that took out more than
/// 10,000, the check of who you are must be fresh (`POST /v1/auth/step-up`).
#[utoipa::path(
    tag = "Moderation", operation_id = "undoRemoval", security(("access_token" = [])), request_body = NewUndo,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "Undone", body = Removal),
        (status = 202, description = "Begun", body = Removal, headers(("Location" = String, description = "The removal, with its progress"))),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Undone before, or under way", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/{id}/undo")]
pub async fn undo(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
    Valid(body): Valid<NewUndo>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let find = async |connection: &mut _| store::find(connection, campaign.id, id).await;
    if moderation.database.run(find).await?.pledges > MANY {
        signed.proved()?;
    }
    let removal = moderation.undo(&signed.who, campaign.id, id, &body.note.into_text()).await?;
    let mut answer = if removal.state == RemovalState::Undoing {
        let mut begun = HttpResponse::Accepted();
        begun.insert_header((header::LOCATION, location(&campaign.slug, id)));
        begun
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(Removal::from(removal)))
}
