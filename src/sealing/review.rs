//! Review copies: name, message and masked address of a pledge, sealed under a server key that is not in the database.
//! A copy opens only for the row and campaign it was sealed for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, Key, RootSecret};

/// First byte of a sealed copy.
const FORMAT: u8 = 1;

/// Bytes of the key id behind it, so that a copy tells which key opens it.
const KEY_ID_BYTES: usize = 4;

/// What moderators may see of a pledge.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCopy {
    /// The name as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address, masked: the rest of it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The message as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl std::fmt::Debug for ReviewCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReviewCopy(hidden)")
    }
}

/// Seals and opens review copies.
#[derive(Clone, Debug)]
pub struct ReviewCopies {
    key: Key,
    key_id: [u8; KEY_ID_BYTES],
}

impl ReviewCopies {
    /// Under the key that comes from `root`.
    pub fn new(root: &RootSecret) -> Self {
        let key = root.derive("review copy v1", b"");
        let id = key.hash(&[b"key id"]);
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.iter_mut().zip(id).for_each(|(to, from)| *to = from);
        Self { key, key_id }
    }

    /// Seals a copy for its row.
    ///
    /// # Errors
    /// When there is no randomness: the pledge must then be refused (rule 7).
    pub fn seal(&self, campaign: Uuid, pledge: Uuid, copy: &ReviewCopy) -> Result<Vec<u8>, CryptoError> {
        let text = Zeroizing::new(serde_json::to_vec(copy).map_err(|_| CryptoError::DoesNotSeal)?);
        let sealed = self.key.seal(&text, &place(campaign, pledge))?;
        Ok([&[FORMAT], self.key_id.as_slice(), &sealed].concat())
    }

    /// Opens the copy of a row.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`] when it was sealed for another row, under another key, or is damaged.
    pub fn open(&self, campaign: Uuid, pledge: Uuid, sealed: &[u8]) -> Result<ReviewCopy, CryptoError> {
        let (format, rest) = sealed.split_first().ok_or(CryptoError::DoesNotOpen)?;
        let (key_id, sealed) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(CryptoError::DoesNotOpen)?;
        if *format != FORMAT || *key_id != self.key_id {
            return Err(CryptoError::DoesNotOpen);
        }
        let text = self.key.open(sealed, &place(campaign, pledge))?;
        serde_json::from_slice(&text).map_err(|_| CryptoError::DoesNotOpen)
    }
}

fn place(campaign: Uuid, pledge: Uuid) -> Vec<u8> {
    [b"pledges review copy v1".as_slice(), campaign.as_bytes(), pledge.as_bytes()].concat()
}

/// The shape of a name: the first letter of each word, and how long it is up to five.
pub fn mask_name(name: &str) -> String {
    let masked = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(String::from).unwrap_or_default();
        first + &"•".repeat(letters.count().min(4))
    };
    name.split_whitespace().map(masked).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_opens_only_in_its_own_row() {
        let copies = ReviewCopies::new(&RootSecret::new(b"0123456789abcdef0123456789ABCDEFxyz").unwrap());
        let (campaign, pledge) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let copy = ReviewCopy { name: Some("Ada".into()), ..ReviewCopy::default() };
        let sealed = copies.seal(campaign, pledge, &copy).unwrap();
        assert_eq!(copies.open(campaign, pledge, &sealed), Ok(copy));
        assert!(copies.open(campaign, Uuid::from_u128(3), &sealed).is_err());
        assert!(copies.open(Uuid::from_u128(3), pledge, &sealed).is_err());
        let other = ReviewCopies::new(&RootSecret::new(b"another 0123456789abcdef0123456789").unwrap());
        assert!(other.open(campaign, pledge, &sealed).is_err());
        assert!(!sealed.windows(3).any(|part| part == b"Ada"));
    }

    #[test]
    fn a_masked_name_shows_its_shape() {
        assert_eq!(mask_name("Ada  Lovelace"), "A•• L••••");
        assert_eq!(mask_name("李 小龙"), "李 小•");
        assert_eq!(mask_name(""), "");
    }
}
