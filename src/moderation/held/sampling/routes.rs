//! The door to sampling.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Sampled, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    gate::signals::Signal,
    http::Problem,
    moderation::Moderation,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(sampling);
}

/// What became of sampled pledges with one signal that were stored in one week.
#[derive(Serialize, ToSchema)]
pub struct SampledSignal {
    /// Its Monday (UTC).
    week: NaiveDate,
    /// The signal (docs/signals.md), perhaps among others; null: all of the sample.
    #[schema(example = "busy_source")]
    signal: Option<&'static str>,
    /// Held still.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Accepted by somebody who named them.
    #[schema(minimum = 0)]
    accepted: i64,
    /// Accepted by a search: nobody has looked at each.
    #[schema(minimum = 0)]
    accepted_unseen: i64,
    /// Removed by somebody who named them.
    #[schema(minimum = 0)]
    removed: i64,
    /// Removed by a search or a rule: nobody has looked at each.
    #[schema(minimum = 0)]
    removed_unseen: i64,
    /// Nobody decided: the campaign's `held_default` did, or the supporter.
    #[schema(minimum = 0)]
    undecided: i64,
    /// Accepted, of those accepted and removed: what the signal holds wrongly. Null: there are none yet.
    #[schema(minimum = 0, maximum = 1, example = 0.25)]
    accepted_share: Option<f64>,
}

impl From<Sampled> for SampledSignal {
    fn from(sampled: Sampled) -> Self {
        Self {
            week: sampled.week,
            signal: sampled.signal.map(Signal::name),
            accepted_share: sampled.accepted_share(),
            waiting: sampled.waiting,
            accepted: sampled.accepted,
            accepted_unseen: sampled.accepted_unseen,
            removed: sampled.removed,
            removed_unseen: sampled.removed_unseen,
            undecided: sampled.undecided,
        }
    }
}

/// What became of the sample.
#[derive(Serialize, ToSchema)]
pub struct Sampling {
    /// The newest week first, at most twelve; in each all of the sample first, then each signal that is there.
    weeks: Vec<SampledSignal>,
}

/// How often signals held somebody honest
///
/// Of one in eight held pledges, chosen by chance (`sample` in the queue shows them): what people decided, by week and signal. The
/// share is only as good as the sample is judged whole and one by one: see `waiting`, `accepted_unseen` and `removed_unseen`. Pledges whose
/// signals are cleared are left out.
#[utoipa::path(
    tag = "Moderation", operation_id = "getHeldSampling", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "What became of the sample", body = Sampling),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/held/sampling")]
pub async fn sampling(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<Sampling>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let look = async |connection: &mut _| store::sampled(connection, campaign.id).await;
    let sampled = moderation.database.run(look).await?;
    Ok(Json(Sampling { weeks: sampled.into_iter().map(SampledSignal::from).collect() }))
}
