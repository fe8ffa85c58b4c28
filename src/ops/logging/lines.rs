//! One event, one line: a layer that leaves out whatever is not on the list.

use std::fmt::{Debug, Write};

use serde_json::Value;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::Context,
    registry::LookupSpan,
};

use super::FIELDS;
use crate::config::LogFormat;

/// Stands for what another crate had to say: its words may hold anything, so only the place is told.
const OF_OTHERS: &str = "something of a library";

/// Writes lines by `write`, which gets each with its end.
pub(super) struct Lines<W> {
    format: LogFormat,
    coloured: bool,
    write: W,
}

impl<W: Fn(&str) + 'static> Lines<W> {
    /// Lines in this format; `coloured` is for text on a terminal.
    pub(super) fn new(format: LogFormat, coloured: bool, write: W) -> Self {
        Self { format, coloured, write }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if is_ours(attributes.metadata()) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        if is_ours(metadata) {
            event.record(&mut fields);
        } else {
            OF_OTHERS.clone_into(&mut fields.message);
            let line = metadata.line().unwrap_or_default();
            fields.listed.push(("place", format!("{}:{line}", metadata.target()).into()));
        }
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.listed.extend(of_span.listed.iter().cloned());
            }
        }
        let line = match self.format {
            LogFormat::Text => fields.text(*metadata.level(), self.coloured),
            LogFormat::Json => fields.json(*metadata.level()),
        };
        (self.write)(&line);
    }
}

/// The target is the module, unless somebody says otherwise, which `tests/api/logging.rs` forbids.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

/// The fields of an event or a span that are on the list.
#[derive(Default)]
struct Fields {
    message: String,
    listed: Vec<(&'static str, Value)>,
    left_out: u32,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if FIELDS.contains(&field.name()) {
            self.listed.push((field.name(), value()));
        } else {
            self.left_out += 1;
        }
    }

    fn text(&self, level: Level, coloured: bool) -> String {
        let (dim, colour, end) = match (coloured, level) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\x1b[2m", "\x1b[31m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[2m", "\x1b[33m", "\x1b[0m"),
            (true, Level::INFO) => ("\x1b[2m", "\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[34m", "\x1b[0m"),
        };
        // A line is a line, whatever is in it.
        let message = self.message.replace(char::is_control, " ");
        let mut line = format!("{dim}{}{end} {colour}{level:>5}{end} {message}", now());
        for (name, value) in self.all() {
            let _ = write!(line, " {dim}{name}={end}{}", plain(&value));
        }
        line.push('\n');
        line
    }

    fn json(&self, level: Level) -> String {
        let time = Value::from(now());
        let mut line = format!("{{\"timestamp\":{time},\"level\":\"{level}\",\"message\":");
        line.push_str(&Value::from(self.message.as_str()).to_string());
        for (name, value) in self.all() {
            let _ = write!(line, ",\"{name}\":{value}");
        }
        line.push_str("}\n");
        line
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let left_out = (self.left_out > 0).then(|| ("left_out", self.left_out.into()));
        self.listed.iter().cloned().chain(left_out)
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, || value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, || value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, || value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.keep(field, || format!("{value:?}").into());
        }
    }
}

fn now() -> String {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    time
}

/// Without quotes where none are needed.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(|it| it.is_ascii_graphic() && it != '"') => {
            text.clone()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let text = Arc::new(Mutex::new(String::new()));
        let into = text.clone();
        let lines = Lines::new(format, false, move |line: &str| into.lock().unwrap().push_str(line));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        let text = text.lock().unwrap();
        text.clone()
    }

    fn talk() {
        let span = tracing::error_span!("request", request = "4f", secret = "s3cret");
        span.in_scope(|| tracing::warn!(status = 503, secret = "s3cret", place = "a b\n", "it\nfailed"));
        tracing::info!(target: "actix_http::h1", status = 200, "the body is s3cret");
        let of_others = tracing::error_span!(target: "h2", "frame", status = "s3cret");
        of_others.in_scope(|| tracing::error!(ok = true, "here"));
    }

    #[test]
    fn only_listed_fields_of_our_own_events_are_written() {
        let text = logged(LogFormat::Text, talk);
        let lines: Vec<_> = text.lines().map(|line| line.split_once("Z ").unwrap().1).collect();
        let place = lines[1].strip_prefix(" INFO something of a library place=actix_http::h1:").unwrap();
        assert!(place.parse::<u32>().is_ok(), "{place}");
        assert_eq!(lines[0], " WARN it failed status=503 place=\"a b\\n\" request=4f left_out=1");
        assert_eq!(lines[2], "ERROR here ok=true");
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn json_has_the_same() {
        let text = logged(LogFormat::Json, talk);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        let mut first = lines[0].clone();
        first["timestamp"] = "".into();
        let expected = serde_json::json!({"timestamp": "", "level": "WARN", "message": "it\nfailed", "status": 503,
            "place": "a b\n", "request": "4f", "left_out": 1});
        assert_eq!(first, expected);
        assert_eq!(lines[1]["message"], OF_OTHERS);
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_panic_names_place_and_thread_only() {
        let text = logged(LogFormat::Text, || {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(super::super::panicked));
            let _ = std::panic::catch_unwind(|| panic!("s3cret"));
            std::panic::set_hook(before);
        });
        assert!(text.contains("ERROR a defect: panicked place=src/ops/logging/lines.rs:"), "{text}");
        assert!(text.contains(" thread=") && !text.contains("s3cret"), "{text}");
    }
}
