//! The public wall: names and messages of supporters who wanted to be shown (consent `public`), once a moderator has looked at each.
//! Off unless the campaign turns it on. What waits, and what was decided, is for moderators ([`routes`]); what is shown, for everybody
//! ([`public`]).
//!
//! An entry is of a pledge that counts, is confirmed by mail and agrees to be shown. When that ends, a trigger deletes the entry in the
//! same transaction; an undo brings the pledge back to those that wait, and not onto the wall. Nobody can change the name or message of a
//! pledge, so its id also says which text was looked at.

pub mod public;
pub mod routes;
pub mod store;
mod text;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Moderation, search::words};
use crate::{
    accounts::Who,
    db::{DbError, IsConflict, retrying},
    sealing::ReviewCopy,
};

/// Pledges of one decision at the most.
pub const MAX_IDS: usize = 100;

/// Unmasked names that an account may see or approve in a day (UTC), admins too: otherwise the queue would be a way to the names of all
/// who agree to be shown, past the check that revealing asks for.
pub const NAMES_PER_DAY: i64 = 5_000;

/// Why something should not be shown, as a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WallReason)]
pub enum Reason {
    /// Insults, threats, hate.
    Abuse,
    /// Advertising or nonsense.
    Spam,
    /// It tells about somebody what they may not want to be told, or endangers somebody.
    Private,
    /// Something else.
    Other,
}

impl Reason {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Abuse => "abuse",
            Self::Spam => "spam",
            Self::Private => "private",
            Self::Other => "other",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Abuse, Self::Spam, Self::Private, Self::Other].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WallState)]
pub enum State {
    /// Everybody sees it.
    Shown,
    /// It was never shown.
    Declined,
    /// It was shown before.
    Hidden,
}

impl State {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Declined => "declined",
            Self::Hidden => "hidden",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shown, Self::Declined, Self::Hidden].into_iter().find(|state| state.as_str() == text)
    }
}

/// What is shown of a pledge: the same to the moderator who approves it and to everybody afterwards.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// The name.
    pub name: Option<String>,
    /// The message.
    pub message: Option<String>,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Text(hidden)")
    }
}

impl Text {
    /// What would be shown of a pledge; None: it has neither name nor message.
    pub fn of(copy: &ReviewCopy) -> Option<Self> {
        let shown = |part: &Option<String>| part.as_deref().map(text::shown);
        let text = Self { name: shown(&copy.name), message: shown(&copy.message) };
        (text.name.is_some() || text.message.is_some()).then_some(text)
    }
}

/// A pledge that waits for a moderator.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The pledge.
    pub id: Uuid,
    /// What would be shown.
    pub text: Text,
    /// BCP 47 tag of the form.
    pub language: Option<String>,
    /// When the pledge was stored.
    pub created_at: DateTime<Utc>,
}

/// Something that was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The pledge.
    pub id: Uuid,
    /// What.
    pub state: State,
    /// What is shown; None: nothing is.
    pub text: Option<Text>,
    /// Day (UTC) of the approval; None: it isn't shown.
    pub day: Option<NaiveDate>,
    /// How often it was reported.
    pub reports: i32,
    /// Why, each once.
    pub reasons: Vec<Reason>,
}

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WallError {
    /// The campaign has no wall.
    #[error("the campaign has no wall")]
    Off,
    /// The account has seen as many names today as it may.
    #[error("the account may not see so many names today")]
    Spent {
        /// Seconds until midnight (UTC, database clock).
        seconds: u32,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl IsConflict for WallError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(DbError::Conflict))
    }
}

/// A decision about something that isn't to be shown, or may stay.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    /// What waits is not shown.
    Decline(Reason),
    /// What is shown is shown no more.
    Hide(Reason),
    /// What is shown and was reported may stay.
    Dismiss,
}

impl Moderation {
    /// What would be shown of a pledge.
    fn wall_text(&self, campaign: Uuid, pledge: Uuid, sealed: &[u8]) -> Option<Text> {
        Text::of(&self.review(campaign, pledge, Some(sealed))?)
    }

    /// A page of what waits, oldest first, and after which pledge the next one begins. On record.
    ///
    /// # Errors
    /// See [`WallError`]; then nothing is told.
    async fn wall_waiting(
        &self,
        who: &Who,
        campaign: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Waiting>, Option<Uuid>), WallError> {
        let open = |pledge: Uuid, sealed: &[u8]| self.wall_text(campaign, pledge, sealed);
        let look = async |connection: &mut _| store::waiting(connection, who, campaign, (after, limit), &open).await;
        retrying(async || self.database.run(look).await).await
    }

    /// Puts pledges onto the wall. Returns which; those that can't be are left out.
    ///
    /// # Errors
    /// See [`WallError`]; then none is.
    async fn wall_approve(&self, who: &Who, campaign: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, WallError> {
        let open = |pledge: Uuid, sealed: &[u8]| {
            let text = self.wall_text(campaign, pledge, sealed)?;
            let words = [&text.name, &text.message].into_iter().flatten().flat_map(|text| words::of(text));
            let words = words.filter_map(|word| self.tag_keys.of_word(campaign, &word).first().copied()).collect();
            Some((text, words))
        };
        let approve = async |connection: &mut _| store::approve(connection, who, campaign, ids, &open).await;
        retrying(async || self.database.run(approve).await).await
    }

    /// Decides otherwise. Returns about which pledges something has changed.
    ///
    /// # Errors
    /// Those of the database; then nothing has.
    async fn wall_decide(
        &self,
        who: &Who,
        campaign: Uuid,
        ids: &[Uuid],
        decision: Decision,
    ) -> Result<Vec<Uuid>, DbError> {
        let decide = async |connection: &mut _| store::decide(connection, who, campaign, ids, decision).await;
        retrying(async || self.database.run(decide).await).await
    }
}
