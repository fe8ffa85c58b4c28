//! The shelf of erasure: rows, deltas and audit entries in one transaction.

use diesel_async::AsyncConnection;

use crate::{
    accounts::Who,
    audit,
    campaigns::Campaign,
    db::Connection,
    pledges::leave::{Leave, store as leave},
    privacy::{Place, PrivacyError, entry},
};

impl From<diesel::result::Error> for PrivacyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Erases the pledges at these places and records it for each of the campaigns.
///
/// # Errors
/// Those of the database; then nothing is erased.
pub async fn erase(
    connection: &mut Connection,
    who: Option<&Who>,
    campaigns: &[Campaign],
    places: &[Place<'_>],
) -> Result<(), PrivacyError> {
    connection
        .transaction(async |connection| {
            for place in places {
                let who = leave::Who { fingerprint: place.fingerprint, pledge: None };
                leave::leave(connection, place.campaign, who, Leave::Erase).await?;
            }
            for campaign in campaigns {
                audit::store::record(connection, entry(who, campaign.id, "erase")).await?;
            }
            Ok(())
        })
        .await
}
