//! Records for the organiser: what a supporter gave, sealed under the key of an *epoch*. The key is stored only wrapped to
//! recipients ([`super::recipients`]), and in clear only in the memory of the instance that made it, while the epoch lasts:
//! afterwards the service itself can't open the record.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    padded_json,
    recipients::{self, Identity, Recipient},
};
use crate::crypto::{CryptoError, Key};

/// First byte of a sealed record: the version of all that stands below.
const FORMAT: u8 = 1;

/// What wrapped keys begin with.
const EPOCH: &[u8] = b"pledges epoch v1";

/// What the organiser gets of a pledge, beside what the row says in clear.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Record {
    /// The name as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The message as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Version of the text by which the organiser may write, as agreed when pledging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<i16>,
    /// The same for the partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<i16>,
    /// The same for being shown publicly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<i16>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Record(hidden)")
    }
}

/// A key and what it is for. Wiped when dropped.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose pledges are sealed under it.
    pub campaign: Uuid,
    key: Key,
}

impl Epoch {
    /// A new one.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn begin(campaign: Uuid) -> Result<Self, CryptoError> {
        Ok(Self { id: Uuid::now_v7(), campaign, key: Key::random()? })
    }

    /// Its key as it is stored.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotSeal`], also when there is no recipient.
    pub fn wrapped(&self, recipients: &[Recipient]) -> Result<Vec<u8>, CryptoError> {
        let parts = [EPOCH, self.campaign.as_bytes(), self.id.as_bytes(), self.key.expose()];
        let text = Zeroizing::new(parts.concat());
        recipients::wrap(&text, recipients)
    }

    /// The epoch of a wrapped key. One that belongs to another epoch or campaign doesn't open.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`].
    pub fn unwrap(id: Uuid, campaign: Uuid, wrapped: &[u8], identities: &[Identity]) -> Result<Self, CryptoError> {
        let text = recipients::unwrap(wrapped, identities)?;
        let place = [EPOCH, campaign.as_bytes(), id.as_bytes()].concat();
        let key = text.strip_prefix(place.as_slice()).and_then(|key| <[u8; 32]>::try_from(key).ok());
        Ok(Self { id, campaign, key: Key::from_bytes(Zeroizing::new(key.ok_or(CryptoError::DoesNotOpen)?)) })
    }

    /// Seals the record of a pledge: it opens for this row, campaign and version of the format only.
    ///
    /// # Errors
    /// When it can't be: the pledge must then be refused (rule 7).
    pub fn seal(&self, pledge: Uuid, record: &Record) -> Result<Vec<u8>, CryptoError> {
        let text = padded_json(record)?;
        self.key.seal_behind(&[&[FORMAT], self.id.as_bytes()], &text, &self.place(pledge))
    }

    /// Opens the record of a pledge.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`] when it was sealed for another row or in another epoch, or is damaged.
    pub fn open(&self, pledge: Uuid, sealed: &[u8]) -> Result<Record, CryptoError> {
        let (epoch, rest) = split(sealed)?;
        if epoch != self.id {
            return Err(CryptoError::DoesNotOpen);
        }
        let text = self.key.open(rest, &self.place(pledge))?;
        serde_json::from_slice(&text).map_err(|_| CryptoError::DoesNotOpen)
    }

    fn place(&self, pledge: Uuid) -> Vec<u8> {
        [b"pledges record v1".as_slice(), self.campaign.as_bytes(), pledge.as_bytes()].concat()
    }
}

/// The epoch that a sealed record was made in.
///
/// # Errors
/// [`CryptoError::DoesNotOpen`] when it isn't one.
pub fn epoch_of(sealed: &[u8]) -> Result<Uuid, CryptoError> {
    split(sealed).map(|(epoch, _)| epoch)
}

fn split(sealed: &[u8]) -> Result<(Uuid, &[u8]), CryptoError> {
    let (format, rest) = sealed.split_first().ok_or(CryptoError::DoesNotOpen)?;
    let (epoch, rest) = rest.split_first_chunk::<16>().ok_or(CryptoError::DoesNotOpen)?;
    if *format == FORMAT { Ok((Uuid::from_bytes(*epoch), rest)) } else { Err(CryptoError::DoesNotOpen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> Record {
        let mut record = Record::default();
        record.name = Some(name.into());
        record.updates = Some(1);
        record
    }

    #[test]
    fn a_record_opens_only_in_its_own_row_epoch_and_whole() {
        let (campaign, pledge) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let epoch = Epoch::begin(campaign).unwrap();
        let sealed = epoch.seal(pledge, &record("Ada")).unwrap();
        assert_eq!(epoch.open(pledge, &sealed), Ok(record("Ada")));
        assert_eq!(epoch_of(&sealed), Ok(epoch.id));
        assert_eq!(epoch.open(Uuid::from_u128(3), &sealed), Err(CryptoError::DoesNotOpen));
        let elsewhere = Epoch { campaign: Uuid::from_u128(9), ..epoch.clone() };
        assert_eq!(elsewhere.open(pledge, &sealed), Err(CryptoError::DoesNotOpen));
        assert_eq!(Epoch::begin(campaign).unwrap().open(pledge, &sealed), Err(CryptoError::DoesNotOpen));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(epoch.open(pledge, &damaged), Err(CryptoError::DoesNotOpen), "bit {bit}");
        }
        assert!(!sealed.windows(3).any(|part| part == b"Ada"));
    }

    #[test]
    fn a_wrapped_key_opens_for_its_recipients_epoch_and_campaign_only() {
        let (campaign, pledge, identity) = (Uuid::from_u128(1), Uuid::from_u128(2), Identity::generate());
        let epoch = Epoch::begin(campaign).unwrap();
        let sealed = epoch.seal(pledge, &record("Ada")).unwrap();
        let wrapped = epoch.wrapped(&[identity.recipient()]).unwrap();
        let identities = [identity];
        let opened = Epoch::unwrap(epoch.id, campaign, &wrapped, &identities).unwrap();
        assert_eq!(opened.open(pledge, &sealed), Ok(record("Ada")));
        assert!(Epoch::unwrap(Uuid::from_u128(3), campaign, &wrapped, &identities).is_err());
        assert!(Epoch::unwrap(epoch.id, Uuid::from_u128(3), &wrapped, &identities).is_err());
        assert!(Epoch::unwrap(epoch.id, campaign, &wrapped, &[Identity::generate()]).is_err());
        assert_eq!(epoch.wrapped(&[]), Err(CryptoError::DoesNotSeal));
    }

    #[test]
    fn lengths_tell_little() {
        let epoch = Epoch::begin(Uuid::from_u128(1)).unwrap();
        let length = |name: &str| epoch.seal(Uuid::from_u128(2), &record(name)).unwrap().len();
        assert_eq!(length("Li"), length("Ada Lovelace"));
        assert_ne!(length("Li"), length(&"Ada ".repeat(20)));
    }
}
