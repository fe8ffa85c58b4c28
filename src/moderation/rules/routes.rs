//! The door to rules.

use actix_web::{
    HttpResponse, delete, get,
    http::header,
    post,
    web::{Data, Json, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{
    bodies::{NewRuleBody, RuleBody, RuleList, Wanted, shown},
    searches::{self, Effect},
};
use crate::{
    accounts::signed::{Moderator, Signed},
    campaigns::Campaign,
    db::DbError,
    gate::rules::{Kind, Subject},
    http::{Code, FieldCode, Problem, ProblemBody, Valid},
    moderation::{
        Moderation,
        removals::{Reason, by_search::kept, routes::within},
        search::filter::PledgeSearch,
    },
    partners,
    pledges::rules::{Rules, USUAL_DAYS, Value, store},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(add).service(remove);
}

/// Rules
///
/// Blocks and allows, and searches that are kept alive.
#[utoipa::path(
    tag = "Moderation", operation_id = "listRules", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The rules that are in force", body = RuleList),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/rules")]
pub async fn list(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    rules: Data<Rules>,
    slug: Path<String>,
) -> Result<Json<RuleList>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let list = async |connection: &mut _| {
        let at_the_door = store::list(connection, campaign.id).await?;
        Ok::<_, DbError>((at_the_door, searches::store::list(connection, campaign.id).await?))
    };
    let (at_the_door, searching) = moderation.database.run(list).await?;
    let mut all: Vec<RuleBody> = at_the_door.into_iter().map(|row| rules.opened(row).into()).collect();
    all.extend(searching.into_iter().map(|row| shown(&rules, row)));
    all.sort_by_key(|rule| rule.id);
    Ok(Json(RuleList { rules: all }))
}

/// Add a rule
///
/// A block or an allow is in force on every instance within two seconds, for pledges that come from then on. What a block fits is held,
/// and answered like any other; what an allow fits, and no block, isn't held by its score, nor when a wave is found later. For `allow` the
/// check of who you are must be fresh (`POST /v1/auth/step-up`). An allow rests while the account of who made it is closed, and ends when
/// that doesn't see the campaign any more or is reset; a block stays.
///
/// With `hold` and `remove` a search is kept alive: it is held against each pledge that comes from now on, a second or two after it was
/// stored, and again when it is confirmed or its score rises; so it may count for a moment. What somebody has accepted or put back is left
/// alone. All that such a rule removes in a day (UTC) is one removal, on your account; all yours together take
/// half of what you may remove in a day at the most, and what is beyond that is held. For `remove` the check of who you are must be
/// fresh (`POST /v1/auth/step-up`). One that looks for a `name` is on record like a search by it.
///
/// What a rule has decided stays when it ends.
#[utoipa::path(
    tag = "Moderation", operation_id = "addRule", security(("access_token" = [])), request_body = NewRuleBody,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 201, description = "Added", body = RuleBody, headers(("Location" = String))),
        (status = 409, description = "The campaign has 500 blocks and allows, or 50 searches", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/rules")]
pub async fn add(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    rules: Data<Rules>,
    slug: Path<String>,
    Valid(mut body): Valid<NewRuleBody>,
) -> Result<HttpResponse, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let added = match body.wanted()? {
        Wanted::AtTheDoor(kind, subject, value) => {
            if kind == Kind::Allow {
                signed.proved()?;
            }
            let (note, days) = (body.note.into_text(), body.days.unwrap_or(USUAL_DAYS));
            let value = Value::parse(subject, &value).map_err(|code| Problem::field("/value", code))?;
            let id = Uuid::now_v7();
            let sealed = rules.seal(campaign.id, id, &value, &note)?;
            let new = store::NewRule { id, campaign: campaign.id, kind, subject, sealed, days };
            add_at_the_door(&signed, &moderation, &rules, &new, &value).await?
        }
        Wanted::Searching(effect, search, reason) => {
            if effect == Effect::Remove {
                signed.proved()?;
            }
            let days = body.days.unwrap_or(searches::MOST_DAYS);
            let of_somebody = search.names_somebody().then_some(signed.who.session);
            let new = searching(&moderation, &rules, &campaign, *search, &body.note.into_text())?;
            let new = searches::store::NewRule { effect, reason, days, of_somebody, ..new };
            add_searching(&signed, &moderation, &rules, new).await?
        }
    };
    let location = format!("/v1/moderation/campaigns/{}/rules/{}", campaign.slug, added.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(added))
}

async fn add_at_the_door(
    signed: &Signed<Moderator>,
    moderation: &Moderation,
    rules: &Rules,
    new: &store::NewRule,
    value: &Value,
) -> Result<RuleBody, Problem> {
    if let Some(partner) = value.partner().filter(|_| new.subject == Subject::Partner) {
        let find = async |connection: &mut _| partners::store::find(connection, new.campaign, partner).await;
        match moderation.database.run(find).await {
            Err(DbError::NotFound) => return Err(Problem::field("/value", FieldCode::UnknownPartner)),
            found => found?,
        };
    }
    let kept = async |connection: &mut _| {
        let added = store::add(connection, new, Some(signed.who.id)).await?;
        let rows = if added { store::list(connection, new.campaign).await? } else { Vec::new() };
        Ok::<_, DbError>(rows.into_iter().find(|row| row.id == new.id))
    };
    let row = moderation.database.run(kept).await?.ok_or(Code::TooManyRules)?;
    Ok(rules.opened(row).into())
}

/// A search that is to be kept alive, but for what it does, why and for how long.
fn searching(
    moderation: &Moderation,
    rules: &Rules,
    campaign: &Campaign,
    search: PledgeSearch,
    note: &str,
) -> Result<searches::store::NewRule, Problem> {
    let written = search.written();
    let search = search.search(campaign.id, &moderation.tag_keys);
    let (search, _) = search.map_err(|problem| within("/search", problem))?;
    if let Some(field) = searches::refused(&search) {
        return Err(Problem::field(format!("/search/{field}"), FieldCode::NotAllowed));
    }
    if searches::fits_all(&search) {
        return Err(Problem::field("/search", FieldCode::Required));
    }
    let id = Uuid::now_v7();
    Ok(searches::store::NewRule {
        id,
        campaign: campaign.id,
        effect: Effect::Hold,
        reason: Reason::Other,
        sealed: searches::seal(rules, id, &search, written, note)?,
        days: searches::MOST_DAYS,
        ends_today: search.source_tag.is_some(),
        told: kept::told(&search),
        of_somebody: None,
    })
}

async fn add_searching(
    signed: &Signed<Moderator>,
    moderation: &Moderation,
    rules: &Rules,
    new: searches::store::NewRule,
) -> Result<RuleBody, Problem> {
    let kept = async |connection: &mut _| {
        let added = searches::store::add(connection, &new, signed.who.id).await?;
        let rows = if added { searches::store::list(connection, new.campaign).await? } else { Vec::new() };
        Ok::<_, DbError>(rows.into_iter().find(|row| row.id == new.id))
    };
    let row = moderation.database.run(kept).await?.ok_or(Code::TooManyRules)?;
    Ok(shown(rules, row))
}

/// Delete a rule
///
/// In force on every instance within two seconds. What it has held stays held, until somebody accepts or removes it; what it has removed
/// stays removed, and can be undone.
#[utoipa::path(
    tag = "Moderation", operation_id = "deleteRule", security(("access_token" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The rule"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such campaign or rule, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/moderation/campaigns/{slug}/rules/{id}")]
pub async fn remove(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let delete = async |connection: &mut _| match store::delete(connection, campaign.id, id, Some(signed.who.id)).await
    {
        Err(DbError::NotFound) => searches::store::delete(connection, campaign.id, id, Some(signed.who.id)).await,
        done => done,
    };
    moderation.database.run(delete).await?;
    Ok(HttpResponse::NoContent().finish())
}
