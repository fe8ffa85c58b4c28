//! Links, scripts and languages in what was written.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// What a reader sees of a name: without joiners, soft hyphens and other characters that show nothing and part words for programs
/// only.
pub fn visible(name: &str) -> Cow<'_, str> {
    let shows = |c: char| {
        !matches!(c, '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
            && c.general_category() != GeneralCategory::Format
    };
    if name.is_ascii() || name.chars().all(shows) {
        name.into()
    } else {
        name.chars().filter(|c| shows(*c)).collect::<String>().into()
    }
}

/// Endings that names don't have and links do.
const ENDINGS: [&str; 20] = [
    "com", "net", "org", "info", "biz", "xyz", "top", "shop", "site", "online", "club", "link", "ru", "cn", "io",
    "app", "ly", "vip", "icu", "click",
];

/// Whether there is a web address in it.
pub(super) fn has_link(text: &str) -> bool {
    let small = text.to_lowercase();
    small.contains("://") || small.contains("www.") || small.split_whitespace().any(is_host)
}

/// `example.com`, `example.com/path`: a word with an ending behind a dot. A mail address is no link.
fn is_host(word: &str) -> bool {
    let host = word.split(['/', '?', '#', ':']).next().unwrap_or(word).trim_matches(|c: char| !c.is_alphanumeric());
    let Some((before, ending)) = host.rsplit_once('.') else { return false };
    !word.contains('@') && before.chars().filter(|c| c.is_alphanumeric()).count() >= 3 && ENDINGS.contains(&ending)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
}

/// Whether one word has letters of two of the scripts whose letters look alike: Latin, Greek, Cyrillic. Others may meet:
/// Japanese has three in one name.
pub(super) fn mixes_scripts(name: &str) -> bool {
    name.split(|c: char| !c.is_alphabetic()).any(|word| {
        let mut scripts = word.chars().filter_map(script);
        let first = scripts.next();
        scripts.any(|script| Some(script) != first)
    })
}

fn script(letter: char) -> Option<Script> {
    match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(Script::Latin),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Script::Greek),
        '\u{400}'..='\u{52f}' => Some(Script::Cyrillic),
        _ => None,
    }
}
