//! Honest people over a day: at home, behind shared addresses, through Tor, without JavaScript, with odd mailboxes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{
    super::people::Home,
    Group, Person,
    data::{Habits, Kind, SharedAddress, SharedKind, Spread, Stage},
    dice::{Dice, num},
    names::{Name, message},
    start,
};
use crate::country::Country;

/// Everybody honest, in no order.
pub(super) fn crowd(stage: &Stage, dice: &mut Dice) -> Vec<Person> {
    let honest = &stage.honest;
    let letters: Vec<f64> =
        (0..honest.newsletters.count).map(|_| dice.fraction() * honest.hours - honest.hours_before).collect();
    let mut last_home = None;
    let mut people = Vec::new();
    for index in 0..honest.history.people + honest.people {
        let hours = if index < honest.history.people {
            -honest.hours_before - dice.fraction() * honest.history.hours
        } else if dice.chance(honest.newsletters.share) {
            let sent = dice.pick(&letters).copied().unwrap_or_default();
            // Who reads it too late reads it at some other time.
            let read = sent + dice.waiting(honest.newsletters.mean_minutes) / 60.0;
            if read < honest.hours - honest.hours_before { read } else { any_hour(stage, dice) }
        } else {
            any_hour(stage, dice)
        };
        let at =
            start() + Duration::milliseconds(i64::try_from(num(hours.abs() * 3_600_000.0)).unwrap_or(0) * sign(hours));
        if let Some(person) = somebody(stage, dice, at, &mut last_home) {
            people.push(person);
        }
    }
    people
}

fn any_hour(stage: &Stage, dice: &mut Dice) -> f64 {
    dice.fraction() * stage.honest.hours - stage.honest.hours_before
}

fn sign(value: f64) -> i64 {
    if value < 0.0 { -1 } else { 1 }
}

fn somebody(stage: &Stage, dice: &mut Dice, at: DateTime<Utc>, last_home: &mut Option<IpAddr>) -> Option<Person> {
    let honest = &stage.honest;
    let kind = dice.weighted(&honest.groups)?.group;
    let shared = if kind == Kind::Shared { dice.weighted(&honest.shared) } else { None };
    let home = match (kind, shared) {
        (Kind::SmallCountry, _) => dice.pick(&honest.small_countries)?,
        (_, Some(address)) => stage.home(&address.country)?,
        _ => dice.weighted(stage.crowd.homes())?,
    };
    let name = Name::of(home, dice);
    let (source, group) = match kind {
        Kind::Shared => (shared_source(stage, shared?), Group::Shared),
        Kind::Tor => (tor_exit(dice.below(honest.tor_exits)), Group::Tor),
        Kind::Home => (home_source(stage, dice, last_home), Group::Home),
        Kind::NoJavascript => (home_source(stage, dice, last_home), Group::NoJavascript),
        Kind::OddDomain => (home_source(stage, dice, last_home), Group::OddDomain),
        Kind::SmallCountry => (home_source(stage, dice, last_home), Group::SmallCountry),
    };
    let mut person = pledge(stage, &honest.habits, dice, home, &name, at);
    person.source = source;
    person.group = group;
    person.domain = domain(stage, dice, kind, shared, home, &person.local);
    if dice.chance(honest.withheld) {
        person.country = Country::WITHHELD;
    }
    if kind == Kind::NoJavascript {
        (person.script, person.elapsed) = (false, None);
    }
    if dice.chance(honest.confirms.share) {
        let spread = Spread { median: honest.confirms.median_minutes, sigma: honest.confirms.sigma, least: 0.2 };
        person.confirms_after = Some(dice.spread(&spread, 60.0));
    }
    Some(person)
}

/// What the form and the page say, by somebody's habits; source, domain and confirming are still to come.
pub(super) fn pledge(
    stage: &Stage,
    habits: &Habits,
    dice: &mut Dice,
    home: &Home,
    name: &Name,
    at: DateTime<Utc>,
) -> Person {
    let language = if dice.chance(habits.own_language) { home.language() } else { "en" };
    Person {
        source: Ipv4Addr::UNSPECIFIED.into(),
        at,
        country: home.code().parse().unwrap_or(Country::WITHHELD),
        name: name.written(habits, dice),
        local: name.local_part(stage, habits, dice),
        domain: String::new(),
        message: message(stage, habits, language, dice),
        language: language.to_owned(),
        elapsed: Some(dice.spread(&habits.seconds, 1.0)),
        script: dice.chance(habits.script),
        honeypot: dice.chance(habits.honeypot),
        partner: Some(Uuid::from_u128(u128::from(dice.place(&habits.partners)) + 1)),
        page: dice.place(&habits.pages),
        confirms_after: None,
        honest: true,
        group: Group::Home,
    }
}

/// The address of the campus, office or carrier.
pub(super) fn shared_source(stage: &Stage, address: &SharedAddress) -> IpAddr {
    let place = stage.honest.shared.iter().position(|other| std::ptr::eq(other, address)).unwrap_or(0);
    Ipv4Addr::new(198, 51, 100, u8::try_from(place).unwrap_or(0)).into()
}

/// The address of a Tor exit.
pub(super) fn tor_exit(number: u32) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, u8::try_from(number).unwrap_or(0)).into()
}

/// A home has an address of its own, that of the last one (a household), or one that a few share (a corner).
fn home_source(stage: &Stage, dice: &mut Dice, last: &mut Option<IpAddr>) -> IpAddr {
    let home = &stage.honest.home;
    if dice.chance(home.corner) {
        // Some corners are much busier than others.
        let corner = num(f64::from(home.corners) * dice.fraction().powi(3));
        return Ipv4Addr::new(192, 0, 2, u8::try_from(corner).unwrap_or(0)).into();
    }
    if let Some(last) = *last
        && dice.chance(home.household)
    {
        return last;
    }
    let own = any_address(dice, home.version_6);
    *last = Some(own);
    own
}

/// Some address of version 6 or 4.
pub(super) fn any_address(dice: &mut Dice, version_6: f64) -> IpAddr {
    let number = dice.below(u32::MAX);
    if dice.chance(version_6) {
        let [high, low] = [number >> 16, number & 0xffff].map(|part| u16::try_from(part).unwrap_or(0));
        Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, 1).into()
    } else {
        Ipv4Addr::from_bits(0x0b00_0000 | (number % 0x4f00_0000)).into()
    }
}

fn domain(
    stage: &Stage,
    dice: &mut Dice,
    kind: Kind,
    shared: Option<&SharedAddress>,
    home: &Home,
    local: &str,
) -> String {
    let domains = &stage.honest.domains;
    if let Some(address) = shared
        && address.kind != SharedKind::Carrier
        && let Some(domain) = &address.domain
        && dice.chance(address.used)
    {
        return domain.clone();
    }
    let odd = &domains.odd;
    if kind == Kind::OddDomain {
        let kinds = [odd.shares.relay, odd.shares.small, odd.shares.own, odd.shares.throw_away];
        let listed = match dice.place(&kinds) {
            0 => dice.pick(&odd.relay),
            1 => dice.pick(&odd.small),
            2 => None,
            _ => dice.pick(&odd.throw_away),
        };
        let own = || format!("{}.example", local.replace(['.', '_', '+'], "-"));
        return listed.cloned().unwrap_or_else(own);
    }
    let local_ones = domains.at_home.get(home.code()).filter(|_| dice.chance(domains.at_home_share));
    let picked = local_ones.and_then(|list| dice.pick(list)).cloned();
    picked.or_else(|| dice.weighted(&domains.everywhere).map(|found| found.domain.clone())).unwrap_or_default()
}
