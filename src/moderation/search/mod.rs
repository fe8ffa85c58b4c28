//! Finding pledges among tens of millions: what is looked for ([`Search`]), the pages and the number of what fits ([`store`]), and the
//! walk over all hits that removals by a search take ([`hits`]).
//!
//! `pledge_search` has a row a pledge, filled just behind ingest ([`filler`]), so a new pledge pays for no index that only moderators
//! need. It is searched in four ways, and which is quickest is known before:
//!
//! * **Terms.** What has few values (country, state, language, partner, removal, signals, steps of the score) and the pairs of them that are
//!   asked for most are *terms*, numbers in one array under one GIN index, a byte or two for each. The rows lie in *chunks* of about
//!   65,536 in the order of their ids, and the number of the chunk is a term too: a look into one chunk costs 40 µs, however common the
//!   others are in the campaign.
//! * **Counts.** `search_counts` says how often each term is in each chunk, in the transaction that changes the rows. So a page goes
//!   straight to the chunks that have hits, were they a month old; a pair that never meets is known to have none; and how many fit is a
//!   sum over some hundred rows, exactly, for every term alone and for every pair that is a term. Where a term is in every few rows, a
//!   walk along the ids is quicker than the index.
//! * **Tags.** What nearly every pledge has a value of its own for (name, source, and with them domain and shape) stands in columns with
//!   btrees, each in the order of ids. In the GIN index they would be nine tenths of it; and PostgreSQL never takes a value out of
//!   such an index again, but no tag may outlive its review copy.
//!   Each btree is in parts of four chunks, one look each, newest first: what comes is put into the last part, on pages beside each other.
//!
//! * **Words.** What the public wall shows has rows of its own (`wall_words`), kept with the entry in one transaction: so that way has
//!   nothing to catch up with.
//!
//! Only rows of `pledges` are shown, and each is held against the whole search once more ([`store::conditions`]): what `pledge_search` doesn't
//! know yet (new, or changed since) is looked at one by one, the latest five hundred of each. So what a moderator has just done is seen at once,
//! and only in a flood, or while a removal of many goes on and a while after, an answer is behind, and says so.

pub mod check;
pub mod filler;
pub mod filter;
pub mod hits;
pub mod routes;
pub mod store;
mod terms;
pub(in crate::moderation) mod words;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{country::Country, gate::signals::Signal, pledges::State};

pub use terms::STEPS;

/// Up to here the number of hits is exact, unless counting them takes longer than two seconds.
pub const EXACT: i64 = 10_000;

/// What is looked for: all of it together.
#[derive(Clone, Default, PartialEq)]
pub struct Search {
    /// In this campaign.
    pub campaign: Uuid,
    /// In this state.
    pub state: Option<State>,
    /// From this country.
    pub country: Option<Country>,
    /// By this partner.
    pub partner: Option<Uuid>,
    /// Stored at or after.
    pub from: Option<DateTime<Utc>>,
    /// Stored before.
    pub to: Option<DateTime<Utc>>,
    /// Made in this language.
    pub language: Option<String>,
    /// With at least this score.
    pub score_from: Option<i16>,
    /// With any of these signals; empty: whatever they are.
    pub signals: Vec<Signal>,
    /// From the source with this tag.
    pub source_tag: Option<i64>,
    /// With any of these tags of the mailbox's domain: one under each root secret. Empty: whatever it is.
    pub domain_tags: Vec<i64>,
    /// With any of these tags of the name.
    pub name_tags: Vec<i64>,
    /// With this tag of how name and mailbox are made.
    pub shape_tag: Option<i64>,
    /// Taken out by this removal.
    pub removal: Option<Uuid>,
    /// With this fingerprint.
    pub fingerprint: Option<Uuid>,
    /// With all of these words in what the public wall shows of it, each by its tags: one under each root secret. Empty: whether or not
    /// it is there.
    pub words: Vec<Vec<i64>>,
}

impl Search {
    /// Whether nothing is asked for but words.
    fn is_of_words_only(&self) -> bool {
        *self == Self { campaign: self.campaign, words: self.words.clone(), ..Self::default() }
    }
}

/// How many fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub value: i64,
    /// Exactly; otherwise about, above [`EXACT`], or at least.
    pub exact: bool,
}

impl Count {
    /// About as many, told in two digits: more would pretend to be known. Not fewer than `at_least`.
    fn about(value: f64, at_least: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
        let value = value.max(at_least as f64).max(1.0);
        let step = 10_f64.powf((value.log10().floor() - 1.0).max(0.0));
        #[expect(clippy::cast_possible_truncation, reason = "a number of rows")]
        let (value, step) = (((value / step).round() * step) as i64, step as i64);
        Self { value: if value < at_least { value + step } else { value }, exact: false }
    }
}

/// A part of what was found.
pub struct Found {
    /// Newest first.
    pub rows: Vec<store::Row>,
    /// How many fit in all.
    pub count: Count,
    /// What changed or came in the last so many seconds may be missing; 0: nothing is.
    pub lag_seconds: i64,
}
