//! A stranger's text as everybody may see it. What may stand in it was decided when it came ([`crate::pledges::text`]); here goes what
//! would reach over the lines around it.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Marks over or under one letter: more than any language has, and too few to cover the neighbours.
const MARKS: usize = 4;

/// Line breaks in a row: one empty line.
const BREAKS: usize = 2;

/// What several in a row are cut to.
fn most(c: char) -> usize {
    match c {
        '\n' => BREAKS,
        // They spell a flag, after which they are looked for when the text comes.
        '\u{E0000}'..='\u{E007F}' => usize::MAX,
        _ => match c.general_category() {
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => MARKS,
            GeneralCategory::Format => 1,
            _ => usize::MAX,
        },
    }
}

/// The text as it is shown.
pub(super) fn shown(text: &str) -> String {
    if text.is_ascii() && !text.contains("\n\n\n") {
        return text.to_owned();
    }
    let (mut shown, mut row, mut before, mut marks) = (String::with_capacity(text.len()), 0, usize::MAX, 0);
    for c in text.chars() {
        let most = most(c);
        row = if most == before { row + 1 } else { 1 };
        before = most;
        // What joins letters is nothing between marks: they pile up over it.
        marks = match most {
            MARKS => marks + 1,
            1 => marks,
            _ => 0,
        };
        if row <= most && marks <= MARKS {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_words_and_stays_in_its_lines() {
        for plain in [
            "Together.",
            "أمينة\u{200F} — معًا",
            "می\u{200C}خواهم",
            "Việt Nam",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
            "👩\u{200D}👩",
            "a\n\nb",
        ] {
            assert_eq!(shown(plain), plain);
        }
        let zalgo = format!("a{}b", "\u{0301}".repeat(50));
        assert_eq!(shown(&zalgo), format!("a{}b", "\u{0301}".repeat(MARKS)));
        let joined = format!("a{}b", format!("{}\u{200D}", "\u{0301}".repeat(4)).repeat(9));
        assert_eq!(shown(&joined).matches('\u{0301}').count(), MARKS, "joiners in between change nothing");
        assert_eq!(shown(&format!("a{}b", "\u{200D}".repeat(9))), "a\u{200D}b");
        assert_eq!(shown("a\n\n\n\n\nb"), "a\n\nb");
    }
}
