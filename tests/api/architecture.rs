//! Guardian: the house stays as docs/architecture.md draws it. Who may use whom, where HTTP and SQL may stand, and how
//! long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A line may use the lines above it, never below, and nobody on its own line.
const LAYERS: [&[&str]; 12] = [
    &["clock", "crypto", "tasks", "config", "country", "metrics", "logged"],
    &["db"],
    &["http"],
    &["totals", "sealing", "audit", "mail", "gate"],
    &["accounts"],
    &["campaigns", "partners"],
    &["pledges"],
    &["moderation", "privacy", "web", "ops"],
    &["app"],
    &["cli"],
    &["main"],
    &["lib"],
];

/// The lowest line may use itself: it holds no feature.
const GROUND: usize = 0;

const MAX_LINES: usize = 400;

pub fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn feature(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn layer(feature: &str) -> usize {
    LAYERS
        .iter()
        .position(|line| line.contains(&feature))
        .unwrap_or_else(|| panic!("src/{feature} has no place in the house: add it to LAYERS and docs/architecture.md"))
}

/// The features that a source names after `crate::`, also inside braces.
fn used(source: &str) -> Vec<String> {
    let mut used = Vec::new();
    // Comments may name anything.
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => used.push(word(rest)),
            Some(inside) => used.extend(first_words(inside)),
        }
    }
    used
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first word of each item of a braced list, whatever is nested in it.
fn first_words(list: &str) -> Vec<String> {
    let (mut depth, mut words, mut fresh) = (0, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && c.is_alphabetic() => {
                words.push(word(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    words
}

#[test]
fn nobody_uses_what_stands_above() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src") {
        let own = feature(&file);
        let line = layer(own);
        for other in used(&source) {
            let below = layer(&other);
            if other != own && (below > line || (below == line && line != GROUND)) {
                wrong.push(format!("{file} uses {other}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_check_sees_what_a_source_uses() {
    let source = "use crate::{\n    a::{b, c::{d}},\n    e,\n};\n// crate::no\nfn f() { crate::g::h() }";
    assert_eq!(used(source), ["a", "e", "g"]);
}

#[test]
fn http_stands_at_the_doors_and_sql_on_the_shelves() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src") {
        let name = file.rsplit('/').next().unwrap();
        let door = file.starts_with("http/")
            || file.starts_with("web/")
            || file.starts_with("ops/")
            || file.starts_with("app/")
            || ["app.rs", "accounts/signed.rs"].contains(&file.as_str())
            || name == "routes.rs";
        let shelf = file.starts_with("db/") || name == "store.rs";
        if !door && ["actix_web", "actix_multipart"].iter().any(|word| source.contains(word)) {
            wrong.push(format!("{file} knows HTTP"));
        }
        if !shelf && ["diesel::", "diesel_async::"].iter().any(|word| source.contains(word)) {
            wrong.push(format!("{file} knows SQL"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (file, source) in sources(folder) {
            let lines = source.lines().count();
            // One table of the schema after the other, written by a test.
            let generated = file == "db/schema.rs";
            if lines > MAX_LINES && !generated {
                wrong.push(format!("{folder}/{file} has {lines} lines"));
            }
            if !source.starts_with("//!") {
                wrong.push(format!("{folder}/{file} doesn't say what it is for"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Left unsaid, validator names its rule (`range`, `length`), which is none of our codes.
#[test]
fn what_a_door_refuses_has_a_code_of_ours() {
    let mut wrong = Vec::new();
    // What stands there is read from files of the command line, which tells mistakes in words.
    let of_the_command_line = ["campaigns/settings.rs"];
    for (file, source) in sources("src").into_iter().filter(|(file, _)| !of_the_command_line.contains(&file.as_str())) {
        for (number, line) in
            source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[validate("))
        {
            let rules = ["range(", "length(", "email", "url", "regex(", "contains(", "must_match("];
            let count: usize = rules.iter().map(|rule| line.matches(rule).count()).sum();
            if line.matches("code = ").count() < count {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn exceptions_have_reasons_and_nothing_is_left_undone() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (file, source) in sources(folder) {
            for (number, line) in source.lines().enumerate() {
                let bare = ["#[allow", "#![allow", "#[ignore"].iter().any(|word| line.trim_start().starts_with(word));
                let undone = ["todo!", "unimplemented!", "dbg!"].iter().any(|word| line.trim_start().starts_with(word));
                if bare || undone {
                    wrong.push(format!("{folder}/{file}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
