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

use super::{
    MAX_ACCEPTED,
    acceptances::{self, store::Part},
    queue, sampling,
    store::{self, Accepted},
};
use crate::{
    accounts::signed::{Moderator, Signed},
    http::{FieldCode, Problem, ProblemBody, Valid},
    moderation::{
        Moderation,
        note::{Note, up_to},
        removals::{
            by_search::MANY,
            routes::{Wanted, given, given_object, wanted, within},
        },
        search::filter::PledgeSearch,
    },
    pledges::State,
};

/// A thousand ids take 39 KB.
const BODY_LIMIT: usize = 64 * 1024;

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(accept);
    acceptances::routes::routes(config);
    queue::routes::routes(config);
    sampling::routes::routes(config);
}

/// Held pledges to accept, and why: either `ids`, or `search` and `expected`.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "note": "A school class behind one address",
}))]
pub struct NewAcceptance {
    /// Which pledges, 1 to 1,000.
    #[serde(default, deserialize_with = "given")]
    #[validate(custom(function = "some_ids"))]
    #[schema(value_type = Vec<Uuid>, required = false, min_items = 1, max_items = 1000)]
    ids: Option<Vec<Uuid>>,
    /// Of the held pledges that fit this, the oldest 1,000. `state` is `held` or left out; `limit` and `cursor` mean nothing here.
    #[serde(default, deserialize_with = "given_object")]
    #[validate(nested)]
    #[schema(value_type = PledgeSearch, required = false)]
    search: Option<PledgeSearch>,
    /// With `search`: how many held pledges fit, as far as you know.
    #[serde(default, deserialize_with = "given")]
    #[validate(range(min = 0, code = "out_of_range"))]
    #[schema(value_type = i64, required = false, minimum = 0)]
    expected: Option<i64>,
    /// Goes on with this acceptance of yours: what one decision lets count in several calls is undone as one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Uuid, required = false)]
    acceptance: Option<Uuid>,
    /// Why, in your words. Don't write personal data of supporters here: the audit log keeps it.
    note: Note,
}

fn some_ids(ids: &[Uuid]) -> Result<(), ValidationError> {
    up_to(MAX_ACCEPTED, ids)
}

/// What was accepted.
#[derive(Serialize, ToSchema)]
pub struct AcceptanceResult {
    /// On record as this, by which it is undone. Null: none of them was held.
    acceptance: Option<Uuid>,
    /// Those that were held, and count now.
    accepted: Vec<Uuid>,
    /// Of a search: how many held pledges that fit are left. The same call again, with this as `expected`, accepts more of them.
    #[schema(minimum = 0)]
    left: i64,
}

/// Accept pledges that are held
///
/// They count from now on, and are held no more, whatever is found later. Pledges that aren't held stay as they are. Each call is on
/// record as an acceptance, and can be undone; `acceptance` adds to one that has begun. What an account accepts in a day (UTC) counts
/// with what it removes.
///
/// By a search a whole cluster goes, a thousand at a time. Where more than 10,000 are expected, or one acceptance comes to more, the check
/// of who you are must be fresh (`POST /v1/auth/step-up`). By a `name` it is on record like a search by it, whatever comes of it.
#[utoipa::path(
    tag = "Moderation", operation_id = "acceptPledges", security(("access_token" = [])), request_body = NewAcceptance,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Which of them count now", body = AcceptanceResult),
        (status = 404, description = "No such campaign or acceptance, or not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Many more or fewer fit than were expected, or the acceptance was undone", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "You have removed and accepted as many today as you may", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/moderation/campaigns/{slug}/acceptances")]
pub async fn accept(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    Valid(body): Valid<NewAcceptance, BODY_LIMIT>,
) -> Result<Json<AcceptanceResult>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (who, note, goes_on) = (&signed.who, body.note.into_text(), body.acceptance);
    let part = |by_search| Part { who, campaign: campaign.id, goes_on, by_search, note: &note };
    let (Accepted { acceptance, ids }, left) = match wanted(body.ids, body.search, body.expected)? {
        Wanted::Ids(ids) => (moderation.accept(&part(false), &ids).await?, 0),
        Wanted::Found(search, expected) => {
            if expected > MANY {
                signed.proved()?;
            }
            let of_somebody = search.names_somebody().then_some(who.session);
            let search = search.search(campaign.id, &moderation.tag_keys);
            let (mut search, _) = search.map_err(|problem| within("/search", problem))?;
            if search.state.take().is_some_and(|state| state != State::Held) {
                return Err(Problem::field("/search/state", FieldCode::NotAllowed));
            }
            let order = store::Order { search, expected, of_somebody };
            moderation.accept_found(&part(true), &order).await?
        }
    };
    Ok(Json(AcceptanceResult { acceptance, accepted: ids, left }))
}
