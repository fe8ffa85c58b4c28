//! Moderators' blocks and allows: what a rule says and whether it fits a pledge.

use uuid::Uuid;

use crate::gate::tags::normal_name;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A mailbox's domain, with everything under it.
    Domain(String),
    /// A source, by its tag.
    Source(i64),
    /// A name, letter for letter, but `*` stands for any text. Case, width and spaces make no difference.
    NamePattern(String),
    /// A partner.
    Partner(Uuid),
}

/// What rules are held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The mailbox's domain.
    pub domain: Option<&'a str>,
    /// The tag of the source.
    pub source: Option<i64>,
    /// The name as written.
    pub name: Option<&'a str>,
    /// The partner.
    pub partner: Option<Uuid>,
}

/// What the rules say about a pledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// A block fits: it is held, whatever its score.
    Blocked,
    /// An allow fits and no block: it isn't held, whatever its score.
    Allowed,
    /// None fits.
    Silent,
}

impl Rule {
    /// Whether it fits.
    pub fn fits(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Domain(domain) => facts.domain.is_some_and(|given| lies_under(given, domain)),
            Self::Source(tag) => facts.source == Some(*tag),
            Self::NamePattern(pattern) => {
                facts.name.is_some_and(|name| matches(&normal_name(name), &normal_name(pattern)))
            }
            Self::Partner(partner) => facts.partner == Some(*partner),
        }
    }
}

/// Blocks first, then allows.
pub fn ruling(blocks: &[Rule], allows: &[Rule], facts: &Facts<'_>) -> Ruling {
    let fits = |rules: &[Rule]| rules.iter().any(|rule| rule.fits(facts));
    if fits(blocks) {
        Ruling::Blocked
    } else if fits(allows) {
        Ruling::Allowed
    } else {
        Ruling::Silent
    }
}

fn lies_under(given: &str, domain: &str) -> bool {
    let [given, domain] = [given, domain].map(|text| text.trim().trim_end_matches('.').to_lowercase());
    !domain.is_empty()
        && given.strip_suffix(domain.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Each piece between the stars in its order: the first in front, the last at the end. Takes time in proportion to the text for
/// each piece, whatever the pattern.
fn matches(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(last) = pieces.next_back() else { return name == first };
    let Some(mut rest) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_fits(pattern: &str, name: &str) -> bool {
        Rule::NamePattern(pattern.into()).fits(&Facts { name: Some(name), ..Facts::default() })
    }

    #[test]
    fn a_name_pattern_is_text_with_stars() {
        for (pattern, name) in [
            ("buy*now", "BUY pills Now"),
            ("*", "x"),
            ("a*", "A"),
            ("*ａ*b*", "x a y b"),
            ("jane doe", "Jane  Doe"),
            ("a.b", "a.b"),
        ] {
            assert!(name_fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a.b", "axb"), ("ab*ba", "aba"), ("jane", "jane doe"), ("*b*a*", "ab"), ("[a-z]*", "abc")]
        {
            assert!(!name_fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_domain_fits_itself_and_what_lies_under_it() {
        let fits = |given| Rule::Domain("Spam.example".into()).fits(&Facts { domain: Some(given), ..Facts::default() });
        assert!(fits("spam.example") && fits("a.SPAM.example."));
        assert!(!fits("notspam.example") && !fits("example") && !fits("spam.example.org"));
    }

    #[test]
    fn a_block_goes_before_an_allow() {
        let facts = Facts { source: Some(5), partner: Some(Uuid::from_u128(3)), ..Facts::default() };
        let (source, partner) = ([Rule::Source(5)], [Rule::Partner(Uuid::from_u128(3))]);
        assert_eq!(ruling(&source, &partner, &facts), Ruling::Blocked);
        assert_eq!(ruling(&[], &partner, &facts), Ruling::Allowed);
        assert_eq!(ruling(&[Rule::Source(6)], &[], &facts), Ruling::Silent);
    }
}
