//! Switches: what is turned on for a campaign under attack, and ends by itself. They are rows ([`store`]) that lie over the
//! campaign's settings in the copy in memory: each second every instance reads which are on, by the database's clock, so
//! everything that looks at a campaign there sees them. The stored settings stay as they are.

pub mod store;

use super::{
    Campaign,
    settings::{Ask, Confirmation, ProofRule},
};

/// Hours that a switch is on unless said otherwise: a night.
pub const USUAL_HOURS: i32 = 6;

/// Hours that a switch is on at the most: a week. Who needs it for longer changes the settings.
pub const MOST_HOURS: i32 = 168;

/// What can be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Every new pledge is held, at once or when it is confirmed.
    HoldAll,
    /// Pledges are confirmed by mail, also where they would count at once.
    RequireMail,
    /// Proofs of work are asked for and cost more.
    RaiseProof,
    /// Nothing is taken from one partner.
    PausePartner,
}

impl Switch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::HoldAll, Self::RequireMail, Self::RaiseProof, Self::PausePartner];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HoldAll => "hold_all",
            Self::RequireMail => "require_mail",
            Self::RaiseProof => "raise_proof",
            Self::PausePartner => "pause_partner",
        }
    }

    /// From what is stored or asked for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|switch| switch.as_str() == text)
    }

    /// Whether it is of a partner, not of the whole campaign.
    pub fn is_of_a_partner(self) -> bool {
        self == Self::PausePartner
    }
}

/// What the switches do to a campaign that its settings can't say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switched {
    /// Every new pledge is held.
    pub hold_all: bool,
    /// Proofs of work cost more.
    pub raise_proof: bool,
    /// The form asks for an e-mail address only so that it can be confirmed: nobody is given it.
    pub address_for_mail_only: bool,
}

impl Campaign {
    /// Lays a switch over the settings.
    pub fn switch(&mut self, switch: Switch) {
        match switch {
            Switch::HoldAll => self.switched.hold_all = true,
            Switch::RequireMail => {
                self.switched.address_for_mail_only = self.fields.email == Ask::Off;
                self.confirmation = Confirmation::Email;
                self.fields.email = Ask::Required;
            }
            Switch::RaiseProof => {
                self.switched.raise_proof = true;
                if self.proof == ProofRule::Off {
                    self.proof = ProofRule::On;
                }
            }
            // Partners know of it.
            Switch::PausePartner => {}
        }
    }
}
