//! What becomes of a partner's submissions: counted in memory, written down about each second by hour, told to the partner
//! and to organisers. Repeats count like new ones, so that nobody learns from it whether a mailbox had pledged (rule 4).

mod judgement;
pub mod store;

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::Lane;
use crate::db::{Database, DbError, TASK_PATIENCE};

pub use judgement::Flag;

/// What a submission that was taken is called.
pub const ACCEPTED: &str = "accepted";

/// Hours that are told.
pub const HOURS: usize = 7 * 24;

/// Hours that are known: what is told, and the week before whatever is told, by which it is judged.
const KNOWN: usize = 2 * HOURS;

/// Partners times outcomes that may wait to be written, in an outage of the database; what is beyond is not counted.
const MOST_WAITING: usize = 100_000;

type Counts = HashMap<(Uuid, bool, &'static str), i64>;

/// Counts submissions until they are written down. Clones share the counts.
#[derive(Clone, Default)]
pub struct Flow(Arc<Mutex<Counts>>);

impl Flow {
    /// Counts so many.
    pub fn note(&self, partner: Uuid, lane: Lane, outcome: &'static str, count: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MOST_WAITING {
            *counts.entry((partner, lane == Lane::Test, outcome)).or_default() +=
                i64::try_from(count).unwrap_or(i64::MAX);
        }
    }

    /// Writes down what was counted, into the hour of the database's clock.
    ///
    /// # Errors
    /// Those of the database; then it is tried again with the next.
    pub async fn write_down(&self, database: &Database) -> Result<(), DbError> {
        let counts = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = counts.iter().map(|((id, test, outcome), amount)| (*id, *test, *outcome, *amount)).collect();
        let deadline = Instant::now() + TASK_PATIENCE;
        let written = database.run_until(deadline, async |connection| store::add(connection, &rows).await).await;
        if written.is_err() {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, amount) in counts {
                *waiting.entry(key).or_default() += amount;
            }
        }
        written
    }
}

/// One hour of a partner's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Submissions that were taken, repeats too.
    pub accepted: i64,
    /// Those that were refused, by the code of the problem.
    pub refused: HashMap<String, i64>,
}

/// The last hours of a partner, oldest first; the last is the present one.
#[derive(Clone, Debug, Default)]
pub struct Week {
    known: Vec<Hour>,
    now: DateTime<Utc>,
    /// When the last submission came; None: none did in the last [`HOURS`].
    pub last_at: Option<DateTime<Utc>>,
}

impl Week {
    /// Puts rows into their hours; `now` is in the last one.
    pub fn of(rows: Vec<store::Row>, now: DateTime<Utc>) -> Self {
        let mut week = Self { known: vec![Hour::default(); KNOWN], now, last_at: None };
        for row in rows {
            let Some(place) = place(row.hour, now) else { continue };
            if place >= KNOWN - HOURS {
                week.last_at = week.last_at.max(Some(row.last_at));
            }
            if let Some(hour) = week.known.get_mut(place) {
                match row.outcome.as_str() {
                    ACCEPTED => hour.accepted += row.amount,
                    _ => *hour.refused.entry(row.outcome).or_default() += row.amount,
                }
            }
        }
        week
    }

    /// The last [`HOURS`].
    pub fn hours(&self) -> &[Hour] {
        self.known.split_at(self.known.len().saturating_sub(HOURS)).1
    }

    /// Submissions that were taken.
    pub fn accepted(&self) -> i64 {
        self.hours().iter().map(|hour| hour.accepted).sum()
    }

    /// Those that were refused, by the code of the problem.
    pub fn refused(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (outcome, amount) in self.hours().iter().flat_map(|hour| &hour.refused) {
            *sums.entry(outcome.clone()).or_default() += amount;
        }
        sums
    }

    /// What stands out, as docs/partners.md tells it. Nobody wonders that nothing comes of a partner that is `paused`.
    pub fn flags(&self, paused: bool) -> Vec<Flag> {
        let last = self.last_at.and_then(|last_at| Some((last_at, place(last_at, self.now)?)));
        let Some((last_at, place)) = last else { return Vec::new() };
        let up_to_it = self.known.get(..=place).unwrap_or_default();
        let mut flags = judgement::flags(up_to_it, self.now - last_at);
        flags.retain(|flag| *flag != Flag::Stopped || !paused);
        flags
    }
}

/// Where an hour stands among those that are known.
fn place(hour: DateTime<Utc>, now: DateTime<Utc>) -> Option<usize> {
    let whole = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
    let ago = usize::try_from((whole(now) - whole(hour)).num_hours()).ok()?;
    KNOWN.checked_sub(ago + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hour: &str, outcome: &str, amount: i64) -> store::Row {
        let hour: DateTime<Utc> = hour.parse().unwrap();
        store::Row { hour, outcome: outcome.into(), amount, last_at: hour }
    }

    #[test]
    fn rows_go_into_their_hours() {
        let rows = vec![
            row("2026-11-27T10:00:00Z", ACCEPTED, 2),
            row("2026-11-27T09:00:00Z", "invalid_fields", 3),
            row("2026-11-20T11:00:00Z", ACCEPTED, 4),
            row("2026-11-20T10:00:00Z", ACCEPTED, 5),
            row("2026-11-13T10:00:00Z", ACCEPTED, 7),
            row("2026-11-27T11:00:00Z", ACCEPTED, 6),
        ];
        let week = Week::of(rows, "2026-11-27T10:30:00Z".parse().unwrap());
        let accepted: Vec<i64> = week.hours().iter().map(|hour| hour.accepted).collect();
        assert_eq!((accepted[HOURS - 1], accepted[0], accepted.iter().sum::<i64>()), (2, 4, 6));
        assert_eq!((week.accepted(), week.known.iter().map(|hour| hour.accepted).sum::<i64>()), (6, 11));
        assert_eq!(week.hours()[HOURS - 2].refused["invalid_fields"], 3);
        assert_eq!(week.last_at, Some("2026-11-27T10:00:00Z".parse().unwrap()));
    }

    /// A day of 30 an hour that ends a week ago is still known when the week is told.
    #[test]
    fn a_flow_that_stops_stays_flagged_for_as_long_as_its_last_submission_is_told() {
        let began: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
        let busy = |hour| row(&(began + TimeDelta::hours(hour)).to_rfc3339(), ACCEPTED, 30);
        let flags =
            |hours, paused| Week::of((0..24).map(busy).collect(), began + TimeDelta::hours(hours)).flags(paused);
        assert_eq!(flags(24, false), [], "an hour is nothing");
        for hours in [25, 26, 30, 48, 100, 23 + 167] {
            assert_eq!(flags(hours, false), [Flag::Stopped], "{hours}");
            assert_eq!(flags(hours, true), [], "a paused one stops, of course");
        }
        assert_eq!(flags(23 + 168, false), [], "then nobody is told of it any more");
    }
}
