//! A mailbox confirms its pledge, by the link in its mail or by the code: in batches, like pledges come in. Confirming twice
//! is confirming once. A pledge that moderators removed meanwhile stays removed, and counts if they put it back; its owner
//! is told nothing of that.

pub mod store;

use uuid::Uuid;

use super::batches::{Batches, Job, Names};
use crate::db::{Connection, DbError};

/// The queue of confirmations, and its writer.
pub type Confirmations = Batches<Confirmation>;

/// As the queue is called in the metrics.
pub const NAMES: Names = Names { prefix: "pledges_confirm", jobs: "confirmations" };

/// Somebody has a link.
#[derive(Clone, Copy)]
pub struct Confirmation {
    /// The mail it stands in.
    pub mail: Uuid,
    /// Hash of its secret.
    pub hash: [u8; 32],
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The pledge is confirmed, now or before.
    Yes,
    /// The link is older than seven days.
    Expired,
    /// The pledge was taken back.
    Withdrawn,
    /// There is no such link, or its pledge is gone.
    Unknown,
}

impl Job for Confirmation {
    type Answer = Confirmed;

    fn place(&self) -> Uuid {
        self.mail
    }

    async fn commit(connection: &mut Connection, jobs: &[&Self]) -> Result<Vec<Confirmed>, DbError> {
        store::confirm(connection, jobs).await?;
        store::outcomes(connection, jobs).await
    }
}
