//! Settings of campaigns as words of the command line.

use clap::ValueEnum;

use crate::campaigns::settings::{Ask, ProofRule};

/// Whether a form asks for something, as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum AskArgument {
    /// Must be given.
    Required,
    /// May be given.
    Optional,
    /// Isn't asked.
    Off,
}

impl From<AskArgument> for Ask {
    fn from(ask: AskArgument) -> Self {
        match ask {
            AskArgument::Required => Self::Required,
            AskArgument::Optional => Self::Optional,
            AskArgument::Off => Self::Off,
        }
    }
}

/// What becomes of the count when somebody is erased, as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ErasureArgument {
    /// The pledge goes on counting, without the person.
    Keep,
    /// The pledge is withdrawn.
    Withdraw,
}

/// Whether a pledge counts at once, as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ConfirmationArgument {
    /// Once its mailbox has confirmed it.
    Email,
    /// At once. Whoever watches the total can then tell whether an address had pledged before.
    None,
}

/// Whether a pledge needs a proof of work, as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ProofArgument {
    /// No.
    Off,
    /// Yes, always of the same price.
    On,
    /// Yes, dearer for busy sources and in busy times.
    Adaptive,
}

impl From<ProofArgument> for ProofRule {
    fn from(proof: ProofArgument) -> Self {
        match proof {
            ProofArgument::Off => Self::Off,
            ProofArgument::On => Self::On,
            ProofArgument::Adaptive => Self::Adaptive,
        }
    }
}
