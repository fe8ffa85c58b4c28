//! Several root secrets at once: the current one makes everything new, the others open what they made before, until
//! nothing needs them any more.

use std::{fmt, str::FromStr, sync::Arc};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{CryptoError, Key, RootSecret};

/// Tells one key from another and nothing of either. Stands beside what was made with the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// How long it is where it is stored.
    pub const BYTES: usize = 4;

    pub(super) fn of(hash: &[u8; 32]) -> Self {
        Self(hash.first_chunk().copied().unwrap_or_default())
    }

    /// From what is stored.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key id is eight hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a key id is 8 hexadecimal digits")]
pub struct BadKeyId;

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(text: &str) -> Result<Self, BadKeyId> {
        if text.len() != 2 * Self::BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadKeyId);
        }
        u32::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| BadKeyId)
    }
}

/// What is wrong with a list of root secrets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the root secret{} {problem}", self.place())]
pub struct BadRing {
    /// The line, from 1; None: there is only one.
    pub line: Option<usize>,
    /// A sentence that goes on after "it", and never repeats the secret.
    pub problem: &'static str,
}

impl BadRing {
    /// What to call the line in a text about the whole.
    pub fn place(&self) -> String {
        self.line.map(|line| format!(", line {line},")).unwrap_or_default()
    }
}

/// The root secrets of the service: the current one, and older ones (or one that is to become current). Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<RootSecret>,
    others: Arc<[RootSecret]>,
}

impl KeyRing {
    /// The root secrets in a text, one a line, the current one first. Empty lines and white space around a secret don't count.
    ///
    /// # Errors
    /// When one of them is no proper secret, or two are the same.
    pub fn parse(text: &str) -> Result<Self, BadRing> {
        let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            lines.push("");
        }
        let mut roots: Vec<RootSecret> = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let bad = |problem| BadRing { line: (lines.len() > 1).then_some(index + 1), problem };
            let root = RootSecret::new(line.as_bytes()).map_err(bad)?;
            if lines.iter().take(index).any(|other| other.as_bytes().ct_eq(line.as_bytes()).into()) {
                return Err(bad("stands there twice"));
            }
            // Once in four thousand million.
            if roots.iter().any(|other| other.id() == root.id()) {
                return Err(bad("has the key id of another one by chance"));
            }
            roots.push(root);
        }
        let mut roots = roots.into_iter();
        let current = roots.next().ok_or(BadRing { line: None, problem: "is not there" })?;
        Ok(Self { current: Arc::new(current), others: roots.collect() })
    }

    /// The root secret that everything new is made with.
    pub fn current(&self) -> &RootSecret {
        &self.current
    }

    /// Every root secret, the current one first.
    pub fn roots(&self) -> impl DoubleEndedIterator<Item = &RootSecret> {
        std::iter::once(self.current.as_ref()).chain(self.others.iter())
    }

    /// The root secret with this id.
    pub fn root(&self, id: KeyId) -> Option<&RootSecret> {
        self.roots().find(|root| root.id() == id)
    }

    /// The keys for one purpose, one from each root secret.
    pub fn keys(&self, purpose: &str) -> PurposeKeys {
        let key = |root: &RootSecret| {
            let key = root.derive(purpose, b"");
            (key.id(), key)
        };
        PurposeKeys { current: key(&self.current), others: self.others.iter().map(key).collect() }
    }
}

/// The keys for one purpose: the current one seals, all of them open. The id of the key stands in front of what is sealed.
#[derive(Clone, Debug)]
pub struct PurposeKeys {
    current: (KeyId, Key),
    others: Arc<[(KeyId, Key)]>,
}

impl PurposeKeys {
    /// Seals `text` for one place, see [`Key::seal`].
    ///
    /// # Errors
    /// Those of [`Key::seal`].
    pub fn seal(&self, text: &[u8], place: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.seal_behind(&[], text, place)
    }

    /// The same with `head` in front, see [`Key::seal_behind`].
    ///
    /// # Errors
    /// Those of [`Key::seal`].
    pub fn seal_behind(&self, head: &[u8], text: &[u8], place: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (id, key) = &self.current;
        key.seal_behind(&[head, id.as_bytes()], text, place)
    }

    /// Opens what [`Self::seal`] made for the same place, under the current key or an older one.
    ///
    /// # Errors
    /// [`CryptoError::KeyMissing`] when its key is none of these, [`CryptoError::DoesNotOpen`].
    pub fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (id, sealed) = sealed.split_first_chunk().ok_or(CryptoError::DoesNotOpen)?;
        let mut opened = Err(CryptoError::KeyMissing);
        let keys = std::iter::once(&self.current).chain(self.others.iter());
        // Two keys may have one id, by chance.
        for (_, key) in keys.filter(|(known, _)| *known == KeyId(*id)) {
            opened = key.open(sealed, place);
            if opened.is_ok() {
                break;
            }
        }
        opened
    }
}

impl PurposeKeys {
    /// [`Key::hash`] under the current key, for what is signed.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.current.1.hash(parts)
    }

    /// Whether `start` is how the hash of `parts` begins, under the current key or an older one. In constant time for each
    /// key. Nothing is no beginning.
    pub fn made(&self, start: &[u8], parts: &[&[u8]]) -> bool {
        let mut keys = std::iter::once(&self.current).chain(self.others.iter());
        let begins = |hash: &[u8]| !start.is_empty() && bool::from(hash.ct_eq(start));
        keys.any(|(_, key)| key.hash(parts).get(..start.len()).is_some_and(begins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789ABCDEFxyz";
    const NEW: &str = "fedcba9876543210FEDCBA9876543210zyx";

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(text).unwrap()
    }

    #[test]
    fn the_first_line_is_current_and_white_space_does_not_count() {
        let both = ring(&format!("\n  {NEW}\r\n\n{OLD} \n"));
        assert_eq!(both.current().id(), ring(NEW).current().id());
        let ids: Vec<KeyId> = both.roots().map(RootSecret::id).collect();
        assert_eq!(ids, [ring(NEW).current().id(), ring(OLD).current().id()]);
        assert!(both.root(ids[1]).is_some());
        assert!(ring(NEW).root(ids[1]).is_none());
    }

    #[test]
    fn a_bad_line_is_named_and_not_repeated() {
        for (text, line, problem) in [
            (String::new(), None, "is shorter than 32 bytes"),
            ("short".into(), None, "is shorter than 32 bytes"),
            (format!("{NEW}\nshort"), Some(2), "is shorter than 32 bytes"),
            (format!("{NEW}\n{OLD}\n{NEW}\n"), Some(3), "stands there twice"),
        ] {
            assert_eq!(KeyRing::parse(&text).unwrap_err(), BadRing { line, problem }, "{text}");
        }
    }

    #[test]
    fn what_an_old_key_sealed_opens_as_long_as_it_is_listed() {
        let sealed = ring(OLD).keys("test").seal(b"text", b"row 1").unwrap();
        let both = ring(&format!("{NEW}\n{OLD}")).keys("test");
        assert_eq!(both.open(&sealed, b"row 1").unwrap().as_slice(), b"text");
        assert_eq!(both.open(&sealed, b"row 2"), Err(CryptoError::DoesNotOpen));
        assert_eq!(ring(NEW).keys("test").open(&sealed, b"row 1"), Err(CryptoError::KeyMissing));
        let renewed = both.seal(b"text", b"row 1").unwrap();
        assert!(ring(NEW).keys("test").open(&renewed, b"row 1").is_ok(), "new things are sealed under the new key");
        assert_eq!(ring(OLD).keys("test").open(&renewed, b"row 1"), Err(CryptoError::KeyMissing));
        assert_eq!(both.open(&sealed[..3], b"row 1"), Err(CryptoError::DoesNotOpen));
    }

    #[test]
    fn what_an_old_key_signed_is_known_as_long_as_it_is_listed() {
        let (parts, other): (&[&[u8]], &[&[u8]]) = (&[b"a", b"b"], &[b"ab"]);
        let hash = ring(OLD).keys("test").hash(parts);
        let both = ring(&format!("{NEW}\n{OLD}")).keys("test");
        assert!(both.made(&hash, parts) && both.made(&hash[..16], parts));
        assert!(!both.made(&hash, other) && !both.made(&hash[1..], parts) && !both.made(&[], parts));
        assert!(!both.made(&[hash, hash].concat(), parts));
        assert!(!ring(NEW).keys("test").made(&hash, parts) && !ring(OLD).keys("other").made(&hash, parts));
        assert!(ring(NEW).keys("test").made(&both.hash(parts), parts), "new things are signed under the new key");
    }

    #[test]
    fn key_ids_are_read_as_they_are_shown() {
        let id = ring(OLD).current().id();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(KeyId::from_bytes(id.as_bytes()), Some(id));
        assert_eq!("0000000a".parse::<KeyId>().unwrap().to_string(), "0000000a");
        for odd in ["", "0000000", "000000000", "+0000000", "zzzzzzzz", "żżżż"] {
            assert_eq!(odd.parse::<KeyId>(), Err(BadKeyId), "{odd}");
        }
        // Where it stands it must tell nothing: it is no key of any purpose, and no part of the secret.
        assert_ne!(ring(OLD).current().derive("key id v1", b"").expose()[..4], id.as_bytes()[..]);
    }
}
