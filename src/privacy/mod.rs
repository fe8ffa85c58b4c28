//! What is kept of a person, for how long, and how it ends: the organiser's list, sealed ([`export`]); the job that clears what is past its limit ([`retention`]),
//! the erasure of one person ([`erasure`]), what is held about one ([`access`]), and the record of all that for a data
//! protection officer ([`report`]). docs/privacy.md tells it in plain words.

pub mod access;
pub mod erasure;
pub mod export;
pub mod report;
pub mod retention;
pub mod routes;

use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::Who,
    audit::Entry,
    campaigns::Campaign,
    crypto::{CryptoError, KeyRing},
    db::{Database, DbError},
    pledges::{mailbox::Email, sealing::Sealing},
    sealing::ReviewCopies,
    totals::Totals,
};

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Privacy {
    database: Database,
    sealing: Sealing,
    totals: Totals,
    copies: ReviewCopies,
}

/// Why something can't be done for a person.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The fingerprint can't be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl crate::db::IsConflict for PrivacyError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(DbError::Conflict))
    }
}

impl Privacy {
    /// For the people whose pledges are in `database`.
    pub fn new(database: Database, sealing: Sealing, totals: Totals, ring: &KeyRing) -> Self {
        Self { database, sealing, totals, copies: ReviewCopies::new(ring) }
    }

    /// The fingerprints of an address in these campaigns, in their order: that is the order in which everybody locks. A
    /// campaign whose retention has ended is left out: nothing in it leads to an address any more.
    fn places<'a>(&self, campaigns: &'a [Campaign], email: &Email) -> Result<Vec<Place<'a>>, CryptoError> {
        let mut places = Vec::new();
        for campaign in campaigns.iter().filter(|campaign| campaign.salt.is_some()) {
            places.push(Place { campaign, fingerprint: self.sealing.fingerprint(campaign, email)? });
        }
        places.sort_unstable_by_key(|place| place.fingerprint);
        Ok(places)
    }
}

/// Where the pledge of an address would be.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// The address in it.
    pub fingerprint: Uuid,
}

/// What goes on record when something is done for a person: who asked, where, and nothing that leads to the person, nor
/// whether anything was found.
fn entry(who: Option<&Who>, campaign: Uuid, action: &'static str) -> Entry {
    let details = who.map_or_else(|| json!({}), |who| json!({ "session": who.session }));
    Entry { moderator: who.map(|who| who.id), campaign: Some(campaign), action, details }
}
