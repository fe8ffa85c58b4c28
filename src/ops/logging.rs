//! Log lines: levels by `--log`, text or JSON, on standard error. Never in them: names, addresses (of mail or of
//! machines), messages, tokens, passwords, bodies, queries, values of the database.

use std::{io::IsTerminal, panic};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Begins logging, and keeps the text of panics out of the log: it may carry what was being handled.
///
/// # Errors
/// When `--log` can't be read.
pub fn begin(settings: &Settings) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(&settings.log)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second call (a test) keeps the first.
    let _ = match settings.log_format {
        LogFormat::Text => lines.try_init().map_err(drop),
        LogFormat::Json => lines.json().flatten_event(true).try_init().map_err(drop),
    };
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!(place, "a defect: panicked");
    }));
    Ok(())
}
