//! The crowd of the demo: made-up people from sixty countries.

use anyhow::Context;
use serde::Deserialize;

use crate::{
    campaigns::{
        Campaign,
        settings::{Ask, Purpose},
    },
    crypto,
    pledges::submission::{GivenConsent, Submission},
};

/// Names by country, and messages by language.
#[derive(Deserialize)]
pub(in crate::cli) struct Crowd {
    countries: Vec<Home>,
    messages: Vec<Message>,
}

/// A country of the crowd.
#[derive(Deserialize)]
pub(in crate::cli) struct Home {
    #[serde(rename = "country")]
    code: String,
    #[serde(default)]
    weight: u32,
    language: String,
    names: Vec<String>,
}

impl Home {
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// How much of the crowd lives there.
    pub(super) fn weight(&self) -> f64 {
        f64::from(self.weight)
    }

    pub(super) fn language(&self) -> &str {
        &self.language
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}

#[derive(Deserialize)]
struct Message {
    language: String,
    text: String,
}

/// Pages that the made-up pledges come from.
const SOURCES: [&str; 4] = ["homepage", "newsletter", "article", "footer"];

/// One in so many prefers not to say a country, writes a message, agrees to something.
const ONE_IN: (u64, u64, u64) = (40, 5, 3);

/// A small random generator (SplitMix64), begun from the system's: for making things up, not for secrets.
pub(in crate::cli) struct Dice(u64);

impl Dice {
    /// Freshly thrown.
    pub(in crate::cli) fn thrown() -> anyhow::Result<Self> {
        Ok(Self(u64::from_le_bytes(crypto::random_bytes()?)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(from.len()).unwrap_or(0));
        from.get(usize::try_from(index).unwrap_or(0))
    }
}

impl Crowd {
    /// The crowd in the binary.
    pub(in crate::cli) fn load() -> anyhow::Result<Self> {
        serde_json::from_str(include_str!("people.json")).context("the demo's people can't be read")
    }

    /// Somebody with everything a form may ask for but consents.
    pub(in crate::cli) fn anybody(&self, dice: &mut Dice) -> Submission {
        let Some(home) = self.home(dice) else { return Submission::default() };
        let name = dice.pick(&home.names).cloned().unwrap_or_default();
        let country = if dice.one_in(ONE_IN.0) { "ZZ".to_owned() } else { home.code.clone() };
        let message = dice.one_in(ONE_IN.1).then(|| self.message(dice, &home.language)).flatten();
        Submission {
            email: Some(format!("{:016x}@{}.example", dice.next(), home.code.to_ascii_lowercase())),
            name: Some(name),
            country: Some(country),
            message,
            language: Some(home.language.clone()),
            source: dice.pick(&SOURCES).map(|source| (*source).to_owned()),
            ..Submission::default()
        }
    }

    /// Somebody with just what the campaign asks for.
    pub(in crate::cli) fn somebody(&self, dice: &mut Dice, campaign: &Campaign) -> Submission {
        let mut submission = self.anybody(dice);
        let asks = campaign.fields;
        for (ask, field) in [
            (asks.name, &mut submission.name),
            (asks.email, &mut submission.email),
            (asks.message, &mut submission.message),
        ] {
            match ask {
                Ask::Off => *field = None,
                Ask::Required if field.is_none() => *field = Some("I stand with them.".into()),
                _ => {}
            }
        }
        let consents = campaign.current_consents().into_iter().filter(|_| dice.one_in(ONE_IN.2));
        let given = consents.map(|consent| GivenConsent { purpose: consent.purpose, version: consent.version });
        submission.consents = Some(given.filter(|given| given.purpose != Purpose::Partner).collect());
        submission
    }

    /// Every country of the crowd.
    pub(super) fn homes(&self) -> &[Home] {
        &self.countries
    }

    /// What people write in a language.
    pub(super) fn texts(&self, language: &str) -> Vec<&str> {
        self.messages
            .iter()
            .filter(|message| message.language == language)
            .map(|message| message.text.as_str())
            .collect()
    }

    fn home(&self, dice: &mut Dice) -> Option<&Home> {
        let mut throw = dice.below(self.countries.iter().map(|country| u64::from(country.weight)).sum());
        self.countries.iter().find(|country| {
            let weight = u64::from(country.weight);
            let found = throw < weight;
            throw = throw.saturating_sub(weight);
            found
        })
    }

    fn message(&self, dice: &mut Dice, language: &str) -> Option<String> {
        dice.pick(&self.texts(language)).map(|text| (*text).to_owned())
    }
}
