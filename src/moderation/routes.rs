//! The door for moderators: pledges and exact totals.

use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{Moderation, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    country::Country,
    db::DbError,
    gate::{
        signals::{Signal, Signals},
        source_tags,
    },
    http::{
        FieldCode, Problem, ProblemBody, Valid, ValidQuery,
        body::coded,
        optional_time,
        page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, next_cursor},
    },
    pledges::{
        State,
        fields::Language,
        held::{self, Ending},
        mailbox::Email,
    },
    sealing::mask_name,
    totals,
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_pledges).service(look_up).service(exact_totals);
    super::reveal::routes::routes(config);
    super::removals::routes::routes(config);
    super::held::routes::routes(config);
    super::rules::routes::routes(config);
    super::log::routes::routes(config);
    super::partners::routes::routes(config);
    super::recipients::routes::routes(config);
    super::switches::routes::routes(config);
}

/// A pledge as moderators see it: nobody's name or address in full.
#[derive(Serialize, ToSchema)]
pub struct Pledge {
    id: Uuid,
    #[schema(example = "counted", pattern = "^(awaiting|held|counted|removed|withdrawn)$")]
    state: String,
    #[schema(value_type = Country)]
    country: String,
    /// The partner by whose page or server it came; null: by ours.
    partner: Option<Uuid>,
    /// BCP 47 tag of the form.
    language: Option<String>,
    /// Which page it came from.
    source: Option<String>,
    created_at: DateTime<Utc>,
    counted_at: Option<DateTime<Utc>>,
    /// The removal that took it out.
    removal_id: Option<Uuid>,
    /// How much it looks like a bot's; from the campaign's `hold_at` on it is held.
    #[schema(minimum = 0, maximum = 1000)]
    score: i16,
    /// What stood out (docs/signals.md explains each).
    #[schema(example = json!(["disposable_mailbox", "busy_source"]))]
    signals: Vec<&'static str>,
    /// Tells which pledges of one day (UTC) came from one place, and nobody from which; a rule for sources names it. Null: not
    /// known, or gone with the review copy.
    #[schema(example = "00c5f16d0e7c3a9b", pattern = "^[0-9a-f]{16}$")]
    source_tag: Option<String>,
    consents: Consents,
    /// What is kept for review, masked; null when it is gone: `review_days` after the pledge, or when the person was erased.
    review: Option<Review>,
}

/// Versions of the consent texts agreed to; null: not agreed.
#[derive(Serialize, ToSchema)]
pub struct Consents {
    updates: Option<i16>,
    partner: Option<i16>,
    public: Option<i16>,
}

/// What is kept for review, masked.
#[derive(Serialize, ToSchema)]
pub struct Review {
    /// The shape of the name.
    #[schema(example = "A•• L••••")]
    name: Option<String>,
    /// First letter and domain of the address.
    #[schema(example = "a•••@example.org")]
    email: Option<String>,
    message: Option<String>,
}

/// Held pledges that get the campaign's `held_default` when their review window ends, unless somebody accepts or removes them before.
#[derive(Serialize, ToSchema)]
pub struct HeldEnds {
    /// `count`: they count. `remove`: they are removed, which can be undone.
    #[schema(example = "remove", pattern = "^(count|remove)$")]
    default: &'static str,
    /// How many within seven days.
    #[schema(minimum = 1)]
    pledges: i64,
    /// When the first of them.
    first_at: DateTime<Utc>,
}

impl From<Ending> for HeldEnds {
    fn from(ending: Ending) -> Self {
        Self { default: ending.default.as_str(), pledges: ending.pledges, first_at: ending.first_at }
    }
}

/// Pledges, a page at a time, newest first.
#[derive(Serialize, ToSchema)]
pub struct PledgePage {
    pledges: Vec<Pledge>,
    /// When held pledges are asked for: those that are held no more within seven days, whatever the rest of the filter; null: none.
    held_ends: Option<HeldEnds>,
    /// Exactly how many fit the filter, on all pages.
    #[schema(minimum = 0)]
    total: i64,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// Which pledges.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PledgeFilter {
    /// In this state; withdrawn: the person was erased, and no longer counts.
    #[serde(default, deserialize_with = "state")]
    #[param(value_type = Option<String>, pattern = "^(awaiting|held|counted|removed|withdrawn)$", example = "counted")]
    state: Option<State>,
    /// From this country.
    country: Option<Country>,
    /// Stored at or after this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Stored before this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Made in this language.
    #[serde(default, deserialize_with = "language")]
    #[param(value_type = Option<Language>)]
    language: Option<String>,
    /// Taken out by this removal.
    removal: Option<Uuid>,
    /// With this signal, perhaps among others (docs/signals.md). This and the next two are quick with a state other than
    /// counted; else all of the campaign's pledges are looked at.
    #[serde(default, deserialize_with = "signal")]
    #[param(value_type = Option<String>, example = "wave_shape")]
    signal: Option<Signal>,
    /// From the source with this tag.
    #[serde(default, deserialize_with = "source_tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    source_tag: Option<i64>,
    /// By this partner's page or server.
    partner: Option<Uuid>,
    /// Pledges a page.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<State>, D::Error> {
    State::parse(&String::deserialize(deserializer)?).map(Some).ok_or_else(|| coded(FieldCode::NotAllowed))
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let language = Language::parse(&String::deserialize(deserializer)?).map_err(coded)?;
    Ok(Some(language.as_str().to_owned()))
}

fn signal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Signal>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let signal = Signal::ALL.iter().copied().find(|signal| signal.name() == name);
    signal.map(Some).ok_or_else(|| coded(FieldCode::NotAllowed))
}

fn source_tag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let tag = source_tags::read(&String::deserialize(deserializer)?);
    tag.map(Some).ok_or_else(|| coded(FieldCode::InvalidSourceTag))
}

impl PledgeFilter {
    fn filter(&self) -> store::Filter {
        store::Filter {
            state: self.state,
            country: self.country,
            from: self.from,
            to: self.to,
            language: self.language.clone(),
            removal: self.removal,
            fingerprint: None,
            signal: self.signal,
            source_tag: self.source_tag,
            partner: self.partner,
        }
    }
}

impl Moderation {
    fn shown(&self, campaign: Uuid, row: store::Row) -> Pledge {
        let review = self.review(campaign, row.id, row.sealed_review.as_deref()).map(|copy| Review {
            name: copy.name.as_deref().map(mask_name),
            email: copy.email,
            message: copy.message,
        });
        let consents =
            Consents { updates: row.consent_updates, partner: row.consent_partner, public: row.consent_public };
        Pledge {
            id: row.id,
            state: row.state,
            country: row.country,
            partner: row.partner_id,
            language: row.language,
            source: row.source,
            created_at: row.created_at,
            counted_at: row.counted_at,
            removal_id: row.removal_id,
            score: row.score,
            signals: Signals::from_bits(row.signals).list().map(Signal::name).collect(),
            source_tag: row.source_tag.map(source_tags::text),
            consents,
            review,
        }
    }
}

/// Find pledges
///
/// Newest first. To look for an e-mail address, see the look-up: addresses don't belong into a URL.
#[utoipa::path(
    tag = "Moderation", operation_id = "listPledges", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), PledgeFilter),
    responses(
        (status = 200, description = "Pledges that fit", body = PledgePage),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/pledges")]
pub async fn list_pledges(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(query): ValidQuery<PledgeFilter>,
) -> Result<Json<PledgePage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (filter, limit) = (query.filter(), query.limit.unwrap_or(DEFAULT_LIMIT));
    let before = query.cursor.map(|cursor| cursor.0);
    let find = async |connection: &mut _| {
        let (rows, total) = store::find(connection, campaign.id, &filter, before, limit + 1).await?;
        let ends = match filter.state {
            Some(State::Held) => held::store::ending(connection, Some(campaign.id)).await?.pop(),
            _ => None,
        };
        Ok::<_, DbError>((rows, total, ends))
    };
    let (mut rows, total, ends) = moderation.database.run(find).await?;
    let next_cursor = next_cursor(&mut rows, limit, |row| row.id);
    let pledges = rows.into_iter().map(|row| moderation.shown(campaign.id, row)).collect();
    Ok(Json(PledgePage { pledges, held_ends: ends.map(HeldEnds::from), total, next_cursor }))
}

/// Whose pledge.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The address, in any of its spellings.
    #[schema(value_type = Email)]
    email: String,
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub struct Found {
    /// None or one.
    pledges: Vec<Pledge>,
}

/// Find the pledge of an e-mail address
///
/// By fingerprint: the service can read no stored address. A POST, so that the address stays out of URLs and logs.
#[utoipa::path(
    tag = "Moderation", operation_id = "lookUpPledge", security(("access_token" = [])), request_body = LookUp,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The pledge, if there is one", body = Found),
        (status = 409, description = "The campaign's retention has ended: nobody can tell any more", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/pledges/lookup")]
pub async fn look_up(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<LookUp>,
) -> Result<Json<Found>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let email = Email::parse(&body.email).map_err(|code| Problem::field("/email", code))?;
    let fingerprint = moderation.sealing.fingerprint(&campaign, &email)?;
    let filter = store::Filter { fingerprint: Some(fingerprint), ..store::Filter::default() };
    let rows = moderation.look_up(&signed.who, campaign.id, &filter).await?;
    Ok(Json(Found { pledges: rows.into_iter().map(|row| moderation.shown(campaign.id, row)).collect() }))
}

/// A campaign's exact counts, deltas included.
#[derive(Serialize, ToSchema)]
pub struct ExactTotals {
    #[schema(minimum = 0)]
    total: i64,
    /// Every country with a pledge, ZZ among them.
    countries: Vec<totals::board::CountryCount>,
}

/// Exact totals
///
/// What the public sees rounded, exactly.
#[utoipa::path(
    tag = "Moderation", operation_id = "getExactTotals", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Exact counts", body = ExactTotals),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/totals")]
pub async fn exact_totals(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<ExactTotals>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let exact = async |connection: &mut _| totals::deltas::store::exact(connection, campaign.id).await;
    let counts = moderation.database.run(exact).await?;
    let total = counts.values().sum();
    let countries = counts.into_iter().filter(|(_, count)| *count != 0);
    let countries = countries.map(|(country, count)| totals::board::CountryCount { country, count }).collect();
    Ok(Json(ExactTotals { total, countries }))
}
