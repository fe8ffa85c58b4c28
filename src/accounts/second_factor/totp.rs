//! Codes that change every thirty seconds (RFC 6238): HMAC-SHA-1, six digits, because the programs that people have on
//! their phones know nothing else. Our own, because the RFC is a page, and crates for it bring one for pictures along.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{self, CryptoError};

/// How long a code is shown, in seconds.
pub const STEP_SECONDS: i64 = 30;

/// Bytes of a secret, as RFC 4226 wants it.
pub const SECRET_BYTES: usize = 20;

/// How far the clock of a phone may be off, in steps either way.
const LEEWAY_STEPS: i64 = 1;

/// Who issues the codes, as programs show it.
const ISSUER: &str = "Pledges";

/// What server and phone share.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`].
    pub fn random() -> Result<Self, CryptoError> {
        Ok(Self(Zeroizing::new(crypto::random_bytes()?)))
    }

    /// The one in these bytes, if there are enough.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(Zeroizing::new(*bytes)))
    }

    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// To be typed into a program.
    pub fn text(&self) -> Zeroizing<String> {
        crypto::base32(self.expose())
    }

    /// To be drawn as a picture for a program to read.
    pub fn uri(&self, login: &str) -> Zeroizing<String> {
        let (login, secret) = (utf8_percent_encode(login, NON_ALPHANUMERIC), self.text());
        let secret = secret.as_str();
        Zeroizing::new(format!("otpauth://totp/{ISSUER}:{login}?secret={secret}&issuer={ISSUER}"))
    }

    /// The code of a step: six digits.
    pub fn code(&self, step: i64) -> Zeroizing<String> {
        // HMAC takes keys of every length.
        let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(self.expose()) else { return Zeroizing::default() };
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
        let bits = hash.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_be_bytes) & 0x7fff_ffff;
        Zeroizing::new(format!("{:06}", bits % 1_000_000))
    }

    /// The step whose code was typed, of those that a phone may show at `now`. The caller makes sure that it is later than
    /// the last one that was taken.
    pub fn step_of(&self, typed: &str, now: DateTime<Utc>) -> Option<i64> {
        let present = step_at(now);
        let mut found = None;
        // Every one is looked at, so that time doesn't tell which.
        for step in (present - LEEWAY_STEPS..=present + LEEWAY_STEPS).rev() {
            if self.code(step).as_bytes().ct_eq(typed.as_bytes()).into() {
                found = Some(step);
            }
        }
        found
    }
}

/// The step of a moment.
pub fn step_at(moment: DateTime<Utc>) -> i64 {
    moment.timestamp().div_euclid(STEP_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::of(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// RFC 6238, appendix B, the last six of the eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(*secret().code(step_at(at(seconds))), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_known_a_step_before_and_after_its_own_and_no_further() {
        let (secret, code) = (secret(), secret().code(100));
        for (seconds, known) in [(2_969, false), (2_970, true), (3_000, true), (3_059, true), (3_060, false)] {
            assert_eq!(secret.step_of(&code, at(seconds)), known.then_some(100), "{seconds}");
        }
        for odd in ["", "0", " ", &format!("{} ", *code), &code[..5], "日本日本日本", "-00001", "+12345"] {
            assert_eq!(secret.step_of(odd, at(3_000)), None, "{odd}");
        }
    }

    #[test]
    fn programs_can_read_it() {
        assert_eq!(
            *secret().uri("ada.b"),
            "otpauth://totp/Pledges:ada%2Eb?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Pledges"
        );
    }
}
