//! The letters supporters get, and those who look after a campaign: words from `lang/*.json`, a campaign's own where it has some ([`Overrides`]), drawn as
//! HTML and as plain text. Nothing that a supporter typed is in them, and they hold one link.

mod overrides;
mod words;

use askama::Template;

pub use overrides::{Overrides, check};
pub use words::languages;
use words::{Piece, Words, one_line};

/// Why somebody is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pledge waits to be confirmed.
    Confirm,
    /// The mailbox pledged again.
    AlreadyPledged,
    /// Somebody asked for the link to a pledge.
    Access,
    /// Mails of a partner's trials are to go to the address.
    TrialMailbox,
    /// Something stands out among the pledges.
    Alert,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Confirm, Self::AlreadyPledged, Self::Access, Self::TrialMailbox, Self::Alert];

    /// How the keys of its texts begin.
    fn key(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::AlreadyPledged => "again",
            Self::Access => "access",
            Self::TrialMailbox => "trials",
            Self::Alert => "alert",
        }
    }

    /// What stands behind link and code.
    fn notes(self) -> &'static [&'static str] {
        match self {
            Self::Confirm => &["confirm_expires", "confirm_not_me", "keep"],
            Self::AlreadyPledged => &["again_not_me", "keep"],
            Self::Access => &["access_not_me", "keep"],
            Self::TrialMailbox => &["trials_not_me"],
            Self::Alert => &["alert_again"],
        }
    }
}

/// What is put into a letter. The campaign's words may hold anything; they are escaped, and kept to one line.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The campaign's title in the letter's language.
    pub campaign: &'a str,
    /// Who answers for the data.
    pub controller: Option<&'a str>,
    /// The one link: an absolute http or https address.
    pub link: &'a str,
    /// The code that can be typed instead, ASCII letters and digits; only [`Kind::Confirm`] shows it.
    pub code: Option<&'a str>,
    /// Where the service is, as in `pledges.example.org`.
    pub host: &'a str,
}

/// A letter, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// One line without control characters.
    pub subject: String,
    /// The plain-text part; lines end in `\n`.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The language it is written in, which differs from the one asked for when there are no letters in that.
    pub language: String,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The link in it is a secret.
        write!(f, "Written({})", self.language)
    }
}

/// Why a letter can't be written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The link is no absolute http or https address.
    #[error("the link of a letter is no absolute http or https address")]
    Link,
    /// The code has something else than letters and digits.
    #[error("the code of a letter may have letters and digits only")]
    Code,
    /// The template failed.
    #[error("a letter can't be drawn")]
    Template(#[from] askama::Error),
}

/// Writes a letter in `language` (BCP 47; `fr-CA` gets French, one without letters English).
///
/// # Errors
/// See [`LetterError`]: only wrong values lead to one, no campaign's text does.
pub fn write(kind: Kind, language: &str, overrides: &Overrides, values: &Values<'_>) -> Result<Written, LetterError> {
    let is_address = ["https://", "http://"].iter().any(|scheme| values.link.starts_with(scheme));
    if !is_address || !values.link.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(LetterError::Link);
    }
    let code = values.code.filter(|_| kind == Kind::Confirm);
    if code.is_some_and(|code| code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(LetterError::Code);
    }
    let words = Words::of(language);
    let own = overrides.fitting(language, words.language);
    let letter = Letter::new(kind, &words, own, values, code);
    let html = letter.render()?;
    Ok(Written { subject: letter.subject(), text: letter.plain(), html, language: words.language.to_owned() })
}

/// A letter as the template draws it.
#[derive(Template)]
#[template(path = "letter.html")]
struct Letter<'a> {
    language: &'a str,
    direction: &'a str,
    subject: Vec<Piece>,
    heading: Vec<Piece>,
    /// Paragraphs before the link.
    body: Vec<Vec<Piece>>,
    button: String,
    link: &'a str,
    link_hint: &'a str,
    /// What to do with it, and the code.
    code: Option<(&'a str, &'a str)>,
    /// Paragraphs behind the link.
    notes: Vec<Vec<Piece>>,
    /// Who sends it, and why.
    foot: Vec<Vec<Piece>>,
}

impl<'a> Letter<'a> {
    fn new(
        kind: Kind,
        words: &Words,
        own: overrides::Fitting<'_>,
        values: &Values<'a>,
        code: Option<&'a str>,
    ) -> Letter<'a> {
        let value = |name: &str| match name {
            "campaign" => Some(one_line(values.campaign)),
            "controller" => Some(one_line(values.controller.unwrap_or_default())),
            "host" => Some(one_line(values.host)),
            _ => None,
        };
        let ours = |key: &str| words::pieces(words.text(key), value);
        let theirs = |part: &str| {
            let key = format!("{}_{part}", kind.key());
            words::pieces(own.text(&key).unwrap_or_else(|| words.text(&key)), value)
        };
        let sender = if values.controller.is_some() { "foot_sender" } else { "foot_sender_alone" };
        let foot = [format!("{}_why", kind.key()), sender.to_owned()];
        let mut body = vec![ours("greeting")];
        body.extend(words::paragraphs(theirs("text")));
        Letter {
            language: words.language,
            direction: words.text("direction"),
            subject: theirs("subject"),
            heading: theirs("heading"),
            body,
            button: words::plain(&theirs("button")),
            link: values.link,
            link_hint: words.text("link_hint"),
            code: code.map(|code| (words.text("code_hint"), code)),
            notes: kind.notes().iter().map(|key| ours(key)).collect(),
            foot: foot.iter().map(|key| ours(key)).collect(),
        }
    }

    /// The side at which lines begin, for programs that don't know directions.
    fn start(&self) -> &'static str {
        if self.direction == "rtl" { "right" } else { "left" }
    }

    fn subject(&self) -> String {
        one_line(&words::plain(&self.subject))
    }

    /// The plain-text part: the same in the same order, the link and the code on lines of their own.
    fn plain(&self) -> String {
        let mut paragraphs = vec![words::plain(&self.heading)];
        paragraphs.extend(self.body.iter().map(|paragraph| words::plain(paragraph)));
        paragraphs.push(format!("{}\n{}", self.button, self.link));
        paragraphs.extend(self.code.map(|(hint, code)| format!("{hint}\n{code}")));
        paragraphs.extend(self.notes.iter().map(|paragraph| words::plain(paragraph)));
        let foot: Vec<String> = self.foot.iter().map(|paragraph| words::plain(paragraph)).collect();
        // The usual mark of what is no more part of the message.
        paragraphs.push(format!("-- \n{}", foot.join("\n")));
        paragraphs.join("\n\n") + "\n"
    }
}

#[cfg(test)]
mod tests;
