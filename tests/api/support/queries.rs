//! The queries of the service, collected while the tests run: `PLEDGES_RECORD_QUERIES=FILE cargo test --test api` writes
//! them down. Done once for each release, so that the next one's migrations can be held against them.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{LazyLock, Mutex},
};

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};

use super::rows::OURS;

static SEEN: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);
static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(file);

#[expect(clippy::disallowed_methods, reason = "how the one who makes a release has the file written")]
fn file() -> Option<PathBuf> {
    std::env::var_os("PLEDGES_RECORD_QUERIES").map(Into::into)
}

/// Begins to write down every query, if that is asked for.
pub fn record() {
    if FILE.is_some() {
        set_default_instrumentation(|| Some(Box::new(note))).unwrap();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "diesel hands it over so")]
fn note(event: InstrumentationEvent<'_>) {
    let InstrumentationEvent::StartQuery { query, .. } = event else { return };
    let text = query.to_string();
    let sql = text.split(" -- binds:").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let plannable = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| sql.starts_with(verb));
    // The tests ask some things themselves, by hand or with a marker to look for.
    if !plannable || sql.starts_with(OURS.trim()) || sql.contains("__diesel") || sql.contains("qzxv") {
        return;
    }
    let mut seen = SEEN.lock().unwrap();
    if seen.insert(sql) {
        let lines: Vec<&str> = seen.iter().map(String::as_str).collect();
        fs::write(FILE.as_ref().unwrap(), lines.join("\n") + "\n").unwrap();
    }
}
