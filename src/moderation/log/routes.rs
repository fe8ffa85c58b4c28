//! The door to the audit log.

use actix_web::{
    HttpResponse, get,
    http::header,
    web::{Bytes, Data, Json, Path},
};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

use crate::{
    accounts::signed::{Admin, Organiser, Signed},
    audit::{
        self, Entry, Filter, Recorded,
        chain::{Link, hex},
    },
    db::{Database, DbError},
    http::{
        FieldCode, Problem, ProblemBody, ValidQuery,
        body::coded,
        optional_time,
        page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, next_cursor},
    },
    logged,
    moderation::Moderation,
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(campaign_log).service(whole_log).service(export);
}

/// Which entries: those to which all of it applies.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Done by whoever has this login.
    #[serde(default, deserialize_with = "name")]
    #[param(value_type = Option<String>, pattern = "^[a-z0-9._-]{1,64}$", example = "ada")]
    login: Option<String>,
    /// What was done, a dotted name.
    #[serde(default, deserialize_with = "name")]
    #[param(value_type = Option<String>, pattern = "^[a-z0-9._-]{1,64}$", example = "removal.create")]
    action: Option<String>,
    /// Done at or after this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Done before this time (RFC 3339).
    #[serde(default, deserialize_with = "optional_time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2027-01-01T00:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Rows a page.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<i64>>,
}

/// What logins and actions are made of.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(is_of_names) {
        Ok(Some(text))
    } else {
        Err(coded(FieldCode::NotAllowed))
    }
}

/// From where on.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportFrom {
    /// Only entries behind this number.
    #[validate(range(min = 0, code = "out_of_range"))]
    #[param(minimum = 0, example = 0)]
    after: Option<i64>,
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the log: 1, 2, 3, without gaps.
    id: i64,
    at: DateTime<Utc>,
    /// Login of who did it; null: the operator at the command line, or the service itself, as where a rule took something out.
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
    /// SHA-256 of the entry and of the hash of the one before, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
}

impl From<Recorded> for AuditEntry {
    fn from(entry: Recorded) -> Self {
        let Recorded { number, at, login, campaign, action, details, hash } = entry;
        Self { id: number, at, login, campaign, action, details, hash: hex(&hash) }
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
    params(("slug" = String, Path, description = "The campaign", example = "together-we-defend"), AuditFilter),
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
    ValidQuery(filter): ValidQuery<AuditFilter>,
) -> Result<Json<AuditPage>, Problem> {
    let campaign = moderation.campaign(&signed.who, &slug).await?;
    moderation.log(Some(campaign.id), filter).await
}

/// What was done everywhere
#[utoipa::path(
    tag = "Moderation", operation_id = "getWholeAuditLog", security(("access_token" = [])), params(AuditFilter),
    responses(
        (status = 200, description = "Entries, newest first", body = AuditPage),
        (status = 403, description = "For admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/audit")]
pub async fn whole_log(
    _signed: Signed<Admin>,
    moderation: Data<Moderation>,
    ValidQuery(filter): ValidQuery<AuditFilter>,
) -> Result<Json<AuditPage>, Problem> {
    moderation.log(None, filter).await
}

/// The audit log with its hashes
///
/// JSON lines, oldest first: `number`, `at`, `moderator`, `campaign`, `action`, `details` (a text: the JSON as it was hashed), `previous`,
/// `hash`. Whoever keeps them can prove later what the log was; docs/operations.md tells how to compute the hashes. A download
/// that breaks off is gone on with from the last number on. Each is an entry `audit.export` of the log itself.
#[utoipa::path(
    tag = "Moderation", operation_id = "exportAuditLog", security(("access_token" = [])), params(ExportFrom),
    responses(
        (status = 200, description = "Entries, oldest first, one a line", body = String, content_type = "application/x-ndjson",
            example = "{\"number\":1,\"at\":\"2026-11-01T08:00:00Z\",\"moderator\":null,\"campaign\":null,\"action\":\"campaign.add\",\"details\":\"{}\",\"previous\":\"00…\",\"hash\":\"9f…\"}\n"),
        (status = 403, description = "For admins", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/audit/export")]
pub async fn export(
    signed: Signed<Admin>,
    moderation: Data<Moderation>,
    ValidQuery(from): ValidQuery<ExportFrom>,
) -> Result<HttpResponse, Problem> {
    let lines = Lines { database: moderation.database.clone(), after: from.after.unwrap_or(0) };
    lines.note(signed.who.id).await?;
    // The first ones before the answer begins, so that a database that is away is told as such.
    let first = lines.read().await?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""))
        .streaming(stream::unfold(Some((lines, Some(first))), next)))
}

/// How far an export is.
struct Lines {
    database: Database,
    after: i64,
}

impl Lines {
    /// That somebody reads it is on record, in what he reads too.
    async fn note(&self, moderator: Uuid) -> Result<(), DbError> {
        let details = json!({ "after": self.after });
        let entry = Entry { moderator: Some(moderator), campaign: None, action: "audit.export", details };
        self.database.run(async |connection| audit::store::record(connection, entry).await).await
    }

    async fn read(&self) -> Result<Vec<Link>, DbError> {
        let after = self.after;
        self.database.run(async |connection| audit::store::lines(connection, after).await).await
    }
}

/// What there is left to do: the place, and what was read already.
type Left = Option<(Lines, Option<Vec<Link>>)>;

async fn next(left: Left) -> Option<(Result<Bytes, DbError>, Left)> {
    let (place, first) = left?;
    let more = match first {
        Some(links) => Ok(links),
        None => place.read().await,
    };
    match more {
        Ok(links) => {
            let last = links.last()?.number;
            let text: String = links.iter().map(Link::line).collect();
            Some((Ok(text.into()), Some((Lines { after: last, ..place }, None))))
        }
        Err(error) => {
            tracing::error!(error = %logged::cause(error), "an export of the audit log was cut off");
            Some((Err(error), None))
        }
    }
}

impl Moderation {
    async fn log(&self, campaign: Option<Uuid>, filter: AuditFilter) -> Result<Json<AuditPage>, Problem> {
        let AuditFilter { login, action, from, to, limit, cursor } = filter;
        let (limit, before) = (limit.unwrap_or(DEFAULT_LIMIT), cursor.map(|Cursor(number)| number));
        let filter = Filter { campaign, login, action, from, to };
        let list = async |connection: &mut _| audit::store::list(connection, filter, before, limit + 1).await;
        let mut entries = self.database.run(list).await?;
        let next_cursor = next_cursor(&mut entries, limit, |entry| entry.number);
        Ok(Json(AuditPage { entries: entries.into_iter().map(AuditEntry::from).collect(), next_cursor }))
    }
}
