//! Searches that are kept alive: whatever comes and fits is held or removed, until the rule ends. They are held against a pledge in
//! the moment in which moderators' search takes it in, and again whenever it takes in a change of it (its mailbox confirms, a wave
//! raises its score), so a pledge may count for some seconds before ([`apply`]).
//!
//! Only what came after the rule was made is touched, and nothing that a moderator has accepted or an undo has put back. What a rule removes in a day (UTC) is
//! one removal, on account of who made the rule and within half of what they may remove in a day; beyond that it is held. Undoing one of its removals
//! ends the rule in the same transaction: otherwise it would take the same pledges once more.
//!
//! What is looked for is sealed like a block's value, because it may name somebody, and deleted with the rule.

pub mod apply;
pub mod store;
pub mod told;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    crypto::CryptoError,
    gate::source_tags,
    moderation::{
        removals::by_search::{kept, store::REMOVABLE},
        search::{Search, filter::Written},
    },
    pledges::{fields::Name, mailbox::ascii_domain, rules::Rules},
};

/// Searches that one campaign keeps alive at the most: each costs a look at every new pledge.
pub const MOST: i64 = 50;

/// Days for which one is in force at the most, and unless said otherwise.
pub const MOST_DAYS: i32 = 30;

/// What becomes of a pledge that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is held: at once when it counts, at its confirmation when it waits for that.
    Hold,
    /// It is removed, whether it waits, is held or counts.
    Remove,
}

impl Effect {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Remove => "remove",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hold, Self::Remove].into_iter().find(|effect| effect.as_str() == text)
    }
}

/// What a search can't look for when it is kept alive, by field: other pledges than new ones.
pub fn refused(search: &Search) -> Option<&'static str> {
    let state = search.state.is_some_and(|state| !REMOVABLE.contains(&state.as_str()));
    [
        ("state", state),
        ("removal", search.removal.is_some()),
        ("from", search.from.is_some()),
        ("to", search.to.is_some()),
        // Nothing is on the wall when it comes.
        ("text", !search.words.is_empty()),
    ]
    .into_iter()
    .find_map(|(field, refused)| refused.then_some(field))
}

/// Whether any new pledge fits, whatever it is: for that there is a switch.
pub fn fits_all(search: &Search) -> bool {
    search.country.is_none()
        && search.partner.is_none()
        && search.language.is_none()
        && search.score_from.is_none_or(|score| score <= 0)
        && search.signals.is_empty()
        && !search.has_tags()
}

/// What is sealed of a rule, beside the note.
#[derive(Serialize, Deserialize)]
struct Content {
    /// What decides: names and domains are tags.
    search: Value,
    /// What people are shown.
    shown: Value,
}

/// A rule, opened. Without Debug: it may name somebody.
pub struct Opened {
    /// What is looked for.
    pub search: Search,
    /// The same as people wrote it.
    pub shown: Value,
    /// Why, in their words.
    pub note: String,
}

/// Seals what a rule looks for, and why.
///
/// # Errors
/// Those of [`Rules::seal_text`]: then it isn't made.
pub fn seal(rules: &Rules, id: Uuid, search: &Search, written: Written, note: &str) -> Result<Vec<u8>, CryptoError> {
    let kept = kept::kept(search).map_err(|_| CryptoError::DoesNotOpen)?;
    let content = Content { search: kept, shown: shown(search, written) };
    let text = serde_json::to_string(&content).map_err(|_| CryptoError::DoesNotOpen)?;
    rules.seal_text(search.campaign, id, &text, note)
}

/// Opens a rule. None: its root secret isn't listed any more, or a newer release has made it; it is not in force.
pub fn open(rules: &Rules, row: &store::Row) -> Option<Opened> {
    let (text, note) = rules.open_text(row.campaign, row.id, &row.sealed)?;
    let Content { search, shown } = serde_json::from_str(&text).ok()?;
    let mut search = kept::search(row.campaign, search).ok()?;
    tag_anew(rules, &mut search, &shown);
    Some(Opened { search, shown, note })
}

/// Pledges are tagged under the current root secret, which may have come after the rule: what was written as text is looked for under all
/// that are listed now as well. Of what was given as a tag nobody knows what it was made of.
fn tag_anew(rules: &Rules, search: &mut Search, shown: &Value) {
    let written = |field: &str| shown.get(field).and_then(Value::as_str);
    let name = written("name").and_then(|name| Name::parse(name).ok());
    let domain = written("domain").and_then(ascii_domain);
    let names = name.map(|name| rules.tag_keys().of_name(search.campaign, name.as_str()));
    let domains = domain.map(|domain| rules.tag_keys().of_domain(search.campaign, &domain));
    for (tags, now) in [(&mut search.name_tags, names), (&mut search.domain_tags, domains)] {
        for tag in now.unwrap_or_default() {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
}

/// As the search is written in a body: so a page can show it, and search by it.
fn shown(search: &Search, written: Written) -> Value {
    let mut shown = match kept::told(search) {
        Value::Object(told) => told,
        _ => Map::new(),
    };
    // There the log is told only that there is one.
    shown.remove("name");
    shown.remove("domain");
    // Where it was looked for by a tag; what was written has become one tag under each root secret.
    let tag = |tags: &[i64], written: bool| tags.first().copied().filter(|_| !written).map(source_tags::text);
    for (field, value) in [
        ("name_tag", tag(&search.name_tags, written.name.is_some())),
        ("domain_tag", tag(&search.domain_tags, written.domain.is_some())),
        ("name", written.name),
        ("domain", written.domain),
        ("source_tag", search.source_tag.map(source_tags::text)),
        ("shape_tag", search.shape_tag.map(source_tags::text)),
    ] {
        if let Some(value) = value {
            shown.insert(field.to_owned(), Value::String(value));
        }
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pledges::State;

    #[test]
    fn what_is_shown_is_a_search_again() {
        let search = Search {
            state: Some(State::Counted),
            country: Some("KE".parse().unwrap()),
            source_tag: Some(255),
            domain_tags: vec![7],
            name_tags: vec![8, 9],
            ..Search::default()
        };
        let written = Written { name: Some("Jane Doe".into()), domain: Some("spam.example".into()) };
        assert_eq!(
            shown(&search, written),
            json!({"state": "counted", "country": "KE", "source_tag": "00000000000000ff", "domain": "spam.example",
                "name": "Jane Doe"})
        );
        let tagged = Search { domain_tags: vec![255], ..Search::default() };
        assert_eq!(shown(&tagged, Written::default()), json!({"domain_tag": "00000000000000ff"}));
        assert_eq!(shown(&Search::default(), Written::default()), json!({}));
    }

    #[test]
    fn only_new_pledges_are_looked_for_and_not_all_of_them() {
        let held = Search { state: Some(State::Held), ..Search::default() };
        assert_eq!((refused(&held), fits_all(&held)), (None, true));
        let removed = Search { state: Some(State::Removed), country: Some("KE".parse().unwrap()), ..Search::default() };
        assert_eq!((refused(&removed), fits_all(&removed)), (Some("state"), false));
        let past = Search { to: Some(chrono::DateTime::UNIX_EPOCH), name_tags: vec![1], ..Search::default() };
        assert_eq!((refused(&past), fits_all(&past)), (Some("to"), false));
        assert!(fits_all(&Search { score_from: Some(0), ..Search::default() }));
        assert!(!fits_all(&Search { score_from: Some(1), ..Search::default() }));
    }

    #[test]
    fn an_effect_is_read_as_it_is_written() {
        for effect in [Effect::Hold, Effect::Remove] {
            assert_eq!(Effect::parse(effect.as_str()), Some(effect));
        }
        assert_eq!(Effect::parse("block"), None);
    }
}
