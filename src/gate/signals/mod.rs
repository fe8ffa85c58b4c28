//! What looks odd about one pledge, at submission: each sign is a small pure function, its weight says how much it counts, and none
//! refuses anybody. docs/signals.md tells moderators what each of them means.

mod bits;
pub mod country;
mod mailbox;
mod name;
mod shape;
mod text;

use std::time::Duration;

use crate::country::Country;

pub use bits::{Signal, Signals};
pub use mailbox::is_disposable;
pub use shape::shape;
pub use text::visible;

/// What a pledge is held at, unless the campaign says otherwise.
pub const HOLD_AT: i16 = 100;

/// The highest score.
pub const SCORE_MAX: i16 = 1000;

/// What a pledge brings. Everything optional may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// As it was written.
    pub name: Option<&'a str>,
    /// Before and behind the `@`.
    pub mailbox: Option<(&'a str, &'a str)>,
    /// As it was written.
    pub message: Option<&'a str>,
    /// Where from.
    pub country: Country,
    /// How many there are from there already.
    pub crowd: Crowd,
    /// From challenge or form token to submission.
    pub elapsed: Option<Duration>,
    /// Whether the field that nobody sees was filled in.
    pub honeypot: bool,
    /// Whether it came with a proof.
    pub script: bool,
    /// Whether it came by a partner's server, which needs no proof and has no form.
    pub server: bool,
    /// Pledges from this source in the last minutes.
    pub source_recent: u32,
}

/// Pledges of a campaign, as far as is known without asking the database: counted ones, and those that came lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// From the country of the pledge.
    pub of_country: i64,
    /// In all.
    pub of_campaign: i64,
}

/// What is found at submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// From 0 to [`SCORE_MAX`].
    pub score: i16,
    /// Why.
    pub signals: Signals,
}

/// Who sends this many in the last minutes is busy: most are homes and have one or two.
pub const BUSY: u32 = 20;
/// A campus or a carrier may get here too, so it counts for little alone.
const FLOOD: u32 = 200;
/// Nobody reads, types and sends a form in less.
const TOO_FAST: Duration = Duration::from_secs(2);
/// The bounds of the paces: two fifths of people need less than the second, a quarter more than the third.
const PACES: [Duration; 3] = [Duration::from_secs(20), Duration::from_secs(40), Duration::from_secs(80)];

/// What a row scored at submission, from its score and signals as they are stored. Later raises add [`RAISE_LEAST`] and more, what
/// crowds add beyond their signal is less; of a row that was raised only its signals tell.
pub fn at_submission(score: i16, signals: Signals) -> i16 {
    if score < signals.weight().saturating_add(RAISE_LEAST) { score } else { signals.weight() }
}

/// What being part of a wave adds to a score at the least.
pub const RAISE_LEAST: i16 = 100;

/// Looks at one pledge. Costs microseconds.
pub fn judge(sent: &Sent<'_>) -> Verdict {
    let name = sent.name.map(visible);
    let name = name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let on = |found: bool, signal: Signal| if found { signal.bit() } else { Signals::default() };
    let in_name = |found: fn(&str) -> bool| name.is_some_and(found);
    let under = |limit: Duration| sent.elapsed.is_some_and(|elapsed| elapsed < limit);
    let [short, middle, long] = PACES;
    let crowding = country::crowding(sent.country, sent.crowd);
    let signals = [
        on(sent.honeypot, Signal::Honeypot),
        on(sent.mailbox.is_some_and(|(_, domain)| is_disposable(domain)), Signal::DisposableMailbox),
        on(sent.source_recent >= BUSY, Signal::BusySource),
        on(sent.source_recent >= FLOOD, Signal::FloodingSource),
        on(in_name(name::is_gibberish), Signal::GibberishName),
        on(in_name(text::has_link), Signal::LinkInName),
        on(sent.message.is_some_and(text::has_link), Signal::LinkInMessage),
        on(
            name.zip(sent.mailbox).is_some_and(|(name, (local, _))| name::is_mailbox(name, local)),
            Signal::NameIsMailbox,
        ),
        on(in_name(name::repeats_itself), Signal::NameRepeatsItself),
        on(in_name(text::mixes_scripts), Signal::MixedScripts),
        on(under(TOO_FAST), Signal::TooFast),
        on(!sent.script && !sent.server, Signal::NoProof),
        on(under(short), Signal::Under20Seconds),
        on(under(middle), Signal::Under40Seconds),
        on(sent.elapsed.is_some() && !under(long), Signal::Over80Seconds),
        on(sent.message.is_some_and(|message| !message.trim().is_empty()), Signal::WithMessage),
        on(crowding > 0, Signal::ManyFromCountry),
    ];
    let signals = signals.into_iter().fold(Signals::default(), Signals::with);
    let beyond = (crowding - Signal::ManyFromCountry.weight()).max(0);
    Verdict { score: (signals.weight() + beyond).min(SCORE_MAX), signals }
}

#[cfg(test)]
mod tests;
