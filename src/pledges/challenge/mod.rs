//! Challenges for a campaign's form: what its setting makes of what the gate offers.

pub mod routes;

use std::net::IpAddr;

use uuid::Uuid;

use crate::{
    campaigns::{Campaign, State, settings::ProofRule},
    clock::Clock,
    crypto::CryptoError,
    gate::proof::{
        Bound, Challenge, Proofs,
        issuer::{Issuer, NotIssued, Price},
    },
    http::Allowance,
    metrics::Metrics,
};

/// Why there is no challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChallenge {
    /// The campaign takes no pledges.
    Closed,
    /// The gate gives none.
    NotIssued(NotIssued),
}

/// Who is asking, on whose behalf.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// The partner whose form it is; None: ours.
    pub partner: Option<Uuid>,
    /// Whether it is a trial.
    pub test: bool,
    /// Where the request comes from, see [`crate::http::Visitor::source`].
    pub source: IpAddr,
}

/// The handle. Clones share one memory of who was busy.
#[derive(Clone)]
pub struct Challenges {
    issuer: Issuer,
}

impl Challenges {
    /// Given out as `proofs` signs them.
    ///
    /// # Errors
    /// Those of [`Issuer::new`].
    pub fn new(proofs: Proofs, clock: &Clock, metrics: &Metrics) -> Result<Self, CryptoError> {
        Ok(Self { issuer: Issuer::new(proofs, clock, metrics)? })
    }

    /// What is told to a source that asks for one.
    pub fn allowance(&self, source: IpAddr) -> Allowance {
        self.issuer.allowance(source)
    }

    /// A challenge for one pledge. A campaign that needs none gives one all the same: forms may ask first and look later.
    ///
    /// # Errors
    /// When the campaign is closed, or too many were asked for.
    pub fn give(&self, campaign: &Campaign, asking: Asking) -> Result<Challenge, NoChallenge> {
        if campaign.state != State::Open {
            return Err(NoChallenge::Closed);
        }
        let price = match campaign.proof {
            ProofRule::Off | ProofRule::On => Price::Steady,
            ProofRule::Adaptive => Price::Adaptive,
        };
        let bound = Bound { campaign: campaign.id, partner: asking.partner, test: asking.test };
        self.issuer.issue(&bound, asking.source, price, campaign.switched.raise_proof).map_err(NoChallenge::NotIssued)
    }
}
