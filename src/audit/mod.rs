//! The record of who did what. It stands below the features that write to it, because an action and its entry commit
//! together (rule 6); moderation shows it.

pub mod store;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who; None: the operator, at the command line.
    pub moderator: Option<Uuid>,
    /// In which campaign.
    pub campaign: Option<Uuid>,
    /// What: a dotted name.
    pub action: &'static str,
    /// Ids, counts, reasons. Never personal data of supporters.
    pub details: Value,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Grows with time.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Login of who did it; None: the operator.
    pub login: Option<String>,
    /// Slug of the campaign.
    pub campaign: Option<String>,
    /// What.
    pub action: String,
    /// What it was about.
    pub details: Value,
}
