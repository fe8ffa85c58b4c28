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

/// Most lines are shorter.
const USUAL_BYTES: usize = 256;

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
        let mut line = Line::begin(self.format, self.coloured, *metadata.level(), &fields.message);
        line.add(&fields.listed);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                line.add(&of_span.listed);
            }
        }
        if fields.left_out > 0 {
            line.add(&[("left_out", fields.left_out.into())]);
        }
        (self.write)(&line.end());
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
}

/// A line, written from left to right: thousands a second, so its fields aren't copied on the way.
struct Line {
    text: String,
    format: LogFormat,
    dim: &'static str,
    end: &'static str,
}

impl Line {
    fn begin(format: LogFormat, coloured: bool, level: Level, message: &str) -> Self {
        let (dim, colour, end) = match (coloured, level) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\x1b[2m", "\x1b[31m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[2m", "\x1b[33m", "\x1b[0m"),
            (true, Level::INFO) => ("\x1b[2m", "\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[34m", "\x1b[0m"),
        };
        let mut line = Self { text: String::with_capacity(USUAL_BYTES), format, dim, end };
        match format {
            LogFormat::Text => {
                line.text.push_str(dim);
                line.push_now();
                let _ = write!(line.text, "{end} {colour}{level:>5}{end} ");
                // A line is a line, whatever is in it.
                line.text.extend(message.chars().map(|it| if it.is_control() { ' ' } else { it }));
            }
            LogFormat::Json => {
                line.text.push_str("{\"timestamp\":\"");
                line.push_now();
                let _ = write!(line.text, "\",\"level\":\"{level}\",\"message\":{}", Value::from(message));
            }
        }
        line
    }

    fn push_now(&mut self) {
        let _ = SystemTime.format_time(&mut Writer::new(&mut self.text));
    }

    fn add(&mut self, fields: &[(&'static str, Value)]) {
        let Self { text, format, dim, end } = self;
        for (name, value) in fields {
            let _ = match (*format, value) {
                (LogFormat::Json, _) => write!(text, ",\"{name}\":{value}"),
                (LogFormat::Text, Value::String(plain)) if is_plain(plain) => write!(text, " {dim}{name}={end}{plain}"),
                (LogFormat::Text, _) => write!(text, " {dim}{name}={end}{value}"),
            };
        }
    }

    fn end(mut self) -> String {
        self.text.push_str(match self.format {
            LogFormat::Text => "\n",
            LogFormat::Json => "}\n",
        });
        self.text
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

/// Needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic() && it != b'"')
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
