//! Patterns of names: text in which `*` stands for any text, held against the whole name as [`normal_name`] writes it (width, case
//! and spaces make no difference). No regular expressions: nothing here looks back, so the worst pattern costs no more than a few looks
//! through the name.

use crate::gate::tags::normal_name;

/// Characters of a pattern at the most.
pub const MOST_CHARS: usize = 100;

/// Stars of a pattern at the most.
pub const MOST_STARS: usize = 8;

/// Characters beside stars and spaces at the least: fewer would fit half the world.
pub const LEAST_CHARS: usize = 2;

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// Fewer than [`LEAST_CHARS`] characters beside stars and spaces.
    TooShort,
    /// More than [`MOST_CHARS`] characters.
    TooLong,
    /// More than [`MOST_STARS`] stars.
    TooManyStars,
}

/// A pattern. Without Debug: it may be somebody's name.
#[derive(Clone)]
pub struct Pattern {
    first: String,
    /// What stands between stars.
    between: Vec<String>,
    /// What stands behind the last star; None: there is no star.
    last: Option<String>,
    letters: Letters,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        // The first for what is far too long, the second because a letter may become several.
        if text.chars().count() > MOST_CHARS {
            return Err(BadPattern::TooLong);
        }
        let text = normal_name(text);
        if text.chars().count() > MOST_CHARS {
            return Err(BadPattern::TooLong);
        }
        if text.chars().filter(|c| !matches!(c, '*' | ' ')).count() < LEAST_CHARS {
            return Err(BadPattern::TooShort);
        }
        let mut pieces: Vec<&str> = text.split('*').collect();
        if pieces.len() > MOST_STARS + 1 {
            return Err(BadPattern::TooManyStars);
        }
        let last = if pieces.len() > 1 { pieces.pop() } else { None };
        let mut pieces = pieces.into_iter().map(str::to_owned);
        Ok(Self {
            first: pieces.next().unwrap_or_default(),
            between: pieces.filter(|piece| !piece.is_empty()).collect(),
            last: last.map(str::to_owned),
            letters: Letters::of(&text),
        })
    }

    /// Whether a name is like this. Each piece is looked for behind the one before: the first in front, the last at the end.
    pub fn fits(&self, name: &Name) -> bool {
        if !self.letters.are_in(name.letters) {
            return false;
        }
        let Some(last) = &self.last else { return name.text == self.first };
        let inside = name.text.strip_prefix(self.first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
        let Some(mut rest) = inside else { return false };
        for piece in &self.between {
            let Some((_, behind)) = rest.split_once(piece.as_str()) else { return false };
            rest = behind;
        }
        true
    }
}

/// A name to hold patterns against.
pub struct Name {
    text: String,
    letters: Letters,
}

impl Name {
    /// From a name as written.
    pub fn new(name: &str) -> Self {
        let text = normal_name(name);
        let letters = Letters::of(&text);
        Self { text, letters }
    }
}

/// Which bytes occur, and which stand side by side, in classes: a name without a pattern's needn't be searched. Nearly every name is spared
/// so, and of an odd one that has all letters still most patterns.
#[derive(Clone, Copy, Default)]
struct Letters {
    single: u64,
    pairs: u128,
}

impl Letters {
    /// Of a name or a pattern, whose stars stand for nothing.
    fn of(text: &str) -> Self {
        let mut letters = Self::default();
        for piece in text.split('*').map(str::as_bytes) {
            for byte in piece {
                letters.single |= 1 << (byte & 63);
            }
            for (first, second) in piece.iter().zip(piece.iter().skip(1)) {
                letters.pairs |= 1 << (first.wrapping_mul(37).wrapping_add(*second) & 127);
            }
        }
        letters
    }

    fn are_in(self, others: Self) -> bool {
        self.single & !others.single == 0 && self.pairs & !others.pairs == 0
    }
}
