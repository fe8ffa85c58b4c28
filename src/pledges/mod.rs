//! The heart: a supporter's promise, from what was typed to a counted row.
//!
//! [`submission`] turns what came in (JSON or a plain form, [`form`]) into domain types, once; [`ingest`] makes the
//! fingerprint, seals the review copy and stores the row with its delta in one transaction ([`store`]); [`routes`]
//! answers everybody alike.

pub mod fields;
#[cfg(test)]
mod fields_tests;
pub mod form;
pub mod ingest;
pub mod mailbox;
mod providers;
pub mod routes;
pub mod store;
pub mod submission;
pub mod text;

use uuid::Uuid;

use crate::{campaigns::Campaign, country::Country, http::FieldProblem};

use submission::{Consents, Submission};

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
