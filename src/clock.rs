//! Where the time comes from. What decides something in the database uses the database's clock; this one serves
//! tokens, ids and ages, and can be set by tests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// As far apart the clocks of a service and its database may be for it to be ready to store: pledges have ids with the time of the one and
/// are found by that of the other. Machines whose clocks are kept right (NTP) are milliseconds apart.
pub const MOST_APART: TimeDelta = TimeDelta::seconds(60);

/// The time of day: the machine's, or one that only moves when told to.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Stands still until moved; all clones move together.
    Fixed(FixedClock),
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
            Self::System => Utc::now(),
            Self::Fixed(fixed) => fixed.now(),
        }
    }
}

/// A clock for tests.
#[derive(Clone, Debug)]
pub struct FixedClock {
    milliseconds: Arc<AtomicI64>,
}

impl FixedClock {
    /// A clock that stands at `start` (to the millisecond).
    pub fn at(start: DateTime<Utc>) -> Self {
        Self { milliseconds: Arc::new(AtomicI64::new(start.timestamp_millis())) }
    }

    /// Moves the clock by `by`, which may be negative.
    pub fn advance(&self, by: TimeDelta) {
        self.milliseconds.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.milliseconds.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}
