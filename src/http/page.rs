//! Lists: how many at once, and where the next part begins.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use super::{FieldCode, body::coded};

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
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| coded(FieldCode::InvalidCursor))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| coded(FieldCode::InvalidCursor))
    }
}
