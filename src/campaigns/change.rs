//! What organisers change of a campaign: what is held, asked and shown, and can be changed back. Where supporters have been told something
//! (texts, consents, who answers, how long what is kept, whether a mailbox confirms), where a setting protects them (`threshold`), or
//! what it did can't be undone (`held_default` counts for good, a wall that is turned off forgets what was approved), only the operator
//! changes it, at the command line.

use serde::Serialize;

use super::{Campaign, settings::ProofRule};

/// New settings; those that aren't there stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How many pledges it hopes for; 0: none are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<i64>,
    /// The score from which on a pledge is held, 1 to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_at: Option<i16>,
    /// Whether a pledge needs a proof of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofRule>,
    /// Whether everybody may see how many pledges came by which partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_partners: Option<bool>,
}

impl Change {
    /// What a campaign has of it.
    pub(super) fn of(campaign: &Campaign) -> Self {
        Self {
            goal: Some(campaign.goal.unwrap_or(0)),
            hold_at: Some(campaign.hold_at),
            proof: Some(campaign.proof),
            publish_partners: Some(campaign.publish_partners),
        }
    }

    /// What of it a campaign doesn't have already, and how that is before.
    pub(super) fn against(self, campaign: &Campaign) -> (Self, Self) {
        let before = Self::of(campaign);
        let (goal, goal_before) = other(self.goal, before.goal);
        let (hold_at, hold_at_before) = other(self.hold_at, before.hold_at);
        let (proof, proof_before) = other(self.proof, before.proof);
        let (publish_partners, publish_partners_before) = other(self.publish_partners, before.publish_partners);
        let before = Self {
            goal: goal_before,
            hold_at: hold_at_before,
            proof: proof_before,
            publish_partners: publish_partners_before,
        };
        (Self { goal, hold_at, proof, publish_partners }, before)
    }
}

/// The wanted value and the one before, where they differ.
fn other<T: PartialEq>(wanted: Option<T>, before: Option<T>) -> (Option<T>, Option<T>) {
    if wanted.is_none() || wanted == before { (None, None) } else { (wanted, before) }
}
