//! A bot wave among honest people, made up from distributions that are data beside this file, and the same for one seed.
//! Written before the gate that it tries, and changed for no result of it.

mod bots;
#[cfg(test)]
mod cluster_tests;
mod data;
mod dice;
mod honest;
pub(in crate::cli) mod live;
mod names;
#[cfg(test)]
mod second;
#[cfg(test)]
mod single_tests;
mod table;
#[cfg(test)]
mod table_tests;

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::country::Country;

pub use table::{Line, Table, judge};

/// Whom somebody is counted with, to see that no kind of honest people is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// At home or on a phone with an address of their own.
    Home,
    /// Behind an address of a campus, an office or a mobile carrier.
    Shared,
    /// Through a Tor exit.
    Tor,
    /// With the plain form, without a proof and without a time.
    NoJavascript,
    /// With a mailbox at a privacy relay, a small provider or a domain of their own.
    OddDomain,
    /// From a country with few people.
    SmallCountry,
    /// Not a person.
    Bot,
}

/// Somebody who sends a pledge, honest or not: what a generator makes and what the gate is tried with.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The address that it comes from.
    pub source: IpAddr,
    /// When it is sent.
    pub at: DateTime<Utc>,
    /// What the form says.
    pub country: Country,
    /// What the form says.
    pub name: Option<String>,
    /// The mailbox, before the `@`.
    pub local: String,
    /// The mailbox, behind the `@`.
    pub domain: String,
    /// What the form says.
    pub message: Option<String>,
    /// The language of the page.
    pub language: String,
    /// From the challenge to sending; None without JavaScript.
    pub elapsed: Option<Duration>,
    /// Whether it comes with a proof.
    pub script: bool,
    /// Whether the field that nobody sees is filled in.
    pub honeypot: bool,
    /// The partner whose form it is.
    pub partner: Option<Uuid>,
    /// Which page of theirs.
    pub page: u8,
    /// When the letter is answered, after sending; None: never.
    pub confirms_after: Option<Duration>,
    /// Whether it is a person.
    pub honest: bool,
    /// Whom to count them with.
    pub group: Group,
}

/// Everybody of one seed, in the order of time: honest people over a day, and the wave in its last hour.
///
/// # Errors
/// When the data in the binary can't be read.
pub fn wave(seed: u64) -> anyhow::Result<Vec<Person>> {
    let stage = data::Stage::load()?;
    let mut people = honest::crowd(&stage, &mut dice::Dice::seeded(seed));
    people.extend(bots::wave(&stage, &mut dice::Dice::seeded(!seed), &people));
    people.sort_by_key(|person| person.at);
    Ok(people)
}

/// The honest people of the same seed alone.
///
/// # Errors
/// When the data in the binary can't be read.
pub fn quiet(seed: u64) -> anyhow::Result<Vec<Person>> {
    let mut people = honest::crowd(&data::Stage::load()?, &mut dice::Dice::seeded(seed));
    people.sort_by_key(|person| person.at);
    Ok(people)
}

/// The moment that every wave starts at.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_544_446_800, 0).unwrap_or_default()
}
