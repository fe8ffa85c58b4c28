//! The way of pledges into the database: in batches ([`super::batches`]), each one statement of rows, mails and deltas.

use super::{
    NewPledge,
    batches::{Batches, Job, Names, Refused},
    store,
};
use crate::{
    crypto::CryptoError,
    db::{Connection, DbError},
    sealing::NoEpoch,
};

/// The queue of pledges, and its writer.
pub type Ingest = Batches<NewPledge>;

/// As the queue is called in the metrics.
pub const NAMES: Names = Names { prefix: "pledges_ingest", jobs: "pledges" };

/// Why a pledge was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum PledgeError {
    /// It was not stored, or nobody knows. Sent again, it counts once.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The key was used for another pledge.
    #[error("the idempotency key was used for another pledge")]
    IdempotencyMismatch,
    /// The proof of work was used for another pledge.
    #[error("the proof of work was used for another pledge")]
    ProofSpent,
    /// The pledge can't be sealed or fingerprinted.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// There is no key to seal it under.
    #[error(transparent)]
    NoEpoch(#[from] NoEpoch),
}

/// What became of a pledge whose batch is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is there; or its fingerprint was there before.
    Recorded,
    /// Its idempotency key was used before, for another pledge.
    Mismatch,
    /// Its proof of work was used before, for another pledge. It is not there.
    ProofSpent,
}

impl Job for NewPledge {
    type Answer = Stored;

    fn place(&self) -> uuid::Uuid {
        self.fingerprint
    }

    async fn commit(connection: &mut Connection, pledges: &[&Self]) -> Result<Vec<Stored>, DbError> {
        let mut answers = vec![Stored::Recorded; pledges.len()];
        for place in store::insert(connection, pledges).await? {
            if let Some(answer) = answers.get_mut(place) {
                *answer = Stored::ProofSpent;
            }
        }
        if pledges.iter().any(|pledge| pledge.request_digest.is_some()) {
            for place in store::mismatches(connection, pledges).await? {
                if let Some(answer) = answers.get_mut(place).filter(|answer| **answer == Stored::Recorded) {
                    *answer = Stored::Mismatch;
                }
            }
        }
        Ok(answers)
    }
}
