//! The door for what is masked.

use std::collections::HashMap;

use actix_web::{
    post,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{MAX_REVEALED, store};
use crate::{
    accounts::signed::{Moderator, Proved, Signed},
    audit::Entry,
    http::{Problem, Valid},
    moderation::{
        Moderation,
        note::{Note, up_to},
    },
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(reveal);
}

/// Whom to see, and why.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "note": "Do these forty have one name?",
}))]
pub struct NewReveal {
    /// Which pledges, 1 to 100.
    #[validate(custom(function = "some_ids"))]
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<Uuid>,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

fn some_ids(ids: &[Uuid]) -> Result<(), ValidationError> {
    up_to(MAX_REVEALED, ids)
}

/// What is kept for review, unmasked: all but the address, of which no more is kept than its first letter and domain.
#[derive(Serialize, ToSchema)]
pub struct Revealed {
    id: Uuid,
    /// As given.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    #[schema(example = "a•••@example.org")]
    email: Option<String>,
    message: Option<String>,
}

/// In the order of the question; pledges that aren't there, and those whose review copy is gone, are left out.
#[derive(Serialize, ToSchema)]
pub struct RevealedPledges {
    pledges: Vec<Revealed>,
}

/// See pledges unmasked
///
/// Up to a hundred at a time, for a reason; who looked, at which and why is on record.
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Moderation", operation_id = "revealPledges", security(("access_token" = [])), request_body = NewReveal,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "What is kept of them", body = RevealedPledges),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/pledges/reveal")]
pub async fn reveal(
    signed: Signed<Moderator, Proved>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<NewReveal>,
) -> Result<Json<RevealedPledges>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let entry = Entry {
        moderator: Some(signed.who.id),
        campaign: Some(campaign.id),
        action: "pledge.reveal",
        details: json!({ "session": signed.who.session, "pledges": body.ids, "note": body.note.into_text() }),
    };
    let copies = async |connection: &mut _| store::copies(connection, campaign.id, &body.ids, entry).await;
    let copies: HashMap<Uuid, Option<Vec<u8>>> = moderation.database.run(copies).await?.into_iter().collect();
    let revealed = |id: &Uuid| {
        let copy = moderation.review(campaign.id, *id, copies.get(id)?.as_deref())?;
        Some(Revealed { id: *id, name: copy.name, email: copy.email, message: copy.message })
    };
    Ok(Json(RevealedPledges { pledges: body.ids.iter().filter_map(revealed).collect() }))
}
