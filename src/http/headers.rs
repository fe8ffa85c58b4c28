//! Headers of every answer: security headers, and CORS for what the whole world may read.

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};

/// Headers that a browser's script may read of a public answer.
const EXPOSED: &str = "Age, Date, ETag, Retry-After, RateLimit, RateLimit-Policy";

/// What a page of ours may load and do: our own files only, nothing inline, framed by nobody.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Nobody may frame an answer.
const UNFRAMED: &str = "frame-ancestors 'none'";

/// The same for a page that these may frame, and this service itself. Sources of CSP; what isn't one is left out.
pub fn framed_policy(ancestors: &[String]) -> String {
    let is_source = |source: &&String| source.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ';' | ','));
    let ancestors: Vec<&str> = ancestors.iter().filter(is_source).map(String::as_str).collect();
    PAGE_POLICY.replace(UNFRAMED, format!("frame-ancestors 'self' {}", ancestors.join(" ")).trim_end())
}

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What every answer tells browsers, unless the handler says otherwise: it is what it says it is, nothing in it runs,
/// nobody frames it, and its address is nobody else's business.
pub(super) const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// The page whose scripts may read the answer to a request; the handler puts it into the request's extensions.
#[derive(Clone, Debug)]
pub struct AllowedOrigin(pub HeaderValue);

/// What differs between installations.
#[derive(Clone, Debug)]
pub struct HeaderPolicy {
    /// Whether browsers are told to come back by https only.
    pub https: bool,
    /// Paths below these may be read by scripts of every site (GET and HEAD, without credentials).
    pub public_reads: &'static [&'static str],
}

/// The middleware. A header that the handler has set stays.
///
/// # Errors
/// Those of the request, which actix answers.
pub async fn secure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let policy = request.app_data::<Data<HeaderPolicy>>().cloned();
    let public = policy.as_ref().is_some_and(|policy| {
        let below = |prefix: &&str| {
            request.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        policy.public_reads.iter().any(below)
    });
    let method = request.method().clone();
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let writes = asked.is_some_and(|asked| asked == Method::POST.as_str());
    let preflights = public && method == Method::OPTIONS && request.headers().contains_key(header::ORIGIN);
    let mut response = if preflights && !writes {
        request.into_response(preflight())
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    // Where partners' scripts may write, the operation itself answers.
    if preflights && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = response.into_response(preflight());
    }
    let allowed = response.request().extensions_mut().remove::<AllowedOrigin>();
    let asked = response.request().clone();
    super::allowance::put(&asked, response.headers_mut());
    drop(asked);
    let readable = public && matches!(method, Method::GET | Method::HEAD);
    let mut set = |name: HeaderName, value: &'static str| {
        if !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    };
    set(CORP, if readable { "cross-origin" } else { "same-origin" });
    set(header::CACHE_CONTROL, "no-store");
    for (name, value) in SECURITY {
        set(name, value);
    }
    // It can't say who may: the policy does, and older browsers would refuse them all.
    let is_unframed = |policy: &HeaderValue| policy.to_str().is_ok_and(|policy| policy.contains(UNFRAMED));
    if !response.headers().get(header::CONTENT_SECURITY_POLICY).is_some_and(is_unframed) {
        response.headers_mut().remove(header::X_FRAME_OPTIONS);
    }
    let mut set = |name: HeaderName, value: &'static str| {
        if !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    };
    if policy.is_some_and(|policy| policy.https) {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000");
    }
    if readable {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        set(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if let Some(AllowedOrigin(origin)) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    Ok(response)
}

/// Scripts of other sites may read, and nothing else; what those of partners may do, the operation itself says.
fn preflight() -> HttpResponse<BoxBody> {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match, Last-Event-ID"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "7200"))
        .finish()
}
