//! Lists: how many at once, and where the next part begins.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use utoipa::IntoParams;
use validator::Validate;

use super::{Code, FieldCode, FieldProblem, Problem, body::coded};

/// Rows of a list when the caller doesn't say.
pub const DEFAULT_LIMIT: u32 = 50;

/// Rows of a list at the most.
pub const MAX_LIMIT: u32 = 200;

/// Where a list goes on: the key of the last row that was sent, opaque to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

impl<K: Serialize> Cursor<K> {
    /// As it stands in an answer.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode(&text).map(Self).ok_or_else(|| coded(FieldCode::InvalidCursor))
    }
}

/// Which part of a list, for lists that are not filtered.
#[derive(Debug, Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows a page.
    #[validate(range(min = 1, max = MAX_LIMIT, code = "out_of_range"))]
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Page {
    /// Rows a page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// The key of the last row that was sent.
    ///
    /// # Errors
    /// [`Code::InvalidQuery`] when the cursor is not one of this list.
    pub fn last<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let invalid = || FieldProblem::new("/cursor", FieldCode::InvalidCursor);
        decode(cursor).map(Some).ok_or_else(|| Problem::with_errors(Code::InvalidQuery, vec![invalid()]))
    }
}

/// Cuts the row that was read to see whether there are more, and says where they begin.
pub fn next_cursor<R, K: Serialize>(rows: &mut Vec<R>, limit: u32, key: impl Fn(&R) -> K) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(|row| Cursor(key(row)).encode())
}

fn decode<K: DeserializeOwned>(text: &str) -> Option<K> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
