//! Runs people through signals and waves as the service does, and says how many of each group are held.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::IpAddr,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Group, Person};
use crate::{
    crypto::Key,
    gate::{
        signals::{self, HOLD_AT, Sent},
        tags::Tags,
        waves::{Row, Waves, settled},
    },
};

/// How one group fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// All of them.
    pub people: u32,
    /// Held at the end.
    pub held: u32,
    /// Of these, those who had confirmed.
    pub held_confirmed: u32,
    /// Held by what was seen at submission alone.
    pub held_at_once: u32,
}

impl Line {
    /// From 0 to 1.
    pub fn held_share(&self) -> f64 {
        f64::from(self.held) / f64::from(self.people.max(1))
    }
}

/// The confusion table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// By group.
    pub lines: BTreeMap<Group, Line>,
}

impl Table {
    /// Everybody honest.
    pub fn honest(&self) -> impl Iterator<Item = (Group, Line)> {
        self.lines.iter().filter(|(group, _)| **group != Group::Bot).map(|(group, line)| (*group, *line))
    }

    /// The bots.
    pub fn bots(&self) -> Line {
        self.lines.get(&Group::Bot).copied().unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14}{:>8}{:>8}{:>9}{:>11}{:>9}", "group", "people", "held", "share", "confirmed", "at once")?;
        for (group, line) in &self.lines {
            let share = 100.0 * line.held_share();
            let name = format!("{group:?}");
            writeln!(
                f,
                "{name:<14}{:>8}{:>8}{share:>8.2}%{:>11}{:>9}",
                line.people, line.held, line.held_confirmed, line.held_at_once
            )?;
        }
        Ok(())
    }
}

/// How often the engine looks, how long after the last pledge it is judged, and what counts as recent.
const EVERY: TimeDelta = TimeDelta::minutes(10);
const AFTER: TimeDelta = TimeDelta::minutes(10);
const RECENT: TimeDelta = TimeDelta::minutes(5);

/// One pledge on its way.
struct Sentence {
    score: i16,
    at_once: i16,
    confirmed: bool,
}

/// Runs everybody, in the order of time, and judges ten minutes after the last one.
pub fn judge(people: &[Person]) -> Table {
    let mut order: Vec<&Person> = people.iter().collect();
    order.sort_by_key(|person| person.at);
    let mut run = Run::new();
    let (Some(first), Some(last)) = (order.first(), order.last()) else { return Table::default() };
    let (end, mut next) = (last.at + AFTER, first.at + EVERY);
    let mut letters: Vec<(DateTime<Utc>, usize)> = order
        .iter()
        .enumerate()
        .filter_map(|(index, person)| Some((person.at + TimeDelta::from_std(person.confirms_after?).ok()?, index)))
        .filter(|(at, _)| *at <= end)
        .collect();
    letters.sort_unstable();
    let mut letters = letters.into_iter().peekable();
    for (index, person) in order.iter().enumerate() {
        while next <= person.at {
            while let Some((_, confirming)) = letters.next_if(|(at, _)| *at <= next) {
                run.confirm(confirming);
            }
            // Nothing new, nothing to find.
            if run.fresh > run.sentences.len() / 20 {
                run.look(next);
            }
            next += EVERY;
        }
        run.submit(index, person);
    }
    while let Some((_, confirming)) = letters.next_if(|(at, _)| *at <= last.at) {
        run.confirm(confirming);
    }
    run.look(last.at);
    letters.for_each(|(_, confirming)| run.confirm(confirming));
    run.look(end);
    run.table(&order)
}

/// What is stored of each, in the order of time.
#[cfg(test)]
pub(super) fn rows(people: &[Person]) -> Vec<(Row, &Person)> {
    let mut order: Vec<&Person> = people.iter().collect();
    order.sort_by_key(|person| person.at);
    let mut run = Run::new();
    order.into_iter().enumerate().map(|(index, person)| (run.row(index, person), person)).collect()
}

struct Run {
    key: Key,
    waves: Waves,
    sentences: Vec<Sentence>,
    recent: HashMap<i64, VecDeque<DateTime<Utc>>>,
    tags: HashMap<String, Option<i64>>,
    fresh: usize,
}

impl Run {
    fn new() -> Self {
        Self {
            key: Key::from_bytes(Zeroizing::new([7; 32])),
            waves: Waves::default(),
            sentences: Vec::new(),
            recent: HashMap::new(),
            tags: HashMap::new(),
            fresh: 0,
        }
    }

    fn row(&mut self, index: usize, person: &Person) -> Row {
        let source = prefix(person.source);
        let recent = self.recent.entry(source).or_default();
        while recent.front().is_some_and(|at| *at < person.at - RECENT) {
            recent.pop_front();
        }
        recent.push_back(person.at);
        let source_recent = u32::try_from(recent.len()).unwrap_or(u32::MAX);
        let verdict = signals::judge(&Sent {
            name: person.name.as_deref(),
            mailbox: Some((&person.local, &person.domain)),
            message: person.message.as_deref(),
            country: person.country,
            crowd: signals::Crowd::default(),
            elapsed: person.elapsed,
            honeypot: person.honeypot,
            script: person.script,
            server: false,
            source_recent,
        });
        let (key, tags) = (&self.key, &mut self.tags);
        let maker = Tags::new(key, Uuid::nil());
        // Most values come again and again; a tag costs microseconds.
        let mut tag = |value: String, make: &dyn Fn() -> Option<i64>| *tags.entry(value).or_insert_with(make);
        let name = person.name.as_deref();
        let shape = signals::shape(name, Some(&person.local));
        Row {
            id: Uuid::from_u128(index as u128),
            at: person.at,
            source: Some(source),
            domain: tag(format!("d{}", person.domain), &|| maker.domain_tag(&person.domain)),
            name: name.and_then(|name| tag(format!("n{name}"), &|| maker.name_tag(name))),
            shape: tag(format!("s{shape}"), &|| maker.shape_tag(name, Some(&person.local))),
            country: person.country,
            partner: person.partner,
            signals: verdict.signals,
            score: verdict.score,
            confirmed: false,
        }
    }

    fn submit(&mut self, index: usize, person: &Person) {
        let row = self.row(index, person);
        self.waves.push(&row);
        self.sentences.push(Sentence { score: row.score, at_once: row.score, confirmed: false });
        self.fresh += 1;
    }

    fn confirm(&mut self, index: usize) {
        if let Some(sentence) = self.sentences.get_mut(index) {
            sentence.confirmed = true;
            self.waves.confirm(Uuid::from_u128(index as u128));
        }
    }

    fn look(&mut self, now: DateTime<Utc>) {
        self.fresh = 0;
        let raises = self.waves.judge(now);
        self.waves.keep(&raises);
        for raise in raises {
            let index = usize::try_from(raise.id.as_u128()).unwrap_or(usize::MAX);
            if let Some(sentence) = self.sentences.get_mut(index) {
                sentence.score = raise.score;
            }
        }
    }

    fn table(&self, order: &[&Person]) -> Table {
        let mut table = Table::default();
        for (person, sentence) in order.iter().zip(&self.sentences) {
            let line = table.lines.entry(person.group).or_default();
            let held = settled(sentence.score, sentence.confirmed) >= HOLD_AT;
            line.people += 1;
            line.held += u32::from(held);
            line.held_confirmed += u32::from(held && sentence.confirmed);
            line.held_at_once += u32::from(sentence.at_once >= HOLD_AT);
        }
        table
    }
}

/// The prefix that a source is known by: the whole of version 4, half of version 6.
fn prefix(source: IpAddr) -> i64 {
    match source {
        IpAddr::V4(address) => i64::from(address.to_bits()),
        IpAddr::V6(address) => i64::from_be_bytes(address.octets().first_chunk().copied().unwrap_or_default()),
    }
}
