//! The door to recipients.

use actix_web::{
    get,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    accounts::signed::{Admin, Organiser, Signed},
    audit,
    campaigns::recipients::{Listed, store},
    http::{Problem, ProblemBody},
    moderation::{Moderation, log::routes::AuditEntry},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(announcements);
}

/// Days for which a change is announced.
const ANNOUNCED_DAYS: i32 = 30;

/// What is announced to every admin.
const ANNOUNCED: [&str; 3] = ["recipient.add", "recipient.check", "recipient.remove"];

/// A public key that is or was sealed for.
#[derive(Serialize, ToSchema)]
pub struct RecipientEntry {
    id: Uuid,
    /// The partner whose key it is; null: the organiser's.
    partner: Option<Uuid>,
    #[schema(example = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")]
    public_key: String,
    /// Whose it is, in the organiser's words.
    #[schema(example = "In the safe")]
    label: String,
    added_at: DateTime<Utc>,
    /// When it was last proved that somebody can open what is sealed for it; null: never, and nothing is.
    checked_at: Option<DateTime<Utc>>,
    /// Since when nothing new is sealed for it; null: still is.
    removed_at: Option<DateTime<Utc>>,
}

impl From<Listed> for RecipientEntry {
    fn from(listed: Listed) -> Self {
        let Listed { id, partner, recipient, label, added_at, checked_at, removed_at } = listed;
        Self { id, partner, public_key: recipient.to_string(), label, added_at, checked_at, removed_at }
    }
}

/// All of a campaign's, oldest first.
#[derive(Serialize, ToSchema)]
pub struct Recipients {
    recipients: Vec<RecipientEntry>,
}

/// Who can open the records
///
/// The public keys that a campaign's records are sealed for, and when each was last proved to open one.
#[utoipa::path(
    tag = "Moderation", operation_id = "listRecipients", security(("access_token" = [])),
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend")),
    responses(
        (status = 200, description = "Recipients", body = Recipients),
        (status = 403, description = "For organisers and admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/moderation/campaigns/{slug}/recipients")]
pub async fn list(
    signed: Signed<Organiser>,
    moderation: Data<Moderation>,
    slug: Path<String>,
) -> Result<Json<Recipients>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    let list = async |connection: &mut _| store::list(connection, campaign.id).await;
    let recipients = moderation.database.run(list).await?.into_iter().map(RecipientEntry::from).collect();
    Ok(Json(Recipients { recipients }))
}

/// What every admin must hear of, newest first.
#[derive(Serialize, ToSchema)]
pub struct Announcements {
    announcements: Vec<AuditEntry>,
}

/// What every admin must hear of
///
/// Changes of who can open records, in any campaign, in the last thirty days: show them to whoever signs in as an admin.
#[utoipa::path(
    tag = "Moderation", operation_id = "listAnnouncements", security(("access_token" = [])),
    responses(
        (status = 200, description = "Announcements, newest first", body = Announcements),
        (status = 403, description = "For admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/announcements")]
pub async fn announcements(
    _signed: Signed<Admin>,
    moderation: Data<Moderation>,
) -> Result<Json<Announcements>, Problem> {
    let recent = async |connection: &mut _| audit::store::recent(connection, &ANNOUNCED, ANNOUNCED_DAYS).await;
    let announcements = moderation.database.run(recent).await?.into_iter().map(AuditEntry::from).collect();
    Ok(Json(Announcements { announcements }))
}
