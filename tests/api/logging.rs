//! Guardian: what the source says to the log is on the list that the log writes ([`FIELDS`]), with messages that are the
//! same each time; and an error has no words of the database's.

use std::collections::BTreeSet;

use pledges::{db::CONSTRAINTS, ops::logging::FIELDS};

use crate::{
    architecture::sources,
    support::{cluster, rows::Rows},
};

const MACROS: [&str; 12] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
    "span",
];

/// The arguments of each macro of tracing's in a source, without its tests.
fn statements(source: &str) -> Vec<Vec<String>> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("tracing::") {
        let rest = &code[at + "tracing::".len()..];
        if let Some((name, inside)) = rest.split_once("!(").filter(|(name, _)| MACROS.contains(name)) {
            found.push(arguments(inside).unwrap_or_else(|| panic!("{name}!({inside} does not end")));
        }
    }
    found
}

/// The arguments up to the closing bracket, split at the commas between them.
fn arguments(text: &str) -> Option<Vec<String>> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let (mut all, mut current) = (Vec::new(), String::new());
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                all.push(current.trim().to_owned());
                all.retain(|argument| !argument.is_empty());
                return Some(all);
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut current).trim().to_owned());
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    None
}

/// What is wrong with a statement, and the names of its fields.
fn judge(arguments: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut wrong, mut names) = (Vec::new(), Vec::new());
    let mut messages = 0;
    for argument in arguments {
        if argument.starts_with('"') {
            messages += 1;
            if argument.contains('{') {
                wrong.push(format!("puts a value into the message {argument}"));
            }
            continue;
        }
        let (name, value) = argument.split_once('=').unwrap_or((argument, argument));
        let name = name.trim().trim_start_matches('%');
        if !FIELDS.contains(&name) {
            wrong.push(format!("has the field {name}, which is not on the list"));
        }
        if name == "error" && !value.trim().starts_with("%logged::cause(") {
            wrong.push(format!("tells {argument} without logged::cause"));
        }
        if value.trim().starts_with('?') {
            wrong.push(format!("tells {argument} in the form for debugging"));
        }
        names.push(name.to_owned());
    }
    if messages != 1 {
        wrong.push(format!("has {messages} messages, or none that stands there as it is: {arguments:?}"));
    }
    (wrong, names)
}

#[test]
fn every_field_that_is_logged_is_on_the_list_and_every_message_is_fixed() {
    let (mut wrong, mut used, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for (file, source) in sources("src") {
        for statement in statements(&source) {
            let (mistakes, names) = judge(&statement);
            wrong.extend(mistakes.into_iter().map(|mistake| format!("{file} {mistake}")));
            used.extend(names);
            count += 1;
        }
        // Other ways into the log would pass this test by.
        for way in ["tracing::instrument", "#[instrument", "log::info", "log::warn", "log::error", "log::debug"] {
            if source.contains(way) {
                wrong.push(format!("{file} logs by {way}"));
            }
        }
        let imported = |line: &&str| line.starts_with("use tracing::") && *line != "use tracing::Instrument;";
        if file != "ops/logging/lines.rs" && source.lines().any(|line| imported(&line)) {
            wrong.push(format!("{file} imports from tracing: write tracing::info! and the like in full"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count > 20, "{count}");
    let unused: Vec<_> = FIELDS.iter().filter(|field| !used.contains(**field)).collect();
    assert!(unused.is_empty(), "nobody logs {unused:?}");
}

#[test]
fn the_check_sees_each_kind_of_mistake() {
    let source = r#"
        tracing::info!(status, route = "a, (b", "well");
        tracing::info!(email, "x");
        tracing::warn!(name = %body.name(1, 2), "x");
        tracing::error!(%error, "x");
        tracing::error!(error = %logged::cause(error), "well");
        tracing::info!("hello {name}");
        tracing::info!("hello {}", name);
        tracing::info!(status = ?status, "x");
        tracing::debug!(target: "other", "x");
        tracing::error_span!("request", request = %id);
        // tracing::info!(email, "x");
        #[cfg(test)]
mod tests { tracing::info!(email, "x"); }"#;
    let mistakes: Vec<usize> = statements(source).iter().map(|statement| judge(statement).0.len()).collect();
    assert_eq!(mistakes, [0, 1, 1, 1, 0, 1, 2, 1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_constraint_of_the_schema_is_known_by_name() {
    let rows = Rows::new(&cluster::database().await).await;
    // NOT NULL has names from PostgreSQL 18 on only.
    let mut there = rows
        .list(
            "SELECT DISTINCT conname FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace \
               WHERE nspname = 'public' AND contype <> 'n' UNION SELECT indexrelid::regclass::name FROM pg_index \
               JOIN pg_class ON pg_class.oid = indexrelid WHERE indisunique AND relnamespace = 'public'::regnamespace",
        )
        .await;
    // Those of a month are inherited; a number that is there twice can't come from the service.
    let of_a_month = |name: &str| name.starts_with("audit_log_2") || name.starts_with("audit_log_default");
    there.retain(|name| !name.starts_with("__diesel") && !of_a_month(name));
    there.sort();
    let known: Vec<_> = CONSTRAINTS.to_vec();
    assert_eq!(known, there, "src/db/constraints.rs");
}
