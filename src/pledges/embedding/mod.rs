//! Whether a page may embed a campaign's form, and what is wrong when it may not: said before anybody has tried.

pub mod routes;

use crate::{
    http::Code,
    partners::{Claims, Lane, Partners},
};

/// What may be said of a page and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The origin isn't registered for this key.
    ForeignOrigin,
    /// No such key in this campaign.
    UnknownKey,
    /// Nothing is taken from the partner any more.
    PartnerDisabled,
    /// Nothing is taken from it for a while.
    PartnerPaused,
    /// The key is for trials: all goes well, and nothing counts.
    TestKey,
    /// `http`, which nobody may register.
    InsecureOrigin,
    /// `null`: a sandboxed frame.
    NullOrigin,
    /// There is more than scheme, host and port.
    NotAnOrigin,
}

impl Finding {
    /// Stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::ForeignOrigin => "foreign_origin",
            Self::UnknownKey => "unknown_key",
            Self::PartnerDisabled => "partner_disabled",
            Self::PartnerPaused => "partner_paused",
            Self::TestKey => "test_key",
            Self::InsecureOrigin => "insecure_origin",
            Self::NullOrigin => "null_origin",
            Self::NotAnOrigin => "not_an_origin",
        }
    }

    /// What it means and what to do, in English.
    pub fn text(self) -> &'static str {
        match self {
            Self::ForeignOrigin => {
                "This origin is not registered for the key. Ask the organiser to register it exactly so."
            }
            Self::UnknownKey => {
                "The campaign has no such site key. Copy it again, or ask the organiser for the present one."
            }
            Self::PartnerDisabled => "The organiser takes nothing from this partner any more.",
            Self::PartnerPaused => {
                "The organiser takes nothing from this partner for some hours. Then it goes on by itself."
            }
            Self::TestKey => {
                "The key is for trials: everything works, and nothing is counted. Put the real one in before you go live."
            }
            Self::InsecureOrigin => "The page has no https. Pages without it can't be registered outside development.",
            Self::NullOrigin => {
                "The page stands in a sandboxed frame and tells no origin. Allow the frame same origin, or put the form outside it."
            }
            Self::NotAnOrigin => "This is no origin: scheme, host and port alone, such as https://www.example.org.",
        }
    }

    /// Whether it keeps the page from embedding.
    pub fn hinders(self) -> bool {
        self != Self::TestKey
    }
}

/// What there is to say of a page at `origin` that would embed the form with `site_key`.
pub fn findings(partners: &Partners, campaign: uuid::Uuid, site_key: &str, origin: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let origin = origin.trim();
    let plain = match origin {
        "null" => Err(Finding::NullOrigin),
        // Registered so, perhaps; but no page has it.
        _ if origin.contains('*') => Err(Finding::NotAnOrigin),
        _ if partners.origin(origin).is_ok_and(|read| read.to_string() == origin) => Ok(origin),
        _ if origin.starts_with("http://") => Err(Finding::InsecureOrigin),
        _ => Err(Finding::NotAnOrigin),
    };
    found.extend(plain.err());
    let claims = Claims { site_key: Some(site_key), secret: None, origin: plain.ok() };
    match partners.admit(campaign, claims) {
        Ok(admitted) => found.extend((admitted.lane == Lane::Test).then_some(Finding::TestKey)),
        Err(problem) => found.extend(match problem.code {
            Code::ForeignOrigin => Some(Finding::ForeignOrigin),
            Code::PartnerDisabled => Some(Finding::PartnerDisabled),
            Code::PartnerPaused => Some(Finding::PartnerPaused),
            _ => Some(Finding::UnknownKey),
        }),
    }
    found
}
