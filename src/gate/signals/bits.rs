//! The signals as a set of bits that stays the same for ever, because rows keep it.

use std::fmt;

macro_rules! signals {
    ($($(#[doc = $doc:literal])+ $signal:ident = $bit:literal, $name:literal, $weight:literal;)+) => {
        /// One thing that was seen at a pledge.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Signal {
            $($(#[doc = $doc])+ $signal,)+
        }

        impl Signal {
            /// All of them, in the order of their bits.
            pub const ALL: &[Self] = &[$(Self::$signal,)+];

            /// What it is called in the API and the console. Never changes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$signal => $name,)+ }
            }

            /// What it adds to the score by itself.
            pub fn weight(self) -> i16 {
                match self { $(Self::$signal => $weight,)+ }
            }

            /// The set of it alone.
            pub fn bit(self) -> Signals {
                match self { $(Self::$signal => Signals(1 << $bit),)+ }
            }
        }
    };
}

signals! {
    /// The field that nobody sees was filled in. Some browsers' automatic filling does that, so it isn't enough alone.
    Honeypot = 0, "honeypot", 90;
    /// The mailbox is at a provider of throw-away mailboxes.
    DisposableMailbox = 1, "disposable_mailbox", 35;
    /// Twenty pledges or more came from the source in the last minutes.
    BusySource = 2, "busy_source", 5;
    /// Two hundred or more.
    FloodingSource = 3, "flooding_source", 15;
    /// The name is a run over the keyboard, one letter again and again, or letters that no language joins.
    GibberishName = 4, "gibberish_name", 60;
    /// The name has a web address.
    LinkInName = 5, "link_in_name", 100;
    /// The message has a web address.
    LinkInMessage = 6, "link_in_message", 25;
    /// The name is the mailbox as a machine writes it.
    NameIsMailbox = 7, "name_is_mailbox", 15;
    /// The name is one word twice. Some people are called so.
    NameRepeatsItself = 8, "name_repeats_itself", 5;
    /// One word of the name has letters of scripts that don't meet in a word.
    MixedScripts = 9, "mixed_scripts", 40;
    /// Sent less than two seconds after the form came.
    TooFast = 10, "too_fast", 50;
    /// Sent with the plain form, without a proof of work.
    NoProof = 11, "no_proof", 10;
    /// Everything was held when it came or was confirmed, by a switch: its score says nothing of it.
    Switch = 12, "switch", 0;
    /// Sent within 20 seconds. Only compared, like the next three.
    Under20Seconds = 13, "under_20_seconds", 0;
    /// Sent within 40 seconds.
    Under40Seconds = 14, "under_40_seconds", 0;
    /// Sent after 80 seconds or more.
    Over80Seconds = 15, "over_80_seconds", 0;
    /// It has a message.
    WithMessage = 16, "with_message", 0;
    /// An allow of a moderator's fits it, and no block: it isn't held, whatever else stands out.
    Allowed = 18, "allowed", 0;
    /// A block of a moderator's fits it: it is held, whatever its score.
    Blocked = 19, "blocked", 0;
    /// Part of a wave: the mailbox or the name is shaped like the wave's.
    WaveShape = 20, "wave_shape", 0;
    /// Part of a wave: its source sends as much as the wave's sources.
    WaveSource = 21, "wave_source", 0;
    /// Part of a wave: its mailbox is at a provider that the wave uses more than people do.
    WaveDomain = 22, "wave_domain", 0;
    /// Part of a wave: many others give exactly this name.
    WaveName = 23, "wave_name", 0;
    /// Part of a wave: time on the form, proof or message as the wave's.
    WavePace = 24, "wave_pace", 0;
    /// Part of a wave: most of the wave doesn't confirm, and neither did this.
    WaveUnconfirmed = 25, "wave_unconfirmed", 0;
    /// Part of a wave: its country has more pledges than its people explain.
    WaveCountry = 26, "wave_country", 0;
    /// Part of a wave: came in the minutes when the wave did.
    WaveTime = 27, "wave_time", 0;
    /// Part of a wave: came by the partner that the wave uses.
    WavePartner = 28, "wave_partner", 0;
    /// A moderator has looked at it and accepted it: it is held no more.
    Accepted = 29, "accepted", 0;
    /// It was held until nobody could judge it any more, and the campaign's default was applied.
    Unreviewed = 30, "unreviewed", 0;
    /// The campaign has far more pledges from the country than any is known to have had from so few people. Beyond all of its people it
    /// adds 60 more.
    ManyFromCountry = 31, "many_from_country", 40;
}

/// A set of signals, as a row keeps it. Bits that this version doesn't know are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Signals(i32);

/// Those that are seen at submission and compared between pledges: how it was sent, not how busy the source was.
const MANNER: i32 = 0b1_1110_1100_0000_0010;

impl Signals {
    /// From what is stored.
    pub fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// As it is stored.
    pub fn bits(self) -> i32 {
        self.0
    }

    /// Both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this one is in it.
    pub fn has(self, signal: Signal) -> bool {
        self.0 & signal.bit().0 != 0
    }

    /// Those in it, in the order of their bits.
    pub fn list(self) -> impl Iterator<Item = Signal> {
        Signal::ALL.iter().copied().filter(move |signal| self.has(*signal))
    }

    /// How it was sent: pace, proof, message, odd text.
    pub fn manner(self) -> i32 {
        self.0 & MANNER
    }

    /// The weights of those in it, from 0 to the highest score.
    pub fn weight(self) -> i16 {
        let sum: i16 = self.list().map(Signal::weight).sum();
        sum.clamp(0, super::SCORE_MAX)
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.list().map(Signal::name)).finish()
    }
}
