//! The door to it: moderators read, organisers change what may change while a campaign runs.

use actix_web::{
    get, patch,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::{
    accounts::signed::{Moderator, Organiser, Proved, Signed},
    campaigns::{
        Campaign,
        change::Change,
        settings::{Confirmation, ProofRule},
        store,
    },
    http::{FieldCode, Problem, ProblemBody, Valid},
    moderation::{Moderation, note::Note},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(settings).service(set);
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
    /// How many pledges the campaign hopes for; 0: none are told.
    #[schema(minimum = 0, example = 100_000)]
    goal: i64,
    /// Whether everybody may see how many pledges came by which partner.
    publish_partners: bool,
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
            goal: campaign.goal.unwrap_or(0),
            publish_partners: campaign.publish_partners,
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

/// What to change, and why; what isn't there stays.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = SettingsChange, example = json!({"hold_at": 60, "note": "Half of those below it were bots"}))]
pub struct ChangeBody {
    /// How many pledges the campaign hopes for; 0: none are told.
    #[serde(default)]
    #[validate(range(min = 0, max = 4_294_967_295_i64, code = "out_of_range"))]
    #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
    goal: Option<i64>,
    /// Hold pledges from this score on: those that come, those that wait for their mailbox once it confirms, and those of the last day whose score a
    /// wave raises. What is held stays held.
    #[serde(default)]
    #[validate(range(min = 1, max = 1000, code = "out_of_range"))]
    #[schema(minimum = 1, maximum = 1000)]
    hold_at: Option<i16>,
    /// Whether a pledge needs a solved challenge. Programs of partners that don't solve one are refused from then on.
    #[serde(default)]
    proof: Option<ProofRule>,
    /// Whether everybody may see how many pledges came by which partner: the names, and numbers rounded down.
    #[serde(default)]
    publish_partners: Option<bool>,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

/// Change settings
///
/// What is held, asked and shown, and can be changed back. In force on every instance within two seconds, and on record with what it was
/// before. What supporters have been told (texts, consents, retention, confirmation), what protects them (`threshold`), and what can't be
/// undone (`held_default`, `wall`), only the operator changes.
///
/// Answers `step_up_required` when the last check is older than ten minutes.
#[utoipa::path(
    tag = "Organising", operation_id = "setSettings", security(("access_token" = [])), request_body = ChangeBody,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "As they are now", body = ModerationSettings),
        (status = 422, description = "No setting is named, or one is wrong", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "For organisers and admins who have just proved who they are", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[patch("/v1/admin/campaigns/{slug}/settings")]
pub async fn set(
    signed: Signed<Organiser, Proved>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<ChangeBody>,
) -> Result<Json<ModerationSettings>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?.id;
    let ChangeBody { goal, hold_at, proof, publish_partners, note } = body;
    let wanted = Change { goal, hold_at, proof, publish_partners };
    if wanted == Change::default() {
        return Err(Problem::field("", FieldCode::Required));
    }
    let note = note.into_text();
    let set = async |connection: &mut _| store::change(connection, campaign, wanted, signed.who.id, &note).await;
    Ok(Json(ModerationSettings::from(&moderation.database.run(set).await?)))
}
