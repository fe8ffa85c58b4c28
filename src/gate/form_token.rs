//! What a form without JavaScript carries instead of a proof: a signed field that says which campaign and partner it was
//! made for, and when. It is never spent: people reload, go back and send again. It only tells how long filling in took, and
//! keeps a form of one campaign, partner or trial from being posted as another's.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};

use super::proof::{Bound, LEEWAY};
use crate::{
    clock::Clock,
    crypto::{KeyRing, PurposeKeys},
};

const PURPOSE: &str = "form token v1";

/// How long a form may lie open: a day, because people leave pages open and come back.
pub const LIFE: TimeDelta = TimeDelta::hours(24);

/// Bytes of the time, and of the beginning of the hash that is kept.
const TIME: usize = 8;
const HASH: usize = 16;

/// Characters of a token.
pub const LENGTH: usize = (TIME + HASH) / 3 * 4;

/// Why a form's token isn't accepted.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormTokenError {
    /// Not of this form.
    #[error("the form's token can't be read")]
    Malformed,
    /// Not signed by us, or for another campaign, partner or mode.
    #[error("the form's token isn't for this form")]
    Forged,
    /// Older than a day.
    #[error("the form is too old")]
    Expired,
    /// It comes from the future.
    #[error("the form's token isn't good yet")]
    NotYet,
}

/// Signs forms and checks what comes back. Clones share its keys.
#[derive(Clone, Debug)]
pub struct FormTokens {
    keys: PurposeKeys,
    clock: Clock,
}

impl FormTokens {
    /// Signs under the current root secret; what any listed one has signed is good.
    pub fn new(ring: &KeyRing, clock: Clock) -> Self {
        Self { keys: ring.keys(PURPOSE), clock }
    }

    /// A token for a form that is shown now: [`LENGTH`] characters that are safe in addresses and attributes. It carries the
    /// time (milliseconds); what it is bound to whoever reads it must know.
    pub fn issue(&self, bound: &Bound) -> String {
        let time = self.clock.now().timestamp_millis().to_be_bytes();
        let hash = self.keys.hash(&parts(bound, &time, &partner(bound)));
        let mut token = time.to_vec();
        token.extend(hash.iter().take(HASH));
        URL_SAFE_NO_PAD.encode(token)
    }

    /// When the form was shown.
    ///
    /// # Errors
    /// Why this token isn't good for this.
    pub fn verify(&self, token: &str, bound: &Bound) -> Result<DateTime<Utc>, FormTokenError> {
        if token.len() != LENGTH {
            return Err(FormTokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| FormTokenError::Malformed)?;
        let (time, hash) = bytes.split_first_chunk::<TIME>().ok_or(FormTokenError::Malformed)?;
        if !self.keys.made(hash, &parts(bound, time, &partner(bound))) {
            return Err(FormTokenError::Forged);
        }
        let issued_at = DateTime::from_timestamp_millis(i64::from_be_bytes(*time)).ok_or(FormTokenError::Malformed)?;
        let now = self.clock.now();
        if now - issued_at >= LIFE {
            return Err(FormTokenError::Expired);
        }
        if issued_at > now + LEEWAY {
            return Err(FormTokenError::NotYet);
        }
        Ok(issued_at)
    }
}

fn partner(bound: &Bound) -> Vec<u8> {
    bound.partner.map(|id| id.as_bytes().to_vec()).unwrap_or_default()
}

/// What is signed. No partner is an empty part, which no id is.
fn parts<'a>(bound: &'a Bound, time: &'a [u8], partner: &'a [u8]) -> [&'a [u8]; 4] {
    [bound.campaign.as_bytes(), partner, if bound.test { b"test" } else { b"live" }, time]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::clock::FixedClock;

    const OLD: &str = "0123456789abcdef0123456789ABCDEFxyz";
    const NEW: &str = "fedcba9876543210FEDCBA9876543210zyx";
    const BOUND: Bound = Bound { campaign: Uuid::from_u128(1), partner: Some(Uuid::from_u128(2)), test: false };

    fn tokens(ring: &str) -> (FormTokens, FixedClock) {
        let clock = FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
        (FormTokens::new(&KeyRing::parse(ring).unwrap(), Clock::Fixed(clock.clone())), clock)
    }

    #[test]
    fn a_token_tells_when_its_form_was_shown_and_is_good_for_a_day() {
        let (tokens, clock) = tokens(OLD);
        let (token, shown) = (tokens.issue(&BOUND), Clock::Fixed(clock.clone()).now());
        assert_eq!(token.len(), LENGTH);
        clock.advance(TimeDelta::minutes(3));
        for _ in 0..2 {
            assert_eq!(tokens.verify(&token, &BOUND), Ok(shown), "it is never spent");
        }
        clock.advance(LIFE - TimeDelta::minutes(3) - TimeDelta::milliseconds(1));
        assert_eq!(tokens.verify(&token, &BOUND), Ok(shown));
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(tokens.verify(&token, &BOUND), Err(FormTokenError::Expired));
        clock.advance(-LIFE - LEEWAY);
        assert_eq!(tokens.verify(&token, &BOUND), Ok(shown), "instances' clocks differ a little");
        clock.advance(TimeDelta::milliseconds(-1));
        assert_eq!(tokens.verify(&token, &BOUND), Err(FormTokenError::NotYet));
    }

    #[test]
    fn a_token_is_good_for_its_own_campaign_partner_and_mode_only() {
        let (tokens, _) = tokens(OLD);
        let token = tokens.issue(&BOUND);
        for other in [
            Bound { campaign: Uuid::from_u128(3), ..BOUND },
            Bound { partner: Some(Uuid::from_u128(3)), ..BOUND },
            Bound { partner: None, ..BOUND },
            Bound { test: true, ..BOUND },
        ] {
            assert_eq!(tokens.verify(&token, &other), Err(FormTokenError::Forged), "{other:?}");
            assert_eq!(tokens.verify(&tokens.issue(&other), &BOUND), Err(FormTokenError::Forged), "{other:?}");
        }
    }

    #[test]
    fn an_old_root_secret_verifies_as_long_as_it_is_listed() {
        let token = tokens(OLD).0.issue(&BOUND);
        assert!(tokens(&format!("{NEW}\n{OLD}")).0.verify(&token, &BOUND).is_ok());
        assert_eq!(tokens(NEW).0.verify(&token, &BOUND), Err(FormTokenError::Forged));
        let renewed = tokens(&format!("{NEW}\n{OLD}")).0.issue(&BOUND);
        assert!(tokens(NEW).0.verify(&renewed, &BOUND).is_ok());
    }

    #[test]
    fn a_token_that_was_touched_is_not_accepted() {
        let (tokens, _) = tokens(OLD);
        let token = tokens.issue(&BOUND);
        for bit in 0..token.len() * 8 {
            let mut bytes = token.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(tokens.verify(&text, &BOUND).is_err(), "{text}");
            }
        }
        for text in ["", "=", &token[1..], &format!("{token}A"), &format!("{token}="), &"A".repeat(100_000)] {
            assert_eq!(tokens.verify(text, &BOUND), Err(FormTokenError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_a_token(text in ".{0,80}", like in "[A-Za-z0-9_-]{32}") {
            let (tokens, _) = tokens(OLD);
            prop_assert!(tokens.verify(&text, &BOUND).is_err());
            prop_assert_eq!(tokens.verify(&like, &BOUND), Err(FormTokenError::Forged));
        }
    }
}
