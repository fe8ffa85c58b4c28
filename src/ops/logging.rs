//! Log lines: levels by `--log`, text or JSON, on standard error. Never in them: names, addresses (of mail or of
//! machines), messages, tokens, passwords, bodies, queries, values of the database.
//!
//! That is enforced, not hoped for: `lines` writes only fields whose names are on the list [`FIELDS`], and only of events
//! of this crate; of others' it says where they happened. What stands in the source is held against the same list by
//! `tests/api/logging.rs`.

mod lines;

use std::{
    io::{self, IsTerminal, Write},
    panic::{self, PanicHookInfo},
};

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::Settings;
use lines::Lines;

/// The fields that may stand in the log, and what is in them. Values are words of ours, numbers, ids and places in our
/// source; the paths are those of the operator. `error` is always a `logged::cause`, which can hold no text of its own.
pub const FIELDS: &[&str] = &[
    // Of a request: `request` is its random id, `route` the template.
    "request",
    "method",
    "route",
    "status",
    "milliseconds",
    // What went wrong, and where in the source.
    "error",
    "place",
    "thread",
    "task",
    // What it was about; `key` is the id of a root secret.
    "campaign",
    "constraint",
    "count",
    "key",
    "limit",
    "migration",
    "seconds",
    // The private PostgreSQL: its version, directories, account, process, and how far its start has come.
    "version",
    "directory",
    "socket",
    "user",
    "pid",
    "ok",
    "progress",
];

/// Begins logging, and keeps the text of panics out of the log.
///
/// # Errors
/// When `--log` can't be read.
pub fn begin(settings: &Settings) -> Result<(), tracing_subscriber::filter::ParseError> {
    panic::set_hook(Box::new(panicked));
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let lines = Lines::new(settings.log_format, io::stderr().is_terminal(), write);
    // A second call (a test) keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    Ok(())
}

/// The payload stays out: it may carry what was being handled.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or("unnamed"), "a defect: panicked");
}

fn write(line: &str) {
    // Where nobody reads what went wrong, that can't be told either.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
