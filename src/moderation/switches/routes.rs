//! The door to a campaign's switches.

use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{is_usable, least_role};
use crate::{
    accounts::{
        Who,
        signed::{Moderator, Signed},
    },
    campaigns::switches::{
        MOST_HOURS, Switch, USUAL_HOURS,
        store::{self, Standing, Target},
    },
    db::DbError,
    http::{Code, FieldCode, FieldProblem, Problem, ProblemBody, Valid, ValidQuery},
    moderation::{Moderation, note::Note},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(on).service(off);
}

/// A switch that is or was on.
#[derive(Serialize, ToSchema)]
#[schema(as = Switch)]
pub struct SwitchBody {
    #[schema(example = "hold_all", pattern = "^(hold_all|require_mail|raise_proof|pause_partner)$")]
    switch: &'static str,
    /// The partner that is paused; null: the switch is of none.
    partner: Option<Uuid>,
    /// Whether it is on at this moment.
    on: bool,
    /// Why, in the words of who switched it on.
    reason: String,
    /// Login of who did; null: the operator.
    by: Option<String>,
    since: DateTime<Utc>,
    /// When it ends, or ended: by itself, by hand, or because it was switched on again.
    until: DateTime<Utc>,
}

impl From<Standing> for SwitchBody {
    fn from(standing: Standing) -> Self {
        Self {
            switch: standing.switch.as_str(),
            partner: standing.partner,
            on: standing.is_on,
            reason: standing.reason,
            by: standing.by,
            since: standing.on_at,
            until: standing.ends_at,
        }
    }
}

/// Switches, newest first.
#[derive(Serialize, ToSchema)]
pub struct SwitchList {
    switches: Vec<SwitchBody>,
}

/// Switches
///
/// Those that are on, and those that were in the last thirty days.
#[utoipa::path(
    tag = "Organising", operation_id = "listSwitches", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Switches, the newest first", body = SwitchList),
    ),
)]
#[get("/v1/admin/campaigns/{slug}/switches")]
pub async fn list(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<SwitchList>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let list = async |connection: &mut _| store::list(connection, campaign.id).await;
    let switches = moderation.database.run(list).await?;
    Ok(Json(SwitchList { switches: switches.into_iter().map(SwitchBody::from).collect() }))
}

/// Which partner's.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfPartner {
    /// The partner, for `pause_partner` and for no other.
    #[serde(default)]
    partner: Option<Uuid>,
}

/// Why, and for how long.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Hundreds a minute with names from one list", "hours": 6}))]
pub struct SwitchOn {
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    reason: Note,
    /// Hours after which it ends by itself: 6 unless said, a week at the most.
    #[serde(default)]
    #[validate(range(min = 1, max = MOST_HOURS, code = "out_of_range"))]
    #[schema(minimum = 1, maximum = 168)]
    hours: Option<i32>,
}

/// Switch on
///
/// For a campaign under attack. It ends by itself, and is in force on every instance within a few seconds. One that is on already
/// is on for these hours from now instead.
///
/// `hold_all`: every new pledge is held, at once or when it is confirmed; supporters are told nothing of it. `require_mail`:
/// pledges are confirmed by mail, also where they would count at once. `raise_proof`: proofs of work are asked for and cost more.
/// `pause_partner`: nothing is taken from one partner. Moderators may use `hold_all`, organisers and admins all.
#[utoipa::path(
    tag = "Organising", operation_id = "switchOn", security(("access_token" = [])), request_body = SwitchOn,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("switch" = String, Path, description = "hold_all, require_mail, raise_proof or pause_partner", example = "hold_all"),
        OfPartner,
    ),
    responses(
        (status = 200, description = "It is on", body = SwitchBody),
        (status = 403, description = "Moderators may only use hold_all", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign, switch or partner, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Mails don't leave, so nobody could confirm", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[put("/v1/admin/campaigns/{slug}/switches/{switch}")]
pub async fn on(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, String)>,
    ValidQuery(of): ValidQuery<OfPartner>,
    Valid(body): Valid<SwitchOn>,
) -> Result<Json<SwitchBody>, Problem> {
    let target = target(&moderation, &signed.who, &path, of.partner).await?;
    let (reason, hours) = (body.reason.into_text(), body.hours.unwrap_or(USUAL_HOURS));
    let switch = async |connection: &mut _| {
        if !is_usable(connection, target).await? {
            return Ok(None);
        }
        Ok::<_, DbError>(Some(store::on(connection, target, hours, &reason, Some(signed.who.id)).await?))
    };
    let standing = moderation.database.run(switch).await?.ok_or(Code::NoMail)?;
    Ok(Json(standing.into()))
}

/// Switch off
///
/// Before it ends by itself. Nothing happens when it isn't on.
#[utoipa::path(
    tag = "Organising", operation_id = "switchOff", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("switch" = String, Path, description = "hold_all, require_mail, raise_proof or pause_partner", example = "hold_all"),
        OfPartner,
    ),
    responses(
        (status = 204, description = "It is off"),
        (status = 403, description = "Moderators may only use hold_all", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign, switch or partner, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/admin/campaigns/{slug}/switches/{switch}")]
pub async fn off(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, String)>,
    ValidQuery(of): ValidQuery<OfPartner>,
) -> Result<HttpResponse, Problem> {
    let target = target(&moderation, &signed.who, &path, of.partner).await?;
    let switch = async |connection: &mut _| store::off(connection, target, Some(signed.who.id)).await;
    moderation.database.run(switch).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The switch that the address names, if this person may use it.
async fn target(
    moderation: &Moderation,
    who: &Who,
    (slug, switch): &(String, String),
    partner: Option<Uuid>,
) -> Result<Target, Problem> {
    let switch = Switch::parse(switch);
    let campaign = moderation.campaign(who, slug).await?.id;
    let role = who.role_in(campaign);
    if switch.is_some_and(|switch| role < Some(least_role(switch))) {
        return Err(Code::Forbidden.into());
    }
    let switch = switch.ok_or(Code::NotFound)?;
    let wrong = match partner {
        None if switch.is_of_a_partner() => Some(FieldCode::Required),
        Some(_) if !switch.is_of_a_partner() => Some(FieldCode::NotAllowed),
        _ => None,
    };
    match wrong {
        Some(code) => Err(Problem::with_errors(Code::InvalidQuery, vec![FieldProblem::new("/partner", code)])),
        None => Ok(Target { campaign, switch, partner }),
    }
}
