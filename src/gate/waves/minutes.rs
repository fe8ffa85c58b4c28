//! Runs of minutes in which far more came than usual.

use chrono::{DateTime, TimeDelta, Utc};

use super::{clusters::LEAST, reasons, window::count};

const MINUTE_MS: i64 = 60_000;

/// Minutes of the window.
const MINUTES: usize = 24 * 60;

/// Minutes that are busier than the usual one by this factor belong to a run.
const BUSIER: u32 = 3;

/// Quiet minutes within a run.
const PAUSE: usize = 5;

/// Runs of minutes in which far more came than usual. Minutes are counted backwards from now.
pub(super) struct Minutes {
    /// The number of its run, from 1, by minute; 0: in none.
    of_minute: Vec<u32>,
    /// First and last minute of each, the older one first.
    runs: Vec<(usize, usize)>,
    /// What comes in a usual minute.
    usual: f32,
}

impl Minutes {
    /// When something came, in milliseconds.
    pub(super) fn of(times: impl Iterator<Item = i64>, now_ms: i64) -> Self {
        let minutes = times.map(|at_ms| u32::try_from(minute(at_ms, now_ms)).unwrap_or(u32::MAX));
        let counts = count(MINUTES, minutes);
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let busy = (BUSIER * middle).max(LEAST / 2);
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut open: Option<(usize, usize)> = None;
        for (minute, _) in counts.iter().enumerate().rev().filter(|(_, count)| **count >= busy) {
            open = match open {
                Some((first, last)) if last - minute <= PAUSE + 1 => Some((first, minute)),
                before => {
                    runs.extend(before);
                    Some((minute, minute))
                }
            };
        }
        runs.extend(open);
        let mut of_minute = vec![0; MINUTES];
        for (run, (first, last)) in (1..).zip(&runs) {
            for slot in of_minute.get_mut(*last..=*first).into_iter().flatten() {
                *slot = run;
            }
        }
        Self { of_minute, runs, usual: reasons::float(middle) }
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The number of the run that a time belongs to, from 1; 0: none.
    pub(super) fn run(&self, at_ms: i64, now_ms: i64) -> u32 {
        self.of_minute.get(minute(at_ms, now_ms)).copied().unwrap_or_default()
    }

    fn get(&self, run: u32) -> Option<(usize, usize)> {
        self.runs.get(usize::try_from(run).ok()?.checked_sub(1)?).copied()
    }

    /// What as many minutes usually bring.
    pub(super) fn usual_of(&self, run: u32) -> f32 {
        let length = self.get(run).map_or(0, |(first, last)| first - last + 1);
        self.usual * reasons::float(u32::try_from(length).unwrap_or(u32::MAX))
    }

    /// From when to when a run lasts.
    pub(super) fn bounds(&self, run: u32, now_ms: i64) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (first, last) = self.get(run)?;
        let begin = |minute: usize| {
            let minute = now_ms.div_euclid(MINUTE_MS) - i64::try_from(minute).ok()?;
            DateTime::from_timestamp_millis(minute * MINUTE_MS)
        };
        Some((begin(first)?, begin(last)? + TimeDelta::minutes(1)))
    }
}

/// Whole minutes of the clock, backwards from the one of now.
fn minute(at_ms: i64, now_ms: i64) -> usize {
    usize::try_from((now_ms.div_euclid(MINUTE_MS) - at_ms.div_euclid(MINUTE_MS)).max(0)).unwrap_or(usize::MAX)
}
