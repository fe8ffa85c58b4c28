//! Moderators at work: finding pledges ([`routes`], [`search`]), seeing a few of them unmasked ([`reveal`]), taking them out
//! and putting them back ([`removals`]).
//! Every action commits with its entry in the audit log.

pub mod clusters;
pub mod corrections;
pub mod held;
pub mod log;
mod note;
pub mod partners;
pub mod recipients;
pub mod removals;
pub mod reveal;
pub mod routes;
pub mod rules;
pub mod search;
pub mod settings;
pub mod switches;
pub mod turns;
pub mod wall;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use self::{removals::by_search::PREVIEWS_AT_ONCE, search::Search, turns::Turns};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    campaigns::{Campaign, visible},
    crypto::KeyRing,
    db::{Database, DbError},
    http::Problem,
    pledges::{eye::TagKeys, sealing::Sealing},
    sealing::ReviewCopies,
    totals::Totals,
};

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Moderation {
    database: Database,
    sealing: Sealing,
    totals: Totals,
    copies: ReviewCopies,
    tag_keys: TagKeys,
    /// Told when there is something to do in the background for [`removals::worker`].
    removal_work: Arc<Notify>,
    /// Whose turn it is to count for [`removals::by_search`].
    previews: Arc<Semaphore>,
    turns: Turns,
}

impl Moderation {
    /// Moderation of the pledges in `database`.
    pub fn new(database: Database, sealing: Sealing, totals: Totals, ring: &KeyRing) -> Self {
        let (copies, tag_keys) = (ReviewCopies::new(ring), TagKeys::new(ring));
        let previews = Arc::new(Semaphore::new(PREVIEWS_AT_ONCE));
        Self {
            database,
            sealing,
            totals,
            copies,
            tag_keys,
            removal_work: Arc::default(),
            previews,
            turns: Turns::default(),
        }
    }

    /// Turns of this instance, for jobs in the background.
    pub fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// The campaign, if this person may see it.
    ///
    /// # Errors
    /// As [`visible::campaign`].
    async fn campaign(&self, who: &Who, slug: &str) -> Result<Campaign, Problem> {
        visible::campaign(&self.database, who, slug).await
    }

    /// The pledge of a fingerprint. On record, without the address: whoever asks for many addresses must be seen.
    async fn look_up(&self, who: &Who, search: &Search) -> Result<Vec<search::store::Row>, DbError> {
        let find = async |connection: &mut _| search::store::find_one(connection, search).await;
        let found = self.database.run(find).await?;
        self.note_look(who, search.campaign, "pledge.look_up", found.count.value).await?;
        Ok(found.rows)
    }

    /// Puts on record that somebody's pledge was looked for, and how many were found. Who can't be recorded is not answered.
    async fn note_look(&self, who: &Who, campaign: Uuid, action: &'static str, found: i64) -> Result<(), DbError> {
        let details = json!({ "session": who.session, "found": found });
        let entry = Entry { moderator: Some(who.id), campaign: Some(campaign), action, details };
        self.database.run(async |connection| audit::store::record(connection, entry).await).await
    }

    fn review(&self, campaign: Uuid, pledge: Uuid, sealed: Option<&[u8]>) -> Option<crate::sealing::ReviewCopy> {
        let opened = self.copies.open(campaign, pledge, sealed?);
        if opened.is_err() {
            tracing::error!("a review copy does not open: another root secret, or a damaged row");
        }
        opened.ok()
    }
}
