//! Around every request: its id, the visitor's address, HEAD answered like GET, one log line, and errors that actix itself
//! answered turned into problems.

use std::{fmt, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::{Code, Problem, TrustedProxies};

/// Leads from an answer to its lines in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Random and made here. One that the client sends is ignored: it would put words of strangers into the log, and let two
/// requests look like one. It stands in a header and not in the problem, so that equal problems stay equal.
#[derive(Clone, Copy, Debug)]
struct RequestId(Uuid);

impl RequestId {
    fn new() -> Self {
        Self(Uuid::new_v4())
    }

    fn put_into(self, headers: &mut HeaderMap) {
        // 32 hexadecimal digits are a proper value.
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(REQUEST_ID, value);
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// An error that no handler has answered, a panic for instance, on its way out with the id.
#[derive(Debug)]
struct Failed {
    error: Error,
    id: RequestId,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request failed")
    }
}

impl ResponseError for Failed {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.error_response();
        self.id.put_into(response.headers_mut());
        response
    }
}

/// The middleware. Logs id, route template, method, status and duration: no address, no path, no query, no body. What is
/// logged on the way carries the id too.
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
    let name = if known.contains(&method) { method.to_string() } else { "OTHER".to_owned() };
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let id = RequestId::new();
    // An error's level, so that no filter that lets errors pass takes the id from them.
    let span = tracing::error_span!("request", request = %id);
    let log = |route: Option<String>, status: StatusCode| {
        let (route, status) = (route.unwrap_or_else(|| "none".to_owned()), status.as_u16());
        let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
        span.in_scope(|| tracing::info!(method = name, route, status, milliseconds, "request"));
    };
    // A panic is a defect of ours; its text stays out of the answer and, by the panic hook, out of the log.
    let answered = AssertUnwindSafe(next.call(request).instrument(span.clone())).catch_unwind().await;
    let response = match answered.unwrap_or_else(|_| Err(Problem::from(Code::Internal).into())) {
        Ok(response) => with_problem_body(response.map_into_boxed_body()),
        Err(error) => {
            let failed = Failed { error, id };
            log(None, failed.status_code());
            return Err(failed.into());
        }
    };
    let mut response = if method == Method::HEAD { without_stream(response) } else { response };
    id.put_into(response.headers_mut());
    log(response.request().match_pattern(), response.status());
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
    async fn every_answer_has_an_id_of_its_own_that_nobody_can_choose() {
        let app = test::init_service(App::new().wrap(from_fn(watch))).await;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10 {
            let request = test::TestRequest::get().uri("/nothing").insert_header((REQUEST_ID, "chosen")).to_request();
            let answer = test::call_service(&app, request).await;
            let ids: Vec<_> = answer.headers().get_all(REQUEST_ID).collect();
            let [id] = ids.as_slice() else { panic!("{ids:?}") };
            let id = id.to_str().unwrap();
            assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
            assert!(seen.insert(id.to_owned()));
        }
    }

    #[actix_web::test]
    async fn a_panic_is_a_problem_without_payload() {
        let app = test::init_service(App::new().route("/", web::get().to(panics)).wrap(from_fn(watch))).await;
        let answer = test::try_call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
        let response = answer.unwrap_err().error_response();
        assert_eq!(response.headers().get(REQUEST_ID).unwrap().len(), 32);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body = str::from_utf8(&body).unwrap();
        assert!(body.contains("\"code\":\"internal\"") && !body.contains("secret"), "{body}");
    }
}
