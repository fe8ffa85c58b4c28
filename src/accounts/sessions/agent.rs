//! The family of the program that a session was opened with: enough to know one's own, too little to know a person by.

use serde::Serialize;
use utoipa::ToSchema;

/// The family of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    /// Chrome, and what is built on it.
    Chrome,
    /// Edge.
    Edge,
    /// Firefox.
    Firefox,
    /// Safari.
    Safari,
    /// Anything else.
    #[default]
    Other,
}

impl Agent {
    const ALL: [Self; 5] = [Self::Chrome, Self::Edge, Self::Firefox, Self::Safari, Self::Other];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Edge => "edge",
            Self::Firefox => "firefox",
            Self::Safari => "safari",
            Self::Other => "other",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|agent| agent.as_str() == text).unwrap_or_default()
    }

    /// From the header `User-Agent`. Browsers name those that they descend from too, so the youngest is looked for first.
    pub fn of(header: &[u8]) -> Self {
        let names = |word: &str| header.windows(word.len()).any(|part| part == word.as_bytes());
        let families = [
            ("Edg", Self::Edge),
            ("Firefox/", Self::Firefox),
            ("FxiOS/", Self::Firefox),
            ("Chrome/", Self::Chrome),
            ("CriOS/", Self::Chrome),
            ("Safari/", Self::Safari),
        ];
        families.into_iter().find(|(word, _)| names(word)).map(|(_, agent)| agent).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_by_what_is_youngest_in_them() {
        for (header, agent) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", Agent::Firefox),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                Agent::Chrome,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                Agent::Edge,
            ),
            (
                "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                Agent::Safari,
            ),
            ("curl/8.5.0", Agent::Other),
            ("", Agent::Other),
        ] {
            assert_eq!(Agent::of(header.as_bytes()), agent, "{header}");
            assert_eq!(Agent::parse(agent.as_str()), agent);
        }
    }
}
