//! The words of a public text, as they are stored for search and as they are looked for. Chinese, Japanese, Thai and the like put no
//! spaces between words, so there each letter and each pair of neighbours is one.

pub(super) mod store;

use std::collections::BTreeSet;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::gate::tags::normal_name;

/// Letters of a word that are kept; what is longer is found by its beginning.
const LONGEST: usize = 64;

/// The words of a text, each once: what is stored.
pub(in crate::moderation) fn of(text: &str) -> BTreeSet<String> {
    let letters = runs(text).into_iter().filter(|run| is_unspaced(run)).flatten();
    let mut words: BTreeSet<String> = letters.map(String::from).collect();
    words.extend(whole(text));
    words
}

/// The words that a text must all have to be found, the longest first: few texts have it.
pub(super) fn sought(text: &str) -> Vec<String> {
    let mut words: Vec<String> = whole(text).into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words
}

fn whole(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for run in runs(text) {
        if is_unspaced(&run) && run.len() > 1 {
            words.extend(run.windows(2).map(String::from_iter));
        } else {
            words.insert(run.iter().take(LONGEST).collect());
        }
    }
    words
}

/// Letters that stand together and are written in one way.
fn runs(text: &str) -> Vec<Vec<char>> {
    let mut runs = Vec::new();
    for word in normal_name(text).split(|c| !is_written(c)) {
        let letters: Vec<char> = word.chars().collect();
        runs.extend(letters.chunk_by(|one, next| has_no_spaces(*one) == has_no_spaces(*next)).map(<[char]>::to_vec));
    }
    runs
}

fn is_written(c: char) -> bool {
    c.is_alphanumeric() || c.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_unspaced(run: &[char]) -> bool {
    run.first().copied().is_some_and(has_no_spaces)
}

/// Whether the letter is of a script that is written without spaces: Thai to Lao, Burmese, Khmer, Kana, Han (Unicode blocks).
fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3005}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(sought_text: &str, text: &str) -> bool {
        let words = of(text);
        let sought = sought(sought_text);
        !sought.is_empty() && sought.iter().all(|word| words.contains(word))
    }

    #[test]
    fn whole_words_are_found_however_they_are_written() {
        let text = "Buy CHEAP watches — at Ａｎｎａ’s shop, n° 12!";
        for (sought, found) in [
            ("watches", true),
            ("cheap, Buy", true),
            ("anna 12", true),
            ("watch", false),
            ("cheap cars", false),
            ("?!", false),
            ("", false),
        ] {
            assert_eq!(finds(sought, text), found, "{sought}");
        }
        assert!(finds("jose\u{301}", "José") && finds("ПРАВА", "Мы защищаем права"));
        assert!(finds("معًا", "نقف معًا") && finds("हिन्दी", "मेरी हिन्दी"));
        assert!(!finds("हि", "मेरी हिन्दी"), "signs of a syllable don’t end a word");
    }

    #[test]
    fn where_there_are_no_spaces_parts_are_found() {
        let text = "我们支持人权捍卫者2026";
        for (sought, found) in
            [("人权", true), ("人", true), ("支持人权", true), ("2026", true), ("权人", false), ("人权 2025", false)]
        {
            assert_eq!(finds(sought, text), found, "{sought}");
        }
        assert!(finds("สิทธิ", "เราปกป้องสิทธิมนุษยชน"));
    }

    #[test]
    fn a_long_word_is_one_of_bounded_length() {
        let long = "a".repeat(500);
        assert_eq!(of(&long).into_iter().map(|word| word.len()).collect::<Vec<_>>(), [LONGEST]);
        assert!(finds(&long, &long));
    }
}
