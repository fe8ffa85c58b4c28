//! The door to a campaign's partners, for organisers.

use actix_web::{
    HttpResponse, get,
    http::header,
    patch, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::{names, trials};
use crate::{
    accounts::signed::{Organiser, Signed},
    db::DbError,
    http::{FieldCode, FieldProblem, Problem, ProblemBody, Valid},
    moderation::Moderation,
    partners::{
        GRACE_HOURS, Lane, Partner, Partners,
        flow::{Flag, Week, store as flow_store},
        keys,
        origins::OriginPattern,
        store::{self, Change, NewPartner},
    },
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(add).service(set).service(new_key).configure(trials::routes::routes);
    config.configure(names::routes::routes);
}

/// A partner.
#[derive(Serialize, ToSchema)]
#[schema(as = Partner)]
pub struct PartnerBody {
    id: Uuid,
    #[schema(example = "Human Rights House")]
    name: String,
    /// Where its pages are.
    #[schema(example = json!(["https://www.example.org", "https://*.example.net"]))]
    origins: Vec<String>,
    /// Stands in its pages.
    #[schema(example = "pk_3q2-7wAAAAAAAAAAAAAAAA")]
    site_key: String,
    /// The same for trials.
    #[schema(example = "pk_test_3q2-7wAAAAAAAAAAAAAAAA")]
    test_site_key: String,
    /// Whether its server has a key.
    has_secret_key: bool,
    /// Whether its server has a key for trials.
    has_test_secret_key: bool,
    /// Until when the secret key before the present one is good; null: it isn't.
    old_secret_key_until: Option<DateTime<Utc>>,
    /// Pledges that its server may post in a minute.
    per_minute: i32,
    created_at: DateTime<Utc>,
    /// Since when nothing is taken from it; null: it is.
    disabled_at: Option<DateTime<Utc>>,
    /// Until when nothing is taken from it, by the switch `pause_partner`; null: it isn't paused.
    paused_until: Option<DateTime<Utc>>,
    /// Whether mails of its trials go anywhere. `none`: nobody was named. `asked`: its owner hasn't agreed yet. `agreed`: they do.
    trial_mailbox: TrialMailboxState,
}

/// Whether mails of a partner's trials go anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrialMailboxState {
    /// Nobody was named.
    None,
    /// Its owner hasn't agreed yet.
    Asked,
    /// They do.
    Agreed,
}

impl PartnerBody {
    fn of(partner: &Partner, paused_until: Option<DateTime<Utc>>) -> Self {
        Self {
            id: partner.id,
            name: partner.name.clone(),
            origins: partner.origins.iter().map(ToString::to_string).collect(),
            site_key: partner.site_key.clone(),
            test_site_key: partner.test_site_key.clone(),
            has_secret_key: partner.has_secret,
            has_test_secret_key: partner.has_test_secret,
            old_secret_key_until: partner.old_secret_until,
            per_minute: partner.per_minute,
            created_at: partner.created_at,
            disabled_at: partner.disabled_at,
            paused_until,
            trial_mailbox: match &partner.trial_mailbox {
                None => TrialMailboxState::None,
                Some(mailbox) if mailbox.verified_at.is_none() => TrialMailboxState::Asked,
                Some(_) => TrialMailboxState::Agreed,
            },
        }
    }
}

/// A partner and how its forms do.
#[derive(Serialize, ToSchema)]
pub struct PartnerEntry {
    partner: PartnerBody,
    /// Submissions of the last seven days that were taken, repeats too.
    #[schema(minimum = 0)]
    accepted: i64,
    /// Those that were refused.
    #[schema(minimum = 0)]
    refused: i64,
    /// When the last submission came; null: none did in the last seven days.
    last_at: Option<DateTime<Utc>>,
    /// What should be looked into.
    flags: Vec<Flag>,
}

/// All of a campaign's, oldest first.
#[derive(Serialize, ToSchema)]
pub struct PartnerList {
    partners: Vec<PartnerEntry>,
}

/// Partners
#[utoipa::path(
    tag = "Organising", operation_id = "listPartners", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Partners, and how their forms do", body = PartnerList),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/campaigns/{slug}/partners")]
pub async fn list(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<PartnerList>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let read = async |connection: &mut _| {
        let partners = store::list(connection, campaign.id).await?;
        let (weeks, now) = flow_store::weeks(connection, campaign.id).await?;
        Ok::<_, DbError>((partners, weeks, now, store::paused_until(connection, campaign.id).await?))
    };
    let (partners, mut weeks, now, paused) = moderation.database.run(read).await?;
    let entries = partners.iter().map(|partner| {
        let week = Week::of(weeks.remove(&partner.id).unwrap_or_default(), now);
        let paused_until = paused.get(&partner.id).copied();
        PartnerEntry {
            partner: PartnerBody::of(partner, paused_until),
            accepted: week.accepted(),
            refused: week.refused().values().sum(),
            last_at: week.last_at,
            flags: if partner.disabled_at.is_some() { Vec::new() } else { week.flags(paused_until.is_some()) },
        }
    });
    Ok(Json(PartnerList { partners: entries.collect() }))
}

/// A partner to add.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPartner, example = json!({"name": "Human Rights House", "origins": ["https://www.example.org"]}))]
pub struct NewPartnerBody {
    /// 1 to 200 characters.
    #[validate(custom(function = "a_name"))]
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Where its pages are: at most 50. `https://*.example.org` stands for every subdomain.
    #[serde(default)]
    #[validate(custom(function = "some_origins"))]
    #[schema(max_items = 50)]
    origins: Vec<String>,
    /// Pledges that its server may post in a minute; 6,000 unless said.
    #[serde(default)]
    #[validate(range(min = 1, max = 1_000_000, code = "out_of_range"))]
    per_minute: Option<i32>,
}

/// What to change of a partner; what isn't there stays.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerChange, example = json!({"disabled": true}))]
pub struct PartnerChangeBody {
    /// 1 to 200 characters.
    #[serde(default)]
    #[validate(custom(function = "a_name"))]
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// All of its origins: at most 50.
    #[serde(default)]
    #[validate(custom(function = "some_origins"))]
    #[schema(max_items = 50)]
    origins: Option<Vec<String>>,
    /// Pledges that its server may post in a minute.
    #[serde(default)]
    #[validate(range(min = 1, max = 1_000_000, code = "out_of_range"))]
    per_minute: Option<i32>,
    /// True: nothing is taken from it any more.
    #[serde(default)]
    disabled: Option<bool>,
}

fn a_name(name: &str) -> Result<(), ValidationError> {
    super::name(name).map(|_| ()).map_err(|code| ValidationError::new(code.as_str()))
}

fn some_origins(origins: &[String]) -> Result<(), ValidationError> {
    let many = origins.len() > Partner::MOST_ORIGINS;
    if many { Err(ValidationError::new(FieldCode::TooMany.as_str())) } else { Ok(()) }
}

fn read_origins(partners: &Partners, origins: &[String]) -> Result<Vec<OriginPattern>, Problem> {
    let mut mistakes = Vec::new();
    let mut read = Vec::new();
    for (place, text) in origins.iter().enumerate() {
        match partners.origin(text) {
            Ok(origin) => read.push(origin),
            Err(_) => mistakes.push(FieldProblem::new(format!("/origins/{place}"), FieldCode::InvalidOrigin)),
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(Problem::fields(mistakes)) }
}

/// Add a partner
#[utoipa::path(
    tag = "Organising", operation_id = "addPartner", security(("access_token" = [])), request_body = NewPartnerBody,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 201, description = "Added; its site keys are in the answer", body = PartnerBody, headers(("Location" = String))),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/campaigns/{slug}/partners")]
pub async fn add(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    partners: Data<Partners>,
    slug: Path<String>,
    Valid(body): Valid<NewPartnerBody>,
) -> Result<HttpResponse, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let name = super::name(&body.name).map_err(|code| Problem::field("/name", code))?;
    let origins = read_origins(&partners, &body.origins)?;
    let per_minute = body.per_minute.unwrap_or(Partner::USUAL_PER_MINUTE);
    let new = NewPartner::new(campaign.id, name, origins, per_minute)?;
    let add = async |connection: &mut _| {
        let id = super::register(connection, &new, Some(signed.who.id)).await?;
        store::find(connection, campaign.id, id).await
    };
    let partner = moderation.database.run(add).await?;
    let location = format!("/v1/admin/campaigns/{}/partners/{}", campaign.slug, partner.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(PartnerBody::of(&partner, None)))
}

/// Change a partner
///
/// In force on every instance within two seconds.
#[utoipa::path(
    tag = "Organising", operation_id = "setPartner", security(("access_token" = [])), request_body = PartnerChangeBody,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The partner"),
    ),
    responses(
        (status = 200, description = "As it is now", body = PartnerBody),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign or partner, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[patch("/v1/admin/campaigns/{slug}/partners/{id}")]
pub async fn set(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    partners: Data<Partners>,
    path: Path<(String, Uuid)>,
    Valid(body): Valid<PartnerChangeBody>,
) -> Result<Json<PartnerBody>, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let name = body.name.as_deref().map(super::name).transpose().map_err(|code| Problem::field("/name", code))?;
    let origins = body.origins.as_deref().map(|origins| read_origins(&partners, origins)).transpose()?;
    let change = Change { name, origins, per_minute: body.per_minute, disabled: body.disabled };
    let set = async |connection: &mut _| {
        let partner = store::change(connection, campaign.id, id, &change, Some(signed.who.id)).await?;
        Ok::<_, DbError>((partner, store::paused_until(connection, campaign.id).await?))
    };
    let (partner, paused) = moderation.database.run(set).await?;
    Ok(Json(PartnerBody::of(&partner, paused.get(&id).copied())))
}

/// Which key.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"test": false, "grace_hours": 24}))]
pub struct NewKeyBody {
    /// Whether it is the key for trials, `sk_test_…`.
    #[serde(default)]
    test: bool,
    /// Hours for which the key before stays good: 24 unless said; 0: it ends at once. Not for trials: there it always does.
    #[serde(default)]
    #[validate(range(min = 0, max = 720, code = "out_of_range"))]
    #[schema(minimum = 0, maximum = 720)]
    grace_hours: Option<i32>,
}

/// A secret key. It is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewKey {
    #[schema(example = "sk_…")]
    secret_key: String,
}

/// Give a partner's server a new secret key
#[utoipa::path(
    tag = "Organising", operation_id = "rotatePartnerKey", security(("access_token" = [])), request_body = NewKeyBody,
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("id" = Uuid, Path, description = "The partner"),
    ),
    responses(
        (status = 201, description = "The key: it is shown this once", body = NewKey),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign or partner, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/campaigns/{slug}/partners/{id}/keys")]
pub async fn new_key(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    path: Path<(String, Uuid)>,
    Valid(body): Valid<NewKeyBody>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (lane, grace) = match (body.test, body.grace_hours) {
        (true, Some(_)) => return Err(Problem::field("/grace_hours", FieldCode::NotAllowed)),
        (true, None) => (Lane::Test, 0),
        (false, hours) => (Lane::Live, hours.unwrap_or(GRACE_HOURS)),
    };
    let (secret_key, hash) = keys::new_secret(lane)?;
    let rotate = async |connection: &mut _| {
        store::rotate(connection, campaign.id, id, (hash, lane), grace, Some(signed.who.id)).await
    };
    moderation.database.run(rotate).await?;
    Ok(HttpResponse::Created().json(NewKey { secret_key }))
}
