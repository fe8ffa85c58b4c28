//! How much the worker does in a transaction, how long it rests after it, and whether it reads ahead, so that pledges that come are stored
//! about as quickly as without it.

use std::time::Duration;

use tokio::time::Instant;

/// Deltas a second, of all instances, from which on pledges are said to come: one batch each.
const BUSY: f64 = 5.0;

/// Pledges that wait on this instance, from which on the database has more to do than it can: a full batch.
const CROWDED: usize = 400;

/// Pledges of one transaction: some ten milliseconds.
const ROWS: usize = 1_000;

/// The same while others come: what their flush waits for is what this one has written, and the first change of a page writes all of it.
const ROWS_BESIDE_OTHERS: usize = 500;

/// Whoever reads ahead of a step for less than this has found all in memory: from there it takes 4 to 8 ms, from the disk 20 and more.
const IN_MEMORY: Duration = Duration::from_millis(10);

/// Steps for which it isn't read ahead after that: it takes the other processor from pledges.
const NOT_READ: u32 = 8;

/// How long it isn't tried again after it has failed: no connection may be to be had for it.
const NOT_TRIED_FOR: Duration = Duration::from_secs(30);

/// Whether it is read ahead.
#[derive(Debug, Default)]
pub struct ReadAhead {
    left_out: u32,
    failed_at: Option<Instant>,
}

impl ReadAhead {
    /// Whether to read ahead of the next step, `now`.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if self.failed_at.is_some_and(|at| now < at + NOT_TRIED_FOR) {
            return false;
        }
        let due = self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        due
    }

    /// It was done, and took so long.
    pub fn took(&mut self, time: Duration) {
        if time < IN_MEMORY {
            self.left_out = NOT_READ;
        }
    }

    /// It couldn't be done, `now`.
    pub fn failed(&mut self, now: Instant) {
        self.failed_at = Some(now);
    }
}

/// What was measured last.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<(Instant, i64)>,
    beside_others: bool,
}

impl Pace {
    /// Pledges of the next transaction, at the most.
    pub fn rows(&self) -> usize {
        if self.beside_others { ROWS_BESIDE_OTHERS } else { ROWS }
    }

    /// How long to rest after work that began at `began` and has ended `now`, when so many deltas had been appended by anybody ever; `own` of them are
    /// added by this work. `waiting` pledges are in the queue.
    pub fn rest(&mut self, began: Instant, now: Instant, deltas: i64, own: i64, waiting: usize) -> Duration {
        let others = self.last.map_or(0.0, |(at, before)| {
            #[expect(clippy::cast_precision_loss, reason = "a number of deltas")]
            let others = (deltas - before).max(0) as f64;
            others / (began - at).as_secs_f64().max(0.001)
        });
        self.last = Some((began, deltas + own));
        self.beside_others = others >= BUSY || waiting >= CROWDED;
        // What waits on other instances isn't known. Otherwise no rest: pledges didn't wait less beside one of an eighth.
        if waiting >= CROWDED { (now - began) * 3 } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_ahead_while_the_disk_is_waited_for() {
        let (mut read, now) = (ReadAhead::default(), Instant::now());
        let mut steps = |took| {
            let due = |_| {
                let due = read.is_due(now);
                if due {
                    read.took(Duration::from_millis(took));
                }
                due
            };
            (0..27).map(due).filter(|due| *due).count()
        };
        assert_eq!(steps(50), 27);
        assert_eq!(steps(5), 3, "each ninth, in case that it has become otherwise");
        assert_eq!(steps(50), 27);
        read.failed(now);
        let seconds = [0, 29, 30].map(|seconds| read.is_due(now + Duration::from_secs(seconds)));
        assert_eq!(seconds, [false, false, true], "no connection is asked for at each step");
    }

    #[test]
    fn its_own_deltas_are_not_those_of_others() {
        let (mut pace, mut began) = (Pace::default(), Instant::now());
        let mut work = |deltas, own, waiting| {
            let now = began + Duration::from_millis(100);
            let rest = pace.rest(std::mem::replace(&mut began, now), now, deltas, own, waiting);
            (rest.as_millis(), pace.rows())
        };
        assert_eq!(work(1_000, 40, 0), (0, ROWS), "nothing is known of the time before");
        assert_eq!(work(1_040, 40, 3), (0, ROWS));
        assert_eq!(work(1_090, 40, 3), (0, ROWS_BESIDE_OTHERS), "ten others in a tenth of a second");
        assert_eq!(work(1_130, 40, 4_000), (300, ROWS_BESIDE_OTHERS), "more wait than are stored at once");
    }
}
