//! Names put together from the parts of a country's names, mailboxes that fit them, and messages.

use unicode_normalization::UnicodeNormalization;

use super::{
    super::people::Home,
    data::{Habits, Stage},
    dice::Dice,
};

/// A name as its parts.
pub(super) struct Name {
    first: String,
    last: String,
}

impl Name {
    /// Parts of two names of a country; one of a single word stays as it is.
    pub(super) fn of(home: &Home, dice: &mut Dice) -> Self {
        let mut half = || dice.pick(home.names()).map_or(("", ""), |name| name.rsplit_once(' ').unwrap_or((name, "")));
        let ((first, own), (_, last)) = (half(), half());
        let last = if own.is_empty() || last.is_empty() { own } else { last };
        Self { first: first.to_owned(), last: last.to_owned() }
    }

    /// As it is written into the form.
    pub(super) fn written(&self, habits: &Habits, dice: &mut Dice) -> Option<String> {
        if !dice.chance(habits.name_given) {
            return None;
        }
        let whole = if self.last.is_empty() || dice.chance(habits.first_name_only) {
            self.first.clone()
        } else {
            format!("{} {}", self.first, self.last)
        };
        Some(if dice.chance(habits.small_letters) { whole.to_lowercase() } else { whole })
    }

    /// The mailbox before the `@`. Names that have no Latin letters give way to a word.
    pub(super) fn local_part(&self, stage: &Stage, habits: &Habits, dice: &mut Dice) -> String {
        let Some(pattern) = dice.weighted(&habits.local_parts) else { return String::new() };
        let mut word = || dice.pick(&stage.honest.words).cloned().unwrap_or_default();
        let or_word = |part: String, word: &mut dyn FnMut() -> String| if part.is_empty() { word() } else { part };
        let first = or_word(latin(self.first.split(' ').next().unwrap_or("")), &mut word);
        let last = or_word(latin(&self.last), &mut word);
        let initial = |part: &str| part.chars().take(1).collect::<String>();
        let text = pattern
            .pattern
            .replace("{first}", &first)
            .replace("{last}", &last)
            .replace("{f}", &initial(&first))
            .replace("{l}", &initial(&last));
        let words = text.matches("{word}").count();
        let text = (0..words).fold(text, |text, _| text.replacen("{word}", &word(), 1));
        text.replace("{9}", &(1 + dice.below(9)).to_string())
            .replace("{99}", &format!("{:02}", 1 + dice.below(99)))
            .replace("{year}", &(1955 + dice.below(52)).to_string())
            .replace("{digits}", &(100_000_000 + dice.below(900_000_000)).to_string())
    }
}

/// Its letters without their marks, as they are written in an address.
fn latin(part: &str) -> String {
    part.nfkd().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// A message in somebody's own words, or one that others send too.
pub(super) fn message(stage: &Stage, habits: &Habits, language: &str, dice: &mut Dice) -> Option<String> {
    if !dice.chance(habits.message.share) {
        return None;
    }
    if !dice.chance(habits.message.own_words) {
        let fitting = stage.crowd.texts(language);
        return dice.pick(&fitting).map(|text| (*text).to_owned());
    }
    let own = &stage.honest.own_words;
    let parts = [&own.openings, &own.people, &own.endings];
    let words: Vec<&str> = parts.iter().filter_map(|part| dice.pick(part)).map(String::as_str).collect();
    Some(words.join(" "))
}
