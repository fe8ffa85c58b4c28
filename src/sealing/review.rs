//! Review copies: name, message and masked address of a pledge, sealed under a server key that is not in the database.
//! A copy opens only for the row and campaign it was sealed for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::padded_json;
use crate::crypto::{CryptoError, KeyId, KeyRing, PurposeKeys, RootSecret};

/// First byte of a sealed copy. Behind it stands the id of its key.
const FORMAT: u8 = 1;

const PURPOSE: &str = "review copy v1";

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
    keys: PurposeKeys,
}

impl ReviewCopies {
    /// Sealed under the current root secret, opened under every one that is listed.
    pub fn new(ring: &KeyRing) -> Self {
        Self { keys: ring.keys(PURPOSE) }
    }

    /// The key id that stands in copies sealed under `root`.
    pub fn key_id(root: &RootSecret) -> KeyId {
        root.derive(PURPOSE, b"").id()
    }

    /// Seals a copy for its row.
    ///
    /// # Errors
    /// When there is no randomness: the pledge must then be refused (rule 7).
    pub fn seal(&self, campaign: Uuid, pledge: Uuid, copy: &ReviewCopy) -> Result<Vec<u8>, CryptoError> {
        let text = padded_json(copy)?;
        self.keys.seal_behind(&[FORMAT], &text, &place(campaign, pledge))
    }

    /// Opens the copy of a row.
    ///
    /// # Errors
    /// [`CryptoError::KeyMissing`] when it was sealed under a root secret that isn't listed; [`CryptoError::DoesNotOpen`]
    /// when it was sealed for another row or is damaged.
    pub fn open(&self, campaign: Uuid, pledge: Uuid, sealed: &[u8]) -> Result<ReviewCopy, CryptoError> {
        let (format, sealed) = sealed.split_first().ok_or(CryptoError::DoesNotOpen)?;
        if *format != FORMAT {
            return Err(CryptoError::DoesNotOpen);
        }
        let text = self.keys.open(sealed, &place(campaign, pledge))?;
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
        let copies = ReviewCopies::new(&KeyRing::parse("0123456789abcdef0123456789ABCDEFxyz").unwrap());
        let (campaign, pledge) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let copy = ReviewCopy { name: Some("Ada".into()), ..ReviewCopy::default() };
        let sealed = copies.seal(campaign, pledge, &copy).unwrap();
        assert_eq!(copies.open(campaign, pledge, &sealed), Ok(copy));
        assert!(copies.open(campaign, Uuid::from_u128(3), &sealed).is_err());
        assert!(copies.open(Uuid::from_u128(3), pledge, &sealed).is_err());
        let other = ReviewCopies::new(&KeyRing::parse("another 0123456789abcdef0123456789").unwrap());
        assert!(other.open(campaign, pledge, &sealed).is_err());
        assert!(!sealed.windows(3).any(|part| part == b"Ada"));
    }

    /// Copies that were sealed before there was more than one root secret have to open for as long as they are kept.
    #[test]
    fn a_copy_of_the_first_release_opens() {
        let root = "0123456789abcdef0123456789ABCDEFxyz";
        let (campaign, pledge) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let key = RootSecret::new(root.as_bytes()).unwrap().derive("review copy v1", b"");
        let id = key.hash(&[b"key id"]);
        let sealed = key.seal(br#"{"name":"Ada"}"#, &place(campaign, pledge)).unwrap();
        let sealed = [&[1], &id[..4], &sealed].concat();
        let copies = ReviewCopies::new(&KeyRing::parse(root).unwrap());
        assert_eq!(copies.open(campaign, pledge, &sealed).unwrap().name.as_deref(), Some("Ada"));
    }

    #[test]
    fn a_masked_name_shows_its_shape() {
        assert_eq!(mask_name("Ada  Lovelace"), "A•• L••••");
        assert_eq!(mask_name("李 小龙"), "李 小•");
        assert_eq!(mask_name(""), "");
    }
}
