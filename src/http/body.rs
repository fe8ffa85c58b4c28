//! Request bodies: read with a limit and a deadline, then parsed and validated.

use std::{pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut},
};
use futures_util::{Future, StreamExt};
use serde::de::DeserializeOwned;
use validator::Validate;

use super::{Code, Problem, json};

pub use super::json::{Object, coded};

/// Bytes that a body has at the most (design §7).
pub const BODY_LIMIT: usize = 16 * 1024;

/// How long a body may take to come, unless an app has a [`Deadline`] (security.md: a byte every two seconds is cut off in ten).
const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// How long a body may take to come.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Duration);

/// What a request says its body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// application/json.
    Json,
    /// application/x-www-form-urlencoded.
    Form,
    /// multipart/form-data.
    Multipart,
}

impl Media {
    /// The kind of the body, from its header.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`] for any other kind, and for compressed bodies.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if text(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let kind = text(header::CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => Ok(Self::Multipart),
            _ => Err(Code::UnsupportedMediaType.into()),
        }
    }
}

/// Reads the whole body.
///
/// # Errors
/// [`Code::PayloadTooLarge`] beyond `limit` bytes, [`Code::RequestTimeout`] after the [`Deadline`].
pub async fn read(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(Code::PayloadTooLarge.into());
    }
    let all = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::from(Code::BadRequest))?;
            if bytes.len() + chunk.len() > limit {
                return Err(Code::PayloadTooLarge.into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    let deadline = request.app_data::<Deadline>().map_or(USUAL_DEADLINE, |deadline| deadline.0);
    tokio::time::timeout(deadline, all).await.unwrap_or_else(|_| Err(Code::RequestTimeout.into()))
}

/// A JSON body, parsed and validated. Its limit is [`BODY_LIMIT`] unless given.
#[derive(Debug)]
pub struct Valid<T, const LIMIT: usize = BODY_LIMIT>(pub T);

impl<T: DeserializeOwned + Validate + 'static, const LIMIT: usize> FromRequest for Valid<T, LIMIT> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if Media::of(&request)? != Media::Json {
                return Err(Code::UnsupportedMediaType.into());
            }
            parse(&read(&request, &mut payload, LIMIT).await?).map(Self)
        })
    }
}

/// The same where nothing need be said: None when there is no body, or it is null.
#[derive(Debug)]
pub struct PerhapsValid<T>(pub Option<T>);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for PerhapsValid<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, &mut payload, BODY_LIMIT).await?;
            if body.is_empty() {
                return Ok(Self(None));
            }
            if Media::of(&request)? != Media::Json {
                return Err(Code::UnsupportedMediaType.into());
            }
            if body.trim_ascii() == b"null" { Ok(Self(None)) } else { parse(&body).map(Some).map(Self) }
        })
    }
}

/// Parses and validates a JSON body that was read before.
///
/// # Errors
/// [`Code::MalformedJson`], or [`Code::InvalidFields`] with a pointer.
pub fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, Problem> {
    json::parse(bytes)
}
