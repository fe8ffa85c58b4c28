//! A bot farm: few sources, many names, and care that nothing of one pledge looks wrong.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};

use super::{
    super::people::Home,
    Group, Person,
    data::{Spread, Stage, Weighted},
    dice::{Dice, num},
    honest::{any_address, pledge, shared_source, tor_exit},
    names::Name,
    start,
};
use crate::country::Country;

struct Source {
    address: IpAddr,
    weight: f64,
}

impl Weighted for Source {
    fn weight(&self) -> f64 {
        self.weight
    }
}

struct Choice<'a> {
    home: &'a Home,
    weight: f64,
}

impl Weighted for Choice<'_> {
    fn weight(&self) -> f64 {
        self.weight
    }
}

/// The pledges of the farm, in no order. The countries are drawn like those of the honest, flatter, with some preferred.
pub(super) fn wave(stage: &Stage, dice: &mut Dice, honest: &[Person]) -> Vec<Person> {
    let bots = &stage.bots;
    let sources = sources(stage, dice);
    let seen = |home: &Home| honest.iter().filter(|person| person.country.as_str() == home.code()).count();
    let choices: Vec<Choice> = stage.crowd.homes().iter().map(|home| choice(stage, home, seen(home))).collect();
    let own: Vec<String> = (0..bots.domains.own).map(|_| own_domain(stage, dice)).collect();
    let minutes = bots.minutes.least + dice.fraction() * (bots.minutes.most - bots.minutes.least);
    let waves: Vec<f64> = (0..bots.minutes.waves).map(|_| dice.fraction() * minutes).collect();
    let mut people = Vec::new();
    for _ in 0..bots.people {
        let minute = moment(stage, dice, minutes, &waves);
        let at = start() + Duration::milliseconds(i64::try_from(num(minute * 60_000.0)).unwrap_or(0));
        let (Some(choice), Some(source)) = (dice.weighted(&choices), dice.weighted(&sources)) else { continue };
        people.push(bot(stage, dice, choice.home, source.address, &own, at));
    }
    people
}

fn sources(stage: &Stage, dice: &mut Dice) -> Vec<Source> {
    let bots = &stage.bots.sources;
    let exits = (0..bots.tor_exits).map(|_| tor_exit(dice.below(stage.honest.tor_exits))).collect::<Vec<_>>();
    let carriers = stage.honest.shared.iter().take(bots.carriers).map(|address| shared_source(stage, address));
    let mut addresses: Vec<IpAddr> = exits.into_iter().chain(carriers).collect();
    while addresses.len() < usize::try_from(bots.count).unwrap_or(0) {
        addresses.push(any_address(dice, bots.version_6));
    }
    addresses.into_iter().map(|address| Source { address, weight: dice.factor(bots.sigma) }).collect()
}

fn choice<'a>(stage: &Stage, home: &'a Home, seen: usize) -> Choice<'a> {
    let countries = &stage.bots.countries;
    let seen = f64::from(u32::try_from(seen).unwrap_or(0)) + 1.0;
    let preferred = if countries.preferred.iter().any(|code| code == home.code()) { 2.0 } else { 1.0 };
    Choice { home, weight: seen.powf(countries.as_people) * preferred }
}

fn own_domain(stage: &Stage, dice: &mut Dice) -> String {
    let words = &stage.honest.words;
    let mut word = || dice.pick(words).cloned().unwrap_or_default();
    format!("{}{}.example", word(), word())
}

fn moment(stage: &Stage, dice: &mut Dice, minutes: f64, waves: &[f64]) -> f64 {
    if dice.chance(stage.bots.minutes.in_waves)
        && let Some(begun) = dice.pick(waves)
    {
        return (begun + dice.waiting(stage.bots.minutes.wave_minutes)).min(minutes);
    }
    dice.fraction() * minutes
}

fn bot(stage: &Stage, dice: &mut Dice, home: &Home, source: IpAddr, own: &[String], at: DateTime<Utc>) -> Person {
    let bots = &stage.bots;
    let name = Name::of(home, dice);
    let mut person = pledge(stage, &bots.habits, dice, home, &name, at);
    person.source = source;
    person.honest = false;
    person.group = Group::Bot;
    if !person.script {
        person.elapsed = None;
    }
    if dice.chance(bots.countries.withheld) {
        person.country = Country::WITHHELD;
    }
    let shares = &bots.domains.shares;
    let (domain, confirms) = match dice.place(&[shares.big, shares.throw_away, shares.own]) {
        0 => (dice.weighted(&bots.domains.big).map(|found| found.domain.clone()), bots.confirms.big),
        1 => (dice.pick(&bots.domains.throw_away).cloned(), bots.confirms.throw_away),
        _ => (dice.pick(own).cloned(), bots.confirms.own),
    };
    person.domain = domain.unwrap_or_default();
    if dice.chance(confirms) {
        let spread = Spread { median: bots.confirms.median_minutes, sigma: bots.confirms.sigma, least: 0.1 };
        person.confirms_after = Some(dice.spread(&spread, 60.0));
    }
    person
}
