//! Deltas: changes of the counts, appended in the transaction that changes the rows, and not yet in the totals. A delta
//! belongs to the minute in which its pledges were counted, so that a removal corrects the past and not the present.

pub mod store;

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::Uuid;

pub use store::CountedRow;

use super::shown::Changes;
use crate::country::Country;

/// Changes of counts by partner.
pub type PartnerChanges = BTreeMap<Uuid, i64>;

/// What changes of the pledges that were counted in one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// By country.
    pub countries: Changes,
    /// By partner; those who came from none are left out.
    pub partners: PartnerChanges,
    /// Of those whose mailbox confirmed them.
    pub confirmed: i64,
}

/// A pledge as the counters see it.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Where from.
    pub country: Country,
    /// The partner whose site it came from.
    pub partner: Option<Uuid>,
    /// Whether its mailbox confirmed it.
    pub confirmed: bool,
}

impl Delta {
    /// Adds `by` pledges of one kind.
    pub fn add(&mut self, pledge: Counts, by: i64) {
        *self.countries.entry(pledge.country).or_default() += by;
        if let Some(partner) = pledge.partner {
            *self.partners.entry(partner).or_default() += by;
        }
        if pledge.confirmed {
            self.confirmed += by;
        }
    }
}

/// Changes by the minute of `counted_at`.
pub type ByMinute = BTreeMap<DateTime<Utc>, Delta>;

/// What `rows` change that are counted from now on (`by` is 1), or no longer (-1).
pub fn changes<'a>(rows: impl IntoIterator<Item = &'a CountedRow>, by: i64) -> ByMinute {
    let mut changes = ByMinute::new();
    for row in rows {
        // What is counted has a time (a constraint says so).
        let minute = minute_of(row.counted_at.unwrap_or_default());
        let country = row.country.parse().unwrap_or(Country::WITHHELD);
        let counts = Counts { country, partner: row.partner_id, confirmed: row.confirmed };
        changes.entry(minute).or_default().add(counts, by);
    }
    changes
}

/// The minute that a moment lies in.
pub fn minute_of(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.duration_trunc(TimeDelta::minutes(1)).unwrap_or(moment)
}

/// The hour that a moment lies in.
pub fn hour_of(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.duration_trunc(TimeDelta::hours(1)).unwrap_or(moment)
}

/// What a batch of deltas adds to each counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// By country, over all time.
    pub countries: Changes,
    /// By partner, over all time.
    pub partners: PartnerChanges,
    /// By minute, over all countries.
    pub minutes: BTreeMap<DateTime<Utc>, i64>,
    /// By hour and country.
    pub hours: BTreeMap<(DateTime<Utc>, Country), i64>,
    /// Of those whose mailbox confirmed them, over all time.
    pub confirmed: i64,
}

impl Sums {
    /// Adds one change. Without a minute it is in the time buckets already.
    pub fn add(&mut self, minute: Option<DateTime<Utc>>, country: Country, amount: i64) {
        *self.countries.entry(country).or_default() += amount;
        if let Some(minute) = minute {
            *self.minutes.entry(minute).or_default() += amount;
            *self.hours.entry((hour_of(minute), country)).or_default() += amount;
        }
    }

    /// By hour, over all countries.
    pub fn hours_in_all(&self) -> BTreeMap<DateTime<Utc>, i64> {
        let mut all = BTreeMap::new();
        for ((hour, _), amount) in &self.hours {
            *all.entry(*hour).or_default() += amount;
        }
        all
    }
}
