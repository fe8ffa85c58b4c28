//! The door to blocks and allows.

use actix_web::{
    HttpResponse, delete, get,
    http::header,
    post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use crate::{
    accounts::signed::{Moderator, Signed},
    db::DbError,
    gate::rules::{Kind, Subject},
    http::{Code, FieldCode, Problem, ProblemBody, Valid},
    moderation::{Moderation, note::Note},
    partners,
    pledges::rules::{Rule, Rules, USUAL_DAYS, Value, store},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(add).service(remove);
}

/// A block or an allow.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
pub struct RuleBody {
    id: Uuid,
    kind: Kind,
    subject: Subject,
    /// What it is held against; null: the root secret that sealed it isn't listed any more, and the rule is not in force.
    #[schema(example = "spam.example")]
    value: Option<String>,
    /// Why it was made; null as well.
    note: Option<String>,
    /// Login of who made it; null: the operator, at the command line.
    #[schema(example = "ada")]
    made_by: Option<String>,
    created_at: DateTime<Utc>,
    /// Until when it is in force; then it is deleted.
    expires_at: DateTime<Utc>,
    /// Pledges that it decided, repeats too. Written down about each second, and approximate after a crash.
    #[schema(minimum = 0)]
    hits: i64,
    /// When it last did; null: never.
    last_hit_at: Option<DateTime<Utc>>,
}

impl From<Rule> for RuleBody {
    fn from(rule: Rule) -> Self {
        let Rule { row, value, note } = rule;
        Self {
            id: row.id,
            kind: row.kind,
            subject: row.subject,
            value,
            note,
            made_by: row.made_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            hits: row.hits,
            last_hit_at: row.last_hit_at,
        }
    }
}

/// A campaign's rules that are in force, oldest first: at most 500.
#[derive(Serialize, ToSchema)]
pub struct RuleList {
    rules: Vec<RuleBody>,
}

/// Blocks and allows
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
    let list = async |connection: &mut _| store::list(connection, campaign.id).await;
    let rows = moderation.database.run(list).await?;
    Ok(Json(RuleList { rules: rows.into_iter().map(|row| rules.opened(row).into()).collect() }))
}

/// A rule to add.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "block", "subject": "domain", "value": "spam.example", "note": "Only bots use it", "days": 7}))]
pub struct NewRuleBody {
    kind: Kind,
    subject: Subject,
    /// What it is held against. `domain`: a mailbox domain, with everything under it. `source`: the `source_tag` of a pledge of today.
    /// `name`: the whole name, in which `*` stands for any text, eight times at the most; case, width and spaces make no difference.
    /// `partner`: an id.
    #[schema(min_length = 1, max_length = 254, example = "spam.example")]
    value: String,
    /// Why, in your words. It is deleted with the rule.
    note: Note,
    /// Days for which it is in force: 30 unless said. A rule for a source ends with the day (UTC), whatever is said: then its tag
    /// changes.
    #[serde(default)]
    #[validate(range(min = 1, max = 366, code = "out_of_range"))]
    #[schema(minimum = 1, maximum = 366)]
    days: Option<i32>,
}

/// Add a block or an allow
///
/// In force on every instance within two seconds, for pledges that come from then on. What a block fits is held, and answered like any other; what
/// an allow fits, and no block, isn't held by its score, nor when a wave is found later. What a rule has decided stays when it
/// ends.
#[utoipa::path(
    tag = "Moderation", operation_id = "addRule", security(("access_token" = [])), request_body = NewRuleBody,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 201, description = "Added", body = RuleBody, headers(("Location" = String))),
        (status = 409, description = "The campaign has 500 rules", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/rules")]
pub async fn add(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    rules: Data<Rules>,
    slug: Path<String>,
    Valid(body): Valid<NewRuleBody>,
) -> Result<HttpResponse, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (kind, subject) = (body.kind, body.subject);
    let value = Value::parse(subject, &body.value).map_err(|code| Problem::field("/value", code))?;
    if let Some(partner) = value.partner().filter(|_| subject == Subject::Partner) {
        let find = async |connection: &mut _| partners::store::find(connection, campaign.id, partner).await;
        match moderation.database.run(find).await {
            Err(DbError::NotFound) => return Err(Problem::field("/value", FieldCode::UnknownPartner)),
            found => found?,
        };
    }
    let id = Uuid::now_v7();
    let sealed = rules.seal(campaign.id, id, &value, &body.note.into_text())?;
    let days = body.days.unwrap_or(USUAL_DAYS);
    let new = store::NewRule { id, campaign: campaign.id, kind, subject, sealed, days };
    let add = async |connection: &mut _| {
        let added = store::add(connection, &new, Some(signed.who.id)).await?;
        let rows = if added { store::list(connection, campaign.id).await? } else { Vec::new() };
        Ok::<_, DbError>(rows.into_iter().find(|row| row.id == id))
    };
    let Some(row) = moderation.database.run(add).await? else { return Err(Code::TooManyRules.into()) };
    let location = format!("/v1/moderation/campaigns/{}/rules/{id}", campaign.slug);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(RuleBody::from(rules.opened(row))))
}

/// Delete a block or an allow
///
/// In force on every instance within two seconds. What it has held stays held, until somebody accepts or removes it.
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
    let delete = async |connection: &mut _| store::delete(connection, campaign.id, id, Some(signed.who.id)).await;
    moderation.database.run(delete).await?;
    Ok(HttpResponse::NoContent().finish())
}
