//! The record of who did what. It stands below the features that write to it, because an action and its entry commit
//! together (rule 6); moderation shows it.
//!
//! The entries are a [`chain`]: a trigger gives each its number and the hash of the one before. [`verify`] checks it, [`months`]
//! come and go.

pub mod chain;
pub mod months;
pub mod store;
pub mod verify;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who; None: the operator at the command line, or the service itself.
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
    /// Its place in the chain: 1, 2, 3, without gaps.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Login of who did it; None: the operator, or the service itself.
    pub login: Option<String>,
    /// Slug of the campaign.
    pub campaign: Option<String>,
    /// What.
    pub action: String,
    /// What it was about.
    pub details: Value,
    /// Its hash, 32 bytes.
    pub hash: Vec<u8>,
}

/// Which entries; everything that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this campaign.
    pub campaign: Option<Uuid>,
    /// By whoever has this login.
    pub login: Option<String>,
    /// With this action, a dotted name.
    pub action: Option<String>,
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}
