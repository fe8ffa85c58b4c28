//! Query strings, parsed and validated like bodies: unknown names are refused.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{DateTime, Datelike, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, value},
};
use validator::Validate;

use super::{Code, FieldCode, Problem, body::coded, json};

/// A query string as `T`.
#[derive(Debug)]
pub struct ValidQuery<T>(pub T);

impl<T: DeserializeOwned + Validate> FromRequest for ValidQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

fn parse<T: DeserializeOwned + Validate>(query: &str) -> Result<T, Problem> {
    let invalid = |errors| Problem::with_errors(Code::InvalidQuery, errors);
    percent_encoding::percent_decode(query.as_bytes())
        .decode_utf8()
        .map_err(|_| invalid(vec![super::FieldProblem::new("", FieldCode::InvalidText)]))?;
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    let value: T =
        serde_path_to_error::deserialize(pairs).map_err(|error: serde_path_to_error::Error<value::Error>| {
            invalid(vec![json::serde_problem(error.path(), &error.inner().to_string())])
        })?;
    value.validate().map_err(|errors| invalid(json::validation_problems(&errors)))?;
    Ok(value)
}

/// A time (RFC 3339) of the years 0 to 9999: PostgreSQL's timestamps reach further than anybody's pledges, but not as far
/// as chrono's. For `deserialize_with`.
///
/// # Errors
/// [`FieldCode::InvalidTime`].
pub fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let time = DateTime::parse_from_rfc3339(&String::deserialize(deserializer)?).ok();
    let time = time.map(|time| time.to_utc()).filter(|time| (0..=9999).contains(&time.year()));
    time.map(Some).ok_or_else(|| coded(FieldCode::InvalidTime))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[validate(range(min = 1, max = 100, code = "out_of_range"))]
        limit: Option<u32>,
    }

    #[test]
    fn a_bad_query_names_the_parameter() {
        let refused = |query| parse::<Page>(query).unwrap_err().errors.pop().map(|field| (field.pointer, field.code));
        let pair = |pointer: &str, code: &str| Some((pointer.to_owned(), code.to_owned()));
        assert_eq!(parse::<Page>("limit=7").unwrap().limit, Some(7));
        assert_eq!(refused("limit=0"), pair("/limit", "out_of_range"));
        assert_eq!(refused("limt=1"), pair("/limt", "unknown_field"));
        assert_eq!(refused("limit=1&limit=2"), pair("/limit", "duplicate_field"));
        assert_eq!(refused("limit=x"), pair("/limit", "wrong_type"));
        assert_eq!(refused("limit=%ff"), pair("", "invalid_text"));
    }
}
