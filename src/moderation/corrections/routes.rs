//! The door to corrections, for the public.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Corrections, CorrectionsBody};
use crate::http::{Code, Problem, ProblemBody};

/// The operation of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(get_corrections);
}

/// What was taken out of the total
///
/// By day (UTC) and kind of reason, newest first: what moderators removed and have not put back. A removal that is undone
/// is told no more. At most 1,000 lines; some seconds old at the most.
#[utoipa::path(
    tag = "Totals", operation_id = "getCorrections", security(()),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Corrections", body = CorrectionsBody,
            headers(("ETag" = String, description = "Bytes and coding"), ("Cache-Control" = String))),
        (status = 304, description = "What you have is current"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not loaded yet, and the database can't be reached", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
#[get("/v1/campaigns/{slug}/totals/corrections")]
pub async fn get_corrections(
    request: HttpRequest,
    corrections: Data<Corrections>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let forms = corrections.of(&slug).await.ok_or(Code::CampaignNotFound)??;
    Ok(forms.answer(&request))
}
