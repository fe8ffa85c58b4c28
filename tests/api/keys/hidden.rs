//! Secrets don't show when something is printed for debugging.

use std::{fs, path::Path};

use clap::Parser;
use pledges::config::Settings;

use crate::support::ROOT_SECRET;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

#[test]
fn settings_do_not_show_their_secrets() {
    let url = "postgres://ada:word-for-ada@host/db";
    let arguments = ["test", "--root-secret", ROOT_SECRET, "--database-url", url, "--direct-database-url", url];
    let arguments = Arguments::parse_from(arguments);
    let shown = format!("{arguments:?} {:?}", arguments.settings.root_source());
    assert!(!shown.contains(ROOT_SECRET) && !shown.contains("word-for-ada"), "{shown}");
    let ring = arguments.settings.key_ring().unwrap();
    assert!(!format!("{ring:?} {ring:#?}").contains(&ROOT_SECRET[..6]));
}

/// What a field is called that holds a secret, or what names a supporter.
const SECRETIVE: [&str; 11] =
    ["secret", "password", "token", "refresh", "access", "hash", "salt", "sealed", "email", "mailbox", "database_url"];

/// Readable types. `SecretString`, `Key` and `RootSecret` hide what they hold.
const READABLE: [&str; 4] = ["String", "Vec<u8>", "[u8;", "str>"];

/// What sounds like a secret and is there to be published: the hashes of the audit log's chain.
const PUBLISHED: [&str; 5] = ["Link.hash", "Recorded.hash", "Expected.hash", "Verdict.hash", "Place.hash"];

/// Fields that would be shown by a derived Debug: `Type.field`.
fn shown(source: &str) -> Vec<String> {
    let (mut shown, mut debug, mut name) = (Vec::new(), false, None);
    for line in source.lines() {
        let code = line.trim();
        let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        if code.starts_with("#[derive(") {
            debug = words.contains(&"Debug");
        } else if let (Some(at), true) =
            (words.iter().position(|word| ["struct", "enum"].contains(word)), name.is_none())
        {
            // One on a line of its own ends there.
            name = (debug && code.ends_with('{')).then(|| words[at + 1].to_owned());
            debug = false;
        } else if line.starts_with('}') {
            name = None;
        } else if let Some(name) = name.as_ref().filter(|_| !code.starts_with("//")) {
            let Some((field, kind)) = code.trim_start_matches("pub ").split_once(": ") else { continue };
            let readable = READABLE.iter().any(|readable| kind.contains(readable)) && !kind.contains("Secret");
            if readable && SECRETIVE.iter().any(|word| field.contains(word)) {
                shown.push(format!("{name}.{field}"));
            }
        }
    }
    shown
}

#[test]
fn no_type_derives_debug_over_a_secret() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut found, mut sources) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.extend(shown(&fs::read_to_string(path).unwrap()));
                sources += 1;
            }
        }
    }
    assert!(sources > 50);
    found.sort_unstable();
    let mut published = PUBLISHED;
    published.sort_unstable();
    assert_eq!(found, published);
}

#[test]
fn the_check_sees_a_secret_that_would_be_shown() {
    let source = "#[derive(Clone, Debug)]\npub struct A {\n    /// x\n    pub password: String,\n    root_secret: SecretString,\n}\n\
                  #[derive(Clone)]\nstruct B {\n    token: String,\n}\n#[derive(Debug)]\nstruct C(u8);\nstruct D {\n    salt: Vec<u8>,\n}\n";
    assert_eq!(shown(source), ["A.password"]);
}
