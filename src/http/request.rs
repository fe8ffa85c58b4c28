//! Around every request: the visitor's address, HEAD answered like GET, one log line, and errors that actix itself
//! answered turned into problems.

use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use super::{Code, Problem, TrustedProxies};

/// The middleware. Logs route template, method, status and duration: no address, no path, no query, no body.
///
/// # Errors
/// Those of the request, which actix answers.
pub async fn watch(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    if let (Some(proxies), Some(peer)) = (request.app_data::<Data<TrustedProxies>>(), request.peer_addr()) {
        // Each proxy adds to the end, some of them a line of their own: only all lines together are the whole way.
        let lines = request.headers().get_all("x-forwarded-for");
        let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("unreadable")).collect();
        let forwarded = (!lines.is_empty()).then(|| lines.join(","));
        let visitor = proxies.visitor(peer.ip(), forwarded.as_deref());
        request.extensions_mut().insert(visitor);
    }
    // The connection leaves the body out of an answer to HEAD by itself.
    let method = request.method().clone();
    // Anybody may make up a method; the log takes only known ones.
    let known = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE];
    let logged = if known.contains(&method) { method.to_string() } else { "OTHER".to_owned() };
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    // A panic is a defect of ours; its text stays out of the answer and, by the panic hook, out of the log.
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let response = answered.map_err(|_| Problem::from(Code::Internal))??.map_into_boxed_body();
    let response = with_problem_body(response);
    let response = if method == Method::HEAD { without_stream(response) } else { response };
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    let status = response.status().as_u16();
    tracing::info!(method = logged, route, status, milliseconds, "request");
    Ok(response)
}

/// A body without end is let go: the connection would read it for nobody, and never be done.
fn without_stream(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    match response.response().body().size() {
        BodySize::Stream => response.map_body(|_, _| BoxBody::new(())),
        _ => response,
    }
}

/// actix answers some errors by itself (a path that isn't UTF-8, for instance), with bodies of its own.
fn with_problem_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        [&b"application/problem+json"[..], b"text/html", b"application/json"]
            .iter()
            .any(|start| kind.as_bytes().starts_with(start))
    });
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        status if status.is_client_error() => Code::BadRequest,
        _ => Code::Internal,
    };
    response.error_response(Problem::from(code))
}

#[cfg(test)]
mod tests {
    use actix_web::{App, middleware::from_fn, test, web};

    use super::*;

    async fn panics() -> &'static str {
        panic!("secret payload")
    }

    #[actix_web::test]
    async fn a_panic_is_a_problem_without_payload() {
        let app = test::init_service(App::new().route("/", web::get().to(panics)).wrap(from_fn(watch))).await;
        let answer = test::try_call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
        let response = answer.unwrap_err().error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body = str::from_utf8(&body).unwrap();
        assert!(body.contains("\"code\":\"internal\"") && !body.contains("secret"), "{body}");
    }
}
