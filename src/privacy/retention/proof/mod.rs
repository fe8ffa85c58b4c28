//! The proof that retention runs: what was cleared when, and whether it is still looked after.

pub mod store;

use chrono::{DateTime, Utc};

/// Something that was cleared.
#[derive(Clone, Debug)]
pub struct Cleared {
    /// When the last row of it was.
    pub at: DateTime<Utc>,
    /// What, as it is stored: see [`super::Limit`].
    pub what: String,
    /// How many rows.
    pub changed: i64,
}

/// What `pledges doctor` says about retention.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// When every campaign's limits had last been looked after; None: never.
    pub looked_at: Option<DateTime<Utc>>,
    /// Campaigns that nobody has looked after for a day.
    pub overdue: Vec<String>,
    /// Pledges that should have been cleared, and were not; also those of which only a former id is left.
    pub left_over: i64,
}
