//! Finds waves: many pledges that have together what none of them shows alone. Pure: rows go in, in the order of time, and raises
//! of scores come out, also for rows that came earlier.
//!
//! A mixture of two crowds is fitted to the window (`mixture.rs`): people, as this campaign's past and its quiet sources show
//! them, and a wave, of which all is unknown but that few sources can't send much without looking alike. A busy source,
//! a country or a provider that everybody suddenly uses is never enough: what people don't change together on a day of
//! fame (how mailboxes are made, time on the form, who confirms) must differ too.
//!
//! Memory: at most [`ROWS_MAX`] rows, and twice as many values of each tag; beyond it the oldest go. Reckoned, not measured: 110 bytes a
//! row with all that is kept beside it, 55 MB a campaign, and half as much again while it judges.

pub mod clusters;
mod common;
mod features;
mod minutes;
mod mixture;
mod past;
pub mod reasons;
mod score;
mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{country::Country, gate::signals::Signals};

pub use clusters::Cluster;
pub use common::Common;
pub use score::{CONFIRMED_CREDIT, settled};
use window::{Fate, Window};

/// Rows that are compared at once. At a million an hour this is half an hour.
pub const ROWS_MAX: usize = 500_000;

/// How long a row is compared: source tags change after a day.
pub const HORIZON: TimeDelta = TimeDelta::hours(24);

/// Fewer rows than this tell nothing.
const ROWS_MIN: usize = 100;

/// A pledge as its row tells, without anything that can be read.
#[derive(Clone, Debug)]
pub struct Row {
    /// The pledge.
    pub id: Uuid,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The tag of its source.
    pub source: Option<i64>,
    /// The tag of its mailbox's domain.
    pub domain: Option<i64>,
    /// The tag of its name.
    pub name: Option<i64>,
    /// The tag of how name and mailbox are made.
    pub shape: Option<i64>,
    /// Where from.
    pub country: Country,
    /// Which partner's form.
    pub partner: Option<Uuid>,
    /// What was seen at submission, and since.
    pub signals: Signals,
    /// The score as it is stored: at submission, or raised since by whoever looked.
    pub score: i16,
    /// Whether its letter was answered already.
    pub confirmed: bool,
}

/// A score that is higher than what was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The pledge.
    pub id: Uuid,
    /// The whole new score, before what confirming takes off ([`settled`]).
    pub score: i16,
    /// Why: to be added to the row's.
    pub signals: Signals,
}

/// The rows of one campaign in the last day, and what its past looked like.
#[derive(Default)]
pub struct Waves {
    window: Window,
    past: past::Past,
}

impl Waves {
    /// Takes the next row. Rows come in the order of their ids, which is that of time; one that is known already changes nothing.
    pub fn push(&mut self, row: &Row) {
        self.window.push(row, &mut self.past);
    }

    /// Takes that a letter was answered. Unknown rows are passed over.
    pub fn confirm(&mut self, id: Uuid) {
        self.window.confirm(id);
    }

    /// Takes that raises are stored: they aren't told again.
    pub fn keep(&mut self, raises: &[Raise]) {
        for raise in raises {
            self.window.keep(raise);
        }
    }

    /// Takes what has become of rows since they were pushed: those that are gone, removed or withdrawn, and those that a moderator has
    /// accepted. Of all others nothing.
    pub fn settle(&mut self, gone: &[Uuid], accepted: &[Uuid]) {
        self.window.settle(gone, Fate::Gone, true);
        self.window.settle(accepted, Fate::Accepted, false);
    }

    /// What stands out, the highest score first. `counted` is what the campaign has counted by country since it began. Raises nobody, and
    /// costs about as much as [`Self::judge`].
    pub fn clusters(&mut self, now: DateTime<Utc>, counted: &BTreeMap<Country, i64>) -> Vec<Cluster> {
        self.window.forget(now - HORIZON, &mut self.past);
        let mut waves = Vec::new();
        if self.window.rows.len() >= ROWS_MIN {
            let features = features::Features::of(&self.window, &self.past, now);
            let fitted = mixture::fit(&features, &self.window);
            if score::is_wave(&fitted) {
                waves = fitted.waves;
            }
        }
        clusters::find(&self.window, &self.past, &waves, now, counted)
    }

    /// When the oldest row that is compared was sent.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.window.rows.front().and_then(|row| DateTime::from_timestamp_millis(row.at_ms))
    }

    /// The oldest row that is compared.
    pub fn oldest(&self) -> Option<Uuid> {
        self.window.rows.front().map(|row| row.id)
    }

    /// How many rows are kept.
    pub fn len(&self) -> usize {
        self.window.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.window.rows.is_empty()
    }

    /// Compares the window with the past, and tells whose score rises by ten or more; again and again, until it is told
    /// that they are stored ([`Self::keep`]). Takes about a microsecond a row; worth doing when
    /// a minute has passed or the window has grown by a tenth.
    pub fn judge(&mut self, now: DateTime<Utc>) -> Vec<Raise> {
        self.window.forget(now - HORIZON, &mut self.past);
        if self.window.rows.len() < ROWS_MIN {
            return Vec::new();
        }
        let features = features::Features::of(&self.window, &self.past, now);
        let fitted = mixture::fit(&features, &self.window);
        score::raises(&mut self.window, &features, &fitted)
    }
}

#[cfg(test)]
mod tests;
