//! What rules have done that the audit log hasn't been told. Whoever sends a pledge a second that fits would write an entry a second, and
//! nobody would find anything else in the log. So it is added up in the rule's row, in the transaction that holds or removes, and told
//! once a minute at the most, and when the rule ends.

pub mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{audit::Entry, moderation::removals::Reason};

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    pledges: i64,
    /// By country, what became uncounted.
    change: BTreeMap<String, i64>,
}

impl Sum {
    fn add(&mut self, pledges: i64, change: BTreeMap<String, i64>) {
        self.pledges += pledges;
        for (country, by) in change {
            *self.change.entry(country).or_default() += by;
        }
    }
}

/// What one rule has done since the log was told.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// By removal: each day has its own.
    removed: BTreeMap<Uuid, Sum>,
    held: Sum,
}

impl Untold {
    /// From what is stored.
    pub fn read(stored: Option<Value>) -> Self {
        stored.and_then(|stored| serde_json::from_value(stored).ok()).unwrap_or_default()
    }

    /// As it is stored; None: there is nothing.
    pub fn stored(&self) -> Option<Value> {
        (*self != Self::default()).then(|| json!(self))
    }

    /// Adds pledges that it removed, with what that changed in each country.
    pub fn removed(&mut self, removal: Uuid, pledges: i64, change: BTreeMap<String, i64>) {
        self.removed.entry(removal).or_default().add(pledges, change);
    }

    /// Adds pledges that it held.
    pub fn held(&mut self, pledges: i64, change: BTreeMap<String, i64>) {
        self.held.add(pledges, change);
    }

    /// As the log is told: the service's deed, because who made the rule may be asleep.
    pub fn entries(&self, rule: Uuid, campaign: Uuid, reason: Reason) -> Vec<Entry> {
        let entry = |action, details| Entry { moderator: None, campaign: Some(campaign), action, details };
        let removed = self.removed.iter().map(|(removal, sum)| {
            let details = json!({ "rule": rule, "removal": removal, "reason": reason, "pledges": sum.pledges,
                "change": sum.change });
            entry("rule.remove", details)
        });
        let held = Some(&self.held).filter(|held| held.pledges > 0).map(|held| {
            let details = json!({ "rule": rule, "why": "rule", "pledges": held.pledges, "change": held.change });
            entry("pledge.hold", details)
        });
        removed.chain(held).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_added_up_and_read_again() {
        let change = |by: i64| BTreeMap::from([("KE".to_owned(), by)]);
        let mut untold = Untold::read(None);
        assert_eq!((untold.stored(), untold.entries(Uuid::nil(), Uuid::nil(), Reason::Bot).len()), (None, 0));
        untold.removed(Uuid::from_u128(1), 2, change(-2));
        untold.removed(Uuid::from_u128(1), 3, change(-1));
        untold.removed(Uuid::from_u128(2), 1, BTreeMap::new());
        untold.held(4, change(-4));
        let untold = Untold::read(untold.stored());
        let entries = untold.entries(Uuid::nil(), Uuid::nil(), Reason::Bot);
        let told: Vec<_> = entries.iter().map(|entry| (entry.action, entry.details["pledges"].as_i64())).collect();
        assert_eq!(told, [("rule.remove", Some(5)), ("rule.remove", Some(1)), ("pledge.hold", Some(4))]);
        assert_eq!(entries[0].details["change"], json!({"KE": -3}));
    }
}
