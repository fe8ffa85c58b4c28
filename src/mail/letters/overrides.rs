//! A campaign's own texts in the letters. What must be said (why one is written to, who sends it, how long the link is
//! good for, what to do if it wasn't you) stays ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Kind, languages,
    words::{ENGLISH, Words, placeholders, primary, turns},
};

/// Most languages a campaign may bring texts in.
const MAX_LANGUAGES: usize = 60;

/// The parts of a letter that a campaign may word itself, with their greatest length in characters and whether they
/// may have several lines.
const PARTS: [(&str, usize, bool); 4] =
    [("subject", 120, false), ("heading", 120, false), ("text", 1_000, true), ("button", 60, false)];

/// Texts by language and key, such as `confirm_subject`. A text keeps the placeholders of the one it replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(pub BTreeMap<String, BTreeMap<String, String>>);

/// The texts of a campaign that fit one language.
#[derive(Clone, Copy)]
pub(super) struct Fitting<'a> {
    /// Of just this tag, then of its primary subtag.
    texts: [Option<&'a BTreeMap<String, String>>; 2],
}

impl Fitting<'_> {
    /// The campaign's text, if it has one.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.texts.iter().flatten().find_map(|texts| texts.get(key)).map(String::as_str)
    }
}

impl Overrides {
    /// What fits a letter that was wanted in `tag` and is written in `language`.
    pub(super) fn fitting(&self, tag: &str, language: &str) -> Fitting<'_> {
        let of = |wanted: &str| self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(wanted)).map(|(_, texts)| texts);
        let exactly = Some(tag).filter(|tag| primary(tag).eq_ignore_ascii_case(language)).and_then(of);
        Fitting { texts: [exactly, of(language)] }
    }
}

/// Every key that a campaign may give, with the limit of its text and whether it may have several lines.
fn replaceable() -> impl Iterator<Item = (String, usize, bool)> {
    let keys =
        |kind: Kind| PARTS.iter().map(move |(part, limit, lines)| (format!("{}_{part}", kind.key()), *limit, *lines));
    Kind::ALL.into_iter().flat_map(keys)
}

/// Every mistake, in words, with its place.
pub fn check(overrides: &Overrides) -> Vec<String> {
    let mut mistakes = Vec::new();
    if overrides.0.len() > MAX_LANGUAGES {
        mistakes.push(format!("more than {MAX_LANGUAGES} languages"));
        return mistakes;
    }
    for (language, texts) in &overrides.0 {
        if Words::exactly(primary(language)).is_none() {
            let known: Vec<&str> = languages().collect();
            mistakes.push(format!("{language}: there are no letters in this language, but in {}", known.join(", ")));
        }
        for (key, text) in texts {
            let place = format!("{language}.{key}");
            match replaceable().find(|(known, ..)| known == key) {
                None => {
                    let known: Vec<String> = replaceable().map(|(known, ..)| known).collect();
                    mistakes.push(format!(
                        "{place}: no text of this name can be replaced; these can: {}",
                        known.join(", ")
                    ));
                }
                Some((_, limit, lines)) => {
                    let found = mistakes_of(key, text, limit, lines);
                    mistakes.extend(found.into_iter().map(|mistake| format!("{place}: {mistake}")));
                }
            }
        }
    }
    mistakes
}

fn mistakes_of(key: &str, text: &str, limit: usize, lines: bool) -> Vec<String> {
    let mut mistakes = Vec::new();
    if text.trim().is_empty() {
        mistakes.push("the text is empty".to_owned());
    }
    if text.chars().count() > limit {
        mistakes.push(format!("the text is longer than {limit} characters"));
    }
    let unseen =
        |c: char| turns(c) || matches!(c, '\u{2028}' | '\u{2029}') || (c.is_control() && !(lines && c == '\n'));
    if text.chars().any(unseen) {
        let breaks =
            if lines { "control characters other than line breaks" } else { "line breaks or control characters" };
        mistakes.push(format!("the text has {breaks}"));
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains("://") || lower.contains("www.") {
        mistakes.push("the text has a web address; a letter has one link, and we place it".to_owned());
    }
    let ours = placeholders(Words::of(ENGLISH).text(key));
    let given = placeholders(text);
    let missing = ours.iter().filter(|name| !given.contains(name));
    mistakes.extend(missing.map(|name| format!("{{{name}}} is missing")));
    let unknown = given.iter().filter(|name| !ours.contains(name));
    mistakes.extend(unknown.map(|name| match *name {
        "link" | "code" => format!("{{{name}}} can't be placed; it stands where it always stands"),
        _ => format!("{{{name}}} can't be used here"),
    }));
    mistakes
}
