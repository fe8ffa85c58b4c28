//! Cells that no spreadsheet takes for a formula.
//!
//! A supporter may have given the name `=HYPERLINK(…)`, and the organiser opens the list. A cell that begins with such a
//! sign gets an apostrophe in front, by which spreadsheets know text. They pass over white space and quotes in front of
//! it, so it is looked for behind them too; and in some countries they take the semicolon for the end of a cell and don't
//! see our quotes then, so that what follows a semicolon, tab or line end is looked at like a beginning. After
//! <https://owasp.org/www-community/attacks/CSV_Injection>, and the same signs in full width, which some take for equal.

use std::borrow::Cow;

/// What begins a formula.
fn begins_formula(sign: char) -> bool {
    matches!(sign, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

/// What may stand in front of a formula without making it text.
fn is_passed_over(sign: char) -> bool {
    sign.is_whitespace()
        || sign.is_control()
        || matches!(sign, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '„' | '«' | '»')
        || matches!(sign, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{00ad}')
}

/// After what some would begin another cell.
fn ends_cell(sign: char) -> bool {
    matches!(sign, ';' | '\t' | '\n' | '\r')
}

/// The text as a cell: unchanged where it is harmless.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    let mut guards = Vec::new();
    // Whether nothing has come yet that makes the whole cell, or what some take for one, a text.
    let (mut whole, mut part) = (true, false);
    for (at, sign) in text.char_indices() {
        // These two at the very beginning are dangerous by themselves.
        if at == 0 && matches!(sign, '\t' | '\r') {
            guards.push(0);
        }
        if begins_formula(sign) {
            guards.extend(whole.then_some(0));
            guards.extend(part.then_some(at));
            (whole, part) = (false, false);
        } else if !is_passed_over(sign) {
            (whole, part) = (false, false);
        }
        part |= ends_cell(sign);
    }
    guards.dedup();
    if guards.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + guards.len());
    let mut done = 0;
    for at in guards {
        safe.push_str(text.get(done..at).unwrap_or_default());
        safe.push('\'');
        done = at;
    }
    safe.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_gets_an_apostrophe() {
        for formula in [
            "=cmd|' /C calc'!A0",
            "+1+1",
            "-2+3",
            "@SUM(1)",
            "\rx",
            "\tx",
            "  =1",
            "\"=1",
            "'=1",
            " \" '-1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{feff}=1",
            "\u{200b}=1",
            "=x@example.org",
            "+tag@example.org",
            "\u{a0}=1",
        ] {
            let safe = guarded(formula);
            assert_eq!(safe, format!("'{formula}"), "{formula:?}");
        }
    }

    #[test]
    fn what_follows_a_foreign_end_of_a_cell_is_a_beginning() {
        assert_eq!(guarded("Ada;=1"), "Ada;'=1");
        assert_eq!(guarded("Ada\";\"=1"), "Ada\";\"'=1");
        assert_eq!(guarded("Yes\n- to rights\r\n+ to all"), "Yes\n'- to rights\r\n'+ to all");
        assert_eq!(guarded("=1;=2"), "'=1;'=2");
        assert_eq!(guarded(";=1"), ";'=1");
        assert_eq!(guarded("\t=1"), "'\t'=1");
        assert_eq!(guarded("\n=1"), "'\n'=1");
    }

    #[test]
    fn what_is_harmless_stays() {
        for text in
            ["", "Ada", "O'Brien", "a-b", "1 + 1 = 2", "ada+tag@example.org", "Zoë — ok", "«Да»", "a; b", "\"\"", "\n"]
        {
            assert!(matches!(guarded(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    proptest! {
        /// Over the signs that matter, so that they meet often.
        #[test]
        fn no_cell_begins_a_formula_and_nothing_is_lost(text in "[=+@a \"';\t\r\n＝\u{feff}-]{0,12}") {
            let safe = guarded(&text);
            for cell in safe.split(ends_cell) {
                let begin = cell.trim_start_matches(|sign| is_passed_over(sign) && sign != '\'');
                prop_assert!(!begin.starts_with(begins_formula), "{text:?} became {safe:?}");
            }
            prop_assert!(!safe.starts_with(['\t', '\r']));
            prop_assert_eq!(safe.replace('\'', ""), text.replace('\'', ""));
        }
    }
}
