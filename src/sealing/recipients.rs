//! Who can open what is sealed for the organiser: `age` keys (X25519), made by `pledges keygen` or `age-keygen`. The
//! service knows the public half only, the *recipient*; the other, the *identity*, stays offline.

use std::{
    fmt,
    io::{Read, Write},
};

use age::{Decryptor, Encryptor, secrecy::ExposeSecret as _, x25519};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::crypto::CryptoError;

/// A public key that can be sealed to: `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

/// What isn't a recipient or an identity. The text given is not repeated: it may be a secret in the wrong place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKey {
    /// Not a public key.
    #[error("not an age public key: one begins with age1 and has 62 characters")]
    Recipient,
    /// A secret key where a public one belongs.
    #[error("this is the secret key; the service gets the public one, which begins with age1")]
    Secret,
    /// No secret key.
    #[error("no age identity: a line that begins with AGE-SECRET-KEY-1")]
    Identity,
}

impl Recipient {
    /// From the text of `age-keygen`'s "public key".
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(BadKey::Secret);
        }
        text.parse().map(Self).map_err(|_| BadKey::Recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The secret half. Never printed but by [`Self::file`].
#[derive(Clone)]
pub struct Identity(x25519::Identity);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(hidden)")
    }
}

impl Identity {
    /// A new one.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// The text of a key file, as `age-keygen` writes it; `made` says when.
    pub fn file(&self, made: &str) -> SecretString {
        let secret = self.0.to_string();
        format!("# created: {made}\n# public key: {}\n{}\n", self.recipient(), secret.expose_secret()).into()
    }

    /// Every identity in the text of a key file: lines that begin with # are comments.
    ///
    /// # Errors
    /// [`BadKey::Identity`] when there is none, or another line is something else.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, BadKey> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let found: Vec<Self> =
            lines.map(|line| line.parse().map(Self)).collect::<Result<_, _>>().map_err(|_| BadKey::Identity)?;
        if found.is_empty() { Err(BadKey::Identity) } else { Ok(found) }
    }
}

/// Seals a short text so that each of `recipients` alone can open it: a whole `age` file.
///
/// # Errors
/// [`CryptoError::DoesNotSeal`], also when there is no recipient.
pub fn wrap(text: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, CryptoError> {
    let failed = |_| CryptoError::DoesNotSeal;
    let recipients = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|_| CryptoError::DoesNotSeal)?;
    let mut wrapped = Vec::new();
    let mut writer = encryptor.wrap_output(&mut wrapped).map_err(failed)?;
    writer.write_all(text).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(wrapped)
}

/// Opens what [`wrap`] made, with whichever identity fits.
///
/// # Errors
/// [`CryptoError::DoesNotOpen`] when none does, or it is damaged.
pub fn unwrap(wrapped: &[u8], identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let decryptor = Decryptor::new_buffered(wrapped).map_err(|_| CryptoError::DoesNotOpen)?;
    let identities = identities.iter().map(|identity| &identity.0 as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|_| CryptoError::DoesNotOpen)?;
    let mut text = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut text).map_err(|_| CryptoError::DoesNotOpen)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_opens_and_nobody_else() {
        let [one, two, other] = [Identity::generate(), Identity::generate(), Identity::generate()];
        let wrapped = wrap(b"text", &[one.recipient(), two.recipient()]).unwrap();
        for identity in [&one, &two] {
            assert_eq!(unwrap(&wrapped, std::slice::from_ref(identity)).unwrap().as_slice(), b"text");
        }
        assert_eq!(unwrap(&wrapped, &[other]), Err(CryptoError::DoesNotOpen));
        assert_eq!(wrap(b"text", &[]), Err(CryptoError::DoesNotSeal));
        let mut damaged = wrapped;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(unwrap(&damaged, &[one]), Err(CryptoError::DoesNotOpen));
    }

    #[test]
    fn key_files_are_read_as_age_keygen_writes_them() {
        let identity = Identity::generate();
        let file = identity.file("2026-11-24T10:00:00Z");
        let read = Identity::parse_file(secrecy::ExposeSecret::expose_secret(&file)).unwrap();
        assert_eq!(read[0].recipient(), identity.recipient());
        assert_eq!(Identity::parse_file("# only a comment\n").unwrap_err(), BadKey::Identity);
        assert_eq!(Identity::parse_file("age1something\n").unwrap_err(), BadKey::Identity);
        assert!(!format!("{identity:?}").contains("AGE-SECRET"));
    }

    #[test]
    fn a_secret_key_is_not_taken_for_a_public_one() {
        let identity = Identity::generate();
        let text = identity.recipient().to_string();
        assert_eq!(Recipient::parse(&text), Ok(identity.recipient()));
        assert_eq!(Recipient::parse(identity.0.to_string().expose_secret()), Err(BadKey::Secret));
        for wrong in ["", "age1", "age1qqqq", &text[..61], &format!("{text}a")] {
            assert_eq!(Recipient::parse(wrong), Err(BadKey::Recipient), "{wrong}");
        }
    }
}
