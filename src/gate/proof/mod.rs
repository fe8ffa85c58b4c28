//! Proof of work (ALTCHA v2, SHA-256): a challenge is signed here, solved by the browser, and checked here without any
//! look-up. Whoever takes the proof spends its nonce, in the transaction of what it pays for.
//!
//! The crate `altcha` brings the protocol's words and signs them. The last step, one number hashed again, is done here,
//! because the crate's own check reads the machine's clock and keeps a copy of the secret that it doesn't wipe; the tests
//! hold it against the crate's solver, `tests/altcha` against the one that browsers run.

pub mod difficulty;
pub mod issuer;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use altcha::{ChallengeParameters, HmacAlgorithm, Payload, Solution};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use prometheus::{IntCounter, IntCounterVec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    crypto::{self, CryptoError, Key, KeyRing},
    metrics::Metrics,
};
use difficulty::Difficulty;

/// What is given out, in the form that the browser's solver takes.
pub use altcha::Challenge;

const PURPOSE: &str = "proof v1";

/// Hashes that a guess takes a few at a time, and that verify in microseconds. The kinds that take memory or minutes would
/// keep our processor as busy as theirs.
const ALGORITHM: &str = "SHA-256";

const KEY_BYTES: usize = 32;

/// How long a challenge is good: a form is filled in within this, and spent nonces must be remembered no longer than
/// this and the leeway.
pub const LIFE: TimeDelta = TimeDelta::minutes(20);

/// How far the clocks of two instances may be apart.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// Bytes of a payload at the most. Ours have about 900.
pub const PAYLOAD_MAX: usize = 2048;

/// What a challenge is good for, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The campaign.
    pub campaign: Uuid,
    /// The partner whose form asked; None: a form of our own.
    pub partner: Option<Uuid>,
    /// Whether what it pays for is a trial.
    pub test: bool,
}

/// A challenge that was solved. It has not been spent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What is to be spent: 128 random bits, signed, so that nothing the sender can change makes another one.
    pub nonce: Uuid,
    /// When the challenge was given out (milliseconds).
    pub issued_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Why a payload is no proof.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofError {
    /// There is none.
    #[error("there is no proof")]
    Missing,
    /// Longer than [`PAYLOAD_MAX`]; nothing of it was read.
    #[error("the proof is too long")]
    TooLong,
    /// Not base64 (standard alphabet, padded) of the JSON of a payload.
    #[error("the proof can't be read")]
    Malformed,
    /// Not signed by us, or not as it was signed.
    #[error("the challenge isn't ours")]
    Forged,
    /// Its time is over.
    #[error("the challenge has expired")]
    Expired,
    /// It comes from the future.
    #[error("the challenge isn't good yet")]
    NotYet,
    /// It was made for another campaign.
    #[error("the challenge is another campaign's")]
    OtherCampaign,
    /// It was made for another partner, or for none, or for one where none belongs.
    #[error("the challenge is another partner's")]
    OtherPartner,
    /// A trial's challenge for the real thing, or the other way round.
    #[error("the challenge is for a trial, or for none")]
    OtherMode,
    /// The number is not the solution.
    #[error("the challenge isn't solved")]
    Unsolved,
}

impl ProofError {
    /// A stable name, for figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::OtherCampaign => "other_campaign",
            Self::OtherPartner => "other_partner",
            Self::OtherMode => "other_mode",
            Self::Unsolved => "unsolved",
        }
    }
}

/// What we write into a challenge beside what the protocol wants.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    campaign: Uuid,
    partner: Option<Uuid>,
    test: bool,
    /// Milliseconds since 1970, because the time from challenge to submission is judged.
    issued: i64,
}

/// A signing key as the crate wants it: text. Of 32 bytes, so it can't be empty.
struct Secret(Zeroizing<String>);

impl Secret {
    fn new(key: &Key) -> Self {
        Self(Zeroizing::new(STANDARD.encode(key.expose())))
    }

    /// The parameters with the signature that belongs to them.
    fn sign(&self, parameters: &mut ChallengeParameters) -> Option<Challenge> {
        altcha::sign_challenge(&HmacAlgorithm::Sha256, parameters, None, &self.0, None).ok()
    }
}

/// Makes challenges and checks what comes back. Clones share keys and figures.
#[derive(Clone)]
pub struct Proofs(Arc<Inner>);

struct Inner {
    current: Secret,
    others: Vec<Secret>,
    clock: Clock,
    issued: IntCounter,
    failed: IntCounterVec,
}

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proofs(hidden)")
    }
}

impl Proofs {
    /// Signs under the current root secret; what any listed one has signed is good.
    pub fn new(ring: &KeyRing, clock: Clock, metrics: &Metrics) -> Self {
        let current = ring.current().id();
        let secret = |root: &crypto::RootSecret| Secret::new(&root.derive(PURPOSE, b""));
        Self(Arc::new(Inner {
            current: secret(ring.current()),
            others: ring.roots().filter(|root| root.id() != current).map(secret).collect(),
            clock,
            issued: metrics.counter("pledges_challenges_issued_total", "Proof-of-work challenges that were given out."),
            failed: metrics.counters(
                "pledges_proofs_failed_total",
                "Proofs of work that were not accepted, by reason.",
                "reason",
            ),
        }))
    }

    /// A new challenge. Costs 3.6 µs: two random numbers and one HMAC.
    ///
    /// # Errors
    /// [`CryptoError::NoRandomness`]; [`CryptoError::DoesNotSeal`] when it can't be signed, which has no known cause.
    pub fn issue(&self, bound: &Bound, difficulty: Difficulty) -> Result<Challenge, CryptoError> {
        let issued = self.0.clock.now();
        let data = Data {
            campaign: bound.campaign,
            partner: bound.partner,
            test: bound.test,
            issued: issued.timestamp_millis(),
        };
        let Ok(Value::Object(data)) = serde_json::to_value(data) else { return Err(CryptoError::DoesNotSeal) };
        let random = || Ok::<_, CryptoError>(Uuid::from_bytes(crypto::random_bytes()?).simple().to_string());
        let mut parameters = ChallengeParameters {
            algorithm: ALGORITHM.into(),
            cost: difficulty.cost(),
            data: Some(data.into_iter().collect()),
            expires_at: Some((issued + LIFE).timestamp()),
            key_length: KEY_BYTES,
            key_prefix: difficulty::PREFIX.into(),
            key_signature: None,
            memory_cost: None,
            nonce: random()?,
            parallelism: None,
            salt: random()?,
        };
        let challenge = self.0.current.sign(&mut parameters).ok_or(CryptoError::DoesNotSeal)?;
        self.0.issued.inc();
        Ok(challenge)
    }

    /// Checks a payload as the browser's solver sends it. Costs 4.6 µs, 11 for the dearest, whatever comes: nothing is read before its
    /// length is known, nothing is computed before the signature is right.
    ///
    /// # Errors
    /// Why it is no proof for this.
    pub fn verify(&self, payload: &str, bound: &Bound) -> Result<Proof, ProofError> {
        self.check(payload, bound).inspect_err(|error| self.0.failed.with_label_values(&[error.as_str()]).inc())
    }

    fn check(&self, payload: &str, bound: &Bound) -> Result<Proof, ProofError> {
        if payload.is_empty() {
            return Err(ProofError::Missing);
        }
        if payload.len() > PAYLOAD_MAX {
            return Err(ProofError::TooLong);
        }
        let json = STANDARD.decode(payload).map_err(|_| ProofError::Malformed)?;
        let Payload { challenge, solution } = serde_json::from_slice(&json).map_err(|_| ProofError::Malformed)?;
        if !self.is_ours(&challenge) {
            return Err(ProofError::Forged);
        }
        // From here on what we read was written by us.
        let parameters = challenge.parameters;
        let (proof, data) = read(&parameters).ok_or(ProofError::Forged)?;
        let now = self.0.clock.now();
        if now >= proof.expires_at {
            return Err(ProofError::Expired);
        }
        if proof.issued_at > now + LEEWAY {
            return Err(ProofError::NotYet);
        }
        if data.campaign != bound.campaign {
            return Err(ProofError::OtherCampaign);
        }
        if data.partner != bound.partner {
            return Err(ProofError::OtherPartner);
        }
        if data.test != bound.test {
            return Err(ProofError::OtherMode);
        }
        if is_solved(&parameters, proof.nonce, &solution) { Ok(proof) } else { Err(ProofError::Unsolved) }
    }

    /// Whether one of our keys signed it. In constant time for each key.
    fn is_ours(&self, challenge: &Challenge) -> bool {
        let Some(given) = &challenge.signature else { return false };
        let mut keys = std::iter::once(&self.0.current).chain(&self.0.others);
        keys.any(|key| {
            let signed = key.sign(&mut challenge.parameters.clone()).and_then(|signed| signed.signature);
            signed.is_some_and(|signature| signature.as_bytes().ct_eq(given.as_bytes()).into())
        })
    }
}

/// What we wrote into a challenge. None: we wrote nothing of the kind; a challenge that doesn't end is none of ours.
fn read(parameters: &ChallengeParameters) -> Option<(Proof, Data)> {
    if parameters.algorithm != ALGORITHM || parameters.key_length != KEY_BYTES {
        return None;
    }
    let data: Map<String, Value> = parameters.data.clone()?.into_iter().collect();
    let data: Data = serde_json::from_value(Value::Object(data)).ok()?;
    let proof = Proof {
        nonce: Uuid::try_parse(&parameters.nonce).ok()?,
        issued_at: DateTime::from_timestamp_millis(data.issued)?,
        expires_at: DateTime::from_timestamp(parameters.expires_at?, 0)?,
    };
    Some((proof, data))
}

/// Whether the solution's number makes a hash that begins as the challenge asks.
fn is_solved(parameters: &ChallengeParameters, nonce: Uuid, solution: &Solution) -> bool {
    let Ok(salt) = Uuid::try_parse(&parameters.salt) else { return false };
    let first = Sha256::new().chain_update(salt.as_bytes()).chain_update(nonce.as_bytes());
    let mut hash = first.chain_update(solution.counter.to_be_bytes()).finalize();
    for _ in 1..parameters.cost {
        hash = Sha256::digest(hash);
    }
    let (left, right) = hash.split_at(KEY_BYTES / 2);
    let (Ok(left), Ok(right)) = (Uuid::from_slice(left), Uuid::from_slice(right)) else { return false };
    let derived = format!("{}{}", left.simple(), right.simple());
    let told: bool = derived.as_bytes().ct_eq(solution.derived_key.as_bytes()).into();
    told && derived.starts_with(&parameters.key_prefix)
}
