//! Erasure of one person (GDPR article 17), by the address that they wrote from to the organiser. All that is personal goes
//! from their pledge; whether it goes on counting is the campaign's setting. The fingerprint stays until the campaign's
//! retention ends, so that a mailbox still counts once. Who asks gets the same answer whether or not there was a pledge,
//! after the same work, and that is what goes on record.
//!
//! A pledge that moderators have removed stays removed. Where the campaign withdraws, undoing the removal then restores a
//! withdrawn pledge.

pub mod store;

use super::{Privacy, PrivacyError};
use crate::{accounts::Who, campaigns::Campaign, db::retrying, pledges::mailbox::Email};

impl Privacy {
    /// Erases the person of an address from these campaigns, all of them or none. `who` is None at the command line.
    ///
    /// # Errors
    /// See [`PrivacyError`]; then nothing has changed.
    pub async fn erase(&self, who: Option<&Who>, campaigns: &[Campaign], email: &Email) -> Result<(), PrivacyError> {
        let places = self.places(campaigns, email)?;
        let erase = async |connection: &mut _| store::erase(connection, who, campaigns, &places).await;
        retrying(async || self.database.run(erase).await).await?;
        self.totals.changed();
        Ok(())
    }
}
