//! What organisers change of a campaign that runs: what is held, asked and shown. Where supporters have been told something (texts,
//! consents, who answers, how long what is kept, whether a mailbox confirms), or a number protects them (`threshold`), only the operator
//! changes it, at the command line.

use serde::Serialize;

use super::{Campaign, held_default::HeldDefault, settings::ProofRule};

/// New settings; those that aren't there stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How many pledges it hopes for; 0: none are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<i64>,
    /// The score from which on a pledge is held, 1 to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_at: Option<i16>,
    /// What becomes of a pledge that nobody has judged in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_default: Option<HeldDefault>,
    /// Whether a pledge needs a proof of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofRule>,
    /// Whether everybody may see how many pledges came by which partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_partners: Option<bool>,
    /// Whether there is a public wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall: Option<bool>,
}

impl Change {
    /// What of it a campaign doesn't have already, and how that is before.
    pub(super) fn against(self, campaign: &Campaign) -> (Self, Self) {
        let Self { goal, hold_at, held_default, proof, publish_partners, wall } = self;
        let (goal, goal_before) = other(goal, campaign.goal.unwrap_or(0));
        let (hold_at, hold_at_before) = other(hold_at, campaign.hold_at);
        let (held_default, held_default_before) = other(held_default, campaign.retention.held_default);
        let (proof, proof_before) = other(proof, campaign.proof);
        let (publish_partners, publish_partners_before) = other(publish_partners, campaign.publish_partners);
        let (wall, wall_before) = other(wall, campaign.wall);
        let before = Self {
            goal: goal_before,
            hold_at: hold_at_before,
            held_default: held_default_before,
            proof: proof_before,
            publish_partners: publish_partners_before,
            wall: wall_before,
        };
        (Self { goal, hold_at, held_default, proof, publish_partners, wall }, before)
    }
}

/// The wanted value and the one before, where they differ.
fn other<T: PartialEq>(wanted: Option<T>, before: T) -> (Option<T>, Option<T>) {
    match wanted.filter(|wanted| *wanted != before) {
        None => (None, None),
        wanted => (wanted, Some(before)),
    }
}
