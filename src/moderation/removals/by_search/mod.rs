//! Removals of all that a search finds: what it would take out ([`Preview`]), beginning it, pausing, resuming and cancelling it. What
//! does it is the [worker](super::worker).

pub mod kept;
pub mod routes;
pub mod store;
mod tally;

use std::time::Duration;

use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Reason, Removal, RemovalError};
use crate::{
    accounts::Who,
    db::{DbError, retrying},
    moderation::{Moderation, search::Search},
};

pub use tally::Tally;

/// From so many on, whoever removes must have proved lately who they are.
pub const MANY: i64 = 10_000;

/// How long a preview may take: some million pledges.
const PREVIEW_WITHIN: Duration = Duration::from_secs(25);

/// How much longer its last statement may take, before the connection is given up.
const LAST_STATEMENT: Duration = Duration::from_secs(3);

/// Previews that are counted at once by an instance: each has one of its few connections for as long as it takes.
pub(in crate::moderation) const PREVIEWS_AT_ONCE: usize = 2;

/// How long the next one waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(3);

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Others are being counted.
    #[error("others are being counted")]
    Busy,
    /// It finds more than can be counted in [`PREVIEW_WITHIN`].
    #[error("it finds too much")]
    TooLarge,
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What somebody wants to take out.
pub struct SearchOrder {
    /// Which pledges: those that fit and aren't removed or withdrawn.
    pub search: Search,
    /// How many that are, as far as is known.
    pub expected: i64,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub note: String,
    /// Whether it looks for somebody by name: what is answered tells whether they have pledged, so that is on record.
    pub of_somebody: bool,
}

/// What becomes of a removal that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing more is taken out for the time being.
    Pause,
    /// It goes on, on account of who says so.
    Resume,
    /// It has ended.
    Cancel,
}

/// Whether that many more or fewer fit than was expected that the order may be a mistake.
pub(in crate::moderation) fn is_off(expected: i64, found: i64) -> bool {
    (found - expected).abs() > expected / 20 + 100
}

impl Moderation {
    /// What a removal by this search would take out, all from one snapshot.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn preview(&self, search: &Search) -> Result<Tally, PreviewError> {
        let turn = timeout(TURN_WITHIN, self.previews.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(PreviewError::Busy) };
        let until = Instant::now() + PREVIEW_WITHIN;
        let look = async |connection: &mut _| store::preview(connection, search, until).await;
        match self.database.run_until(until + LAST_STATEMENT, look).await {
            Ok(tally) => tally.ok_or(PreviewError::TooLarge),
            // A statement that the database has ended, or that was given up.
            Err(DbError::Unavailable) if Instant::now() >= until => Err(PreviewError::TooLarge),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins to take out what a search finds.
    ///
    /// # Errors
    /// See [`RemovalError`]; then nothing has begun.
    pub async fn remove_found(&self, who: &Who, order: SearchOrder) -> Result<Removal, RemovalError> {
        let found = self.preview(&order.search).await?.pledges;
        if order.of_somebody {
            self.note_look(who, order.search.campaign, "pledge.search_name", found).await?;
        }
        if is_off(order.expected, found) {
            return Err(RemovalError::Outdated);
        }
        if found == 0 {
            return Err(RemovalError::NothingToRemove);
        }
        let begin = async |connection: &mut _| store::begin(connection, who, &order, found).await;
        let removal = retrying(async || self.database.run(begin).await).await?;
        self.removal_work.notify_one();
        Ok(removal)
    }

    /// Pauses, resumes or cancels a removal.
    ///
    /// # Errors
    /// [`RemovalError::NotUnderWay`], and those of the database.
    pub async fn turn(&self, who: &Who, campaign: Uuid, removal: Uuid, turn: Turn) -> Result<Removal, RemovalError> {
        let change = async |connection: &mut _| store::turn(connection, who, campaign, removal, turn).await;
        let removal = retrying(async || self.database.run(change).await).await?;
        self.removal_work.notify_one();
        Ok(removal)
    }
}

#[cfg(test)]
mod tests {
    use super::is_off;

    #[test]
    fn an_order_is_off_beyond_five_percent_and_a_hundred() {
        assert!(!is_off(0, 100) && is_off(0, 101));
        assert!(!is_off(1_000, 1_150) && is_off(1_000, 1_151));
        assert!(!is_off(1_000, 850) && is_off(1_000, 849));
        assert!(!is_off(77_000, 80_950) && is_off(77_000, 80_951));
    }
}
