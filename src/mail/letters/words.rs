//! Our own words in each language, and how values come into them.

use std::{collections::BTreeMap, sync::LazyLock};

use rust_embed::Embed;

/// The language that others fall back to.
pub(super) const ENGLISH: &str = "en";

/// One file a language, with the same keys in each.
#[derive(Embed)]
#[folder = "src/mail/letters/lang"]
struct Embedded;

type Strings = BTreeMap<String, String>;

static ALL: LazyLock<BTreeMap<String, Strings>> = LazyLock::new(|| {
    let read = |name: &str| {
        // A test reads every file; one that can't be read means English, not a crash.
        let strings = serde_json::from_slice(&Embedded::get(name)?.data).ok()?;
        Some((name.strip_suffix(".json")?.to_owned(), strings))
    };
    Embedded::iter().filter_map(|name| read(&name)).collect()
});

/// The languages letters are written in.
pub fn languages() -> impl Iterator<Item = &'static str> {
    let all: &'static BTreeMap<String, Strings> = &ALL;
    all.keys().map(String::as_str)
}

/// One language.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// Its tag.
    pub(super) language: &'static str,
    strings: Option<&'static Strings>,
}

impl Words {
    /// By the primary subtag; English when there are no letters in it.
    pub(super) fn of(tag: &str) -> Self {
        Self::exactly(primary(tag))
            .or_else(|| Self::exactly(ENGLISH))
            .unwrap_or(Self { language: ENGLISH, strings: None })
    }

    /// The language of this name, in any case.
    pub(super) fn exactly(language: &str) -> Option<Self> {
        let all: &'static BTreeMap<String, Strings> = &ALL;
        let (language, strings) = all.iter().find(|(known, _)| known.eq_ignore_ascii_case(language))?;
        Some(Self { language, strings: Some(strings) })
    }

    /// The string of a key; nothing for one that isn't there, which a test finds.
    pub(super) fn text(&self, key: &str) -> &'static str {
        self.strings.and_then(|strings| strings.get(key)).map(String::as_str).unwrap_or_default()
    }
}

pub(super) fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// A part of a text: our words, or a value in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_value: bool,
}

impl Piece {
    /// What stands between its dots, so that the template can part them: mail programs make links of `a.example`.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.text.split('.')
    }
}

/// A text with its placeholders replaced, each once: what looks like a placeholder in a value stays what it is.
pub(super) fn pieces(text: &str, value: impl Fn(&str) -> Option<String>) -> Vec<Piece> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, name, after)) = next_placeholder(rest) {
        pieces.push(Piece { text: before.to_owned(), is_value: false });
        pieces.extend(value(name).map(|text| Piece { text, is_value: true }));
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), is_value: false });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// What stands before the first `{name}`, the name, and what stands behind it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// The names of the placeholders in a text.
pub(super) fn placeholders(text: &str) -> Vec<&str> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some((_, name, after)) = next_placeholder(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// Parted at line breaks of our words; blank lines don't count.
pub(super) fn paragraphs(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut paragraphs = vec![Vec::new()];
    for piece in pieces {
        for (index, line) in piece.text.split('\n').enumerate() {
            if index > 0 {
                paragraphs.push(Vec::new());
            }
            if let (Some(last), false) = (paragraphs.last_mut(), line.is_empty()) {
                last.push(Piece { text: line.to_owned(), ..piece });
            }
        }
    }
    paragraphs.retain(|paragraph| paragraph.iter().any(|piece| !piece.text.trim().is_empty()));
    paragraphs
}

/// The text of the pieces.
pub(super) fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Characters that change the direction of what follows them.
pub(super) fn turns(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// On one line, without control characters and without what turns the direction of what follows.
pub(super) fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let text: String = text.chars().filter(|c| !turns(*c)).map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
