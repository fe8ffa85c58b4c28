//! The rows that are compared, with small numbers in the place of tags.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Common, ROWS_MAX, Raise, Row, past::Past};
use crate::{
    country::Country,
    gate::{
        signals::{Signals, at_submission},
        source_tags,
    },
};

/// Small numbers for values, from 1; 0 stands for none.
pub(super) struct Numbers<T>(HashMap<T, u32>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Numbers<T> {
    fn of(&mut self, value: Option<T>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX - 1) + 1;
        value.map_or(0, |value| *self.0.entry(value).or_insert(next))
    }

    /// What some numbers stand for.
    fn values(&self, wanted: impl Fn(u32) -> bool, text: impl Fn(&T) -> String) -> HashMap<u32, String> {
        self.0.iter().filter(|(_, number)| wanted(**number)).map(|(value, number)| (*number, text(value))).collect()
    }

    /// One more than the highest number.
    pub(super) fn size(&self) -> usize {
        self.0.len() + 1
    }
}

/// What has become of a row since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Open,
    /// It was removed or withdrawn.
    Gone,
    /// A moderator has accepted it.
    Accepted,
}

/// One row.
pub(super) struct Kept {
    pub(super) id: Uuid,
    pub(super) at_ms: i64,
    pub(super) source: u32,
    pub(super) domain: u32,
    pub(super) name: u32,
    pub(super) shape: u32,
    pub(super) manner: u32,
    pub(super) country: u32,
    pub(super) partner: u32,
    pub(super) base: i16,
    pub(super) told: i16,
    pub(super) signals: Signals,
    pub(super) confirmed: bool,
    pub(super) fate: Fate,
    /// Whether it was certain when looked at last.
    pub(super) certain: bool,
    /// Whether it would have been held by the last look.
    pub(super) found: bool,
    /// How likely it is the wave's, as found last.
    pub(super) wave: f32,
}

/// All rows of the window, oldest first, in the order of their ids.
#[derive(Default)]
pub(super) struct Window {
    pub(super) rows: VecDeque<Kept>,
    sources: Numbers<i64>,
    pub(super) domains: Numbers<i64>,
    names: Numbers<i64>,
    pub(super) shapes: Numbers<i64>,
    pub(super) manners: Numbers<i32>,
    pub(super) countries: Numbers<Country>,
    pub(super) partners: Numbers<Uuid>,
}

impl Window {
    pub(super) fn push(&mut self, row: &Row, past: &mut Past) {
        if self.rows.back().is_some_and(|last| row.id <= last.id) {
            return;
        }
        if self.rows.len() >= ROWS_MAX {
            self.drop_oldest(past);
        }
        self.shed(past);
        let kept = Kept {
            id: row.id,
            at_ms: row.at.timestamp_millis(),
            source: self.sources.of(row.source),
            domain: self.domains.of(row.domain),
            name: self.names.of(row.name),
            shape: self.shapes.of(row.shape),
            manner: self.manners.of(Some(row.signals.manner())),
            country: self.countries.of(Some(row.country)),
            partner: self.partners.of(row.partner),
            base: at_submission(row.score, row.signals),
            told: row.score,
            signals: row.signals,
            confirmed: row.confirmed,
            fate: Fate::Open,
            certain: false,
            found: false,
            wave: 0.0,
        };
        self.rows.push_back(kept);
    }

    fn find(&mut self, id: Uuid) -> Option<&mut Kept> {
        let place = self.rows.binary_search_by_key(&id, |row| row.id).ok()?;
        self.rows.get_mut(place)
    }

    pub(super) fn confirm(&mut self, id: Uuid) {
        if let Some(row) = self.find(id) {
            row.confirmed = true;
        }
    }

    pub(super) fn keep(&mut self, raise: &Raise) {
        if let Some(row) = self.find(raise.id) {
            row.told = row.told.max(raise.score);
            row.signals = row.signals.with(raise.signals);
        }
    }

    /// Rows with these ids have this fate; with `anew`, all others none.
    pub(super) fn settle(&mut self, ids: &[Uuid], fate: Fate, anew: bool) {
        if anew {
            for row in &mut self.rows {
                row.fate = Fate::Open;
            }
        }
        for id in ids {
            if let Some(row) = self.find(*id) {
                row.fate = fate;
            }
        }
    }

    /// What numbers of a kind stand for, as it stands in a filter.
    pub(super) fn values(&self, common: Common, wanted: impl Fn(u32) -> bool) -> HashMap<u32, String> {
        let tag = |tag: &i64| source_tags::text(*tag);
        match common {
            Common::SourceTag => self.sources.values(wanted, tag),
            Common::DomainTag => self.domains.values(wanted, tag),
            Common::NameTag => self.names.values(wanted, tag),
            Common::ShapeTag => self.shapes.values(wanted, tag),
            Common::Country => self.countries.values(wanted, Country::to_string),
            Common::Partner => self.partners.values(wanted, Uuid::to_string),
            Common::Signal | Common::Minute => HashMap::new(),
        }
    }

    /// One more than the highest number of a kind.
    pub(super) fn size(&self, common: Common) -> usize {
        match common {
            Common::SourceTag => self.sources.size(),
            Common::DomainTag => self.domains.size(),
            Common::NameTag => self.names.size(),
            Common::ShapeTag => self.shapes.size(),
            Common::Country => self.countries.size(),
            Common::Partner => self.partners.size(),
            Common::Signal | Common::Minute => 0,
        }
    }

    pub(super) fn forget(&mut self, before: DateTime<Utc>, past: &mut Past) {
        while self.rows.front().is_some_and(|row| row.at_ms < before.timestamp_millis()) {
            self.drop_oldest(past);
        }
    }

    fn drop_oldest(&mut self, past: &mut Past) {
        if let Some(row) = self.rows.pop_front() {
            past.learn(&row);
        }
    }

    /// Numbers of what is long gone would pile up: when there are twice as many as rows fit, all are given anew.
    fn shed(&mut self, past: &mut Past) {
        let most = [&self.sources, &self.domains, &self.names, &self.shapes].map(Numbers::size);
        if most.into_iter().all(|size| size < 2 * ROWS_MAX) {
            return;
        }
        past.clear();
        renumber(&mut self.sources, &mut self.rows, |row| &mut row.source);
        renumber(&mut self.domains, &mut self.rows, |row| &mut row.domain);
        renumber(&mut self.names, &mut self.rows, |row| &mut row.name);
        renumber(&mut self.shapes, &mut self.rows, |row| &mut row.shape);
    }

    /// How many rows each source has, by number; the first is for rows without.
    pub(super) fn source_counts(&self) -> Vec<u32> {
        count(self.sources.size(), self.rows.iter().map(|row| row.source))
    }

    /// The same for names.
    pub(super) fn name_counts(&self) -> Vec<u32> {
        count(self.names.size(), self.rows.iter().map(|row| row.name))
    }
}

fn renumber(numbers: &mut Numbers<i64>, rows: &mut VecDeque<Kept>, field: impl Fn(&mut Kept) -> &mut u32) {
    let mut anew: HashMap<u32, u32> = HashMap::new();
    for row in rows.iter_mut() {
        let number = field(row);
        let next = u32::try_from(anew.len()).unwrap_or(u32::MAX - 1) + 1;
        if *number != 0 {
            *number = *anew.entry(*number).or_insert(next);
        }
    }
    numbers.0.retain(|_, number| anew.get(number).map(|new| *number = *new).is_some());
    numbers.0.shrink_to_fit();
}

/// How often each number occurs.
pub(super) fn count(size: usize, numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut counts = vec![0; size];
    for number in numbers {
        if let Some(slot) = counts.get_mut(place(number)) {
            *slot += 1;
        }
    }
    counts
}

/// A number as a place in a table.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
