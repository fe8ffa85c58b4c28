//! The door for removals.

use actix_web::{
    HttpResponse, get,
    http::header,
    post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{MAX_IDS, Order, Outcome, Reason, RemovalError, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{
        Code, Problem, ProblemBody, Valid, ValidQuery,
        page::{Page, next_cursor},
    },
    moderation::{
        Moderation,
        note::{Note, up_to},
    },
};

/// A thousand ids take 39 KB.
const REMOVAL_BODY_LIMIT: usize = 64 * 1024;

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(create).service(list).service(get_removal).service(undo);
}

/// Pledges to take out, and why.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "reason": "bot", "note": "Same message from forty sources",
}))]
pub struct NewRemoval {
    /// Which pledges, 1 to 1,000.
    #[validate(custom(function = "some_ids"))]
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<Uuid>,
    /// Why, as a category.
    reason: Reason,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

/// Why it is undone.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "They were a school class"}))]
pub struct NewUndo {
    /// In your words.
    note: Note,
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
    /// How many pledges it took out.
    #[schema(minimum = 1)]
    pledges: i64,
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
            RemovalError::Quota(error) => error.into(),
            RemovalError::Database(error) => error.into(),
        }
    }
}

/// Remove pledges
///
/// They leave the totals in the same transaction; the action is on record, and can be undone. Pledges that are removed
/// already, and ids that are not there, are named in the answer.
#[utoipa::path(
    tag = "Moderation", operation_id = "removePledges", security(("access_token" = [])), request_body = NewRemoval,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 201, description = "Removed", body = RemovalResult, headers(("Location" = String, description = "The removal"))),
        (status = 404, description = "No such campaign or pledge, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "All of them are removed already", body = ProblemBody, content_type = "application/problem+json"),
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
    let order = Order { ids: body.ids, reason: body.reason, note: body.note.into_text() };
    let outcome = moderation.remove(&signed.who, campaign.id, order).await?;
    let location = format!("/v1/moderation/campaigns/{}/removals/{}", campaign.slug, outcome.removal.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(RemovalResult::from(outcome)))
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
/// Puts back exactly the pledges that it took out, with the time at which they were counted first.
#[utoipa::path(
    tag = "Moderation", operation_id = "undoRemoval", security(("access_token" = [])), request_body = NewUndo,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The removal"),
    ),
    responses(
        (status = 200, description = "Undone", body = Removal),
        (status = 404, description = "No such campaign or removal, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Undone before", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/removals/{id}/undo")]
pub async fn undo(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
    Valid(body): Valid<NewUndo>,
) -> Result<Json<Removal>, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    Ok(Json(moderation.undo(&signed.who, campaign.id, id, &body.note.into_text()).await?.into()))
}
