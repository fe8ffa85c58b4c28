//! What becomes of a pledge that is held until nobody can judge it any more.

use serde::{Deserialize, Serialize};

/// What becomes of a pledge that is still held when its review window ends.
///
/// It is removed unless the campaign says otherwise. Who is held has been warned of by a score or a switch, and nobody has vouched
/// for them in the whole window. A removal is one entry in the list that can be undone as long as the campaign lasts, so an honest
/// pledge that was lost so can be brought back; bots that were counted are lost among the others, and nothing is left to tell them by.
/// And an attacker would only have to wait for a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldDefault {
    /// It counts.
    Count,
    /// It is removed, which can be undone.
    #[default]
    Remove,
}

impl HeldDefault {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Remove => "remove",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Count, Self::Remove].into_iter().find(|default| default.as_str() == text)
    }
}
