//! The door to the queue.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{Common, store};
use crate::{
    accounts::signed::{Moderator, Signed},
    country::Country,
    db::DbError,
    gate::signals::Signal,
    http::{
        Problem, ValidQuery,
        page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, next_cursor},
    },
    moderation::{
        Moderation,
        clusters::FoundBy,
        search::{
            Search,
            filter::{signals, tag},
            routes::{HeldEnds, Pledge},
        },
    },
    pledges::held,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(queue).service(clusters);
}

/// Which of the held pledges: those to which all of it applies.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueueFilter {
    /// Only those of the sample, one in eight, by chance. Whoever judges them one by one lets the signals be measured.
    #[serde(default)]
    #[param(example = true)]
    sample: bool,
    /// With this signal, perhaps among others (docs/signals.md); with any of several, with commas between them.
    #[serde(default, deserialize_with = "signals")]
    #[param(value_type = Option<String>, pattern = "^[a-z0-9_]+(,[a-z0-9_]+)*$", example = "wave_shape,wave_name")]
    signal: Vec<Signal>,
    /// From the source with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    source_tag: Option<i64>,
    /// With a mailbox of the domain with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    domain_tag: Option<i64>,
    /// With the name with this tag.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    name_tag: Option<i64>,
    /// With name and mailbox made as this tag tells.
    #[serde(default, deserialize_with = "tag")]
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{16}$", example = "00c5f16d0e7c3a9b")]
    shape_tag: Option<i64>,
    /// From this country.
    country: Option<Country>,
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

impl QueueFilter {
    fn search(self, campaign: Uuid) -> Search {
        Search {
            campaign,
            country: self.country,
            partner: self.partner,
            signals: self.signal,
            source_tag: self.source_tag,
            domain_tags: self.domain_tag.into_iter().collect(),
            name_tags: self.name_tag.into_iter().collect(),
            shape_tag: self.shape_tag,
            ..Search::default()
        }
    }
}

/// Held pledges, a page at a time, oldest first.
#[derive(Serialize, ToSchema)]
pub struct HeldPage {
    pledges: Vec<Pledge>,
    /// How many held pledges the campaign has, whatever the filter.
    #[schema(minimum = 0)]
    held: i64,
    /// Those that are held no more within seven days, whatever the filter; null: none.
    held_ends: Option<HeldEnds>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// The queue of held pledges
///
/// Oldest first: they are the next that nobody can judge any more.
#[utoipa::path(
    tag = "Moderation", operation_id = "getHeldQueue", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), QueueFilter),
    responses(
        (status = 200, description = "Pledges that wait for a moderator", body = HeldPage),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/held/queue")]
pub async fn queue(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(query): ValidQuery<QueueFilter>,
) -> Result<Json<HeldPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let (limit, sample) = (query.limit.unwrap_or(DEFAULT_LIMIT), query.sample);
    let after = query.cursor.as_ref().map(|cursor| cursor.0);
    let (search, all) = (query.search(campaign.id), Search { campaign: campaign.id, ..Search::default() });
    let look = async |connection: &mut _| {
        let rows = store::page(connection, &search, sample, after, limit + 1).await?;
        let held = store::count(connection, &all).await?;
        let ends = held::store::ending(connection, Some(campaign.id)).await?.pop();
        Ok::<_, DbError>((rows, held, ends))
    };
    let (mut rows, held, ends) = moderation.database.run(look).await?;
    let next_cursor = next_cursor(&mut rows, limit, |row| row.id);
    let pledges = rows.into_iter().map(|row| moderation.shown(campaign.id, row)).collect();
    Ok(Json(HeldPage { pledges, held, held_ends: ends.map(HeldEnds::from), next_cursor }))
}

/// Held pledges that have something in common.
#[derive(Serialize, ToSchema)]
pub struct HeldCluster {
    /// What they have in common: a field of the queue's filter.
    common: Common,
    /// What that field is: `common` and `value` make a filter of the queue.
    #[schema(example = "00c5f16d0e7c3a9b")]
    value: String,
    #[schema(minimum = 2)]
    pledges: i64,
    /// What finds them: `search` of a removal, its preview, or an acceptance.
    search: FoundBy,
    /// When the first of them was stored.
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// What held pledges have in common.
#[derive(Serialize, ToSchema)]
pub struct HeldClusters {
    /// The largest first, at most ten of each kind. A pledge is in several.
    clusters: Vec<HeldCluster>,
    /// Held pledges that were looked at: the newest, at most 20,000.
    #[schema(minimum = 0)]
    looked_at: i64,
}

/// What held pledges have in common
///
/// To accept or remove them together, by `search`.
#[utoipa::path(
    tag = "Moderation", operation_id = "getHeldClusters", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Clusters of held pledges", body = HeldClusters),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/held/clusters")]
pub async fn clusters(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<HeldClusters>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let look = async |connection: &mut _| store::clusters(connection, campaign.id).await;
    let found = moderation.database.run(look).await?;
    let clusters = found.clusters.into_iter().map(|cluster| HeldCluster {
        common: cluster.common,
        search: FoundBy { state: Some("held"), ..FoundBy::of(cluster.common, &cluster.value) },
        value: cluster.value,
        pledges: cluster.pledges,
        first_at: cluster.first_at,
        last_at: cluster.last_at,
    });
    Ok(Json(HeldClusters { clusters: clusters.collect(), looked_at: found.looked_at }))
}
