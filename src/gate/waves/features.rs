//! What is compared: for each row and feature a small number, the class that the row is in.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, Utc};

use super::{
    past::Past,
    window::{Kept, Window, count, place},
};
use crate::gate::signals::Signal;

/// One thing to compare, and how far to trust it.
pub(super) struct Feature {
    /// What a row gets when this speaks against it.
    pub(super) signal: Signal,
    /// Dependent features say things twice, so none counts whole.
    pub(super) trust: f32,
    /// Whether people don't change it together, even on a day of fame.
    pub(super) telling: bool,
    /// Classes that never speak for a wave: what people do and farms don't.
    pub(super) innocent: &'static [u32],
    /// By row. [`NEUTRAL`] says nothing.
    pub(super) classes: Vec<u32>,
    /// How many classes there are.
    pub(super) size: usize,
    /// What people are like before anything is seen: weights by class.
    pub(super) people: Vec<f32>,
}

/// The class that says nothing: not known, or too rare to be compared.
pub(super) const NEUTRAL: u32 = 0;

/// All features of a window.
pub(super) struct Features {
    pub(super) list: Vec<Feature>,
    /// Rows of each source.
    pub(super) sources: Vec<u32>,
}

/// A value that fewer rows have is too rare to be compared.
const RARE: u32 = 4;
/// Of people behind one address, most are in one country: classes of the share that a row's country has of its source.
const TOGETHER: [f32; 4] = [6.0, 4.0, 5.0, 85.0];
/// Time is compared in pieces of this many minutes.
const PIECE_MS: i64 = 5 * 60_000;
/// Letters are answered in minutes: a row is asked only when it is old enough.
const YOUNG_MS: i64 = 4 * 60_000;
const OLD_MS: i64 = 20 * 60_000;

/// Innocent classes: letters answered; most of a source in the row's country.
const ANSWERED: [u32; 1] = [2];
const ONE_COUNTRY: [u32; 1] = [4];

impl Features {
    pub(super) fn of(window: &Window, past: &Past, now: DateTime<Utc>) -> Self {
        let sources = window.source_counts();
        let all = |field: fn(&Kept) -> u32| window.rows.iter().map(field).collect::<Vec<_>>();
        let kept = |classes: Vec<u32>, size: usize, past: &[f32]| without_rare(classes, size, past);
        let (shapes, shape_past) = kept(all(|row| row.shape), window.shapes.size(), &past.shapes);
        let (domains, domain_past) = kept(all(|row| row.domain), window.domains.size(), &past.domains);
        let (manners, manner_past) = kept(all(|row| row.manner), window.manners.size(), &past.manners);
        let (countries, country_past) = kept(all(|row| row.country), window.countries.size(), &past.countries);
        let (partners, partner_past) = kept(all(|row| row.partner), window.partners.size(), &past.partners);
        let (first, now_ms) = (window.rows.front().map_or(0, |row| row.at_ms), now.timestamp_millis());
        let pieces = window.rows.iter().map(|row| 1 + u32::try_from((row.at_ms - first) / PIECE_MS).unwrap_or(0));
        let names = window.name_counts();
        let name = |row: &Kept| if row.name == 0 { NEUTRAL } else { 1 + octave(at(&names, row.name)) };
        let feature = |signal, trust, telling, innocent, classes: Vec<u32>, people| {
            let size = 1 + classes_max(&classes);
            Feature { signal, trust, telling, innocent, classes, size, people }
        };
        let together_people = [0.0].into_iter().chain(TOGETHER).collect();
        let together = togetherness(window, &sources);
        let list = vec![
            feature(Signal::WaveShape, 0.8, true, &[], shapes, shape_past),
            feature(Signal::WavePace, 0.8, true, &[], manners, manner_past),
            feature(Signal::WaveName, 0.5, true, &[], window.rows.iter().map(name).collect(), Vec::new()),
            feature(
                Signal::WaveUnconfirmed,
                0.9,
                true,
                &ANSWERED,
                answers(window, now_ms, YOUNG_MS..OLD_MS),
                Vec::new(),
            ),
            feature(
                Signal::WaveUnconfirmed,
                0.9,
                true,
                &ANSWERED,
                answers(window, now_ms, OLD_MS..i64::MAX),
                Vec::new(),
            ),
            feature(Signal::WaveSource, 0.5, false, &ONE_COUNTRY, together, together_people),
            feature(Signal::WaveDomain, 0.8, false, &[], domains, domain_past),
            feature(Signal::WaveCountry, 0.5, false, &[], countries, country_past),
            feature(Signal::WaveTime, 0.6, false, &[], pieces.collect(), Vec::new()),
            feature(Signal::WavePartner, 0.5, false, &[], partners, partner_past),
        ];
        Self { list, sources }
    }
}

/// A table's value for a number.
pub(super) fn at<T: Copy + Default>(table: &[T], number: u32) -> T {
    table.get(place(number)).copied().unwrap_or_default()
}

/// How many octaves there are.
pub(super) const OCTAVES: usize = 16;

/// 1 → 0, 2 → 1, 3-4 → 2, 5-8 → 3, …
pub(super) fn octave(count: u32) -> u32 {
    (u32::BITS - count.saturating_sub(1).leading_zeros()).min(15)
}

fn classes_max(classes: &[u32]) -> usize {
    place(classes.iter().copied().max().unwrap_or(0))
}

/// Without the values that too few have, unless the past knows them.
fn without_rare(mut classes: Vec<u32>, size: usize, past: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let counts = count(size, classes.iter().copied());
    for class in &mut classes {
        if at(&counts, *class) < RARE && at(past, *class) < 4.0 {
            *class = NEUTRAL;
        }
    }
    (classes, past.to_vec())
}

/// Whether the letter was answered, for rows of one age: the age itself must not tell.
fn answers(window: &Window, now_ms: i64, age: Range<i64>) -> Vec<u32> {
    let is_asked = |row: &Kept| age.contains(&(now_ms - row.at_ms));
    window.rows.iter().map(|row| if is_asked(row) { 1 + u32::from(row.confirmed) } else { NEUTRAL }).collect()
}

/// How large a share of its source a row's country has, where the source has enough rows.
fn togetherness(window: &Window, sources: &[u32]) -> Vec<u32> {
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    for row in &window.rows {
        *pairs.entry((row.source, row.country)).or_default() += 1;
    }
    let class = |row: &Kept| {
        let (all, here) = (at(sources, row.source), pairs.get(&(row.source, row.country)).copied().unwrap_or(0));
        if row.source == 0 || all < 8 {
            return NEUTRAL;
        }
        match here * 100 / all {
            0..8 => 1,
            8..20 => 2,
            20..40 => 3,
            _ => 4,
        }
    };
    window.rows.iter().map(class).collect()
}
