//! The door for what is held.

use actix_web::{
    post,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{MAX_ACCEPTED, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{Problem, Valid},
    moderation::{
        Moderation,
        note::{Note, up_to},
    },
};

/// A thousand ids take 39 KB.
const BODY_LIMIT: usize = 64 * 1024;

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(accept);
}

/// Held pledges to accept, and why.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "note": "A school class behind one address",
}))]
pub struct NewAcceptance {
    /// Which pledges, 1 to 1,000.
    #[validate(custom(function = "some_ids"))]
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<Uuid>,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

fn some_ids(ids: &[Uuid]) -> Result<(), ValidationError> {
    up_to(MAX_ACCEPTED, ids)
}

/// What was accepted.
#[derive(Serialize, ToSchema)]
pub struct Acceptance {
    /// Those that were held, and count now.
    accepted: Vec<Uuid>,
}

/// Accept pledges that are held
///
/// They count from now on, and are held no more, whatever is found later. Pledges that aren't held stay as they are.
#[utoipa::path(
    tag = "Moderation", operation_id = "acceptPledges", security(("access_token" = [])), request_body = NewAcceptance,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Which of them count now", body = Acceptance),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/acceptances")]
pub async fn accept(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<NewAcceptance, BODY_LIMIT>,
) -> Result<Json<Acceptance>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let note = body.note.into_text();
    let accept = async |connection: &mut _| store::accept(connection, &signed.who, campaign.id, &body.ids, &note).await;
    let accepted = moderation.database.run(accept).await?;
    moderation.totals.changed();
    Ok(Json(Acceptance { accepted }))
}
