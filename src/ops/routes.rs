//! The door for operators: is the service alive, can it serve reads, can it store.

use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::Database,
    http::{Code, Problem, ProblemBody},
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(readyz_write);
}

/// How the service is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// Is the process alive
#[utoipa::path(
    tag = "Operation", operation_id = "healthz", security(()),
    responses((status = 200, description = "It is", body = Health)),
)]
#[get("/healthz")]
pub async fn healthz() -> Json<Health> {
    Json(OK)
}

/// Can it serve reads
///
/// The service listens only once campaigns and totals are in memory, and serves them from there also while the
/// database is away.
#[utoipa::path(
    tag = "Operation", operation_id = "readyz", security(()),
    responses((status = 200, description = "It can", body = Health)),
)]
#[get("/readyz")]
pub async fn readyz() -> Json<Health> {
    Json(OK)
}

/// Can it store pledges
#[utoipa::path(
    tag = "Operation", operation_id = "readyzWrite", security(()),
    responses(
        (status = 200, description = "It can", body = Health),
        (status = 503, description = "The database is away, or read-only", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/readyz/write")]
pub async fn readyz_write(database: Data<Database>) -> Result<Json<Health>, Problem> {
    if database.can_write().await { Ok(Json(OK)) } else { Err(Code::Unavailable.into()) }
}
