//! What pledges can have in common, by which they are found together: among those that are held, and among all of a day.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the pledges of a cluster have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Common {
    /// The source, by its tag.
    SourceTag,
    /// The domain of the mailbox, by its tag.
    DomainTag,
    /// The name, by its tag.
    NameTag,
    /// How name and mailbox are made, by its tag.
    ShapeTag,
    /// The country.
    Country,
    /// The partner.
    Partner,
    /// A signal.
    Signal,
    /// Minutes that follow each other, by the first.
    Minute,
}

impl Common {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SourceTag,
        Self::DomainTag,
        Self::NameTag,
        Self::ShapeTag,
        Self::Country,
        Self::Partner,
        Self::Signal,
        Self::Minute,
    ];

    /// As it is called in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceTag => "source_tag",
            Self::DomainTag => "domain_tag",
            Self::NameTag => "name_tag",
            Self::ShapeTag => "shape_tag",
            Self::Country => "country",
            Self::Partner => "partner",
            Self::Signal => "signal",
            Self::Minute => "minute",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|common| common.as_str() == text)
    }
}
