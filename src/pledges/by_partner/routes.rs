//! The door to partners' numbers, for the public.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{ByPartner, PartnerCountsBody};
use crate::http::{
    Code, Problem, ProblemBody,
    compressed::{Kind, answer_once},
};

const KIND: Kind =
    Kind { content: "application/json", caching: "public, max-age=10, stale-while-revalidate=60, stale-if-error=3600" };

/// The operation of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_by_partner);
}

/// How many pledges came by which partner
///
/// Where the campaign publishes it (`publish_partners`). The numbers are rounded down and renewed about every ten minutes,
/// together with the rounded numbers of countries.
#[utoipa::path(
    tag = "Totals", operation_id = "getTotalsByPartner", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Partners' numbers", body = PartnerCountsBody,
            headers(("ETag" = String, description = "Bytes and coding"), ("Cache-Control" = String))),
        (status = 304, description = "What you have is current"),
        (status = 404, description = "No such campaign, or it doesn't publish them", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not loaded yet, and the database can't be reached", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals/partners")]
pub async fn get_by_partner(
    request: HttpRequest,
    by_partner: Data<ByPartner>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let counts = by_partner.of(&slug).await?.ok_or(Code::NotFound)?;
    let json = serde_json::to_vec(counts.as_ref()).map_err(|_| Code::Internal)?;
    Ok(answer_once(&request, "partners", KIND, json))
}
