//! What becomes of a partner's submissions: counted in memory, written down about each second by hour, told to the partner
//! and to organisers. Repeats count like new ones, so that nobody learns from it whether a mailbox had pledged (rule 4).

pub mod store;

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Lane;
use crate::db::{Database, DbError, TASK_PATIENCE};

/// What a submission that was taken is called.
pub const ACCEPTED: &str = "accepted";

/// Hours that are told, and that flags are judged by.
pub const HOURS: usize = 7 * 24;

/// Partners times outcomes that may wait to be written, in an outage of the database; what is beyond is not counted.
const MOST_WAITING: usize = 100_000;

type Counts = HashMap<(Uuid, bool, &'static str), i64>;

/// Counts submissions until they are written down. Clones share the counts.
#[derive(Clone, Default)]
pub struct Flow(Arc<Mutex<Counts>>);

impl Flow {
    /// Counts one.
    pub fn note(&self, partner: Uuid, lane: Lane, outcome: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MOST_WAITING {
            *counts.entry((partner, lane == Lane::Test, outcome)).or_default() += 1;
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

impl Hour {
    fn refusals(&self) -> i64 {
        self.refused.values().sum()
    }
}

/// What organisers should look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Submissions came steadily, and have stopped.
    Stopped,
    /// Far more of them are refused than before.
    Refused,
}

/// The last [`HOURS`] hours of a partner, oldest first; the last is the present one.
#[derive(Clone, Debug, Default)]
pub struct Week {
    /// By hour.
    pub hours: Vec<Hour>,
    /// When the last submission came.
    pub last_at: Option<DateTime<Utc>>,
}

impl Week {
    /// Puts rows into their hours; `now` is in the last one.
    pub fn of(rows: Vec<store::Row>, now: DateTime<Utc>) -> Self {
        let mut week = Self { hours: vec![Hour::default(); HOURS], last_at: None };
        let present = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        for row in rows {
            week.last_at = week.last_at.max(Some(row.last_at));
            let ago = usize::try_from((present - row.hour).num_hours()).ok();
            let hour = ago.and_then(|ago| HOURS.checked_sub(ago + 1)).and_then(|place| week.hours.get_mut(place));
            if let Some(hour) = hour {
                match row.outcome.as_str() {
                    ACCEPTED => hour.accepted += row.amount,
                    _ => *hour.refused.entry(row.outcome).or_default() += row.amount,
                }
            }
        }
        week
    }

    /// Submissions that were taken.
    pub fn accepted(&self) -> i64 {
        self.hours.iter().map(|hour| hour.accepted).sum()
    }

    /// Those that were refused, by the code of the problem.
    pub fn refused(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (outcome, amount) in self.hours.iter().flat_map(|hour| &hour.refused) {
            *sums.entry(outcome.clone()).or_default() += amount;
        }
        sums
    }

    /// What stands out. *Stopped*: in the last two whole hours and the present one nothing came, where by the mean of the
    /// 24 hours before so much was to come that by chance it happens less than once in ten thousand such hours (a Poisson
    /// process gives nothing with probability e^-mean; the mean is halved because nights are quieter). *Refused*: in the
    /// present hour or the last one there were at least 20 submissions and half of them were refused, and in the week before not
    /// a fifth.
    pub fn flags(&self) -> Vec<Flag> {
        const QUIET: usize = 3;
        let (before, lately) = self.hours.split_at(self.hours.len().saturating_sub(QUIET));
        let day = before.split_at(before.len().saturating_sub(24)).1;
        let sum = |hours: &[Hour], of: fn(&Hour) -> i64| hours.iter().map(of).sum::<i64>();
        let came: fn(&Hour) -> i64 = |hour| hour.accepted + hour.refusals();
        let mut flags = Vec::new();
        // Two whole hours: mean a day / 24 × 2, halved, must reach ln 10,000 = 9.2.
        if sum(lately, came) == 0 && sum(day, came) * 2 / (24 * 2) >= 10 {
            flags.push(Flag::Stopped);
        }
        let jumps = |hour: &Hour| came(hour) >= 20 && hour.refusals() * 2 >= came(hour);
        let (refused_before, all_before) = (sum(before, Hour::refusals), sum(before, came));
        if lately.iter().skip(QUIET - 2).any(jumps) && refused_before * 5 < all_before.max(1) {
            flags.push(Flag::Refused);
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(hours: &[(i64, i64)]) -> Week {
        let quiet = vec![(0, 0); HOURS - hours.len()];
        let hours = quiet.iter().chain(hours).map(|(accepted, refused)| Hour {
            accepted: *accepted,
            refused: HashMap::from([("invalid_fields".to_owned(), *refused)]),
        });
        Week { hours: hours.collect(), last_at: None }
    }

    #[test]
    fn a_flow_that_stops_stands_out_and_a_trickle_does_not() {
        let busy = vec![(30, 1); 24];
        assert_eq!(week(&[busy.clone(), vec![(0, 0); 3]].concat()).flags(), [Flag::Stopped]);
        assert_eq!(week(&[busy.clone(), vec![(0, 0), (0, 0), (1, 0)]].concat()).flags(), []);
        assert_eq!(week(&[busy, vec![(0, 0); 2]].concat()).flags(), [], "two hours are not enough");
        assert_eq!(week(&[vec![(3, 0); 24], vec![(0, 0); 3]].concat()).flags(), [], "that may be chance");
        assert_eq!(week(&[]).flags(), []);
    }

    #[test]
    fn refusals_that_jump_stand_out() {
        let before = vec![(30, 3); 24];
        assert_eq!(week(&[before.clone(), vec![(5, 20)]].concat()).flags(), [Flag::Refused]);
        assert_eq!(week(&[before, vec![(4, 5)]].concat()).flags(), [], "too few to tell");
        assert_eq!(week(&[vec![(10, 30); 24], vec![(5, 20)]].concat()).flags(), [], "it was always so");
        assert_eq!(week(&[(0, 40)]).flags(), [Flag::Refused], "a form that never worked");
    }

    #[test]
    fn rows_go_into_their_hours() {
        let now = "2026-11-27T10:30:00Z".parse().unwrap();
        let row = |hour: &str, outcome: &str, amount| store::Row {
            hour: hour.parse().unwrap(),
            outcome: outcome.into(),
            amount,
            last_at: hour.parse().unwrap(),
        };
        let rows = vec![
            row("2026-11-27T10:00:00Z", ACCEPTED, 2),
            row("2026-11-27T09:00:00Z", "invalid_fields", 3),
            row("2026-11-20T11:00:00Z", ACCEPTED, 4),
            row("2026-11-20T10:00:00Z", ACCEPTED, 5),
            row("2026-11-27T11:00:00Z", ACCEPTED, 6),
        ];
        let week = Week::of(rows, now);
        let accepted: Vec<i64> = week.hours.iter().map(|hour| hour.accepted).collect();
        assert_eq!((accepted[HOURS - 1], accepted[0], accepted.iter().sum::<i64>()), (2, 4, 6));
        assert_eq!(week.hours[HOURS - 2].refused["invalid_fields"], 3);
        assert_eq!(week.last_at, Some("2026-11-27T11:00:00Z".parse().unwrap()));
    }
}
