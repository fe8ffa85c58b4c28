//! Looks for words in anything, in every form in which programs write words down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// What was found, by place.
pub type Findings = BTreeMap<&'static str, BTreeSet<String>>;

/// What is searched: a name to report, and what lies there.
pub type Place = (&'static str, Contents);

pub enum Contents {
    Bytes(Vec<u8>),
    /// Several, each with what to call it.
    Each(Vec<(String, Vec<u8>)>),
    /// Every file below, whatever it is; but not below the second.
    Files(PathBuf, Option<PathBuf>),
    /// Nothing may be there at all: it is where memory is dumped.
    NoFiles(PathBuf),
}

/// A beginning that all the words share, in one form.
struct Needle {
    form: &'static str,
    bytes: Vec<u8>,
    /// What it is, where that isn't told by what follows.
    of: Option<String>,
}

/// Words to be looked for.
pub struct Search {
    words: Vec<String>,
    needles: Vec<Needle>,
    /// By their first two bytes, which are looked up for each byte of what is searched.
    starts: Vec<Vec<usize>>,
}

/// Bytes that are looked at together, or passed over when they are all zero.
const BLOCK: usize = 8192;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// How much behind the stem is looked at to tell which word it is.
const AROUND: usize = 400;

impl Search {
    /// Those that begin with `stem`, and all else that does.
    pub fn new(stem: &str, words: &[&str]) -> Self {
        assert!(words.iter().all(|word| word.starts_with(stem)), "{words:?}");
        Self::of(forms(stem), words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Words that have nothing in common, each as a whole.
    pub fn whole(words: Vec<String>) -> Self {
        Self::of(words.iter().flat_map(|word| forms(word)).collect(), words)
    }

    /// And bytes, each with what to call them, as such and as programs write them.
    pub fn and_bytes(mut self, all: &[(String, Vec<u8>)]) -> Self {
        let needles = all.iter().flat_map(|(name, bytes)| {
            let named = |(form, bytes)| Needle { form, bytes, of: Some(name.clone()) };
            forms_of_bytes(bytes).into_iter().map(named)
        });
        self.needles.extend(needles);
        Self::of(self.needles, self.words)
    }

    fn of(needles: Vec<Needle>, words: Vec<String>) -> Self {
        let mut starts = vec![Vec::new(); 1 << 16];
        for (number, needle) in needles.iter().enumerate() {
            let [first, second] = [needle.bytes[0], needle.bytes[1]];
            let both = |byte: u8| BTreeSet::from([byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]);
            for first in both(first) {
                for second in both(second) {
                    starts[usize::from(u16::from_be_bytes([first, second]))].push(number);
                }
            }
        }
        Self { words, needles, starts }
    }

    /// Which words are in it, and in which form.
    pub fn find(&self, text: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for begin in (0..text.len()).step_by(BLOCK) {
            let end = text.len().min(begin + BLOCK);
            if text[begin..end] == ZEROS[..end - begin] {
                continue;
            }
            for (at, pair) in text[begin..text.len().min(end + 1)].windows(2).enumerate() {
                for number in &self.starts[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                    let (needle, rest) = (&self.needles[*number], &text[begin + at..]);
                    if starts_with(rest, &needle.bytes) {
                        let word = needle.of.as_deref().unwrap_or_else(|| self.word(needle.form, rest));
                        found.insert(format!("{word} ({})", needle.form));
                    }
                }
            }
        }
        found
    }

    fn word(&self, form: &'static str, rest: &[u8]) -> &str {
        let rest = &rest[..rest.len().min(AROUND)];
        let is_it =
            |word: &&String| forms(word).iter().filter(|it| it.form == form).any(|it| starts_with(rest, &it.bytes));
        self.words.iter().find(is_it).map_or("a part of a word", String::as_str)
    }

    pub fn look(&self, places: &[Place]) -> Findings {
        let mut findings = Findings::new();
        for (name, contents) in places {
            let found = match contents {
                Contents::Bytes(bytes) => self.find(bytes),
                Contents::Each(all) => {
                    let find = |(name, bytes): &(String, Vec<u8>)| {
                        self.find(bytes).into_iter().map(|word| format!("{word} in: {name}")).collect::<Vec<_>>()
                    };
                    all.iter().flat_map(find).collect()
                }
                Contents::Files(below, but) => self.find_in_files(below, but.as_deref()),
                Contents::NoFiles(below) => files(below, None).iter().map(|file| file.display().to_string()).collect(),
            };
            if !found.is_empty() {
                findings.entry(name).or_default().extend(found);
            }
        }
        findings
    }

    fn find_in_files(&self, below: &Path, but: Option<&Path>) -> BTreeSet<String> {
        let files = files(below, but);
        assert!(!files.is_empty(), "nothing is in {}", below.display());
        // A server that runs may take a file away.
        files.iter().flat_map(|file| self.find(&fs::read(file).unwrap_or_default())).collect()
    }
}

/// Whatever the case: what is told apart by it, such as base64, is not found by chance.
fn starts_with(text: &[u8], needle: &[u8]) -> bool {
    text.len() >= needle.len() && text[..needle.len()].eq_ignore_ascii_case(needle)
}

fn files(below: &Path, but: Option<&Path>) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![below.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() && Some(path.as_path()) != but {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found
}

/// Bytes as programs write them.
fn forms_of_bytes(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let each = |write: &dyn Fn(&u8) -> String, between: &str| {
        bytes.iter().map(write).collect::<Vec<_>>().join(between).into_bytes()
    };
    let mut all = vec![
        ("raw", bytes.to_vec()),
        ("hex", each(&|byte| format!("{byte:02x}"), "")),
        ("spaced hex", each(&|byte| format!("{byte:02x}"), " ")),
        ("a list of numbers", each(&u8::to_string, ", ")),
        ("a list of numbers", each(&u8::to_string, ",")),
    ];
    for before in 0..3 {
        let longer = [&vec![0; before], bytes].concat();
        let (from, to) = ((before * 8).div_ceil(6), longer.len() * 8 / 6);
        all.push(("base64", STANDARD_NO_PAD.encode(&longer).as_bytes()[from..to].to_vec()));
        all.push(("base64", URL_SAFE_NO_PAD.encode(&longer).as_bytes()[from..to].to_vec()));
    }
    all
}

/// A word as programs write it. Each is looked for whatever the case, so what hides letters in numbers is made of each case.
fn forms(word: &str) -> Vec<Needle> {
    let mut all = Vec::new();
    let mut push = |form, bytes: Vec<u8>| all.push(Needle { form, bytes, of: None });
    let each = |word: &str, write: &dyn Fn(u8) -> String, between: &str| {
        word.bytes().map(write).collect::<Vec<_>>().join(between).into_bytes()
    };
    push("in clear", word.into());
    // The zero at the end is left out, so that big-endian text is found too.
    push("UTF-16", each(word, &|byte| char::from(byte).into(), "\0"));
    let (lower, upper) = (word.to_lowercase(), word.to_uppercase());
    for word in BTreeSet::from([word, &lower, &upper]) {
        push("hex", each(word, &|byte| format!("{byte:02x}"), ""));
        push("spaced hex", each(word, &|byte| format!("{byte:02x}"), " "));
        push("percent-encoded", each(word, &|byte| format!("%{byte:02x}"), ""));
        push("quoted-printable", each(word, &|byte| format!("={byte:02x}"), ""));
        push("escaped", each(word, &|byte| format!("\\x{byte:02x}"), ""));
        push("escaped as in JSON", each(word, &|byte| format!("\\u{byte:04x}"), ""));
        push("escaped as octal", each(word, &|byte| format!("\\{byte:03o}"), ""));
        push("HTML references", each(word, &|byte| format!("&#{byte};"), ""));
        push("a list of numbers", each(word, &|byte| byte.to_string(), ", "));
        push("a list of numbers", each(word, &|byte| byte.to_string(), ","));
        for before in 0..3 {
            let bytes = [&vec![0; before], word.as_bytes()].concat();
            // Characters that are made of the word alone.
            let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
            push("base64", STANDARD_NO_PAD.encode(&bytes).as_bytes()[from..to].to_vec());
            push("base64", URL_SAFE_NO_PAD.encode(&bytes).as_bytes()[from..to].to_vec());
        }
    }
    all
}

#[test]
fn words_are_found_in_every_form() {
    let search = Search::new("Zqxtry", &["Zqxtryone", "Zqxtrytwo"]);
    let word = "ZQXtryTWO";
    let base64 = |before: &str| STANDARD_NO_PAD.encode(format!("{before}zqxtrytwo-"));
    let written = [
        ("in clear", word.to_owned()),
        ("in clear", format!("{}{word}", "x".repeat(BLOCK - 3))),
        ("UTF-16", word.chars().flat_map(|c| ['\0', c]).collect()),
        ("hex", "5a7178747279".to_owned() + "74776f"),
        ("percent-encoded", "%7a%71%78%74%72%79%74%77%6F".to_owned()),
        ("a list of numbers", format!("{:?}", "zqxtrytwo".as_bytes())),
        ("base64", base64("")),
        ("base64", base64("a")),
        ("base64", base64("ab")),
        ("base64", base64("abc")),
    ];
    for (form, text) in written {
        let found = search.find(text.as_bytes());
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found.iter().all(|it| it.starts_with("Zqxtrytwo") && it.contains(form)), "{text}: {found:?}");
    }
    assert_eq!(search.find(b"zqxtr Zqx try enF4dHJ and nothing else\0\0"), BTreeSet::new());
}

#[test]
fn bytes_are_found_in_every_form() {
    let secret: Vec<u8> = (100..132).map(|byte: u8| byte.wrapping_mul(37)).collect();
    let search = Search::whole(Vec::new()).and_bytes(&[("a secret".to_owned(), secret.clone())]);
    let longer = [&[7; 16], secret.as_slice()].concat();
    let hex = secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    for text in [longer.clone(), URL_SAFE_NO_PAD.encode(&longer).into(), hex.into(), format!("{secret:?}").into()] {
        assert!(search.find(&text).iter().any(|it| it.starts_with("a secret")), "{text:?}");
    }
    assert_eq!(search.find(&secret[1..]), BTreeSet::new());
}
