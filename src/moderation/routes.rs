//! The door for moderators: exact totals, and the doors of the parts.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Moderation;
use crate::{
    accounts::signed::{Moderator, Signed},
    http::Problem,
    totals,
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    super::search::routes::routes(config);
    config.service(exact_totals);
    super::reveal::routes::routes(config);
    super::removals::routes::routes(config);
    super::removals::by_search::routes::routes(config);
    super::held::routes::routes(config);
    super::clusters::routes::routes(config);
    super::rules::routes::routes(config);
    super::log::routes::routes(config);
    super::partners::routes::routes(config);
    super::recipients::routes::routes(config);
    super::switches::routes::routes(config);
    super::wall::routes::routes(config);
    super::settings::routes::routes(config);
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
