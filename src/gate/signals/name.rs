//! Names that are none. The rules see only what no language writes: a name may be of two letters, one word, any script.

/// A run of as many neighbours is no name.
const RUN: usize = 5;
/// Rows of keyboards.
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
    word.len() >= RUN && ROWS.iter().any(|row| row.is_ascii() == word.is_ascii() && runs_over_row(word, row))
}

/// Neighbours of a row one after the other, in one direction.
fn runs_over_row(word: &str, row: &str) -> bool {
    let (mut before, mut forth, mut back) = (None, 1, 1);
    word.chars().any(|letter| {
        let at = row.chars().position(|key| key == letter);
        let step =
            |by: usize, from: Option<usize>, to: Option<usize>| from.is_some() && from.map(|from| from + by) == to;
        forth = if step(1, before, at) { forth + 1 } else { 1 };
        back = if step(1, at, before) { back + 1 } else { 1 };
        before = at;
        forth >= RUN || back >= RUN
    })
}

/// The same letter four times, in scripts where a word has many letters.
fn stutters(word: &str) -> bool {
    let (mut before, mut times) = (None, 0);
    word.chars().any(|letter| {
        times = if before == Some(letter) { times + 1 } else { 1 };
        before = Some(letter);
        times >= 4 && letter.is_lowercase()
    })
}

/// `aSdKjW`: three times from a small letter to a capital. `McDonald` does it once.
fn jumps(word: &str) -> bool {
    let pairs = word.chars().zip(word.chars().skip(1));
    pairs.filter(|(a, b)| a.is_lowercase() && b.is_uppercase()).count() >= 3
}

/// For each first letter a bit for each second one.
static STRANGERS_OF: [u32; 26] = {
    let (mut table, mut at) = ([0; 26], 0);
    while at < STRANGERS.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        let [first, second] = [STRANGERS[at].as_bytes()[0], STRANGERS[at].as_bytes()[1]];
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        {
            table[(first - b'a') as usize] |= 1 << (second - b'a');
        }
        at += 1;
    }
    table
};

fn are_strangers(first: u8, second: u8) -> bool {
    let of_first = STRANGERS_OF.get(usize::from(first.wrapping_sub(b'a'))).copied().unwrap_or_default();
    second.is_ascii_lowercase() && of_first >> (second - b'a') & 1 == 1
}

/// Two pairs of strangers, or seven letters without a vowel, or digits between letters.
fn is_unspeakable(word: &str) -> bool {
    let vowel = |c: char| "aeiouyw".contains(c);
    let bytes = word.as_bytes();
    let strangers = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if are_strangers(*a, *b))).count();
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
