//! The door to them.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    accounts::signed::{Moderator, Signed},
    http::Problem,
    moderation::Moderation,
    partners::store,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}

/// A partner, by name.
#[derive(Serialize, ToSchema)]
pub struct PartnerName {
    id: Uuid,
    #[schema(example = "Human Rights House")]
    name: String,
}

/// All of a campaign's, by name.
#[derive(Serialize, ToSchema)]
pub struct PartnerNames {
    partners: Vec<PartnerName>,
}

/// Names of partners
///
/// Also of those of which nothing is taken any more: their pledges stay.
#[utoipa::path(
    tag = "Moderation", operation_id = "listPartnerNames", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Partners, by name", body = PartnerNames),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/partners/names")]
pub async fn list(
    signed: Signed<Moderator>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<PartnerNames>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let names = async |connection: &mut _| store::names(connection, campaign.id).await;
    let names = moderation.database.run(names).await?;
    Ok(Json(PartnerNames { partners: names.into_iter().map(|(id, name)| PartnerName { id, name }).collect() }))
}
