//! What a text that strangers send may contain, and how it is kept.
//!
//! A text is either refused or kept as it came, but for three things: it is put into Unicode normal form NFC, blanks
//! around it go, and in a text of many lines CR LF becomes LF. A line break around a one-line text is refused, not
//! trimmed: no honest form sends one, and header injection does.
//!
//! Refused are control characters, line and paragraph separators, bidi overrides, embeddings and isolates (they
//! reorder what moderators read), private use, noncharacters, and unassigned code points outside the emoji blocks
//! (phones have new emoji before our tables do). The marks U+200E, U+200F and U+061C and the joiners stay: Arabic,
//! Persian, Hebrew and Indic keyboards type them, and they reorder nothing beyond their neighbours.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::http::FieldCode;

/// How many lines a text may have.
#[derive(Clone, Copy, PartialEq)]
pub enum Lines {
    /// One line, no tabs.
    One,
    /// Line breaks (LF) and tabs may stand in it.
    Many,
}

fn is_blank(c: char) -> bool {
    match c {
        '\t' | ' ' => true,
        // Most characters are plain ones, and looking their category up is most of the price of a text.
        '!'..='~' => false,
        _ => c.general_category() == GeneralCategory::SpaceSeparator,
    }
}

/// Without the blanks around it: spaces of any width and tabs, but no line breaks.
pub(super) fn trim_blanks(raw: &str) -> &str {
    raw.trim_matches(is_blank)
}

/// The text, if it has at most `max_chars` characters.
pub fn within(text: String, max_chars: usize) -> Result<String, FieldCode> {
    if text.chars().count() > max_chars { Err(FieldCode::TooLong) } else { Ok(text) }
}

/// The text that is kept, never an empty one, or why there is none.
pub fn clean_text(raw: &str, lines: Lines) -> Result<String, FieldCode> {
    let text = match lines {
        Lines::One => composed(trim_blanks(raw)),
        Lines::Many => composed(raw.replace("\r\n", "\n").trim_matches(|c| c == '\n' || is_blank(c))),
    };
    let mut before = None;
    for c in text.chars() {
        match refusal(before, c, lines) {
            Some(code) => return Err(code),
            None => before = Some(c),
        }
    }
    if text.is_empty() {
        Err(FieldCode::Required)
    } else if text.chars().any(shows) {
        Ok(text)
    } else {
        Err(FieldCode::TooShort)
    }
}

/// In NFC; plain characters are so already.
fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// Why `c` may not stand after `before`, if it may not.
fn refusal(before: Option<char>, c: char, lines: Lines) -> Option<FieldCode> {
    let allowed = match c {
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => return Some(FieldCode::BidiOverride),
        '\n' | '\t' => lines == Lines::Many,
        ' '..='~' => true,
        // Deprecated shaping controls, and annotations whose text doesn't show.
        '\u{206A}'..='\u{206F}' | '\u{FFF9}'..='\u{FFFB}' => false,
        // Tag characters spell the flags of Scotland and Wales after a black flag; elsewhere they are hidden text.
        '\u{E0000}'..='\u{E007F}' => matches!(before, Some('\u{1F3F4}' | '\u{E0020}'..='\u{E007F}')),
        _ => match c.general_category() {
            GeneralCategory::Control
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse => false,
            GeneralCategory::Unassigned => is_emoji_to_come(c),
            _ => true,
        },
    };
    if allowed { None } else { Some(FieldCode::InvalidText) }
}

/// In the blocks that Unicode reserves for emoji.
fn is_emoji_to_come(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}')
}

/// Whether a reader sees something where `c` stands: no blank, joiner, filler, or combining mark without a base.
fn shows(c: char) -> bool {
    match c {
        // Hangul fillers, the empty braille cell and the null note head count as letters and symbols, but are blank.
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}' | '\u{1D159}' => false,
        _ => {
            is_emoji_to_come(c)
                || matches!(
                    c.general_category_group(),
                    GeneralCategoryGroup::Letter
                        | GeneralCategoryGroup::Number
                        | GeneralCategoryGroup::Punctuation
                        | GeneralCategoryGroup::Symbol
                )
        }
    }
}

/// Domains that links in spam end in, beside every two-letter one.
const LINK_ENDINGS: [&str; 20] = [
    "app", "biz", "blog", "click", "club", "com", "dev", "icu", "info", "link", "live", "net", "online", "org", "shop",
    "site", "store", "top", "vip", "xyz",
];

/// Whether a name carries a web address. Real names come first, so that "Dr.Müller/Schmidt", "M.Sc." and "St. John"
/// pass, and with them a bare "example.org", which the gate only scores. A link is: `//`; `http:` or `https:`; `www.`
/// at the start of a word with something after it; `name.ending/`, the ending in lower case and either two letters
/// or in the list above. Seen through compatibility forms (fullwidth letters) and invisible characters.
pub fn contains_link(name: &str) -> bool {
    let plain: String =
        name.nfkc().filter(|c| c.is_ascii() || c.general_category() != GeneralCategory::Format).collect();
    let lower = plain.to_ascii_lowercase();
    let starts_www = |before: &str, after: &str| {
        !before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
    };
    let ends_in_domain = |before: &str, _: &str| {
        before.rsplit_once('.').is_some_and(|(label, ending)| {
            let two_letters = ending.len() == 2 && ending.bytes().all(|b| b.is_ascii_lowercase());
            label.ends_with(char::is_alphanumeric) && (two_letters || LINK_ENDINGS.contains(&ending))
        })
    };
    ["//", "http:", "https:"].into_iter().any(|sign| lower.contains(sign))
        || around(&lower, "www.", starts_www)
        || around(&plain, "/", ends_in_domain)
}

/// Whether what stands before and after some `sign` in `text` is a link.
fn around(text: &str, sign: &str, is_link: impl Fn(&str, &str) -> bool) -> bool {
    let pieces: Vec<&str> = text.split(sign).collect();
    pieces.windows(2).any(|pair| matches!(pair, [before, after] if is_link(before, after)))
}
