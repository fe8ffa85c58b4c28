//! How many pledges an account may take out or let count in a day: whoever has stolen a session can't empty a campaign, nor fill it
//! with what was held. Counted in the database in the transaction of the removal or acceptance ([`take`]), so that instances share it and
//! what is rolled back costs nothing.

mod store;

use crate::db::DbError;

pub use store::{take, take_for_rule};

/// Pledges that a moderator or organiser may remove and accept in a day (UTC), unless the account has a number of its own. Admins
/// without one may remove any number.
pub const USUAL_PER_DAY: i64 = 200_000;

/// Why a removal or an acceptance is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// The account has not so many left today.
    #[error("the account may not remove or accept so many today")]
    Spent {
        /// Seconds until midnight (UTC, database clock).
        seconds: u32,
        /// Pledges that it may remove or accept until then.
        left: i64,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}
