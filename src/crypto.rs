//! Cryptographic primitives with one way to use each: keys derived by purpose, keyed hashes, sealing, random tokens.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, AeadInOut, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand::Rng;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

mod ring;

pub use ring::{BadKeyId, BadRing, KeyId, KeyRing, PurposeKeys};

/// Bytes that a root secret has at least.
pub const ROOT_SECRET_MIN_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// The operating system's random generator gave nothing, or a sealed value did not open.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CryptoError {
    /// Not sealed under this key for this place, or damaged.
    #[error("a sealed value does not open")]
    DoesNotOpen,
    /// The root secret that it was made with is not listed (any more).
    #[error("the root secret that this needs is not listed")]
    KeyMissing,
    /// Sealing failed (the text is longer than the cipher takes).
    #[error("sealing failed")]
    DoesNotSeal,
    /// The key was destroyed on purpose, and what was made with it can't be made again.
    #[error("the key was destroyed")]
    Destroyed,
    /// No randomness to be had.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

/// The secret that every other key of the service comes from. Never in the database, never printed.
#[derive(Clone)]
pub struct RootSecret {
    secret: SecretSlice<u8>,
    id: KeyId,
}

impl RootSecret {
    /// Takes a secret of at least [`ROOT_SECRET_MIN_BYTES`] bytes.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, without repeating it.
    pub fn new(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() < ROOT_SECRET_MIN_BYTES {
            return Err("is shorter than 32 bytes");
        }
        let mut seen = [false; 256];
        for byte in bytes {
            if let Some(slot) = seen.get_mut(usize::from(*byte)) {
                *slot = true;
            }
        }
        // 32 random bytes have about 30 different values, 64 hexadecimal digits all 16 but for one in a hundred.
        if seen.iter().filter(|seen| **seen).count() < 12 {
            return Err("repeats too few characters to be random");
        }
        let lower = Zeroizing::new(bytes.to_ascii_lowercase());
        let contains = |word: &&str| lower.windows(word.len()).any(|part| part == word.as_bytes());
        if ["changeme", "change-me", "secret", "password", "example", "default"].iter().any(contains) {
            return Err("contains a word that is used for placeholders");
        }
        let secret = SecretSlice::from(bytes.to_vec());
        let id = derive(&secret, "key id v1", b"").id();
        Ok(Self { secret, id })
    }

    /// Tells this root secret from others, and nothing of it: a hash under a key of its own.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key for one purpose (HKDF-SHA-256), bound to `salt`, for instance a campaign's.
    pub fn derive(&self, purpose: &str, salt: &[u8]) -> Key {
        derive(&self.secret, purpose, salt)
    }
}

fn derive(secret: &SecretSlice<u8>, purpose: &str, salt: &[u8]) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    // The only error of expand is an output of more than 255 hashes; ours is one.
    let expanded =
        Hkdf::<Sha256>::new(Some(salt), secret.expose_secret()).expand(purpose.as_bytes(), key.as_mut_slice());
    debug_assert!(expanded.is_ok());
    Key(key)
}

impl fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootSecret({}, hidden)", self.id)
    }
}

/// A 256-bit key for one purpose. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    /// A key that nobody else has, and that is forgotten with this process.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn random() -> Result<Self, CryptoError> {
        Ok(Self(Zeroizing::new(random_bytes()?)))
    }

    /// A key that comes from elsewhere.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key's bytes, for libraries that want them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells this key from others, and nothing of it.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.hash(&[b"key id"]))
    }

    /// HMAC-SHA-256 of `parts`. Each part is preceded by its length, so that no two lists of parts meet.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of every length.
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_slice()) else { return [0; 32] };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Seals `text` for one place: `place` (a row, a campaign, a version) is authenticated and must be the same to open.
    /// XChaCha20-Poly1305 with a random 192-bit nonce in front.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotSeal`], [`CryptoError::NoRandomness`].
    pub fn seal(&self, text: &[u8], place: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.seal_behind(&[], text, place)
    }

    /// The same with `head` in front, in clear and not authenticated, in the one piece of memory.
    ///
    /// # Errors
    /// Those of [`Self::seal`].
    pub fn seal_behind(&self, head: &[&[u8]], text: &[u8], place: &[u8]) -> Result<Vec<u8>, CryptoError> {
        // A nonce must be new and is no secret: the generator in this thread, seeded by the operating system, saves a
        // tenth of the time.
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let before = head.iter().map(|part| part.len()).sum::<usize>() + NONCE_BYTES;
        let mut sealed = Vec::with_capacity(before + text.len() + TAG_BYTES);
        for part in head {
            sealed.extend_from_slice(part);
        }
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let (_, in_place) = sealed.split_at_mut_checked(before).ok_or(CryptoError::DoesNotSeal)?;
        let tag = XChaCha20Poly1305::new(self.expose().into())
            .encrypt_inout_detached(&nonce.into(), place, in_place.into())
            .map_err(|_| CryptoError::DoesNotSeal)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`].
    pub fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(CryptoError::DoesNotOpen)?;
        XChaCha20Poly1305::new(self.expose().into())
            .decrypt(nonce.into(), Payload { msg: text, aad: place })
            .map(Zeroizing::new)
            .map_err(|_| CryptoError::DoesNotOpen)
    }
}

/// SHA-256, for values that are random already (tokens).
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Characters of a short digest: 72 bits.
pub const SHORT_DIGEST_LENGTH: usize = 12;

/// Twelve characters that change when the bytes do, safe in addresses and headers.
pub fn short_digest(bytes: &[u8]) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(digest(bytes));
    text.truncate(SHORT_DIGEST_LENGTH);
    text
}

/// As pages say it of what they load (Subresource Integrity): SHA-384 in base64.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)))
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`CryptoError::NoRandomness`].
pub fn random_bytes<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CryptoError::NoRandomness)?;
    Ok(bytes)
}

/// A random token of 256 bits, in 43 characters that are safe in cookies and addresses.
///
/// # Errors
/// [`CryptoError::NoRandomness`].
pub fn random_token() -> Result<Zeroizing<String>, CryptoError> {
    let bytes = Zeroizing::new(random_bytes::<32>()?);
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Base32 (RFC 4648) in capitals, without padding: for what people type or programs read aloud.
pub fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    // In one piece: what grows leaves a copy behind that is not wiped.
    let mut text = Zeroizing::new(String::with_capacity((bytes.len() * 8).div_ceil(5)));
    for group in bytes.chunks(5) {
        let mut bits = [0; 8];
        for (slot, byte) in bits.iter_mut().skip(3).zip(group) {
            *slot = *byte;
        }
        let (bits, letters) = (u64::from_be_bytes(bits), (group.len() * 8).div_ceil(5));
        for letter in 0..letters {
            let index = usize::try_from(bits >> (35 - 5 * letter) & 31).unwrap_or_default();
            text.extend(LETTERS.get(index).map(|letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    fn root() -> RootSecret {
        RootSecret::new(b"0123456789abcdef0123456789ABCDEFxyz").unwrap()
    }

    #[test]
    fn weak_root_secrets_are_refused() {
        for weak in ["", "short", &"a".repeat(64), "please-changeme-0123456789-abcdefghijklm"] {
            assert!(RootSecret::new(weak.as_bytes()).is_err(), "{weak}");
        }
    }

    /// The fields wipe what they hold when they are dropped: an array or a Vec in their place doesn't compile.
    #[test]
    fn secrets_are_wiped_and_hidden() {
        fn wiped<T: ZeroizeOnDrop + ?Sized>(_: &T) {}
        let (root, key) = (root(), root().derive("test", b""));
        wiped(&root.secret);
        wiped(&key.0);
        wiped(&random_token().unwrap());
        wiped(&key.open(&key.seal(b"text", b"").unwrap(), b"").unwrap());
        let ring = KeyRing::parse("0123456789abcdef0123456789ABCDEFxyz").unwrap();
        let shown = format!("{root:?} {root:#?} {key:?} {ring:?} {ring:#?} {:?}", ring.keys("test"));
        for secret in [root.secret.expose_secret(), key.0.as_slice()] {
            let (hex, list, text) = (format!("{secret:02x?}"), format!("{secret:?}"), String::from_utf8_lossy(secret));
            for form in [&hex.replace(", ", "")[1..9], &list[1..9], text.get(..8).unwrap_or("no text")] {
                assert!(!shown.contains(form), "{form}: {shown}");
            }
        }
    }

    /// The vectors of RFC 4648, without their padding.
    #[test]
    fn base32_is_that_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(*base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn keys_differ_by_purpose_and_salt() {
        let key = |purpose, salt: &[u8]| *root().derive(purpose, salt).expose();
        assert_eq!(key("a", b"1"), key("a", b"1"));
        assert_ne!(key("a", b"1"), key("b", b"1"));
        assert_ne!(key("a", b"1"), key("a", b"2"));
    }

    #[test]
    fn hashes_of_different_parts_differ() {
        let key = root().derive("test", b"");
        assert_ne!(key.hash(&[b"ab", b"c"]), key.hash(&[b"a", b"bc"]));
        assert_ne!(key.hash(&[b"ab"]), key.hash(&[b"ab", b""]));
    }

    #[test]
    fn a_sealed_value_opens_only_whole_and_in_its_place() {
        let key = root().derive("test", b"");
        let sealed = key.seal(b"text", b"row 1").unwrap();
        assert_eq!(key.open(&sealed, b"row 1").unwrap().as_slice(), b"text");
        assert_eq!(key.open(&sealed, b"row 2"), Err(CryptoError::DoesNotOpen));
        assert_eq!(key.open(&sealed[..20], b"row 1"), Err(CryptoError::DoesNotOpen));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&damaged, b"row 1"), Err(CryptoError::DoesNotOpen));
        }
        assert_ne!(sealed, key.seal(b"text", b"row 1").unwrap());
    }
}
