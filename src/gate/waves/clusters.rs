//! What stands out in the window: the values that many of its pledges share, and why they look like no people's. It uses the crowds that
//! the mixture finds and the past that it knows; what is reckoned here besides is only how a cluster does beside the others.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Common,
    features::at,
    minutes::Minutes,
    past::Past,
    reasons::{self, Reason},
    window::{Fate, Kept, Window},
};
use crate::{country::Country, gate::signals::Signal};

/// Numbers of a trend: one for each of the last hours.
pub const TREND: usize = 24;

/// Clusters of each kind, at the most.
pub const MOST: usize = 10;

/// From this score on a cluster is told. A day of fame alone doesn't reach it.
pub const TOLD_FROM: i16 = 200;

/// Fewer pledges are no cluster.
pub(super) const LEAST: u32 = 20;

/// Values of a kind that are looked at closely, the likeliest and the largest.
const CLOSELY: usize = 40;

/// Whose letter is answered at all has answered it by then, mostly.
const ASKED_MS: i64 = 20 * 60_000;

const HOUR_MS: i64 = 3_600_000;

/// Pledges that stand out together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// What they have in common.
    pub common: Common,
    /// Its value, as it stands in a filter; of minutes, when the first began.
    pub value: String,
    /// How many pledges there are, those that were removed or withdrawn left out.
    pub pledges: i64,
    /// How many of them were compared: those of the last day.
    pub compared: i64,
    /// How many of those their mailbox confirmed.
    pub confirmed: i64,
    /// How many of those are likelier a wave's than people's.
    pub likely: i64,
    /// When the first of those was stored.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last one was.
    pub last_at: Option<DateTime<Utc>>,
    /// When the last one was that is likelier a wave's than people's.
    #[serde(default)]
    pub last_likely_at: Option<DateTime<Utc>>,
    /// From when on they are found; None: whenever.
    pub from: Option<DateTime<Utc>>,
    /// Up to when; None: for ever.
    pub to: Option<DateTime<Utc>>,
    /// How many of those came in each of the last 24 hours, the oldest first.
    pub trend: Vec<i64>,
    /// From 0 to 1000: how little it looks like people.
    pub score: i16,
    /// What the score is made of, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// Some pledges, added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) pledges: u32,
    pub(super) likely: u32,
    pub(super) confirmed: u32,
    /// Old enough to have answered their letter, and those that have.
    pub(super) asked: u32,
    pub(super) answered: u32,
    /// Of the last hour.
    pub(super) recent: u32,
    first_ms: i64,
    last_ms: i64,
    last_likely_ms: i64,
    trend: [u32; TREND],
}

impl Sums {
    fn add(&mut self, row: &Kept, likely: bool, now_ms: i64) {
        let age_ms = (now_ms - row.at_ms).max(0);
        if self.pledges == 0 {
            (self.first_ms, self.last_ms) = (row.at_ms, row.at_ms);
        }
        self.pledges += 1;
        if likely {
            self.last_likely_ms = if self.likely == 0 { row.at_ms } else { self.last_likely_ms.max(row.at_ms) };
            self.likely += 1;
        }
        self.confirmed += u32::from(row.confirmed);
        self.asked += u32::from(age_ms >= ASKED_MS);
        self.answered += u32::from(age_ms >= ASKED_MS && row.confirmed);
        self.recent += u32::from(age_ms < HOUR_MS);
        (self.first_ms, self.last_ms) = (self.first_ms.min(row.at_ms), self.last_ms.max(row.at_ms));
        let hour = usize::try_from(age_ms / HOUR_MS).unwrap_or(usize::MAX);
        if let Some(slot) = TREND.checked_sub(hour + 1).and_then(|hour| self.trend.get_mut(hour)) {
            *slot += 1;
        }
    }
}

/// Finds the clusters of a window, the highest score first. `waves` says how likely each row is a wave's; nothing: none is. `counted` is what
/// the campaign has counted, by country, since it began.
pub(super) fn find(
    window: &Window,
    past: &Past,
    waves: &[f32],
    now: DateTime<Utc>,
    counted: &BTreeMap<Country, i64>,
) -> Vec<Cluster> {
    let looked = Looked::at(window, waves, now);
    let mut found: Vec<Cluster> = Common::ALL
        .into_iter()
        .filter(|common| *common != Common::Country)
        .flat_map(|common| looked.of(common, past))
        .collect();
    found.extend(looked.countries(past, counted));
    found.sort_by(|one, other| {
        (other.score, other.pledges).cmp(&(one.score, one.pledges)).then_with(|| one.value.cmp(&other.value))
    });
    let mut of_kind: HashMap<Common, usize> = HashMap::new();
    found.retain(|cluster| {
        let place = of_kind.entry(cluster.common).or_default();
        *place += 1;
        *place <= MOST
    });
    found
}

/// The rows that stand, and what is known of all of them.
struct Looked<'a> {
    window: &'a Window,
    /// With whether each is likely a wave's.
    rows: Vec<(&'a Kept, bool)>,
    now_ms: i64,
    all: Sums,
    minutes: Minutes,
}

impl<'a> Looked<'a> {
    fn at(window: &'a Window, waves: &[f32], now: DateTime<Utc>) -> Self {
        let now_ms = now.timestamp_millis();
        let likely = waves.iter().copied().chain(std::iter::repeat(0.0));
        // What a moderator has accepted is people's, however it looks.
        let stands = |(row, likely): (&'a Kept, f32)| match row.fate {
            Fate::Open => Some((row, likely > 0.5)),
            Fate::Accepted => Some((row, false)),
            Fate::Gone => None,
        };
        let rows: Vec<(&Kept, bool)> = window.rows.iter().zip(likely).filter_map(stands).collect();
        let mut all = Sums::default();
        for (row, likely) in &rows {
            all.add(row, *likely, now_ms);
        }
        let minutes = Minutes::of(rows.iter().map(|(row, _)| row.at_ms), now_ms);
        Self { window, rows, now_ms, all, minutes }
    }

    /// The numbers that a row has, of a kind.
    fn numbers(&self, common: Common, row: &Kept, mut take: impl FnMut(u32)) {
        match common {
            Common::SourceTag => take(row.source),
            Common::DomainTag => take(row.domain),
            Common::NameTag => take(row.name),
            Common::ShapeTag => take(row.shape),
            Common::Country => take(row.country),
            Common::Partner => take(row.partner),
            Common::Minute => take(self.minutes.run(row.at_ms, self.now_ms)),
            Common::Signal => {
                for signal in row.signals.list().filter(|signal| tells(*signal)) {
                    take(number(signal));
                }
            }
        }
    }

    /// The values of a kind that are worth a closer look, added up.
    fn sums(&self, common: Common, least: u32) -> BTreeMap<u32, Sums> {
        let size = match common {
            Common::Signal => 33,
            Common::Minute => self.minutes.len() + 1,
            _ => self.window.size(common),
        };
        let (mut all, mut likely) = (vec![0_u32; size], vec![0_u32; size]);
        for (row, is_likely) in &self.rows {
            self.numbers(common, row, |number| {
                let place = usize::try_from(number).unwrap_or(usize::MAX);
                if let (Some(all), Some(likely)) = (all.get_mut(place), likely.get_mut(place)) {
                    *all += 1;
                    *likely += u32::from(*is_likely);
                }
            });
        }
        let large = |number: &u32| at(&all, *number) >= least;
        let mut numbers: Vec<u32> = (1..).take(size.saturating_sub(1)).filter(large).collect();
        numbers.sort_by_key(|number| std::cmp::Reverse((at(&likely, *number), at(&all, *number))));
        let mut closely: BTreeMap<u32, Sums> =
            numbers.iter().take(CLOSELY).map(|number| (*number, Sums::default())).collect();
        numbers.sort_by_key(|number| std::cmp::Reverse(at(&all, *number)));
        closely.extend(numbers.iter().take(CLOSELY).map(|number| (*number, Sums::default())));
        for (row, is_likely) in &self.rows {
            self.numbers(common, row, |number| {
                if let Some(sums) = closely.get_mut(&number) {
                    sums.add(row, *is_likely, self.now_ms);
                }
            });
        }
        closely
    }

    /// What there was of a value before the last hour, and of all.
    fn before(&self, common: Common, number: u32, sums: &Sums, past: &Past) -> Option<(f32, f32)> {
        if matches!(common, Common::Signal | Common::Minute) {
            return None;
        }
        let (known, of_all) = past.known(common, number);
        let older = |sums: &Sums| reasons::float(sums.pledges.saturating_sub(sums.recent));
        Some((known + older(sums), of_all + older(&self.all)))
    }

    fn of(&self, common: Common, past: &Past) -> Vec<Cluster> {
        let sums = self.sums(common, LEAST);
        let told = sums.into_iter().filter_map(|(number, sums)| {
            let mut reasons = reasons::of(&sums, &self.all, self.before(common, number, &sums, past));
            if common == Common::Minute {
                reasons.extend(reasons::busy(sums.pledges, self.minutes.usual_of(number)));
            }
            let score = reasons::score(&reasons);
            (score >= TOLD_FROM).then_some((number, sums, reasons, score))
        });
        let told: Vec<_> = told.collect();
        let mut values = match common {
            Common::Signal | Common::Minute => HashMap::new(),
            _ => self.window.values(common, |number| told.iter().any(|(one, ..)| *one == number)),
        };
        let cluster = |(number, sums, reasons, score): (u32, Sums, Vec<Reason>, i16)| {
            let (value, bounds) = match common {
                Common::Signal => (signal(number)?.name().to_owned(), None),
                Common::Minute => {
                    let (from, to) = self.minutes.bounds(number, self.now_ms)?;
                    (from.to_rfc3339_opts(SecondsFormat::Secs, true), Some((from, to)))
                }
                _ => (values.remove(&number)?, None),
            };
            let mut cluster = unjudged(common, value, &sums);
            if let Some((from, to)) = bounds {
                (cluster.from, cluster.to) = (Some(from), Some(to));
            }
            Some(Cluster { score, reasons: reasons::sorted(reasons), ..cluster })
        };
        told.into_iter().filter_map(cluster).collect()
    }

    /// Countries are held against their people too, with all that was ever counted.
    fn countries(&self, past: &Past, counted: &BTreeMap<Country, i64>) -> Vec<Cluster> {
        let sums = self.sums(Common::Country, 1);
        let mut by_country: BTreeMap<Country, (u32, Sums)> = BTreeMap::new();
        let values = self.window.values(Common::Country, |number| sums.contains_key(&number));
        for (number, sums) in sums {
            if let Some(country) = values.get(&number).and_then(|code| code.parse().ok()) {
                by_country.insert(country, (number, sums));
            }
        }
        for country in counted.keys() {
            by_country.entry(*country).or_default();
        }
        let in_all = counted.values().sum::<i64>().max(i64::from(self.all.pledges));
        let cluster = |(country, (number, sums)): (Country, (u32, Sums))| {
            let in_country = counted.get(&country).copied().unwrap_or_default().max(i64::from(sums.pledges));
            let crowded = reasons::crowded(country, in_country, in_all);
            let mut reasons = match sums.pledges {
                0..LEAST => Vec::new(),
                _ => reasons::of(&sums, &self.all, self.before(Common::Country, number, &sums, past)),
            };
            let mut cluster = unjudged(Common::Country, country.to_string(), &sums);
            if let Some(crowded) = crowded {
                // All of them are too many, not only today's.
                (cluster.pledges, cluster.from) = (in_country, None);
                reasons.push(crowded);
            }
            let score = reasons::score(&reasons);
            (score >= TOLD_FROM).then(|| Cluster { score, reasons: reasons::sorted(reasons), ..cluster })
        };
        by_country.into_iter().filter_map(cluster).collect()
    }
}

/// Without its score.
fn unjudged(common: Common, value: String, sums: &Sums) -> Cluster {
    let time = |ms: i64| (sums.pledges > 0).then(|| DateTime::from_timestamp_millis(ms)).flatten();
    let first_at = time(sums.first_ms);
    Cluster {
        common,
        value,
        pledges: sums.pledges.into(),
        compared: sums.pledges.into(),
        confirmed: sums.confirmed.into(),
        likely: sums.likely.into(),
        first_at,
        last_at: time(sums.last_ms),
        last_likely_at: time(sums.last_likely_ms).filter(|_| sums.likely > 0),
        from: first_at.and_then(|at| at.duration_trunc(TimeDelta::minutes(1)).ok()),
        to: None,
        trend: sums.trend.iter().map(|count| i64::from(*count)).collect(),
        score: 0,
        reasons: Vec::new(),
    }
}

/// Whether a signal says that something is odd. Those of people's own manner, and what moderators and switches did, don't.
fn tells(signal: Signal) -> bool {
    signal.weight() > 0 || signal.name().starts_with("wave_")
}

/// From 1.
fn number(signal: Signal) -> u32 {
    signal.bit().bits().trailing_zeros() + 1
}

fn signal(of: u32) -> Option<Signal> {
    Signal::ALL.iter().copied().find(|signal| number(*signal) == of)
}

#[cfg(test)]
mod tests;
