//! The heart: a supporter's promise, from what was typed to a counted row.
//!
//! [`submission`] turns what came in (JSON or a plain form, [`form`]) into domain types, once; [`sealing`] makes the
//! fingerprint and seals the review copy; [`ingest`] commits what has come meanwhile as one batch of rows and deltas
//! ([`store`]); [`routes`] answers everybody alike.

pub mod arrival;
pub mod batch;
pub mod batches;
pub mod bodies;
pub mod by_partner;
pub mod challenge;
pub mod confirm;
pub mod embedding;
pub mod eye;
pub mod fields;
#[cfg(test)]
mod fields_tests;
pub mod form;
pub mod held;
pub mod ingest;
pub mod leave;
pub mod letters;
mod limited;
pub mod links;
pub mod mailbox;
pub mod own;
mod providers;
pub mod recount;
pub mod roots;
pub mod routes;
pub mod rules;
pub mod sealing;
pub mod spent;
pub mod store;
pub mod submission;
pub mod text;
pub mod trials;
pub mod waves;

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    campaigns::{Campaign, Campaigns, settings::Confirmation, switches::Switched},
    clock::Clock,
    country::Country,
    crypto::{CryptoError, KeyRing},
    db::Database,
    gate::{form_token::FormTokens, limits::Limits, proof::Proofs, signals::Signal, source_tags::SourceTags},
    http::{Code, FieldProblem},
    mail::Outbox,
    metrics::Metrics,
    partners::{Admitted, Lane},
    sealing::{Epochs, ReviewCopies},
    totals::Totals,
};

use confirm::Confirmations;
use eye::Eye;
use fields::IdempotencyKey;
use ingest::{Ingest, PledgeError, Stored};
use links::Links;
use rules::Rules;
use sealing::{Keys, Sealing};
use submission::{Checked, Consents, Submission};

/// Where a pledge is in its life. It is in every counter exactly while it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its mailbox to confirm it.
    Awaiting,
    /// Looks like a bot's, and waits for a moderator. Its owner is told nothing of that.
    Held,
    /// Counted.
    Counted,
    /// Taken out by a moderator.
    Removed,
    /// Taken back by the supporter, or erased in a campaign that then stops counting.
    Withdrawn,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Awaiting, Self::Held, Self::Counted, Self::Removed, Self::Withdrawn];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting",
            Self::Held => "held",
            Self::Counted => "counted",
            Self::Removed => "removed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// From what is stored or asked for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A pledge, ready to be stored: nothing in it is readable that could name somebody.
#[derive(Clone)]
pub struct NewPledge {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// Whether it waits for its mailbox to confirm it.
    pub awaiting: bool,
    /// Where from.
    pub country: Country,
    /// The partner whose site it came from.
    pub partner: Option<Uuid>,
    /// Unique: see [`sealing::Sealing::fingerprint`].
    pub fingerprint: Uuid,
    /// Tells a retry from another body; only without a mailbox and with an idempotency key.
    pub request_digest: Option<[u8; 32]>,
    /// What the supporter agreed to.
    pub consents: Consents,
    /// For moderators.
    pub sealed_review: Vec<u8>,
    /// For the organiser.
    pub sealed_record: Vec<u8>,
    /// For the partner, when the supporter allowed it.
    pub sealed_for_partner: Option<Vec<u8>>,
    /// BCP 47.
    pub language: Option<String>,
    /// Which page.
    pub source: Option<String>,
    /// The mail that it causes.
    pub mail: Option<SealedMail>,
    /// What stood out.
    pub seen: Seen,
    /// The proof of work that it spends.
    pub proof: Option<Uuid>,
}

impl NewPledge {
    /// The state that it is stored in.
    fn becomes(&self) -> State {
        match (self.awaiting, self.seen.held) {
            (true, _) => State::Awaiting,
            (false, true) => State::Held,
            (false, false) => State::Counted,
        }
    }
}

/// What the gate saw of a pledge, as it is stored with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is held, unless it waits for its mailbox.
    pub held: bool,
    /// How much it looks like a bot's.
    pub score: i16,
    /// What stood out, a bit each.
    pub signals: i32,
    /// Keyed hash of the network that it came from.
    pub source_tag: Option<i64>,
    /// Keyed hash of the mailbox's domain.
    pub domain_tag: Option<i64>,
    /// Keyed hash of the name.
    pub name_tag: Option<i64>,
    /// Keyed hash of the shape of name and mailbox.
    pub shape_tag: Option<i64>,
}

impl Seen {
    /// The same while this is switched on.
    #[must_use]
    pub fn under(self, switched: Switched) -> Self {
        let signals = self.signals | Signal::Switch.bit().bits();
        if switched.hold_all { Self { held: true, signals, ..self } } else { self }
    }
}

/// A mail for the outbox: whose is sealed, what it says is decided when it is written.
#[derive(Clone)]
pub struct SealedMail {
    /// UUIDv7.
    pub id: Uuid,
    /// The address, see [`crate::mail::Seal`].
    pub sealed: Vec<u8>,
}

/// Draws the form again, filled, when it could not be taken. The pages stand above the pledges in the house, so they
/// are handed in.
pub trait FormPages: Send + Sync {
    /// The page, or None when it can't be drawn.
    fn again(&self, form: &FormAgain<'_>) -> Option<Drawn>;
}

/// A page.
pub struct Drawn {
    /// HTML.
    pub html: String,
    /// Its Content-Security-Policy.
    pub policy: String,
}

/// What the form is filled with.
pub struct FormAgain<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// What was typed.
    pub submission: &'a Submission,
    /// Where to go afterwards.
    pub return_to: Option<&'a str>,
    /// What is not right with the fields.
    pub errors: &'a [FieldProblem],
    /// Code of what else is wrong.
    pub problem: &'static str,
    /// Whose pages may frame it, as CSP writes it.
    pub framers: Vec<String>,
    /// Whether it is a partner's trial.
    pub trial: bool,
}

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Pledges {
    ingest: Ingest,
    acknowledged: IntCounter,
    refused: IntCounterVec,
    held_ending: IntGauge,
    sealing: Sealing,
    epochs: Epochs,
    outbox: Outbox,
    confirmations: Confirmations,
    links: Links,
    copies: ReviewCopies,
    totals: Totals,
    database: Database,
    proofs: Proofs,
    forms: FormTokens,
    eye: Eye,
    limits: Limits,
    campaigns: Campaigns,
}

/// What [`Pledges`] is made of.
pub struct Parts {
    /// Where pledges are stored.
    pub ingest: Ingest,
    /// Where they are confirmed.
    pub confirmations: Confirmations,
    /// How they are sealed.
    pub sealing: Sealing,
    /// Under which keys.
    pub epochs: Epochs,
    /// Is told of their mails.
    pub outbox: Outbox,
    /// Is told when the counts change.
    pub totals: Totals,
    /// Knows the places of trials.
    pub campaigns: Campaigns,
    /// The database.
    pub database: Database,
    /// The root secrets.
    pub ring: KeyRing,
    /// Checks proofs of work.
    pub proofs: Proofs,
    /// Checks forms.
    pub forms: FormTokens,
    /// Says when a submission came.
    pub clock: Clock,
    /// How much may come from whom.
    pub limits: Limits,
    /// Tags what one source sends.
    pub source_tags: SourceTags,
    /// Blocks and allows.
    pub rules: Rules,
}

impl Pledges {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(parts: Parts, metrics: &Metrics) -> Result<Self, CryptoError> {
        let Parts {
            ingest,
            confirmations,
            sealing,
            epochs,
            outbox,
            totals,
            campaigns,
            database,
            ring,
            proofs,
            forms,
            clock,
            limits,
            source_tags,
            rules,
        } = parts;
        let eye = Eye::new(&ring, source_tags, rules, totals.clone(), clock)?;
        let (copies, links) = (ReviewCopies::new(&ring), Links::new(ring));
        let acknowledged = "Pledges that were acknowledged, repeated ones too.";
        let acknowledged = metrics.counter("pledges_acknowledged_total", acknowledged);
        let refused = "Pledges that were refused, by the code of the problem.";
        let refused = metrics.counters("pledges_refused_total", refused, "reason");
        let ending = "Held pledges that get their campaign's held_default within seven days.";
        let held_ending = metrics.gauge("pledges_held_ending", ending);
        Ok(Self {
            ingest,
            acknowledged,
            refused,
            held_ending,
            sealing,
            epochs,
            outbox,
            confirmations,
            links,
            copies,
            totals,
            database,
            proofs,
            forms,
            eye,
            limits,
            campaigns,
        })
    }

    /// Counts a refusal by the code of its problem.
    pub fn refused(&self, reason: Code) {
        self.many_refused(reason, 1);
    }

    /// Counts so many of one kind.
    fn many_refused(&self, reason: Code, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.refused.with_label_values(&[reason.as_str()]).inc_by(count);
    }

    /// Records a pledge. When this returns Ok, it is committed; or its mailbox had pledged before.
    ///
    /// # Errors
    /// See [`PledgeError`]. After an error, sending the same again is safe.
    pub async fn record(
        &self,
        campaign: &Campaign,
        checked: &Checked,
        key: Option<&IdempotencyKey>,
        admitted: &Admitted,
        (seen, proof): (Seen, Option<Uuid>),
    ) -> Result<(), PledgeError> {
        let since = Instant::now();
        let partner = admitted.partner.as_ref().map(|partner| partner.id);
        let keys = Keys::current(&self.epochs, campaign, partner).await?;
        let mut pledge = self.sealing.prepare(Uuid::now_v7(), campaign, checked, key, &keys)?;
        pledge.proof = proof;
        pledge.seen = seen.under(campaign.switched);
        if admitted.lane == Lane::Test {
            pledge.mail = pledge.mail.and_then(|_| self.trial_mail(admitted));
        }
        match self.ingest.store(pledge, since).await? {
            Stored::Mismatch => return Err(PledgeError::IdempotencyMismatch),
            Stored::ProofSpent => return Err(PledgeError::ProofSpent),
            Stored::Recorded => self.acknowledged.inc(),
        }
        if campaign.confirmation == Confirmation::Email {
            self.outbox.changed();
        }
        Ok(())
    }

    /// The mail of a trial: to the address whose owner agreed to have them, whatever was typed. None: there is no such address, or
    /// it was sealed under a root secret that isn't listed any more.
    fn trial_mail(&self, admitted: &Admitted) -> Option<SealedMail> {
        let partner = admitted.partner.as_ref()?;
        let mailbox = partner.trial_mailbox.as_ref().filter(|mailbox| mailbox.verified_at.is_some())?;
        let (seal, id) = (self.outbox.seal(), Uuid::now_v7());
        let address = seal.open(partner.id, &mailbox.sealed).ok()?;
        Some(SealedMail { id, sealed: seal.seal(id, &address).ok()? })
    }
}
