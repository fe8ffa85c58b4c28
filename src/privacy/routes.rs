//! The door for what organisers do for a person who asks: erase, and tell what is held.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, post,
    web::{Data, Json},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{
    Privacy, PrivacyError,
    access::{Held, where_to_look},
};
use crate::{
    accounts::signed::{Organiser, Signed},
    campaigns::{
        Campaign,
        settings::{Consent, Purpose},
        visible,
    },
    country::Country,
    gate::signals::{Signal, Signals},
    http::{Problem, ProblemBody, Valid},
    pledges::mailbox::Email,
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(erase).service(access);
}

impl From<PrivacyError> for Problem {
    fn from(error: PrivacyError) -> Self {
        match error {
            PrivacyError::Database(error) => error.into(),
            PrivacyError::Crypto(error) => error.into(),
        }
    }
}

/// Whose pledge.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "amina@example.org", "campaign": "together-we-defend"}))]
pub struct Person {
    /// The address, in any of its spellings. Make sure that it is theirs who asks: let them write from it.
    #[schema(value_type = Email)]
    email: String,
    /// Slug of the one campaign that it is about; left out: every one that you may see.
    #[serde(default)]
    campaign: Option<String>,
}

impl Person {
    fn email(&self) -> Result<Email, Problem> {
        Email::parse(&self.email).map_err(|code| Problem::field("/email", code))
    }
}

/// Erase a person
///
/// Everything personal goes from their pledge (GDPR article 17); whether it goes on counting is a setting of the campaign. The
/// answer is the same whether or not there was one. Lists that were exported before stay with you: the next export tells what was
/// erased since.
#[utoipa::path(
    tag = "Privacy", operation_id = "erasePerson", security(("access_token" = [])), request_body = Person,
    responses(
        (status = 204, description = "Whatever there was is erased"),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/erasures")]
pub async fn erase(
    signed: Signed<Organiser>,
    privacy: Data<Privacy>,
    Valid(person): Valid<Person>,
) -> Result<HttpResponse, Problem> {
    let email = person.email()?;
    let campaigns = visible::one_or_all(&privacy.database, &signed.who, person.campaign.as_deref()).await?;
    privacy.erase(Some(&signed.who), &campaigns, &email).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is held about a person.
#[derive(Serialize, ToSchema)]
pub struct Access {
    /// By campaign. The person's address isn't among it: it is kept in sealed records only.
    held: Vec<HeldBody>,
    /// Slugs of campaigns whose retention has ended: nothing in them leads to an address any more.
    ended: Vec<String>,
}

/// What is held about a person in one campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldInCampaign)]
pub struct HeldBody {
    /// Slug of the campaign.
    campaign: String,
    /// The id of the pledge.
    pledge: Uuid,
    #[schema(example = "counted", pattern = "^(awaiting|held|counted|removed|withdrawn)$")]
    state: String,
    #[schema(value_type = Country)]
    country: String,
    /// BCP 47 tag of the form.
    language: Option<String>,
    /// Which page it came from.
    source: Option<String>,
    /// The partner whose site it came from.
    partner: Option<Uuid>,
    created_at: DateTime<Utc>,
    /// When it was counted first.
    counted_at: Option<DateTime<Utc>>,
    /// When its mailbox confirmed it.
    confirmed_at: Option<DateTime<Utc>>,
    /// When its owner took it back.
    withdrawn_at: Option<DateTime<Utc>>,
    /// When the owner of the mailbox said that somebody else had entered it: it gets no mail since.
    suppressed_at: Option<DateTime<Utc>>,
    /// When the person was erased from it.
    erased_at: Option<DateTime<Utc>>,
    /// What was agreed to.
    consents: Vec<HeldConsent>,
    /// How much it looks like a bot's.
    #[schema(minimum = 0, maximum = 1000)]
    score: i16,
    /// What stood out (docs/signals.md explains each).
    #[schema(example = json!(["no_proof"]))]
    signals: Vec<&'static str>,
    /// What is kept for review; null when it is gone.
    review: Option<HeldReview>,
    /// What moderators decided about showing it publicly; null when nothing was.
    on_wall: Option<HeldOnWall>,
    /// What is sealed for the organiser; null when nothing is.
    sealed_record: Option<HeldRecord>,
    /// What is sealed for the partner; null when nothing is.
    sealed_for_partner: Option<HeldRecord>,
    /// When everything goes; null as long as the campaign isn't closed.
    kept_until: Option<DateTime<Utc>>,
}

/// What was agreed to.
#[derive(Serialize, ToSchema)]
pub struct HeldConsent {
    purpose: Purpose,
    /// Version of the text.
    #[schema(minimum = 1)]
    version: i16,
    /// The text by language.
    texts: BTreeMap<String, String>,
}

/// What is kept for review.
#[derive(Serialize, ToSchema)]
pub struct HeldReview {
    name: Option<String>,
    /// First letter and domain of the address: more is not in it.
    #[schema(example = "a•••@example.org")]
    email: Option<String>,
    message: Option<String>,
    /// When it goes.
    kept_until: DateTime<Utc>,
}

/// What moderators decided about showing it publicly.
#[derive(Serialize, ToSchema)]
pub struct HeldOnWall {
    #[schema(example = "shown", pattern = "^(shown|declined|hidden)$")]
    state: String,
    /// As everybody sees it; null unless it is shown.
    name: Option<String>,
    /// As everybody sees it; null unless it is shown.
    message: Option<String>,
    /// Since which day (UTC) it is shown.
    day: Option<NaiveDate>,
}

/// What is sealed.
#[derive(Serialize, ToSchema)]
pub struct HeldRecord {
    /// Who can open it, and what to look for.
    note: String,
    /// What is in it.
    #[schema(example = json!(["name", "email", "message", "consents"]))]
    fields: Vec<&'static str>,
}

impl Access {
    /// Of what was found in these campaigns.
    pub fn new(campaigns: &[Campaign], held: Vec<Held<'_>>) -> Self {
        let ended = campaigns.iter().filter(|campaign| campaign.salt.is_none());
        Self {
            ended: ended.map(|campaign| campaign.slug.clone()).collect(),
            held: held.into_iter().map(HeldBody::from).collect(),
        }
    }
}

impl From<Held<'_>> for HeldBody {
    fn from(held: Held<'_>) -> Self {
        let consents = held.consents().map(|(purpose, version)| {
            let text = |consent: &&Consent| (consent.purpose, consent.version) == (purpose, version);
            let texts = held.campaign.consents.iter().find(text).map(|consent| consent.texts.clone());
            HeldConsent { purpose, version, texts: texts.unwrap_or_default() }
        });
        let consents = consents.collect();
        let (review_until, kept_until) = (held.review_until(), held.all_until());
        let id = held.row.id;
        let record = |sealed: Option<Vec<u8>>| {
            sealed.map(|_| HeldRecord { note: where_to_look(id), fields: vec!["name", "email", "message", "consents"] })
        };
        Self {
            campaign: held.campaign.slug.clone(),
            pledge: id,
            state: held.row.state,
            country: held.row.country,
            language: held.row.language,
            source: held.row.source,
            partner: held.row.partner_id,
            created_at: held.row.created_at,
            counted_at: held.row.counted_at,
            confirmed_at: held.row.confirmed_at,
            withdrawn_at: held.row.withdrawn_at,
            suppressed_at: held.row.suppressed_at,
            erased_at: held.row.erased_at,
            consents,
            score: held.row.score,
            signals: Signals::from_bits(held.row.signals).list().map(Signal::name).collect(),
            review: held.review.map(|copy| HeldReview {
                name: copy.name,
                email: copy.email,
                message: copy.message,
                kept_until: review_until,
            }),
            on_wall: held.on_wall.map(|entry| HeldOnWall {
                state: entry.state,
                name: entry.name,
                message: entry.message,
                day: entry.day,
            }),
            sealed_record: record(held.row.sealed_record),
            sealed_for_partner: record(held.row.sealed_for_partner),
            kept_until,
        }
    }
}

/// Tell what is held about a person
///
/// For you to hand over to who asks (GDPR articles 15 and 20). It is on record that you asked, not about whom.
#[utoipa::path(
    tag = "Privacy", operation_id = "accessPerson", security(("access_token" = [])), request_body = Person,
    responses(
        (status = 200, description = "What is held", body = Access),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign, or not yours", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/access")]
pub async fn access(
    signed: Signed<Organiser>,
    privacy: Data<Privacy>,
    Valid(person): Valid<Person>,
) -> Result<Json<Access>, Problem> {
    let email = person.email()?;
    let campaigns = visible::one_or_all(&privacy.database, &signed.who, person.campaign.as_deref()).await?;
    let held = privacy.held(Some(&signed.who), &campaigns, &email).await?;
    Ok(Json(Access::new(&campaigns, held)))
}
