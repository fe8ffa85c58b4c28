//! Names that are none. The rules see only what no language writes: a name may be of two letters, one word, any script.

/// Rows of keyboards; a run of five neighbours is no name.
const ROWS: [&str; 6] = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "йцукенгшщзхъ"];
/// Pairs of letters that stand in no name written with Latin letters.
const STRANGERS: [&str; 34] = [
    "jq", "qj", "qz", "zq", "qx", "xq", "vq", "qv", "wq", "qk", "qg", "gq", "qp", "pq", "qf", "fq", "xj", "jx", "vx",
    "xv", "zx", "xz", "qn", "bq", "qb", "mx", "fx", "xk", "wx", "vj", "jv", "fz", "qd", "hx",
];

/// Whether the name is a run over the keyboard, one letter again and again, or letters that no language joins.
pub(super) fn is_gibberish(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let small = word.to_lowercase();
        runs_over_keyboard(&small) || stutters(&small) || jumps(word) || (word.is_ascii() && is_unspeakable(&small))
    })
}

fn runs_over_keyboard(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(5).any(|run| {
        let forth: String = run.iter().collect();
        let back: String = run.iter().rev().collect();
        ROWS.iter().any(|row| row.contains(&forth) || row.contains(&back))
    })
}

/// The same letter four times, in scripts where a word has many letters.
fn stutters(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(4).any(|run| {
        let first = run.first().copied().unwrap_or_default();
        first.is_lowercase() && run.iter().all(|letter| *letter == first)
    })
}

/// `aSdKjW`: three times from a small letter to a capital. `McDonald` does it once.
fn jumps(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_lowercase() && b.is_uppercase())).count() >= 3
}

/// Two pairs of strangers, or seven letters without a vowel, or digits between letters.
fn is_unspeakable(word: &str) -> bool {
    let vowel = |c: char| "aeiouyw".contains(c);
    let strangers = STRANGERS.iter().map(|pair| word.matches(pair).count()).sum::<usize>();
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    strangers >= 2 || (letters >= 7 && digits == 0 && !word.chars().any(vowel)) || (digits >= 3 && letters >= 3)
}

/// Whether the name is the mailbox as a machine writes it: with its digits, dots or underscores. `Maria Lopez` with
/// `marialopez@` is nothing odd.
pub(super) fn is_mailbox(name: &str, local: &str) -> bool {
    let machine = name.contains(['@', '_']) || name.chars().any(|c| c.is_ascii_digit()) || name.contains('.');
    let before = name.split('@').next().unwrap_or(name);
    machine && !name.contains(' ') && before.eq_ignore_ascii_case(local)
}

/// Whether the name is one word twice or more.
pub(super) fn repeats_itself(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split_whitespace();
    let first = words.next();
    let mut others = words.peekable();
    others.peek().is_some() && others.all(|word| Some(word) == first)
}
