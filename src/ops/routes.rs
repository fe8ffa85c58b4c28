//! The door for operators: is the service alive, can it serve reads, can it store, and how does it do.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::figures::Figures;
use crate::{
    clock::{Clock, MOST_APART},
    db::Database,
    http::{Code, Problem, ProblemBody},
};

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(readyz_write).service(metrics);
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
        (status = 503, description = "The database is away, or read-only, or its clock is another", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/readyz/write")]
pub async fn readyz_write(database: Data<Database>, clock: Data<Clock>) -> Result<Json<Health>, Problem> {
    let at = database.writable_at().await.ok_or(Code::Unavailable)?;
    let apart = clock.now() - at;
    if apart.abs() < MOST_APART {
        return Ok(Json(OK));
    }
    tracing::error!(seconds = apart.num_seconds(), "this machine's clock is not the database's: not ready to store");
    Err(Code::Unavailable.into())
}

/// Figures for Prometheus
///
/// In its text format 0.0.4; docs/operations.md explains each figure. Only peers in `PLEDGES_METRICS_FROM` (this machine
/// when left out) are answered, and none that comes through a proxy.
#[utoipa::path(
    tag = "Operation", operation_id = "metrics", security(()),
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain",
            example = json!("# TYPE pledges_acknowledged_total counter\npledges_acknowledged_total 42\n")),
        (status = 404, description = "For everybody else", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/metrics")]
pub async fn metrics(request: HttpRequest, figures: Data<Figures>) -> Result<HttpResponse, Problem> {
    let peer = request.peer_addr().ok_or(Code::NotFound)?.ip();
    let proxied =
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| request.headers().contains_key(*name));
    if proxied || !figures.may_read(peer) {
        return Err(Code::NotFound.into());
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(figures.text()))
}
