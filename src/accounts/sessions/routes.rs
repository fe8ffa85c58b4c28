//! The door to sessions: one's own, and for admins everybody's.

use actix_web::{
    HttpResponse, delete, get,
    web::{Data, Json, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{Agent, Open, Which};
use crate::{
    accounts::{
        Accounts, Who,
        signed::{Admin, Moderator, Signed},
    },
    http::{Problem, ProblemBody},
};

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(own).service(end_others).service(end_own).service(of_account).service(end_all).service(end_any);
}

/// A session that is open.
#[derive(Serialize, ToSchema)]
pub struct SessionEntry {
    id: Uuid,
    opened_at: DateTime<Utc>,
    /// To about a minute.
    used_at: DateTime<Utc>,
    /// When it ends whatever happens.
    expires_at: DateTime<Utc>,
    /// The family of the program that opened it.
    agent: Agent,
    /// Whether it is the one that asks.
    this: bool,
}

/// Open sessions, the one used last first.
#[derive(Serialize, ToSchema)]
pub struct SessionList {
    sessions: Vec<SessionEntry>,
}

impl SessionList {
    fn of(open: Vec<Open>, who: &Who) -> Self {
        let entry = |open: Open| {
            let Open { id, opened_at, used_at, expires_at, agent } = open;
            SessionEntry { id, opened_at, used_at, expires_at, agent, this: id == who.session }
        };
        Self { sessions: open.into_iter().map(entry).collect() }
    }
}

/// My sessions
#[utoipa::path(
    tag = "Own account", operation_id = "listOwnSessions", security(("access_token" = [])),
    responses((status = 200, description = "Open sessions", body = SessionList)),
)]
#[get("/v1/auth/sessions")]
pub async fn own(signed: Signed<Moderator>, accounts: Data<Accounts>) -> Result<Json<SessionList>, Problem> {
    Ok(Json(SessionList::of(accounts.sessions(signed.who.id).await?, &signed.who)))
}

/// End my other sessions
#[utoipa::path(
    tag = "Own account", operation_id = "endOtherSessions", security(("access_token" = [])),
    responses((status = 204, description = "This one is the only one")),
)]
#[delete("/v1/auth/sessions")]
pub async fn end_others(signed: Signed<Moderator>, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.end_own(&signed.who, Which::AllBut(signed.who.session)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one of my sessions
///
/// Its next request is answered 401.
#[utoipa::path(
    tag = "Own account", operation_id = "endOwnSession", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "None of yours that is open", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/auth/sessions/{id}")]
pub async fn end_own(
    signed: Signed<Moderator>,
    accounts: Data<Accounts>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    accounts.end_own(&signed.who, Which::One(*id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sessions of an account
#[utoipa::path(
    tag = "Accounts", operation_id = "listSessions", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 200, description = "Open sessions; of no account, none", body = SessionList),
        (status = 404, description = "This is no id", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/v1/admin/accounts/{id}/sessions")]
pub async fn of_account(
    signed: Signed<Admin>,
    accounts: Data<Accounts>,
    id: Path<Uuid>,
) -> Result<Json<SessionList>, Problem> {
    Ok(Json(SessionList::of(accounts.sessions(*id).await?, &signed.who)))
}

/// End the sessions of an account
#[utoipa::path(
    tag = "Accounts", operation_id = "endSessions", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 204, description = "It has none any more"),
        (status = 404, description = "No such account", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/admin/accounts/{id}/sessions")]
pub async fn end_all(signed: Signed<Admin>, accounts: Data<Accounts>, id: Path<Uuid>) -> Result<HttpResponse, Problem> {
    accounts.end_all_of(&signed.who, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End a session
#[utoipa::path(
    tag = "Accounts", operation_id = "endSession", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "None that is open", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/v1/admin/sessions/{id}")]
pub async fn end_any(signed: Signed<Admin>, accounts: Data<Accounts>, id: Path<Uuid>) -> Result<HttpResponse, Problem> {
    accounts.end_any(&signed.who, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
