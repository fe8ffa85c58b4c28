//! How much the worker does in a transaction, and how long it rests after it, so that pledges that come are stored about as quickly as
//! without it.

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
        share(now - began, others, waiting)
    }
}

fn share(worked: Duration, others: f64, waiting: usize) -> Duration {
    if waiting >= CROWDED {
        worked * 3
    } else if others >= BUSY {
        worked / 8
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_the_longer_the_more_come() {
        let worked = Duration::from_millis(40);
        assert_eq!(share(worked, 1.0, 3), Duration::ZERO);
        assert_eq!(share(worked, 50.0, 3), Duration::from_millis(5));
        assert_eq!(share(worked, 50.0, 4_000), Duration::from_millis(120));
    }

    #[test]
    fn its_own_deltas_are_not_those_of_others() {
        let (mut pace, mut began) = (Pace::default(), Instant::now());
        let mut work = |deltas, own| {
            let now = began + Duration::from_millis(100);
            let rest = pace.rest(std::mem::replace(&mut began, now), now, deltas, own, 0);
            (rest.as_millis(), pace.rows())
        };
        assert_eq!(work(1_000, 40), (0, ROWS), "nothing is known of the time before");
        assert_eq!(work(1_040, 40), (0, ROWS));
        assert_eq!(work(1_090, 40), (12, ROWS_BESIDE_OTHERS), "ten others in a tenth of a second");
    }
}
