//! Who can open a campaign's sealed records: the organiser's public keys, two advised, and those of partners. A key is used
//! only after its owner has proved that the secret half is at hand: the service makes a *test record* ([`TestFile`]), sealed
//! like a real one; whoever opens it, offline, finds a code in it, and tells the service that code.

pub mod store;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    crypto::{self, CryptoError},
    sealing::{
        recipients::{Identity, Recipient},
        record::{Epoch, Record},
    },
};

/// A recipient as it is stored.
#[derive(Clone, Debug)]
pub struct Listed {
    /// UUIDv7.
    pub id: Uuid,
    /// The partner whose it is; None: the organiser's.
    pub partner: Option<Uuid>,
    /// The public key.
    pub recipient: Recipient,
    /// Whose it is, in the organiser's words.
    pub label: String,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// When it was last proved that somebody can open what is sealed for it.
    pub checked_at: Option<DateTime<Utc>>,
    /// Since when nothing new is sealed for it.
    pub removed_at: Option<DateTime<Utc>>,
}

/// How a recipient stands, in words.
pub fn standing(one: &Listed) -> String {
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC").to_string();
    match (one.removed_at, one.checked_at) {
        (Some(at), _) => format!("removed {}", day(at)),
        (None, Some(at)) => format!("opened a test record {}", day(at)),
        (None, None) => "never tested: nothing is sealed for it".to_owned(),
    }
}

/// Whether a campaign takes pledges in production: there is somebody who can open them.
pub fn takes_pledges(listed: &[Listed]) -> bool {
    listed.iter().any(|one| one.partner.is_none() && one.removed_at.is_none() && one.checked_at.is_some())
}

/// Whether a campaign may be opened in production: everybody who should be able to open its records can.
///
/// # Errors
/// What is missing, in words.
pub fn sealable(listed: &[Listed]) -> Result<(), &'static str> {
    let mut organisers = listed.iter().filter(|one| one.partner.is_none() && one.removed_at.is_none()).peekable();
    if organisers.peek().is_none() {
        return Err("nobody can open what supporters give: pledges recipient add");
    }
    if organisers.any(|one| one.checked_at.is_none()) {
        return Err("a recipient was never seen to open a record: pledges recipient test");
    }
    Ok(())
}

/// Test records, one for each recipient, as a file: one JSON document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The campaign, for people.
    pub campaign: String,
    /// One for each recipient.
    pub tests: Vec<TestRecord>,
}

/// A record that is sealed for one recipient: an epoch of its own, and in the message the code.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRecord {
    /// The public key.
    pub recipient: String,
    epoch: Uuid,
    campaign: Uuid,
    wrapped_key: String,
    record: String,
}

/// The row that test records pretend to belong to.
const ROW: Uuid = Uuid::nil();

impl TestRecord {
    /// A new one, and the code in it.
    ///
    /// # Errors
    /// When it can't be sealed.
    pub fn make(campaign: Uuid, recipient: &Recipient) -> Result<(Self, String), CryptoError> {
        let code = new_code()?;
        let epoch = Epoch::begin(campaign)?;
        let mut record = Record::default();
        record.message = Some(code.clone());
        let test = Self {
            recipient: recipient.to_string(),
            epoch: epoch.id,
            campaign,
            wrapped_key: STANDARD.encode(epoch.wrapped(std::slice::from_ref(recipient))?),
            record: STANDARD.encode(epoch.seal(ROW, &record)?),
        };
        Ok((test, code))
    }

    /// The code, for whoever has the identity.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`].
    pub fn open(&self, identities: &[Identity]) -> Result<String, CryptoError> {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| CryptoError::DoesNotOpen);
        let epoch = Epoch::unwrap(self.epoch, self.campaign, &bytes(&self.wrapped_key)?, identities)?;
        epoch.open(ROW, &bytes(&self.record)?)?.message.clone().ok_or(CryptoError::DoesNotOpen)
    }
}

/// 80 random bits in five groups of four hexadecimal digits: to be read from a screen and typed into another.
fn new_code() -> Result<String, CryptoError> {
    let bytes: [u8; 10] = crypto::random_bytes()?;
    let number = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    Ok(code(&format!("{number:020x}")))
}

/// A code as it was made, however it was typed.
pub fn code(typed: &str) -> String {
    let digits: Vec<char> =
        typed.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_identity_finds_the_code() {
        let identity = Identity::generate();
        let (test, made) = TestRecord::make(Uuid::from_u128(1), &identity.recipient()).unwrap();
        let file = serde_json::to_string(&TestFile { campaign: "defend".into(), tests: vec![test] }).unwrap();
        assert!(!file.contains(&made));
        let test = &serde_json::from_str::<TestFile>(&file).unwrap().tests[0];
        assert_eq!(test.open(&[Identity::generate()]), Err(CryptoError::DoesNotOpen));
        assert_eq!(test.open(&[identity]).unwrap(), made);
    }

    #[test]
    fn a_code_may_be_typed_as_one_likes() {
        let made = new_code().unwrap();
        assert_eq!(made.len(), 24);
        for typed in [made.clone(), made.to_uppercase(), made.replace('-', " "), made.replace('-', "")] {
            assert_eq!(code(&typed), made);
        }
    }
}
