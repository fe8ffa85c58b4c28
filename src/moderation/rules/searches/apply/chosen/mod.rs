//! Which pledges each rule takes in a step: chosen when all that any of them takes is locked, and nothing is changed yet.

pub mod store;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::moderation::rules::searches::store::Row;

/// What one rule takes. Without Debug: so is the rule.
pub struct Chosen {
    /// The rule, locked.
    pub rule: Row,
    /// The pledges, locked.
    pub ids: Vec<Uuid>,
    /// Whether they are removed; else they are held.
    pub removes: bool,
}

/// What all rules take.
#[derive(Default)]
pub struct Choice {
    /// By rule, in the order in which they come.
    pub chosen: Vec<Chosen>,
    /// How many rules don't open, by campaign.
    pub closed: BTreeMap<Uuid, usize>,
}
