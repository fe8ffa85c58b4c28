//! Which intervals were asked for, and what a series says in each: pure arithmetic on numbers of minutes, hours and days
//! since 1970 (UTC).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Points of one answer at the most: 48 hours of minutes, four months of hours, eight years of days.
pub const MOST_POINTS: i64 = 3_000;

/// Minutes are kept this long.
const MINUTES_KEPT: TimeDelta = TimeDelta::hours(48);

/// How long an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// A minute; kept for 48 hours.
    Minute,
    /// An hour.
    Hour,
    /// A UTC day.
    Day,
}

impl Interval {
    /// Every interval.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// How many intervals an answer has when nobody says where it begins: a day, 30 days, a year.
    fn usual(self) -> i64 {
        match self {
            Self::Minute => 24 * 60,
            Self::Hour => 30 * 24,
            Self::Day => 365,
        }
    }

    /// The interval that a moment lies in, by its number since 1970.
    fn of(self, moment: DateTime<Utc>) -> i64 {
        moment.timestamp().div_euclid(self.seconds())
    }

    /// The first interval that begins at a moment or later.
    fn from(self, moment: DateTime<Utc>) -> i64 {
        let whole = moment.timestamp().rem_euclid(self.seconds()) == 0 && moment.timestamp_subsec_nanos() == 0;
        self.of(moment) + i64::from(!whole)
    }

    /// When an interval begins, by its number since 1970.
    pub(super) fn begins(self, number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(number.saturating_mul(self.seconds()), 0).unwrap_or_default()
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// How long an interval is.
    pub interval: Interval,
    /// The first interval holds this moment.
    pub from: Option<DateTime<Utc>>,
    /// The last interval begins before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `to` is not after `from`.
    Empty,
    /// More than [`MOST_POINTS`].
    TooLong,
    /// Minutes that are not kept any more.
    TooLongAgo,
}

/// Intervals without a gap, by their numbers since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    interval: Interval,
    first: i64,
    end: i64,
    current: i64,
}

impl Span {
    /// The intervals that were asked for, as far as there are any: none before the campaign began, none after `now`, and
    /// minutes only of the last 48 hours. `from` and `to` are rounded outward to whole intervals.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn new(asked: Asked, began: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Refused> {
        let Asked { interval, from, to } = asked;
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            return Err(Refused::Empty);
        }
        let current = interval.of(now);
        let end = to.map_or(current + 1, |to| interval.from(to)).min(current + 1);
        let mut earliest = interval.of(began);
        if interval == Interval::Minute {
            let kept = interval.from(now - MINUTES_KEPT);
            if end <= kept {
                return Err(Refused::TooLongAgo);
            }
            earliest = earliest.max(kept);
        }
        let first = from.map_or(end - interval.usual(), |from| interval.of(from)).max(earliest).min(end);
        if end - first > MOST_POINTS {
            return Err(Refused::TooLong);
        }
        Ok(Self { interval, first, end, current })
    }

    /// Where the first interval begins.
    pub fn from(self) -> DateTime<Utc> {
        self.interval.begins(self.first)
    }

    /// Where the last interval ends.
    pub fn to(self) -> DateTime<Utc> {
        self.interval.begins(self.end)
    }

    /// Whether the last interval is the one that is under way.
    pub fn reaches_now(self) -> bool {
        self.end > self.current && self.first < self.end
    }

    /// What a series says in each interval. Its steps are minutes when the intervals are, else hours.
    pub fn points(self, series: &Steps) -> Vec<Point> {
        let units = if self.interval == Interval::Day { 24 } else { 1 };
        let mut before = series.before(self.first * units);
        let mut rest = series.from(self.first * units).iter().peekable();
        let mut points = Vec::with_capacity(usize::try_from(self.end - self.first).unwrap_or(0));
        for number in self.first..self.end {
            let mut total = before;
            while let Some((_, then)) = rest.next_if(|(unit, _)| *unit < (number + 1) * units) {
                total = *then;
            }
            points.push(Point { at: self.interval.begins(number), count: total - before, total });
            before = total;
        }
        points
    }
}

/// A running total that changes now and then: 16 bytes a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    at_first: i64,
    changes: Vec<(i64, i64)>,
}

impl Steps {
    /// From the total before the first unit and how many each unit (by its number since 1970, ascending) adds.
    pub fn adding(at_first: i64, counted: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut total = at_first;
        let running = counted.into_iter().map(|(unit, count)| {
            total += count;
            (unit, total)
        });
        let mut changes: Vec<_> = running.collect();
        changes.shrink_to_fit();
        Self { at_first, changes }
    }

    /// From zero and the totals themselves at the end of each unit that changes it.
    pub fn of_totals(changes: Vec<(i64, i64)>) -> Self {
        Self { at_first: 0, changes }
    }

    /// The total after everything.
    pub fn last(&self) -> i64 {
        self.changes.last().map_or(self.at_first, |(_, total)| *total)
    }

    /// The first unit that changes the total.
    pub fn first_unit(&self) -> Option<i64> {
        self.changes.first().map(|(unit, _)| *unit)
    }

    /// The total at the beginning of a unit.
    pub(super) fn before(&self, unit: i64) -> i64 {
        let earlier = self.changes.partition_point(|(at, _)| *at < unit);
        earlier.checked_sub(1).and_then(|last| self.changes.get(last)).map_or(self.at_first, |(_, total)| *total)
    }

    fn from(&self, unit: i64) -> &[(i64, i64)] {
        let earlier = self.changes.partition_point(|(at, _)| *at < unit);
        self.changes.get(earlier..).unwrap_or_default()
    }
}

/// One interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HistoryPoint)]
pub struct Point {
    /// When the interval begins.
    #[schema(example = "2026-11-23T12:00:00Z")]
    pub at: DateTime<Utc>,
    /// By how much `total` grew in it. For a country it can be negative in the last interval, after a removal.
    #[schema(example = 12)]
    pub count: i64,
    /// The total at its end.
    #[schema(minimum = 0, example = 3012)]
    pub total: i64,
}

#[cfg(test)]
mod tests;
