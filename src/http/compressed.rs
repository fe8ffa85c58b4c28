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
            gzip: compressed(gzip(bytes), bytes),
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
        match coding {
            Coding::Identity => {}
            Coding::Gzip => {
                response.insert_header(ContentEncoding::Gzip);
            }
            Coding::Brotli => {
                response.insert_header(ContentEncoding::Brotli);
            }
        }
        response.content_type(kind).body(Bytes::from_owner(self.get(coding)))
    }

    fn get(&self, coding: Coding) -> Arc<[u8]> {
        match coding {
            Coding::Identity => self.identity.clone(),
            Coding::Gzip => self.gzip.clone(),
            Coding::Brotli => self.brotli.clone(),
        }
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
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
    let Ok(accepted) = AcceptEncoding::parse(request) else { return Coding::Identity };
    let takes = |wanted: Encoding| {
        accepted
            .iter()
            .any(|item| item.item == Preference::Specific(wanted.clone()) && item.quality > header::Quality::ZERO)
    };
    if takes(Encoding::brotli()) {
        Coding::Brotli
    } else if takes(Encoding::gzip()) {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}
