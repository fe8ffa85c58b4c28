//! Answers that are the same for everybody: compressed once, sent with an ETag, 304 when the caller has them.

use std::{io::Write as _, sync::OnceLock};

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use flate2::{Compression, write::GzEncoder};

use crate::crypto::short_digest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// What an answer is, and how long caches may use it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// `Content-Type`.
    pub content: &'static str,
    /// `Cache-Control`.
    pub caching: &'static str,
}

/// An answer in every coding, with everything that is sent of it ready.
#[derive(Clone, Debug)]
pub struct Forms {
    kind: Kind,
    identity: Form,
    gzip: Form,
    brotli: Form,
}

#[derive(Clone, Debug)]
struct Form {
    coding: Coding,
    etag: HeaderValue,
    body: Bytes,
}

impl Form {
    fn new(coding: Coding, tag: &str, body: Vec<u8>) -> Self {
        Self { coding, etag: etag(tag, coding), body: body.into() }
    }
}

/// A strong entity tag of `tag` and the coding.
fn etag(tag: &str, coding: Coding) -> HeaderValue {
    // Versions and digests have nothing that a header can't have; should one ever, nobody's copy is taken for current.
    HeaderValue::try_from(format!("\"{tag}-{}\"", coding.as_str())).unwrap_or(HeaderValue::from_static("\"\""))
}

impl Forms {
    /// Compresses. The ETag tells `version`, bytes and coding.
    pub fn new(version: &str, kind: Kind, bytes: &[u8]) -> Self {
        let tag = format!("{version}.{}", short_digest(bytes));
        let form = |coding, body: Option<Vec<u8>>| Form::new(coding, &tag, body.unwrap_or_else(|| bytes.to_vec()));
        Self {
            kind,
            identity: form(Coding::Identity, None),
            gzip: form(Coding::Gzip, gzip(bytes, Compression::new(6))),
            brotli: form(Coding::Brotli, brotli(bytes, FAST)),
        }
    }

    /// The answer: in the smallest coding that the caller takes, or 304.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let form = match wanted_coding(request) {
            Coding::Identity => &self.identity,
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        };
        respond(request, self.kind, form.etag.clone(), || (form.coding, form.body.clone()))
    }
}

/// The same for what lives as long as the program: packed as small as can be, which takes up to a tenth of a second, in each coding
/// when somebody first asks for it.
#[derive(Debug)]
pub struct Packed {
    kind: Kind,
    identity: Form,
    gzip: OnceLock<Form>,
    brotli: OnceLock<Form>,
    tag: String,
}

impl Packed {
    /// The ETag tells `version`, bytes and coding.
    pub fn new(version: &str, kind: Kind, bytes: &[u8]) -> Self {
        let tag = format!("{version}.{}", short_digest(bytes));
        let identity = Form::new(Coding::Identity, &tag, bytes.to_vec());
        Self { kind, identity, gzip: OnceLock::new(), brotli: OnceLock::new(), tag }
    }

    /// As [`Forms::answer`].
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let bytes = &self.identity.body;
        let packed =
            |coding, body: Option<Vec<u8>>| Form::new(coding, &self.tag, body.unwrap_or_else(|| bytes.to_vec()));
        let form = match wanted_coding(request) {
            Coding::Identity => &self.identity,
            Coding::Gzip => self.gzip.get_or_init(|| packed(Coding::Gzip, gzip(bytes, Compression::best()))),
            Coding::Brotli => self.brotli.get_or_init(|| packed(Coding::Brotli, brotli(bytes, SMALLEST))),
        };
        respond(request, self.kind, form.etag.clone(), || (form.coding, form.body.clone()))
    }
}

/// A page that is made for one caller and may differ each time. Not for pages that hold a secret beside what others may have put there:
/// its length would tell of it.
pub fn page(request: &HttpRequest, html: String) -> HttpResponse {
    let (coding, body) = match wanted_coding(request) {
        Coding::Identity => (Coding::Identity, None),
        Coding::Gzip => (Coding::Gzip, gzip(html.as_bytes(), Compression::fast())),
        Coding::Brotli => (Coding::Brotli, brotli(html.as_bytes(), FAST)),
    };
    let (coding, body) = body.map_or_else(|| (Coding::Identity, html.into_bytes()), |body| (coding, body));
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(body));
    set(&mut response, header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    set(&mut response, header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if coding != Coding::Identity {
        set(&mut response, header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    response
}

/// The same for an answer that is made for one caller and not kept: the fastest gzip or nothing, and nothing at all is
/// compressed when the caller has it.
pub fn answer_once(request: &HttpRequest, version: &str, kind: Kind, bytes: Vec<u8>) -> HttpResponse {
    let coding = if takes(request, "gzip") { Coding::Gzip } else { Coding::Identity };
    let etag = etag(&format!("{version}.{}-once", short_digest(&bytes)), coding);
    let body = || {
        let compressed = if coding == Coding::Gzip { gzip(&bytes, Compression::fast()) } else { None };
        compressed.map_or_else(|| (Coding::Identity, bytes.into()), |compressed| (Coding::Gzip, compressed.into()))
    };
    respond(request, kind, etag, body)
}

/// 304 when the caller has it, else the body, which is made only then.
fn respond(
    request: &HttpRequest,
    kind: Kind,
    etag: HeaderValue,
    body: impl FnOnce() -> (Coding, Bytes),
) -> HttpResponse {
    let mut response = if has(request, &etag) {
        HttpResponse::new(StatusCode::NOT_MODIFIED)
    } else {
        let (coding, bytes) = body();
        let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(bytes));
        set(&mut response, header::CONTENT_TYPE, HeaderValue::from_static(kind.content));
        if coding != Coding::Identity {
            set(&mut response, header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
        }
        response
    };
    set(&mut response, header::ETAG, etag);
    set(&mut response, header::VARY, HeaderValue::from_static("Accept-Encoding"));
    set(&mut response, header::CACHE_CONTROL, HeaderValue::from_static(kind.caching));
    response
}

fn set(response: &mut HttpResponse, name: HeaderName, value: HeaderValue) {
    response.headers_mut().insert(name, value);
}

fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Brotli's quality for what is made each second, or for one caller; and for what is made once.
const FAST: i32 = 5;
const SMALLEST: i32 = 11;

fn brotli(bytes: &[u8], quality: i32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).ok()?;
    Some(out)
}

/// The smallest coding that the caller takes.
fn wanted_coding(request: &HttpRequest) -> Coding {
    if takes(request, "br") {
        Coding::Brotli
    } else if takes(request, "gzip") {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// The items of a header that is a list. Read by hand, because this is done for each of millions of answers; ours hold no
/// quoted commas.
fn items(request: &HttpRequest, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether `Accept-Encoding` names the coding, with a weight above nought if any (RFC 9110 section 12.5.3).
fn takes(request: &HttpRequest, coding: &str) -> bool {
    items(request, header::ACCEPT_ENCODING).any(|item| {
        let (name, weight) =
            item.split_once(';').map_or((item, None), |(name, weight)| (name.trim_end(), Some(weight)));
        name.eq_ignore_ascii_case(coding)
            && weight.is_none_or(|weight| {
                let number =
                    weight.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
                number.and_then(|number| number.trim().parse::<f32>().ok()).is_some_and(|weight| weight > 0.0)
            })
    })
}

/// Whether `If-None-Match` names the tag, weakly compared, or any (RFC 9110 section 13.1.2).
fn has(request: &HttpRequest, etag: &HeaderValue) -> bool {
    items(request, header::IF_NONE_MATCH)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item).as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(name: &'static str, value: &'static str) -> HttpRequest {
        TestRequest::get().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn the_smallest_coding_that_is_taken_is_chosen() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("GZIP", Coding::Gzip),
            ("br;q=0, gzip;q=0.5", Coding::Gzip),
            ("br; q=0.000,gzip ;q = 1", Coding::Gzip),
            ("br;q=nonsense", Coding::Identity),
            ("brotli, xgzip", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(wanted_coding(&with("accept-encoding", accepted)), coding, "{accepted}");
        }
        let none = TestRequest::get().to_http_request();
        assert_eq!(wanted_coding(&none), Coding::Identity);
    }

    #[test]
    fn a_copy_is_known_by_its_tag() {
        let tag = etag("7.abc", Coding::Gzip);
        for known in ["\"7.abc-gzip\"", "W/\"7.abc-gzip\"", "*", "\"x\", \"7.abc-gzip\""] {
            assert!(has(&with("if-none-match", known), &tag), "{known}");
        }
        for other in ["\"7.abc-br\"", "7.abc-gzip", "\"7.abc-gzip", "", "\"**\""] {
            assert!(!has(&with("if-none-match", other), &tag), "{other}");
        }
        assert!(!has(&TestRequest::get().to_http_request(), &tag));
    }
}
