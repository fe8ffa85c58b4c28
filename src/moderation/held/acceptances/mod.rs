//! Acceptances on record: who let which held pledges count, and taking that back. What is accepted in one go, however many calls that
//! takes, is one acceptance, so that a mistake is one thing to undo.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    accounts::quota::QuotaError,
    db::{DbError, IsConflict},
    moderation::removals::Undone,
};

/// An acceptance as it is stored.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// UUIDv7.
    pub id: Uuid,
    /// Login of who accepted.
    pub moderator: String,
    /// In the moderator's words.
    pub note: String,
    /// Whether a search found them; otherwise they were named one by one.
    pub by_search: bool,
    /// How many pledges it let count.
    pub pledges: i64,
    /// How many of them its undo has held again.
    pub held_again: i64,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When its undo began, by whom, and why.
    pub undone: Option<Undone>,
}

/// Why nothing was accepted, or nothing undone.
#[derive(Debug, thiserror::Error)]
pub enum AcceptanceError {
    /// Many more or fewer fit than were expected.
    #[error("the preview is out of date")]
    Outdated,
    /// It is so many that whoever does it must have proved lately who they are.
    #[error("a fresh check is needed")]
    NotProved,
    /// It was undone before.
    #[error("already undone")]
    AlreadyUndone,
    /// The account may not let so many count today.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The database; [`DbError::NotFound`]: no such acceptance, or one of somebody else.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl IsConflict for AcceptanceError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(DbError::Conflict) | Self::Quota(QuotaError::Database(DbError::Conflict)))
    }
}
