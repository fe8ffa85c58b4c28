//! How people and bots are spread: honest.json, bots.json and the demo's names.

use anyhow::Context;
use serde::Deserialize;

use super::super::people::{Crowd, Home};

/// Something that is picked by weight.
pub(super) trait Weighted {
    fn weight(&self) -> f64;
}

/// Everything that is known before the dice are thrown.
pub(super) struct Stage {
    pub(super) crowd: Crowd,
    pub(super) honest: Honest,
    pub(super) bots: Bots,
}

impl Stage {
    pub(super) fn load() -> anyhow::Result<Self> {
        Ok(Self {
            crowd: Crowd::load()?,
            honest: serde_json::from_str(include_str!("honest.json")).context("honest.json can't be read")?,
            bots: serde_json::from_str(include_str!("bots.json")).context("bots.json can't be read")?,
        })
    }

    /// Of the demo's countries.
    pub(super) fn home(&self, code: &str) -> Option<&Home> {
        self.crowd.homes().iter().find(|home| home.code() == code)
    }
}

/// What both kinds have.
#[derive(Deserialize)]
pub(super) struct Habits {
    pub(super) own_language: f64,
    pub(super) name_given: f64,
    pub(super) first_name_only: f64,
    pub(super) small_letters: f64,
    pub(super) message: Messages,
    pub(super) partners: Vec<f64>,
    pub(super) pages: Vec<f64>,
    pub(super) seconds: Spread,
    pub(super) script: f64,
    pub(super) honeypot: f64,
    pub(super) local_parts: Vec<Pattern>,
}

#[derive(Deserialize)]
pub(super) struct Messages {
    pub(super) share: f64,
    pub(super) own_words: f64,
}

/// Log-normal.
#[derive(Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) sigma: f64,
    #[serde(default)]
    pub(super) least: f64,
}

#[derive(Deserialize)]
pub(super) struct Pattern {
    pub(super) pattern: String,
    weight: f64,
}

impl Weighted for Pattern {
    fn weight(&self) -> f64 {
        self.weight
    }
}

#[derive(Deserialize)]
pub(super) struct Domain {
    pub(super) domain: String,
    weight: f64,
}

impl Weighted for Domain {
    fn weight(&self) -> f64 {
        self.weight
    }
}

impl Weighted for Home {
    fn weight(&self) -> f64 {
        Self::weight(self)
    }
}

#[derive(Deserialize)]
pub(super) struct Honest {
    pub(super) people: u32,
    pub(super) history: History,
    pub(super) hours_before: f64,
    pub(super) hours: f64,
    pub(super) newsletters: Newsletters,
    pub(super) groups: Vec<GroupShare>,
    pub(super) home: AtHome,
    pub(super) shared: Vec<SharedAddress>,
    pub(super) tor_exits: u32,
    pub(super) small_countries: Vec<Home>,
    pub(super) withheld: f64,
    pub(super) confirms: HonestConfirms,
    pub(super) domains: HonestDomains,
    pub(super) words: Vec<String>,
    pub(super) own_words: OwnWords,
    #[serde(flatten)]
    pub(super) habits: Habits,
}

#[derive(Deserialize)]
pub(super) struct History {
    pub(super) people: u32,
    pub(super) hours: f64,
}

#[derive(Deserialize)]
pub(super) struct Newsletters {
    pub(super) count: u32,
    pub(super) share: f64,
    pub(super) mean_minutes: f64,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Home,
    Shared,
    Tor,
    NoJavascript,
    OddDomain,
    SmallCountry,
}

#[derive(Deserialize)]
pub(super) struct GroupShare {
    pub(super) group: Kind,
    weight: f64,
}

impl Weighted for GroupShare {
    fn weight(&self) -> f64 {
        self.weight
    }
}

#[derive(Deserialize)]
pub(super) struct AtHome {
    pub(super) household: f64,
    pub(super) corner: f64,
    pub(super) corners: u32,
    pub(super) version_6: f64,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum SharedKind {
    Carrier,
    Campus,
    Office,
}

#[derive(Deserialize)]
pub(super) struct SharedAddress {
    pub(super) kind: SharedKind,
    pub(super) country: String,
    weight: f64,
    #[serde(default)]
    pub(super) domain: Option<String>,
    #[serde(default)]
    pub(super) used: f64,
}

#[derive(Deserialize)]
pub(super) struct HonestConfirms {
    pub(super) share: f64,
    pub(super) median_minutes: f64,
    pub(super) sigma: f64,
}

#[derive(Deserialize)]
pub(super) struct HonestDomains {
    pub(super) everywhere: Vec<Domain>,
    pub(super) at_home: std::collections::BTreeMap<String, Vec<String>>,
    pub(super) at_home_share: f64,
    pub(super) odd: Odd,
}

#[derive(Deserialize)]
pub(super) struct Odd {
    pub(super) relay: Vec<String>,
    pub(super) small: Vec<String>,
    pub(super) throw_away: Vec<String>,
    pub(super) shares: OddShares,
}

#[derive(Deserialize)]
pub(super) struct OddShares {
    pub(super) relay: f64,
    pub(super) small: f64,
    pub(super) own: f64,
    pub(super) throw_away: f64,
}

#[derive(Deserialize)]
pub(super) struct OwnWords {
    pub(super) openings: Vec<String>,
    pub(super) people: Vec<String>,
    pub(super) endings: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Bots {
    pub(super) people: u32,
    pub(super) sources: BotSources,
    pub(super) minutes: BotMinutes,
    pub(super) countries: BotCountries,
    pub(super) confirms: BotConfirms,
    pub(super) domains: BotDomains,
    #[serde(flatten)]
    pub(super) habits: Habits,
}

#[derive(Deserialize)]
pub(super) struct BotSources {
    pub(super) count: u32,
    pub(super) sigma: f64,
    pub(super) tor_exits: usize,
    pub(super) carriers: usize,
    pub(super) version_6: f64,
}

#[derive(Deserialize)]
pub(super) struct BotMinutes {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) waves: u32,
    pub(super) in_waves: f64,
    pub(super) wave_minutes: f64,
}

#[derive(Deserialize)]
pub(super) struct BotCountries {
    pub(super) as_people: f64,
    pub(super) preferred: Vec<String>,
    pub(super) withheld: f64,
}

#[derive(Deserialize)]
pub(super) struct BotConfirms {
    pub(super) big: f64,
    pub(super) throw_away: f64,
    pub(super) own: f64,
    pub(super) median_minutes: f64,
    pub(super) sigma: f64,
}

#[derive(Deserialize)]
pub(super) struct BotDomains {
    pub(super) big: Vec<Domain>,
    pub(super) throw_away: Vec<String>,
    pub(super) own: u32,
    pub(super) shares: BotShares,
}

#[derive(Deserialize)]
pub(super) struct BotShares {
    pub(super) big: f64,
    pub(super) throw_away: f64,
    pub(super) own: f64,
}

impl Weighted for SharedAddress {
    fn weight(&self) -> f64 {
        self.weight
    }
}
