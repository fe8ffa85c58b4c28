//! How name and mailbox are made, without what they say: people make them in many ways, a farm in few.

use unicode_normalization::UnicodeNormalization;

/// The shape of a pledge's name and mailbox, such as `Aa Aa|F.L99`: words of the name with a capital (`Aa`), without (`a`) or in
/// scripts that have none (`x`); in the mailbox first name `F`, last name `L`, their initials `f` and `l`, other letters `w`,
/// each digit `9` but a year `Y`, and everything else as it is.
pub fn shape(name: Option<&str>, local: Option<&str>) -> String {
    let words: Vec<&str> = name.unwrap_or_default().split_whitespace().collect();
    let written: Vec<&str> = words.iter().take(4).map(|word| word_shape(word)).collect();
    let first = words.first().map(|word| latin(word)).unwrap_or_default();
    let last = if words.len() > 1 { words.last().map(|word| latin(word)).unwrap_or_default() } else { String::new() };
    let mailbox = local.map(|local| local_shape(local, &first, &last)).unwrap_or_default();
    format!("{}|{mailbox}", written.join(" "))
}

fn word_shape(word: &str) -> &'static str {
    match word.chars().find(|c| c.is_alphabetic()) {
        Some(c) if c.is_uppercase() => "Aa",
        Some(c) if c.is_lowercase() => "a",
        _ => "x",
    }
}

fn latin(word: &str) -> String {
    ascii(word, |c| c.is_ascii_alphanumeric())
}

/// What there is of ASCII in a text, when marks stand apart from their letters; in small letters.
fn ascii(text: &str, keep: impl Fn(&char) -> bool) -> String {
    let small = |c: char| c.to_ascii_lowercase();
    if text.is_ascii() {
        text.chars().filter(keep).map(small).collect()
    } else {
        text.nfkd().filter(keep).map(small).collect()
    }
}

fn local_shape(local: &str, first: &str, last: &str) -> String {
    let small = ascii(local, char::is_ascii);
    let mut shape = String::new();
    let mut rest = small.as_str();
    while let Some(next) = rest.chars().next() {
        if next.is_ascii_digit() {
            let (digits, behind) = run(rest, |c| c.is_ascii_digit());
            let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
            shape.push_str(if year { "Y" } else { "9999".get(..digits.len()).unwrap_or("9999+") });
            rest = behind;
        } else if next.is_ascii_alphabetic() {
            let (letters, behind) = run(rest, |c| c.is_ascii_alphabetic());
            letters_shape(letters, first, last, &mut shape);
            rest = behind;
        } else {
            shape.push(next);
            rest = rest.get(1..).unwrap_or_default();
        }
        if shape.len() > 24 {
            break;
        }
    }
    shape
}

/// What stands in front and is of one kind, and the rest.
fn run(text: &str, kind: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !kind(c)).unwrap_or(text.len()))
}

fn letters_shape(letters: &str, first: &str, last: &str, shape: &mut String) {
    let mut rest = letters;
    while !rest.is_empty() {
        let initial = |name: &str| name.get(..1).is_some_and(|initial| rest.starts_with(initial));
        let (sign, length) = if first.len() > 1 && rest.starts_with(first) {
            ('F', first.len())
        } else if last.len() > 1 && rest.starts_with(last) {
            ('L', last.len())
        } else if initial(first) && (rest.len() == 1 || rest.get(1..) == Some(last)) {
            ('f', 1)
        } else if initial(last) && (rest.len() == 1 || rest.get(1..) == Some(first)) {
            ('l', 1)
        } else {
            ('w', rest.len())
        };
        shape.push(sign);
        rest = rest.get(length..).unwrap_or_default();
    }
}
