//! The door to pledges: a list by filters, a search, the look-up of an address.

use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{
    Search,
    filter::{Part, PledgeFilter, PledgeSearch},
    store,
};
use crate::{
    accounts::signed::{Moderator, Signed},
    country::Country,
    db::DbError,
    gate::{
        signals::{Signal, Signals},
        source_tags,
    },
    http::{Problem, ProblemBody, Valid, ValidQuery, page::next_cursor},
    moderation::Moderation,
    pledges::{
        State,
        held::{self, Ending},
        mailbox::Email,
    },
    sealing::mask_name,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_pledges).service(search_pledges).service(look_up);
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
    /// Tells which pledges of the campaign have mailboxes of one domain. Null: it has none, or it is gone with the review copy.
    #[schema(example = "00c5f16d0e7c3a9b", pattern = "^[0-9a-f]{16}$")]
    domain_tag: Option<String>,
    /// The same of the name, however it is written.
    #[schema(example = "00c5f16d0e7c3a9b", pattern = "^[0-9a-f]{16}$")]
    name_tag: Option<String>,
    /// The same of how name and mailbox are made.
    #[schema(example = "00c5f16d0e7c3a9b", pattern = "^[0-9a-f]{16}$")]
    shape_tag: Option<String>,
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
    /// How many fit the filter, on all pages.
    #[schema(minimum = 0)]
    total: i64,
    /// Whether `total` is exact, as it is up to 10,000. Otherwise it is about as many, more than 10,000, in two digits, and never fewer
    /// than were counted. Where even few take longer than two seconds to count, there are at least as many as it says. In the seconds
    /// after much has changed at once (`search_lag_seconds`) small totals are not exact either.
    total_is_exact: bool,
    /// What came or changed in the last so many seconds may be missing here, and in `total`; 0: nothing is. A look later has it.
    #[schema(minimum = 0)]
    search_lag_seconds: i64,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

impl Moderation {
    /// A page, and how many fit in all.
    async fn page(&self, search: &Search, part: &Part) -> Result<(PledgePage, i64), DbError> {
        let find = async |connection: &mut _| {
            let found = store::find(connection, search, part.before, part.limit + 1).await?;
            let ends = match search.state {
                Some(State::Held) => held::store::ending(connection, Some(search.campaign)).await?.pop(),
                _ => None,
            };
            Ok::<_, DbError>((found, ends))
        };
        let (mut found, ends) = self.database.run(find).await?;
        let next_cursor = next_cursor(&mut found.rows, part.limit, |row| row.id);
        let page = PledgePage {
            pledges: found.rows.into_iter().map(|row| self.shown(search.campaign, row)).collect(),
            held_ends: ends.map(HeldEnds::from),
            total: found.count.value,
            total_is_exact: found.count.exact,
            search_lag_seconds: found.lag_seconds,
            next_cursor,
        };
        Ok((page, found.count.value))
    }

    /// What is told of a pledge.
    pub(in crate::moderation) fn shown(&self, campaign: Uuid, row: store::Row) -> Pledge {
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
            domain_tag: row.domain_tag.map(source_tags::text),
            name_tag: row.name_tag.map(source_tags::text),
            shape_tag: row.shape_tag.map(source_tags::text),
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
    let (search, part) = query.search(campaign.id);
    Ok(Json(moderation.page(&search, &part).await?.0))
}

/// Search pledges
///
/// As the list does, and by name, domain and the words of what the public wall shows besides: they don't belong into a URL. All are
/// compared by keyed tags, as the service can read no stored name. That somebody's name was looked for goes on record, without the name.
#[utoipa::path(
    tag = "Moderation", operation_id = "searchPledges", security(("access_token" = [])), request_body = PledgeSearch,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Pledges that fit", body = PledgePage),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/pledges/search")]
pub async fn search_pledges(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<PledgeSearch>,
) -> Result<Json<PledgePage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let of_somebody = body.names_somebody();
    let (search, part) = body.search(campaign.id, &moderation.tag_keys)?;
    let (page, found) = moderation.page(&search, &part).await?;
    if of_somebody {
        moderation.note_look(&signed.who, campaign.id, "pledge.search_name", found).await?;
    }
    Ok(Json(page))
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
    let search = Search { campaign: campaign.id, fingerprint: Some(fingerprint), ..Search::default() };
    let rows = moderation.look_up(&signed.who, &search).await?;
    Ok(Json(Found { pledges: rows.into_iter().map(|row| moderation.shown(campaign.id, row)).collect() }))
}
