//! Removals: pledges taken out for a reason, and put back by undo. Rows and counts change in one transaction, so the totals are
//! right at every moment. Up to [`MAX_IDS`] go at once; more are found by a search ([`by_search`], [`walk`]) and go in the background,
//! a thousand a transaction ([`worker`]), and so does the undo of more.

pub mod by_search;
pub mod routes;
pub mod store;
pub mod walk;
pub mod worker;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use self::by_search::PreviewError;
use super::Moderation;
use crate::{
    accounts::{Who, quota::QuotaError},
    db::{DbError, IsConflict, retrying},
};

/// Pledges that one removal by ids takes out at the most.
pub const MAX_IDS: usize = 1_000;

/// Why pledges are taken out, as a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Advertising or nonsense.
    Spam,
    /// Made by a program.
    Bot,
    /// The same person again.
    Duplicate,
    /// Insults, threats, somebody else's name.
    Abuse,
    /// A trial.
    Test,
    /// See the note.
    Other,
}

impl Reason {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Bot => "bot",
            Self::Duplicate => "duplicate",
            Self::Abuse => "abuse",
            Self::Test => "test",
            Self::Other => "other",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Spam, Self::Bot, Self::Duplicate, Self::Abuse, Self::Test, Self::Other]
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }
}

/// How far a removal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RemovalState {
    /// Pledges are being taken out.
    Running,
    /// Nothing is taken out until it is resumed.
    Paused,
    /// It was ended before it was done. What it took out stays out.
    Cancelled,
    /// It stands.
    Done,
    /// Pledges are being put back.
    Undoing,
    /// All of them are back.
    Undone,
}

impl RemovalState {
    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "running" => Self::Running,
            "paused" => Self::Paused,
            "cancelled" => Self::Cancelled,
            "done" => Self::Done,
            "undoing" => Self::Undoing,
            _ => return None,
        })
    }
}

/// Why a removal is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PausedBecause {
    /// A moderator said so.
    Moderator,
    /// The account for which it runs has removed as many today as it may.
    Quota,
    /// The account for which it runs was closed or reset, or doesn't see the campaign any more.
    Account,
}

impl PausedBecause {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moderator => "moderator",
            Self::Quota => "quota",
            Self::Account => "account",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Moderator, Self::Quota, Self::Account].into_iter().find(|because| because.as_str() == text)
    }
}

/// A removal as it is stored.
#[derive(Clone, Debug)]
pub struct Removal {
    /// UUIDv7.
    pub id: Uuid,
    /// Login of who removed; None: the service, by the campaign's `held_default`.
    pub moderator: Option<String>,
    /// Category.
    pub reason: Reason,
    /// In the moderator's words.
    pub note: String,
    /// How far it is.
    pub state: RemovalState,
    /// Why it is paused, where it is.
    pub paused_because: Option<PausedBecause>,
    /// How many pledges fitted the search when it began; None: they were named one by one.
    pub expected: Option<i64>,
    /// The rule that took them out, and goes on until the end of the day (UTC); None: somebody did.
    pub rule: Option<Uuid>,
    /// How many pledges it took out.
    pub pledges: i64,
    /// How many of them an undo in the background has put back.
    pub put_back: i64,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When and by whom it was undone, and why.
    pub undone: Option<Undone>,
}

/// The end of a removal.
#[derive(Clone, Debug)]
pub struct Undone {
    /// When.
    pub at: DateTime<Utc>,
    /// Login of who undid it.
    pub moderator: String,
    /// In the moderator's words.
    pub note: String,
}

/// Why a removal or an undo did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// All the pledges are removed already.
    #[error("nothing to remove")]
    NothingToRemove,
    /// The campaign has none of the pledges.
    #[error("no such pledges")]
    PledgesNotFound,
    /// It was undone before.
    #[error("already undone")]
    AlreadyUndone,
    /// Many more or fewer fit than were expected.
    #[error("the preview is out of date")]
    Outdated,
    /// It, or its undo, is under way.
    #[error("under way")]
    UnderWay,
    /// It is not under way.
    #[error("not under way")]
    NotUnderWay,
    /// How many fit can't be told.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The account may not remove so many today.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The database; [`DbError::NotFound`]: no such removal.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl IsConflict for RemovalError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(DbError::Conflict) | Self::Quota(QuotaError::Database(DbError::Conflict)))
    }
}

/// What somebody wants to take out.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which pledges.
    pub ids: Vec<Uuid>,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub note: String,
}

/// What a removal did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The removal.
    pub removal: Removal,
    /// Ids that were removed already.
    pub already_removed: Vec<Uuid>,
    /// Ids that the campaign has no pledge for.
    pub not_found: Vec<Uuid>,
}

impl Moderation {
    /// Takes pledges out of a campaign.
    ///
    /// # Errors
    /// See [`RemovalError`]; then nothing has changed.
    pub async fn remove(&self, who: &Who, campaign: Uuid, mut order: Order) -> Result<Outcome, RemovalError> {
        // In the order of the ids, so that two removals of the same pledges can't wait for each other.
        order.ids.sort_unstable();
        order.ids.dedup();
        let remove = async |connection: &mut _| store::remove(connection, who, campaign, &order).await;
        let outcome = retrying(async || self.database.run(remove).await).await?;
        self.totals.changed();
        Ok(outcome)
    }

    /// Puts back exactly what a removal took out: at once, or when it took out more than [`MAX_IDS`] in the background.
    ///
    /// # Errors
    /// See [`RemovalError`]; then nothing has changed.
    pub async fn undo(&self, who: &Who, campaign: Uuid, removal: Uuid, note: &str) -> Result<Removal, RemovalError> {
        let undo = async |connection: &mut _| store::undo(connection, who, campaign, removal, note).await;
        let removal = retrying(async || self.database.run(undo).await).await?;
        self.totals.changed();
        self.removal_work.notify_one();
        Ok(removal)
    }
}
