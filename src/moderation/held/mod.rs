//! Pledges that are held: what waits for a moderator, oldest first and by what many of it have in common ([`queue`]); accepting it, so
//! that it counts ([`acceptances`]: on record, and to be undone), or removing it like any other; and how often people found that a signal
//! had held somebody honest ([`sampling`]).

pub mod acceptances;
pub mod queue;
pub mod routes;
pub mod sampling;
pub mod store;

use uuid::Uuid;

use self::{
    acceptances::{Acceptance, AcceptanceError, store::Part},
    store::Accepted,
};
use super::Moderation;
use crate::{accounts::Who, db::retrying};

/// Pledges that are accepted at once, at the most.
pub const MAX_ACCEPTED: usize = 1_000;

impl Moderation {
    /// Lets held pledges count.
    ///
    /// # Errors
    /// See [`AcceptanceError`]; then none is accepted.
    pub async fn accept(&self, part: &Part<'_>, ids: &[Uuid]) -> Result<Accepted, AcceptanceError> {
        let accept = async |connection: &mut _| store::accept(connection, part, ids, None).await;
        let accepted = retrying(async || self.database.run(accept).await).await?;
        self.totals.changed();
        Ok(accepted)
    }

    /// Lets the oldest held pledges count that a search finds, up to [`MAX_ACCEPTED`]. Returns how many are left, too.
    ///
    /// # Errors
    /// See [`AcceptanceError`]; then none is accepted.
    pub async fn accept_found(
        &self,
        part: &Part<'_>,
        order: &store::Order,
    ) -> Result<(Accepted, i64), AcceptanceError> {
        let accept = async |connection: &mut _| store::accept_found(connection, part, order).await;
        let accepted = retrying(async || self.database.run(accept).await).await;
        if accepted.is_err() && order.of_somebody.is_some() {
            // That it was refused tells something too.
            self.note_look(part.who, part.campaign, "pledge.search_name", order.expected).await?;
        }
        self.totals.changed();
        accepted?.ok_or(AcceptanceError::Outdated)
    }

    /// Holds again what an acceptance let count, up to [`MAX_ACCEPTED`] of it. Returns the acceptance, and how many are left.
    ///
    /// # Errors
    /// See [`AcceptanceError`]; then nothing has changed.
    pub async fn undo_acceptance(
        &self,
        who: &Who,
        campaign: Uuid,
        acceptance: Uuid,
        note: &str,
    ) -> Result<(Acceptance, i64), AcceptanceError> {
        let undo =
            async |connection: &mut _| acceptances::store::undo(connection, who, campaign, acceptance, note).await;
        let undone = retrying(async || self.database.run(undo).await).await?;
        self.totals.changed();
        Ok(undone)
    }
}
