//! The door to the audit log.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    accounts::signed::{Admin, Organiser, Signed},
    audit::{self, Recorded},
    http::{
        Problem, ProblemBody, ValidQuery,
        page::{Page, next_cursor},
    },
    moderation::Moderation,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(campaign_log).service(whole_log);
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    /// Grows with time.
    id: i64,
    at: DateTime<Utc>,
    /// Login of who did it; null: the operator, at the command line.
    #[schema(example = "ada")]
    login: Option<String>,
    /// Slug of the campaign.
    campaign: Option<String>,
    /// What was done.
    #[schema(example = "removal.create")]
    action: String,
    /// Ids, counts and reasons; depends on the action.
    #[schema(value_type = Object, example = json!({"pledges": 3, "reason": "bot"}))]
    details: Value,
}

impl From<Recorded> for AuditEntry {
    fn from(entry: Recorded) -> Self {
        let Recorded { id, at, login, campaign, action, details } = entry;
        Self { id, at, login, campaign, action, details }
    }
}

/// Entries, a page at a time, newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    entries: Vec<AuditEntry>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// What was done in a campaign
#[utoipa::path(
    tag = "Moderation", operation_id = "getAuditLog", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), Page),
    responses(
        (status = 200, description = "Entries, newest first", body = AuditPage),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/audit")]
pub async fn campaign_log(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    slug: Path<String>,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<Json<AuditPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    moderation.log(Some(campaign.id), &page).await
}

/// What was done everywhere
#[utoipa::path(
    tag = "Moderation", operation_id = "getWholeAuditLog", security(("access_token" = [])), params(Page),
    responses(
        (status = 200, description = "Entries, newest first", body = AuditPage),
        (status = 403, description = "For admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/audit")]
pub async fn whole_log(
    _signed: Signed<Admin>,
    moderation: Data<Moderation>,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<Json<AuditPage>, Problem> {
    moderation.log(None, &page).await
}

impl Moderation {
    async fn log(&self, campaign: Option<Uuid>, page: &Page) -> Result<Json<AuditPage>, Problem> {
        let (limit, before) = (page.limit(), page.last()?);
        let list = async |connection: &mut _| audit::store::list(connection, campaign, before, limit + 1).await;
        let mut entries = self.database.run(list).await?;
        let next_cursor = next_cursor(&mut entries, limit, |entry| entry.id);
        Ok(Json(AuditPage { entries: entries.into_iter().map(AuditEntry::from).collect(), next_cursor }))
    }
}
