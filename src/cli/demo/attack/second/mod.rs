//! A second wave, by another hand: written before its writer had read the rules, the first wave or what they score.
//!
//! Two operators work at once. The farm drives browsers behind 120 home connections it rents: names from lists, addresses on free mailers made from the names,
//! the countries of the honest, shifts and pauses, a slow ramp. The scripts post the plain form through 80 rented servers: addresses of real people out of leaked lists,
//! with countries that matter to their client, evenly all night. Between them 5,000 honest people come by a newsletter and by word of mouth.
//! The data was fixed before its first score was seen: mend the rules, never the wave.
mod bots;
mod honest;
mod people;
mod roll;
mod score_tests;
mod tests;

use std::{net::IpAddr, time::Duration};

use chrono::DateTime;
use uuid::Uuid;

use super::{Group, Person};

/// Whose pledge it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// An honest person at home or on the road, some with others of the household.
    Home,
    /// An honest person behind one of 20 shared addresses: a campus, a carrier's NAT.
    Shared,
    /// An honest person behind a Tor exit.
    Tor,
    /// An honest person at home without JavaScript.
    Plain,
    /// A bot of the farm.
    Farm,
    /// A bot of the scripts.
    Script,
}

/// One pledge of the wave.
#[derive(Clone)]
pub struct Pledge {
    /// Seconds since the wave began; before it in the quiet days.
    pub at: f64,
    /// The whole name as typed.
    pub name: String,
    /// The address as typed.
    pub email: String,
    /// ISO code.
    pub country: &'static str,
    /// The form's language.
    pub language: &'static str,
    /// What they wrote, if anything.
    pub message: Option<String>,
    /// The partner's site it came through, by number.
    pub site: Option<usize>,
    /// Where it came from.
    pub source: IpAddr,
    /// Whether the plain form was posted, without a script.
    pub plain: bool,
    /// Seconds between opening the form and sending it.
    pub seconds: f64,
    /// Seconds until the mailbox confirmed, if it ever did.
    pub confirmed: Option<f64>,
    /// Whose it is.
    pub who: Who,
}

/// Honest people in the wave.
pub const HONEST: usize = 5_000;
/// Bots of both operators.
pub const BOTS: usize = 50_000;
/// How long the wave takes, in seconds: seven hours.
pub const LONG: f64 = 7.0 * 3_600.0;

/// The wave of this seed, in the order of its arrival.
pub fn wave(seed: u64) -> Vec<Pledge> {
    let mut roll = roll::Roll::new(seed ^ 0x5ec0_17d0);
    let mut all = honest::surge(&mut roll, HONEST);
    all.extend(bots::farm(&mut roll, BOTS * 3 / 5));
    all.extend(bots::scripts(&mut roll, BOTS * 2 / 5));
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    all
}

/// Six days before the wave, honest only, in the order of arrival.
pub fn quiet(seed: u64) -> Vec<Pledge> {
    let mut roll = roll::Roll::new(seed ^ 0x0dd_da75);
    let mut all = honest::days(&mut roll, 6, 260);
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    all
}

/// The same as the judge of waves takes it: the plain form tells no time and brings no proof.
pub fn person(pledge: &Pledge) -> Person {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of some days")]
    let at = DateTime::from_timestamp_millis(1_717_512_000_000 + (pledge.at * 1_000.0) as i64).unwrap();
    let (local, domain) = pledge.email.split_once('@').unwrap();
    Person {
        source: pledge.source,
        at,
        country: pledge.country.parse().unwrap(),
        name: Some(pledge.name.clone()),
        local: local.to_owned(),
        domain: domain.to_owned(),
        message: pledge.message.clone(),
        language: pledge.language.to_owned(),
        elapsed: (!pledge.plain).then(|| Duration::from_secs_f64(pledge.seconds)),
        script: !pledge.plain,
        honeypot: false,
        partner: pledge.site.map(|site| Uuid::from_u128(site as u128 + 1)),
        page: 0,
        confirms_after: pledge.confirmed.map(Duration::from_secs_f64),
        honest: !matches!(pledge.who, Who::Farm | Who::Script),
        group: match pledge.who {
            Who::Home => Group::Home,
            Who::Shared => Group::Shared,
            Who::Tor => Group::Tor,
            Who::Plain => Group::NoJavascript,
            Who::Farm | Who::Script => Group::Bot,
        },
    }
}
