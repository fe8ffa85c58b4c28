//! The door for acceptances that were made: the list, and undoing one.

use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{AcceptanceError, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{
        Code, Problem, ProblemBody, Valid, ValidQuery,
        page::{Page, next_cursor},
    },
    moderation::{Moderation, removals::routes::NewUndo},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(undo);
}

/// An acceptance.
#[derive(Serialize, ToSchema)]
pub struct Acceptance {
    id: Uuid,
    /// Login of who accepted.
    #[schema(example = "ada")]
    moderator: String,
    note: String,
    /// Whether a search found the pledges; otherwise they were named one by one.
    by_search: bool,
    /// How many pledges it let count.
    #[schema(minimum = 1)]
    pledges: i64,
    /// How many of them its undo has held again.
    #[schema(minimum = 0)]
    held_again: i64,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When its undo began. Null: it stands.
    undone_at: Option<DateTime<Utc>>,
    /// Login of who undid it.
    undone_by: Option<String>,
    undo_note: Option<String>,
}

impl From<super::Acceptance> for Acceptance {
    fn from(acceptance: super::Acceptance) -> Self {
        let (undone_at, undone_by, undo_note) = match acceptance.undone {
            Some(undone) => (Some(undone.at), Some(undone.moderator), Some(undone.note)),
            None => (None, None, None),
        };
        Self {
            id: acceptance.id,
            moderator: acceptance.moderator,
            note: acceptance.note,
            by_search: acceptance.by_search,
            pledges: acceptance.pledges,
            held_again: acceptance.held_again,
            created_at: acceptance.created_at,
            undone_at,
            undone_by,
            undo_note,
        }
    }
}

/// Acceptances, a page at a time, newest first.
#[derive(Serialize, ToSchema)]
pub struct AcceptancePage {
    acceptances: Vec<Acceptance>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// What an undo did.
#[derive(Serialize, ToSchema)]
pub struct UndoneAcceptance {
    acceptance: Acceptance,
    /// Pledges of it that are not held again yet: the same call once more takes the next thousand.
    #[schema(minimum = 0)]
    left: i64,
}

impl From<AcceptanceError> for Problem {
    fn from(error: AcceptanceError) -> Self {
        match error {
            AcceptanceError::Outdated => Code::PreviewOutdated.into(),
            AcceptanceError::NotProved => Code::StepUpRequired.into(),
            AcceptanceError::AlreadyUndone => Code::AlreadyUndone.into(),
            AcceptanceError::Quota(error) => error.into(),
            AcceptanceError::Database(error) => error.into(),
        }
    }
}

/// Acceptances
#[utoipa::path(
    tag = "Moderation", operation_id = "listAcceptances", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Page),
    responses(
        (status = 200, description = "Acceptances, newest first", body = AcceptancePage),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/acceptances")]
pub async fn list(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<Json<AcceptancePage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (limit, before) = (page.limit(), page.last()?);
    let list = async |connection: &mut _| store::list(connection, campaign.id, before, limit + 1).await;
    let mut acceptances = moderation.database.run(list).await?;
    let next_cursor = next_cursor(&mut acceptances, limit, |acceptance| acceptance.id);
    Ok(Json(AcceptancePage { acceptances: acceptances.into_iter().map(Acceptance::from).collect(), next_cursor }))
}

/// Undo an acceptance
///
/// Holds the pledges again that it let count, a thousand at a time: the same call again, while `left` isn't 0. One that was removed
/// since is held when that removal is undone; one that was withdrawn stays so. What is held for longer than the campaign's review window
/// is decided by its `held_default` as before; what was on the public wall leaves it for good, unless somebody approves it again. Of one that has let more than 10,000 count, the check of who you are must be
/// fresh (`POST /v1/auth/step-up`).
#[utoipa::path(
    tag = "Moderation", operation_id = "undoAcceptance", security(("access_token" = [])), request_body = NewUndo,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The acceptance"),
    ),
    responses(
        (status = 200, description = "Undone, as far as `left` says", body = UndoneAcceptance),
        (status = 404, description = "No such campaign or acceptance, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Undone before", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/acceptances/{id}/undo")]
pub async fn undo(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
    Valid(body): Valid<NewUndo>,
) -> Result<Json<UndoneAcceptance>, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (acceptance, left) = moderation.undo_acceptance(&signed.who, campaign.id, id, &body.note.into_text()).await?;
    Ok(Json(UndoneAcceptance { acceptance: acceptance.into(), left }))
}
