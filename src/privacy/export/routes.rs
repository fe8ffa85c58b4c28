//! The door for organisers: the list as a download.

use actix_web::{
    HttpResponse,
    http::header,
    post,
    web::{Bytes, Data, Path},
};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use super::{Export, ExportError, Exports, Order};
use crate::{
    accounts::signed::{Organiser, Signed},
    campaigns::visible,
    http::{Code, Problem, ProblemBody, body::PerhapsValid, optional_time},
    logged,
    sealing::bundle::CampaignName,
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(create);
}

/// Which list. Without a body: the organiser's.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    /// The list of this partner: those who came from it and allowed it to write.
    #[serde(default)]
    partner: Option<Uuid>,
    /// Name what is gone since this time (RFC 3339). Needed only when an earlier bundle was lost before its list of what is
    /// gone was read; otherwise since the last export.
    #[serde(default, deserialize_with = "optional_time")]
    #[schema(value_type = DateTime<Utc>, required = false, example = "2026-11-01T00:00:00Z")]
    gone_since: Option<DateTime<Utc>>,
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::UnderWay => Code::ExportUnderWay.into(),
            ExportError::NoRecipient => Code::NoRecipient.into(),
            ExportError::BadRecipient | ExportError::TooSlow => {
                tracing::error!(error = %logged::cause(error), "an export was refused");
                Code::Internal.into()
            }
            ExportError::Crypto(error) => error.into(),
            ExportError::Database(error) => error.into(),
        }
    }
}

/// Give out the list of supporters
///
/// All counted pledges as they are at this moment, in a bundle that stays sealed: it opens with `pledges open` and an
/// identity of the organiser's, on a machine that needs no connection. At the end it names what was erased or removed
/// since the last one, so that copies elsewhere can be purged. Each export is on record. One at a time for a campaign; a
/// download that ends early has no end, and `pledges open` says so.
#[utoipa::path(
    tag = "Organising", operation_id = "exportPledges", security(("access_token" = [])), request_body = Option<NewExport>,
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "The bundle", body = String, content_type = "application/octet-stream",
            headers(("Content-Disposition" = String, description = "A name for the file")), example = json!("pledges-bundle 1\n")),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Nobody could open it yet, or another export is under way", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
#[post("/v1/admin/campaigns/{slug}/exports")]
pub async fn create(
    signed: Signed<Organiser>,
    database: Data<crate::db::Database>,
    exports: Data<Exports>,
    slug: Path<String>,
    PerhapsValid(body): PerhapsValid<NewExport>,
) -> Result<HttpResponse, Problem> {
    let campaign = visible::campaign(&database, &signed.who, &slug).await?;
    let campaign = CampaignName { id: campaign.id, slug: campaign.slug };
    let body = body.unwrap_or_default();
    let order = Order { campaign, partner: body.partner, gone_since: body.gone_since, who: Some(signed.who) };
    let export = exports.begin(order).await?;
    let disposition = format!("attachment; filename=\"{}\"", export.header().file_name());
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        // nginx would write it to a file of its own first.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream::unfold(Some(export), next)))
}

/// The next part, and what is left. The last one is followed by the record that all was handed over.
async fn next(export: Option<Export>) -> Option<(Result<Bytes, ExportError>, Option<Export>)> {
    let mut export = export?;
    match export.next_part().await {
        Ok(Some(part)) => Some((Ok(part.into()), Some(export))),
        Ok(None) => {
            if let Err(error) = export.complete().await {
                tracing::warn!(error = %logged::cause(error), "an export was given out, but that is not on record");
            }
            None
        }
        Err(error) => {
            tracing::error!(error = %logged::cause(error), "an export was cut off");
            Some((Err(error), None))
        }
    }
}
