//! What the pages of a supporter's own pledge show. Every address comes from the doors ([`routes`], [`short`]); the pages only place it.

pub mod door;
pub mod routes;
mod short;
mod trials;

use chrono::NaiveDate;

use crate::{country::Country, http::FieldProblem, pledges::submission::Consents, sealing::ReviewCopy};

/// The pages.
pub enum OwnPage<'a> {
    /// Where the link in the mail leads while the pledge waits.
    Confirm(Confirm<'a>),
    /// After it was confirmed: thanks, the published totals, passing it on.
    Confirmed {
        /// The page of the pledge.
        own: &'a str,
    },
    /// The pledge, and what can be done with it.
    Own(Own<'a>),
    /// The second step before something that can't be taken back.
    Sure(Sure<'a>),
    /// Something was done.
    Done(Done<'a>),
    /// Address and code, for whoever types rather than follows links.
    Code(CodeForm<'a>),
    /// Asking for a link.
    Ask(AskForm<'a>),
    /// The answer to that, always the same.
    Asked,
}

/// A pledge that waits. The page shows it; its button confirms it, because programs that scan mail follow links.
pub struct Confirm<'a> {
    /// Where from.
    pub country: Country,
    /// The day it was made (UTC).
    pub made_on: NaiveDate,
    /// What was entered, as it was sent last, so that its owner can tell whether it is theirs.
    pub copy: Option<&'a ReviewCopy>,
    /// What was ticked; the page finds the text of that version.
    pub consents: Consents,
    /// What becomes public, if that was asked for.
    pub shown: Option<Shown<'a>>,
    /// Where the button posts.
    pub post: &'a str,
    /// The page of the pledge.
    pub own: &'a str,
    /// The second step of [`Action::NotMe`].
    pub not_me: &'a str,
}

/// What is shown publicly.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The message.
    pub message: Option<&'a str>,
}

/// Where a pledge is, as its supporter is told. Moderators' holds and removals are not told: such a pledge is
/// [`Self::Counted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not confirmed yet.
    Waiting,
    /// Confirmed, or counted without confirmation.
    Counted,
    /// Taken back.
    Withdrawn,
}

/// One's own pledge.
pub struct Own<'a> {
    /// Where it is.
    pub standing: Standing,
    /// Where from.
    pub country: Country,
    /// The day it was made (UTC).
    pub made_on: NaiveDate,
    /// The tag of the language it was made in.
    pub language: Option<&'a str>,
    /// What was entered, as long as it can be read here.
    pub copy: Option<&'a ReviewCopy>,
    /// What is ticked. The boxes stand beside the texts that are asked now, with their versions, under the names of the
    /// pledge form (`consent_updates`, `consent_updates_version`).
    pub consents: Consents,
    /// Whether its owner said that somebody else had made it: then there is no pledging again.
    pub disowned: bool,
    /// What others see of it now.
    pub shown: Option<Shown<'a>>,
    /// What is not right with the boxes that were posted.
    pub errors: &'a [FieldProblem],
    /// What else went wrong.
    pub trouble: Option<Trouble>,
    /// Where everything leads.
    pub addresses: Addresses<'a>,
}

/// Where the page of one's own pledge leads. What has no address isn't offered.
#[derive(Clone, Copy, Default)]
pub struct Addresses<'a> {
    /// The page that confirms it; only shown while it waits.
    pub confirm: Option<&'a str>,
    /// Where the boxes are posted.
    pub consents: Option<&'a str>,
    /// Where "stop being shown" is posted; only shown while something is.
    pub hide: Option<&'a str>,
    /// The second step of [`Action::Withdraw`]; not shown for a pledge that is withdrawn.
    pub withdraw: Option<&'a str>,
    /// The second step of [`Action::Erase`].
    pub erase: Option<&'a str>,
    /// The second step of [`Action::NotMe`].
    pub not_me: Option<&'a str>,
}

/// What a supporter can do for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take the pledge back.
    Withdraw,
    /// Have everything personal deleted; what becomes of the count, the campaign says.
    Erase,
    /// Somebody else pledged with this address.
    NotMe,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Withdraw, Self::Erase, Self::NotMe];
}

/// The second step.
#[derive(Clone, Copy)]
pub struct Sure<'a> {
    /// What is about to happen.
    pub action: Action,
    /// Where the button posts.
    pub post: &'a str,
    /// The way back.
    pub back: &'a str,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A second step was taken.
    Action(Action),
    /// The boxes were saved.
    ConsentsSaved,
    /// Name and message are no longer shown.
    NoLongerShown,
}

/// Something was done.
#[derive(Clone, Copy)]
pub struct Done<'a> {
    /// What.
    pub deed: Deed,
    /// The page of the pledge, if it is still there.
    pub own: Option<&'a str>,
}

/// Why a link no longer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There never was such a link; or its campaign is over, and nobody can have a new one.
    Unknown,
    /// Its time is over, or it was cut off; a new one can be asked for.
    Expired,
    /// The pledge was taken back.
    Withdrawn,
    /// Its owner said that somebody else had made it: that mailbox gets no mail and can't pledge.
    NotMe,
}

/// A link that no longer works.
#[derive(Clone, Copy)]
pub struct Gone<'a> {
    /// Why.
    pub reason: Reason,
    /// The page that asks for a new link.
    pub ask: Option<&'a str>,
}

/// What went wrong with a short form as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Address and code don't belong together, or the code is too old: nobody learns which.
    NoMatch,
    /// Too many tries.
    TooMany,
    /// It can't be stored now.
    Unavailable,
    /// The retention of the campaign has ended.
    Over,
    /// Anything else.
    Other,
}

/// Address (`email`) and code (`code`). The code comes as typed: in any case, and with blanks or hyphens in it.
#[derive(Clone, Copy, Default)]
pub struct CodeForm<'a> {
    /// Where it posts.
    pub post: &'a str,
    /// The page that asks for a new link.
    pub ask: Option<&'a str>,
    /// As typed.
    pub email: &'a str,
    /// As typed.
    pub code: &'a str,
    /// What is not right, at `/email` or `/code`.
    pub errors: &'a [FieldProblem],
    /// What else went wrong.
    pub trouble: Option<Trouble>,
}

/// An address (`email`) to which the link to its pledge is sent.
#[derive(Clone, Copy, Default)]
pub struct AskForm<'a> {
    /// Where it posts.
    pub post: &'a str,
    /// As typed.
    pub email: &'a str,
    /// What is not right, at `/email`.
    pub errors: &'a [FieldProblem],
    /// What else went wrong.
    pub trouble: Option<Trouble>,
}
