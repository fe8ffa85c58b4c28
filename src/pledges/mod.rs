//! The heart: a supporter's promise, from what was typed to a counted row.
//!
//! [`submission`] turns what came in (JSON or a plain form, [`form`]) into domain types, once; [`Pledges`] makes the
//! fingerprint and seals the review copy; [`ingest`] commits what has come meanwhile as one batch of rows and deltas
//! ([`store`]); [`routes`] answers everybody alike.

pub mod fields;
#[cfg(test)]
mod fields_tests;
pub mod form;
pub mod ingest;
pub mod mailbox;
mod providers;
pub mod recount;
pub mod routes;
pub mod store;
pub mod submission;
pub mod text;

use uuid::Uuid;

use crate::{
    campaigns::Campaign,
    country::Country,
    crypto::{self, CryptoError, Key, RootSecret},
    http::FieldProblem,
    sealing::{ReviewCopies, ReviewCopy},
};

use fields::{IdempotencyKey, Language, Message, Name, Source};
use ingest::{Ingest, PledgeError};
use mailbox::{Email, MailboxRules, canonical};
use submission::{Checked, Consents, Submission};

/// Where a pledge is in its life. It is in every counter exactly while it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Counted.
    Counted,
    /// Taken out by a moderator.
    Removed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 2] = [Self::Counted, Self::Removed];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Removed => "removed",
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
    /// Where from.
    pub country: Country,
    /// Unique in the campaign.
    pub fingerprint: [u8; 32],
    /// Tells a retry from another body; only without a mailbox and with an idempotency key.
    pub request_digest: Option<[u8; 32]>,
    /// What the supporter agreed to.
    pub consents: Consents,
    /// For moderators.
    pub sealed_review: Vec<u8>,
    /// BCP 47.
    pub language: Option<String>,
    /// Which page.
    pub source: Option<String>,
}

/// Draws the form again, filled, when it could not be taken. The pages stand above the pledges in the house, so they
/// are handed in.
pub trait FormPages: Send + Sync {
    /// The page, or None when it can't be drawn.
    fn again(&self, form: &FormAgain<'_>) -> Option<String>;
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
}

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Pledges {
    ingest: Ingest,
    root: RootSecret,
    copies: ReviewCopies,
}

impl Pledges {
    /// Pledges that `ingest` stores.
    pub fn new(ingest: Ingest, root: RootSecret) -> Self {
        let copies = ReviewCopies::new(&root);
        Self { ingest, root, copies }
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
    ) -> Result<(), PledgeError> {
        let pledge = self.prepare(Uuid::now_v7(), campaign, checked, key)?;
        self.ingest.store(pledge).await
    }

    /// The fingerprint that a mailbox has in a campaign.
    ///
    /// # Errors
    /// When the campaign's rules are unknown to this version of the service.
    pub fn fingerprint(&self, campaign: &Campaign, email: &Email) -> Result<[u8; 32], CryptoError> {
        let rules = MailboxRules::from_number(campaign.mailbox_rules).ok_or(CryptoError::DoesNotOpen)?;
        let mailbox = canonical(email, rules);
        Ok(self.fingerprint_key(campaign).hash(&[b"mailbox", mailbox.as_bytes()]))
    }

    fn fingerprint_key(&self, campaign: &Campaign) -> Key {
        self.root.derive("fingerprint v1", &campaign.salt)
    }

    /// The row of a pledge: fingerprinted and sealed.
    ///
    /// # Errors
    /// When it can't be: then it must not be stored (rule 7).
    pub fn prepare(
        &self,
        id: Uuid,
        campaign: &Campaign,
        checked: &Checked,
        key: Option<&IdempotencyKey>,
    ) -> Result<NewPledge, CryptoError> {
        let fingerprint = match (&checked.email, key) {
            (Some(email), _) => self.fingerprint(campaign, email)?,
            (None, Some(key)) => self.fingerprint_key(campaign).hash(&[b"idempotency key", key.as_str().as_bytes()]),
            (None, None) => crypto::random_bytes()?,
        };
        // With a mailbox a mismatch is not told: it would tell whether the mailbox had pledged before.
        let tells_mismatch = checked.email.is_none() && key.is_some();
        let request_digest = tells_mismatch.then(|| self.digest(campaign, checked));
        let copy = ReviewCopy {
            name: checked.name.as_ref().map(|name| name.as_str().to_owned()),
            email: checked.email.as_ref().map(Email::masked),
            message: checked.message.as_ref().map(|message| message.as_str().to_owned()),
        };
        Ok(NewPledge {
            id,
            campaign: campaign.id,
            country: checked.country,
            fingerprint,
            request_digest,
            consents: checked.consents,
            sealed_review: self.copies.seal(campaign.id, id, &copy)?,
            language: checked.language.as_ref().map(|language| language.as_str().to_owned()),
            source: checked.source.as_ref().map(|source| source.as_str().to_owned()),
        })
    }

    fn digest(&self, campaign: &Campaign, checked: &Checked) -> [u8; 32] {
        let text = |value: Option<&str>| value.unwrap_or("").to_owned();
        let fields = [
            text(checked.name.as_ref().map(Name::as_str)),
            text(checked.message.as_ref().map(Message::as_str)),
            checked.country.to_string(),
            text(checked.language.as_ref().map(Language::as_str)),
            text(checked.source.as_ref().map(Source::as_str)),
            [checked.consents.updates, checked.consents.partner, checked.consents.public]
                .map(|version| version.unwrap_or(0).to_string())
                .join(","),
        ];
        let parts: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
        self.root.derive("request digest v1", &campaign.salt).hash(&parts)
    }
}
