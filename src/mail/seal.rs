//! The address in the outbox, sealed under a server key that is not in the database. It opens only for the row that it was
//! sealed for.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::Address;
use crate::crypto::{CryptoError, KeyId, KeyRing, PurposeKeys, RootSecret};

/// First byte of a sealed address. Behind it stands the id of its key.
const FORMAT: u8 = 1;

const PURPOSE: &str = "mail v1";

/// What an address is padded to a multiple of, in bytes, with spaces: no address has one.
const PADDING: usize = 64;

/// Seals and opens addresses. Clones share its keys.
#[derive(Clone, Debug)]
pub struct Seal {
    keys: PurposeKeys,
}

impl Seal {
    /// Sealed under the current root secret, opened under every one that is listed.
    pub fn new(ring: &KeyRing) -> Self {
        Self { keys: ring.keys(PURPOSE) }
    }

    /// The key id that stands in addresses sealed under `root`.
    pub fn key_id(root: &RootSecret) -> KeyId {
        root.derive(PURPOSE, b"").id()
    }

    /// Seals an address for the row `id` of the outbox.
    ///
    /// # Errors
    /// Those of [`crate::crypto::Key::seal`]: what it is about must then be refused (rule 7).
    pub fn seal(&self, id: Uuid, address: &Address) -> Result<Vec<u8>, CryptoError> {
        let address = address.as_str().as_bytes();
        let padded = address.len().next_multiple_of(PADDING);
        // In one piece: what grows leaves a copy behind that is not wiped.
        let mut text = Zeroizing::new(Vec::with_capacity(padded));
        text.extend_from_slice(address);
        text.resize(padded, b' ');
        self.keys.seal_behind(&[FORMAT], &text, &place(id))
    }

    /// Opens the address of the row `id`.
    ///
    /// # Errors
    /// [`CryptoError::KeyMissing`] when it was sealed under a root secret that isn't listed; [`CryptoError::DoesNotOpen`]
    /// when it was sealed for another row, is damaged, or holds no address.
    pub fn open(&self, id: Uuid, sealed: &[u8]) -> Result<Address, CryptoError> {
        let (format, sealed) = sealed.split_first().ok_or(CryptoError::DoesNotOpen)?;
        if *format != FORMAT {
            return Err(CryptoError::DoesNotOpen);
        }
        let text = self.keys.open(sealed, &place(id))?;
        let text = str::from_utf8(&text).map_err(|_| CryptoError::DoesNotOpen)?;
        Address::parse(text.trim_end_matches(' ')).map_err(|_| CryptoError::DoesNotOpen)
    }
}

fn place(id: Uuid) -> Vec<u8> {
    [b"pledges mail v1".as_slice(), id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789ABCDEFxyz";
    const NEW: &str = "fedcba9876543210FEDCBA9876543210zyx";

    #[test]
    fn an_address_opens_only_in_its_own_row_and_tells_little_of_its_length() {
        let ring = KeyRing::parse(OLD).unwrap();
        let (seal, id) = (Seal::new(&ring), Uuid::from_u128(1));
        let (ada, li) = (Address::parse("ada@example.org").unwrap(), Address::parse("l@x.example").unwrap());
        let sealed = seal.seal(id, &ada).unwrap();
        assert_eq!(seal.open(id, &sealed), Ok(ada));
        assert_eq!(seal.open(Uuid::from_u128(2), &sealed), Err(CryptoError::DoesNotOpen));
        assert_eq!(sealed.len(), seal.seal(id, &li).unwrap().len());
        assert_eq!(&sealed[1..5], Seal::key_id(ring.current()).as_bytes());
        assert_eq!(seal.open(id, &sealed[..20]), Err(CryptoError::DoesNotOpen));
        let rotated = Seal::new(&KeyRing::parse(&format!("{NEW}\n{OLD}")).unwrap());
        assert!(rotated.open(id, &sealed).is_ok());
        assert_eq!(Seal::new(&KeyRing::parse(NEW).unwrap()).open(id, &sealed), Err(CryptoError::KeyMissing));
    }
}
