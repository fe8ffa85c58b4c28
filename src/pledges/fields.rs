//! What a supporter may write into each field of a pledge. One type per field owns its parsing, its limits and its
//! OpenAPI schema, so that nothing behind the door checks again; the e-mail address lives in `mailbox`, the country
//! in `crate::country`.
//!
//! Lengths are counted in characters (Unicode scalar values, as JSON Schema's `maxLength` does) after trimming and
//! normalising, which `text` explains. `Debug` prints no personal value.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{country::Country, crypto, http::FieldCode};

use super::text::{Lines, clean_text, contains_link, trim_blanks, within};

/// A supporter's name: 1 to 100 characters on one line, with at least one that shows, without a web address.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Most characters of a name.
    pub const MAX_CHARS: usize = 100;

    /// Takes a name as typed.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        let text = within(clean_text(raw, Lines::One)?, Self::MAX_CHARS)?;
        if contains_link(&text) { Err(FieldCode::ContainsLink) } else { Ok(Self(text)) }
    }
}

/// What a supporter wants to say: at most 500 characters, line breaks and tabs allowed, links too.
#[derive(Clone, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// Most characters of a message; a line break counts as one.
    pub const MAX_CHARS: usize = 500;

    /// Takes a message as typed; an empty one is `Required`.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        within(clean_text(raw, Lines::Many)?, Self::MAX_CHARS).map(Self)
    }
}

/// Takes a country's code in any case; nothing at all is `Required` rather than `InvalidCountry`.
pub fn parse_country(raw: &str) -> Result<Country, FieldCode> {
    if raw.is_empty() { Err(FieldCode::Required) } else { raw.parse().map_err(|_| FieldCode::InvalidCountry) }
}

/// The language a pledge was made in: a well-formed BCP 47 tag in its usual case (`pt-BR`, `zh-Hant`). Well-formed,
/// not looked up: the registry grows, and an unknown tag harms nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Longest tag; RFC 5646 section 4.4.1 gives 35 as what software must at least take.
    pub const MAX_CHARS: usize = 35;

    /// Takes a tag in any case.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        match raw.len() {
            0 => Err(FieldCode::Required),
            bytes if raw.is_ascii() && bytes <= Self::MAX_CHARS => oxilangtag::LanguageTag::parse_and_normalize(raw)
                .map(|tag| Self(tag.into_inner()))
                .map_err(|_| FieldCode::InvalidLanguage),
            _ if raw.chars().count() > Self::MAX_CHARS => Err(FieldCode::TooLong),
            _ => Err(FieldCode::InvalidLanguage),
        }
    }
}

/// Which page or placement a pledge came from, in the partner's own words: at most 64 characters on one line. It is
/// stored in clear: partners are told to put nothing personal into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(String);

impl Source {
    /// Most characters of a source.
    pub const MAX_CHARS: usize = 64;

    /// Takes a source as sent; whatever isn't one printable line is `InvalidSource`.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        match clean_text(raw, Lines::One) {
            Ok(text) => within(text, Self::MAX_CHARS).map(Self),
            Err(FieldCode::Required) => Err(FieldCode::Required),
            Err(_) => Err(FieldCode::InvalidSource),
        }
    }
}

/// The value of an `Idempotency-Key` header: 1 to 255 visible ASCII characters. A quoted string, as the IETF draft
/// writes it, is the same key as its bare content.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Most characters of a key, without quotes and escapes.
    pub const MAX_CHARS: usize = 255;

    /// Takes the header's value, bare or quoted.
    pub fn parse(raw: &str) -> Result<Self, FieldCode> {
        let raw = trim_blanks(raw);
        let key = if raw.starts_with('"') { unquoted(raw).ok_or(FieldCode::InvalidText)? } else { raw.to_owned() };
        if key.is_empty() {
            return Err(FieldCode::TooShort);
        }
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(FieldCode::InvalidText);
        }
        within(key, Self::MAX_CHARS).map(Self)
    }

    /// The key of the pledge at this place of a batch with this key.
    #[must_use]
    pub fn of_row(&self, place: usize) -> Self {
        let own = format!("{}/{place}", self.0);
        // What would be too long is hashed: without a key a retry would count twice.
        if own.len() <= Self::MAX_CHARS {
            return Self(own);
        }
        Self(format!("{}/{place}", URL_SAFE_NO_PAD.encode(crypto::digest(self.0.as_bytes()))))
    }
}

/// Content of a structured-field string (RFC 9651 section 3.3.3), where only `"` and `\` are escaped.
fn unquoted(raw: &str) -> Option<String> {
    let mut inner = raw.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut key = String::with_capacity(raw.len());
    while let Some(c) = inner.next() {
        match c {
            '"' => return None,
            '\\' => key.push(inner.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            _ => key.push(c),
        }
    }
    Some(key)
}

/// Gives a text type `as_str`.
macro_rules! has_text {
    ($($field:ident: $holds:literal),+) => {$(
        impl $field {
            #[doc = $holds]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

has_text!(
    Name: "The name, in NFC.",
    Message: "The message, in NFC, with LF between lines.",
    Language: "The tag in its usual case.",
    Source: "The source, in NFC.",
    IdempotencyKey: "The key without quotes and escapes."
);

/// Gives a type a `Debug` that tells its name and never its value, so that no log line can.
macro_rules! hides_value {
    ($($field:ident),+) => {$(
        impl std::fmt::Debug for $field {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($field), "(hidden)"))
            }
        }
    )+};
}
pub(super) use hides_value;

hides_value!(Name, Message, IdempotencyKey);

/// What the schemas have in common: a string with limits in characters, an explanation and examples.
pub(super) fn text_schema(chars: [usize; 2], description: &str, examples: &[&str]) -> ObjectBuilder {
    let [min, max] = chars;
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(min))
        .max_length(Some(max))
        .description(Some(description))
        .examples(examples.iter().copied())
}

/// At least one character that isn't white space, and none that is refused everywhere. Regular expressions that every
/// client understands can't tell the rest: unassigned, private and invisible characters, and links.
const ONE_LINE: &str = concat!(
    r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]*",
    r"[^\s\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]",
    r"[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]*$"
);

/// The same with line breaks and tabs, and possibly nothing at all.
const MANY_LINES: &str =
    r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]*$";

/// The same with at least one character that isn't white space.
pub const SOME_LINES: &str = concat!(
    r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]*",
    r"[^\s\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]",
    r"[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]*$"
);

/// The grammar of RFC 5646 section 2.1, without the irregular tags of old.
const LANGUAGE_TAG: &str = concat!(
    r"^(([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?",
    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[0-9A-WYZa-wyz](-[A-Za-z0-9]{2,8})+)*(-[Xx](-[A-Za-z0-9]{1,8})+)?",
    r"|[Xx](-[A-Za-z0-9]{1,8})+)$"
);

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        let description = "The supporter's name, 1 to 100 characters (Unicode scalar values) on one line after trimming \
                           and NFC, without control or bidi-override characters and without a web address. Only \
                           moderators see it, unless the supporter asks to be shown.";
        let examples = ["Amina Okafor", "José Müller", "李小龙"];
        text_schema([1, Self::MAX_CHARS], description, &examples).pattern(Some(ONE_LINE)).into()
    }
}

impl PartialSchema for Message {
    fn schema() -> RefOr<Schema> {
        let description = "A message, at most 500 characters after trimming and NFC; a line break counts as one. Blank \
                           means none.";
        text_schema([0, Self::MAX_CHARS], description, &["I stand with human rights defenders."])
            .pattern(Some(MANY_LINES))
            .into()
    }
}

impl PartialSchema for Language {
    fn schema() -> RefOr<Schema> {
        let description = "Language the pledge was made in: a well-formed BCP 47 tag.";
        text_schema([2, Self::MAX_CHARS], description, &["en", "pt-BR"]).pattern(Some(LANGUAGE_TAG)).into()
    }
}

impl PartialSchema for Source {
    fn schema() -> RefOr<Schema> {
        let description = "Which page or placement the pledge came from, in the partner's words: one printable line, at \
                           most 64 characters. Kept in clear, so put nothing personal into it.";
        text_schema([1, Self::MAX_CHARS], description, &["homepage-banner"]).pattern(Some(ONE_LINE)).into()
    }
}

impl PartialSchema for IdempotencyKey {
    fn schema() -> RefOr<Schema> {
        let description = "1 to 255 visible ASCII characters, chosen at random for each pledge and sent again with each \
                           retry. May stand in double quotes, with \\\" and \\\\ escaped.";
        text_schema([1, 2 * Self::MAX_CHARS + 2], description, &["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"])
            .pattern(Some(r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#))
            .into()
    }
}

impl ToSchema for Name {}
impl ToSchema for Message {}
impl ToSchema for Language {}
impl ToSchema for Source {}
impl ToSchema for IdempotencyKey {}
