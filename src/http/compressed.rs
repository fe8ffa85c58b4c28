//! Answers that are the same for everybody: compressed once, sent with an ETag, 304 when the caller has them.

use std::{io::Write as _, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, AcceptEncoding, ContentEncoding, Encoding, EntityTag, Header, IfNoneMatch, Preference},
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

/// The bytes of an answer in every coding.
#[derive(Clone, Debug)]
pub struct Forms {
    digest: String,
    identity: Arc<[u8]>,
    gzip: Arc<[u8]>,
    brotli: Arc<[u8]>,
}

impl Forms {
    /// Compresses.
    pub fn new(bytes: &[u8]) -> Self {
        let compressed = |bytes: Option<Vec<u8>>, original: &[u8]| bytes.unwrap_or_else(|| original.to_vec()).into();
        Self {
            digest: short_digest(bytes),
            identity: bytes.into(),
            gzip: compressed(gzip(bytes, Compression::new(6)), bytes),
            brotli: compressed(brotli(bytes), bytes),
        }
    }

    /// The answer: in the smallest coding that the caller takes, or 304. The ETag tells version, bytes and coding.
    pub fn answer(
        &self,
        request: &HttpRequest,
        version: &str,
        kind: &'static str,
        caching: &'static str,
    ) -> HttpResponse {
        let coding = wanted_coding(request);
        let etag = EntityTag::new_strong(format!("{version}.{}-{}", self.digest, coding.as_str()));
        let body = || (coding, Bytes::from_owner(self.get(coding)));
        respond(request, etag, kind, caching, body)
    }

    fn get(&self, coding: Coding) -> Arc<[u8]> {
        match coding {
            Coding::Identity => self.identity.clone(),
            Coding::Gzip => self.gzip.clone(),
            Coding::Brotli => self.brotli.clone(),
        }
    }
}

/// The same for an answer that is made for one caller and not kept: the fastest gzip or nothing, and nothing at all is
/// compressed when the caller has it.
pub fn answer_once(
    request: &HttpRequest,
    version: &str,
    bytes: Vec<u8>,
    kind: &'static str,
    caching: &'static str,
) -> HttpResponse {
    let coding = if takes(request, &Encoding::gzip()) { Coding::Gzip } else { Coding::Identity };
    let etag = EntityTag::new_strong(format!("{version}.{}-{}-once", short_digest(&bytes), coding.as_str()));
    let body = || {
        let compressed = if coding == Coding::Gzip { gzip(&bytes, Compression::fast()) } else { None };
        compressed.map_or_else(|| (Coding::Identity, bytes.into()), |compressed| (Coding::Gzip, compressed.into()))
    };
    respond(request, etag, kind, caching, body)
}

/// 304 when the caller has it, else the body, which is made only then.
fn respond(
    request: &HttpRequest,
    etag: EntityTag,
    kind: &'static str,
    caching: &'static str,
    body: impl FnOnce() -> (Coding, Bytes),
) -> HttpResponse {
    let unchanged = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&etag)),
        Err(_) => false,
    };
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(header::ETag(etag))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CACHE_CONTROL, caching));
    if unchanged {
        return response.finish();
    }
    let (coding, bytes) = body();
    match coding {
        Coding::Identity => {}
        Coding::Gzip => {
            response.insert_header(ContentEncoding::Gzip);
        }
        Coding::Brotli => {
            response.insert_header(ContentEncoding::Brotli);
        }
    }
    response.content_type(kind).body(bytes)
}

fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn brotli(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).ok()?;
    Some(out)
}

/// The smallest coding that the caller takes.
fn wanted_coding(request: &HttpRequest) -> Coding {
    if takes(request, &Encoding::brotli()) {
        Coding::Brotli
    } else if takes(request, &Encoding::gzip()) {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

fn takes(request: &HttpRequest, wanted: &Encoding) -> bool {
    let wanted = Preference::Specific(wanted.clone());
    AcceptEncoding::parse(request)
        .is_ok_and(|accepted| accepted.iter().any(|item| item.item == wanted && item.quality > header::Quality::ZERO))
}
