//! The door to it: reading only. The operator settles them.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    accounts::signed::{Moderator, Signed},
    campaigns::{
        Campaign,
        settings::{Confirmation, ProofRule},
    },
    http::Problem,
    moderation::Moderation,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(settings);
}

/// What decides what is held, for how long, and what becomes of it.
#[derive(Serialize, ToSchema)]
pub struct ModerationSettings {
    /// A pledge with this score or a higher one is held.
    #[schema(minimum = 1, maximum = 1000, example = 100)]
    hold_at: i16,
    /// What becomes of a pledge that is still held `review_days` after it came. `count`: it counts. `remove`: it is removed, which can be
    /// undone.
    #[schema(example = "remove", pattern = "^(count|remove)$")]
    held_default: &'static str,
    /// Days after the pledge at which its review copy goes (name, address and message, masked), and with it its tags: from then on nobody
    /// can judge it.
    #[schema(minimum = 1, example = 30)]
    review_days: i32,
    /// Days after the end of the campaign at which all that is personal goes.
    #[schema(minimum = 1, example = 180)]
    record_days: i32,
    /// `email`: a pledge counts once its mailbox has confirmed it. `none`: at once.
    confirmation: Confirmation,
    /// Whether a pledge needs a solved challenge, and whether that is dearer for busy sources and in busy times (`adaptive`).
    proof: ProofRule,
    /// Whether there is a public wall.
    wall: bool,
}

impl From<&Campaign> for ModerationSettings {
    fn from(campaign: &Campaign) -> Self {
        Self {
            hold_at: campaign.hold_at,
            held_default: campaign.retention.held_default.as_str(),
            review_days: campaign.retention.review_days,
            record_days: campaign.retention.record_days,
            confirmation: campaign.confirmation,
            proof: campaign.proof,
            wall: campaign.wall,
        }
    }
}

/// Settings that moderators go by
///
/// What switches and rules hold beside them say the lists of those.
#[utoipa::path(
    tag = "Moderation", operation_id = "getModerationSettings", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "As they are now", body = ModerationSettings),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/settings")]
pub async fn settings(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<ModerationSettings>, Problem> {
    Ok(Json(ModerationSettings::from(&moderation.campaign(&signed.who, &slug).await?)))
}
