//! Recovery codes: for who has lost the phone. Ten of 120 random bits each, so that a plain hash of them is as good as none
//! to whoever has the database (ASVS 5.0, 6.5.2 asks for 112).

use zeroize::Zeroizing;

use crate::crypto::{self, CryptoError};

/// How many there are.
pub const CODES: usize = 10;

const BYTES: usize = 15;
const LETTERS: usize = 24;
const GROUP: usize = 4;

/// A set, as it is shown once and as it is kept.
pub struct Codes {
    /// To be shown, in groups of four letters.
    pub shown: Vec<Zeroizing<String>>,
    /// To be kept.
    pub hashes: Vec<Vec<u8>>,
}

impl Codes {
    /// New ones.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn new() -> Result<Self, CryptoError> {
        let mut codes = Self { shown: Vec::with_capacity(CODES), hashes: Vec::with_capacity(CODES) };
        for _ in 0..CODES {
            let bytes = Zeroizing::new(crypto::random_bytes::<BYTES>()?);
            let mut letters = crypto::base32(bytes.as_slice());
            letters.make_ascii_lowercase();
            codes.hashes.extend(hash(&letters).map(Vec::from));
            let mut shown = Zeroizing::new(String::with_capacity(LETTERS + LETTERS / GROUP));
            for (index, letter) in letters.chars().enumerate() {
                if index > 0 && index % GROUP == 0 {
                    shown.push('-');
                }
                shown.push(letter);
            }
            codes.shown.push(shown);
        }
        Ok(codes)
    }
}

/// The hash of what was typed, if it has the form of a recovery code: capitals, blanks and hyphens don't matter.
pub fn hash(typed: &str) -> Option<[u8; 32]> {
    let mut letters = Zeroizing::new(String::with_capacity(LETTERS));
    for letter in typed.chars().filter(|letter| !matches!(letter, ' ' | '-')) {
        let fits = letters.len() < LETTERS && matches!(letter, 'a'..='z' | 'A'..='Z' | '2'..='7');
        if !fits {
            return None;
        }
        letters.push(letter.to_ascii_lowercase());
    }
    (letters.len() == LETTERS).then(|| crypto::digest(letters.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ten_different_codes_are_known_however_they_are_typed() {
        let codes = Codes::new().unwrap();
        assert_eq!(codes.hashes.iter().collect::<HashSet<_>>().len(), CODES);
        for (shown, kept) in codes.shown.iter().zip(&codes.hashes) {
            assert_eq!(shown.len(), 29, "{}", **shown);
            for typed in [shown.to_string(), shown.replace('-', ""), shown.replace('-', " ").to_uppercase()] {
                assert_eq!(hash(&typed).unwrap().as_slice(), kept);
            }
            assert_eq!(hash(&shown[1..]), None);
            assert_eq!(hash(&format!("{}a", **shown)), None);
        }
        assert_eq!(hash("123456"), None, "that is a code of an app");
        assert_eq!(hash(&"1".repeat(24)), None);
    }
}
