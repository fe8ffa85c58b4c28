//! The door to what stands out.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{FoundBy, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    gate::waves::{Cluster, Common, reasons::Reason},
    http::Problem,
    moderation::Moderation,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(clusters);
}

/// Pledges that stand out together.
#[derive(Serialize, ToSchema)]
pub struct StandingOut {
    /// What they have in common.
    common: Common,
    /// Its value, as a filter has it; of minutes, when the first began.
    #[schema(example = "VA")]
    value: String,
    /// How many there are, removed and withdrawn ones left out: those of the last day, but all of a country with more than its people explain.
    #[schema(minimum = 0)]
    pledges: i64,
    /// How many of them were compared, all of the last day. The next numbers are of these.
    #[schema(minimum = 0)]
    compared: i64,
    /// How many of those their mailbox confirmed, up to three minutes before `as_of`.
    #[schema(minimum = 0)]
    confirmed: i64,
    /// The same as a share; null: none was compared.
    #[schema(minimum = 0, maximum = 1)]
    confirmed_share: Option<f64>,
    /// How many of those look more like a wave's than like people's.
    #[schema(minimum = 0)]
    likely: i64,
    first_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
    /// When the last of those was stored that look more like a wave's than like people's; null: none does. Whether it goes on: what a rule removes
    /// as it comes is not among them.
    last_likely_at: Option<DateTime<Utc>>,
    /// How many of those came in each of the last 24 hours, the oldest first; the last is the hour up to `as_of`.
    #[schema(min_items = 24, max_items = 24)]
    trend: Vec<i64>,
    /// How little it looks like people. 1000: more pledges than people.
    #[schema(minimum = 200, maximum = 1000)]
    score: i16,
    /// What the score is made of, the weightiest first.
    #[schema(min_items = 1)]
    reasons: Vec<Reason>,
    /// What finds them: as a body of the search, and `search` of a removal or its preview.
    search: FoundBy,
    /// The same in the console.
    #[schema(example = "/moderation/#/c/together-we-defend/search?country=VA")]
    link: String,
}

impl StandingOut {
    fn new(slug: &str, cluster: Cluster) -> Self {
        let search = FoundBy::cluster(&cluster);
        #[expect(clippy::cast_precision_loss, reason = "half a million fits")]
        let share = (cluster.compared > 0).then(|| cluster.confirmed as f64 / cluster.compared as f64);
        Self {
            common: cluster.common,
            value: cluster.value,
            pledges: cluster.pledges,
            compared: cluster.compared,
            confirmed: cluster.confirmed,
            confirmed_share: share,
            likely: cluster.likely,
            first_at: cluster.first_at,
            last_at: cluster.last_at,
            last_likely_at: cluster.last_likely_at,
            trend: cluster.trend,
            score: cluster.score,
            reasons: cluster.reasons,
            link: format!("/moderation/#/c/{slug}/search?{}", search.query()),
            search,
        }
    }
}

/// What stands out now.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    /// The highest score first, at most ten of each kind; none: nothing does. A pledge may be in several.
    #[schema(max_items = 80)]
    clusters: Vec<StandingOut>,
    /// When it was last looked; null: not yet, or the campaign isn't open.
    as_of: Option<DateTime<Utc>>,
    /// When the oldest pledge that was compared was stored: a day ago, or less in a flood; null: there was none.
    since: Option<DateTime<Utc>>,
    /// How many pledges were compared.
    #[schema(minimum = 0)]
    compared: i64,
}

/// What stands out
///
/// Among the pledges of the last day (the newest half a million), against the campaign's past: looked for every twenty seconds or so, among
/// those that are older than ten.
#[utoipa::path(
    tag = "Moderation", operation_id = "getClusters", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Clusters of pledges", body = Standing),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/clusters")]
pub async fn clusters(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<Standing>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let look = moderation.database.run(async |connection| store::last(connection, campaign.id).await).await?;
    let Some(look) = look else {
        return Ok(Json(Standing { clusters: Vec::new(), as_of: None, since: None, compared: 0 }));
    };
    let clusters = look.clusters.into_iter().map(|cluster| StandingOut::new(&campaign.slug, cluster)).collect();
    Ok(Json(Standing { clusters, as_of: Some(look.at), since: look.since, compared: look.compared }))
}
