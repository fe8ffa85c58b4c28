//! Made-up supporters: each with a name and an address that nobody else has, from a country of a given distribution.

use std::{cell::Cell, fmt::Write};

use clap::ValueEnum;
use pledges::{
    campaigns::settings::Purpose,
    crypto::{CryptoError, random_bytes},
    pledges::submission::{GivenConsent, Submission},
};

/// Forty countries.
const COUNTRIES: [&str; 40] = [
    "AR", "AU", "BD", "BR", "CA", "CD", "CH", "CL", "CN", "CO", "DE", "EG", "ES", "ET", "FR", "GB", "GH", "GT", "HN",
    "ID", "IN", "IT", "JP", "KE", "KR", "LB", "MA", "MX", "NG", "NP", "PE", "PH", "PK", "PL", "SE", "TN", "TR", "UA",
    "US", "ZA",
];

/// The country that nearly all come from when the distribution is skewed.
const HOME: &str = "CO";

/// How the countries are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// Forty countries, evenly.
    Even,
    /// 90 % from one country, the others evenly from forty.
    Skewed,
}

/// Makes supporters up, one after the other.
#[derive(Debug)]
pub struct People {
    run: u32,
    spread: Spread,
    next: Cell<u64>,
}

/// The number of a supporter in its run.
pub type Number = u64;

impl People {
    /// Supporters that no other run has.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(spread: Spread) -> Result<Self, CryptoError> {
        Ok(Self { run: u32::from_le_bytes(random_bytes()?), spread, next: Cell::new(0) })
    }

    /// The next one.
    pub fn next(&self) -> Number {
        let number = self.next.get();
        self.next.set(number + 1);
        number
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.next.get()
    }

    fn country(&self, number: Number) -> &'static str {
        if self.spread == Spread::Skewed && !number.is_multiple_of(10) {
            return HOME;
        }
        // Every tenth is all there is of the others when nine in ten are from home.
        let turn = if self.spread == Spread::Skewed { number / 10 } else { number };
        let place = usize::try_from(turn % 40).unwrap_or(0);
        COUNTRIES.get(place).copied().unwrap_or(HOME)
    }

    /// The body of a supporter's pledge, as JSON.
    pub fn write_json(&self, number: Number, out: &mut String) {
        // Writing to a String can't fail.
        let _ = write!(
            out,
            r#"{{"name":"Amina Okafor {number}","email":"amina.{number}@r{:08x}.example","country":"{}","language":"en","source":"homepage-banner","consents":[{{"purpose":"updates","version":1}}]}}"#,
            self.run,
            self.country(number),
        );
    }

    /// The same as the service reads it.
    pub fn submission(&self, number: Number) -> Submission {
        Submission {
            name: Some(format!("Amina Okafor {number}")),
            email: Some(format!("amina.{number}@r{:08x}.example", self.run)),
            country: Some(self.country(number).to_owned()),
            message: None,
            language: Some("en".to_owned()),
            consents: Some(vec![GivenConsent { purpose: Purpose::Updates, version: 1 }]),
            source: Some("homepage-banner".to_owned()),
            ..Submission::default()
        }
    }
}
