//! Plain HTML forms: the names and values of an urlencoded or multipart body.

use actix_multipart::Multipart;
use actix_web::{HttpRequest, web::Bytes};
use futures_util::{StreamExt, stream};
use percent_encoding::percent_decode;

use super::{Code, Problem, body::Media};

/// Names and values in the order of the form.
pub type Entries = Vec<(String, String)>;

/// Reads the entries of a form whose body has been read.
///
/// # Errors
/// [`Code::MalformedForm`] when the form can't be parsed or isn't UTF-8.
pub async fn entries(request: &HttpRequest, media: &Media, body: Bytes) -> Result<Entries, Problem> {
    match media {
        Media::Form => urlencoded(&body),
        Media::Multipart => multipart(request, body).await,
        Media::Json => Err(Code::UnsupportedMediaType.into()),
    }
}

fn urlencoded(body: &[u8]) -> Result<Entries, Problem> {
    // The parser replaces what isn't UTF-8; a name must come back as it was or not be taken.
    percent_decode(body).decode_utf8().map_err(|_| Problem::from(Code::MalformedForm))?;
    serde_urlencoded::from_bytes(body).map_err(|_| Code::MalformedForm.into())
}

async fn multipart(request: &HttpRequest, body: Bytes) -> Result<Entries, Problem> {
    let malformed = || Problem::from(Code::MalformedForm);
    let mut parts = Multipart::new(request.headers(), stream::iter([Ok(body)]));
    let mut entries = Entries::new();
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| malformed())?;
        let name = part.name().ok_or_else(malformed)?.to_owned();
        let mut value = Vec::new();
        while let Some(chunk) = part.next().await {
            value.extend_from_slice(&chunk.map_err(|_| malformed())?);
        }
        entries.push((name, String::from_utf8(value).map_err(|_| malformed())?));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_refused_rather_than_changed() {
        assert_eq!(urlencoded(b"name=%41+b").unwrap(), [("name".into(), "A b".into())]);
        assert_eq!(urlencoded(b"name=%FF").unwrap_err().code, Code::MalformedForm);
    }
}
