//! The list as it is written.

use std::io::{BufWriter, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use csv::{Terminator, WriterBuilder};
use serde::Serialize;
use uuid::Uuid;

use super::{Format, cells::guarded};
use crate::sealing::bundle::{Gone, Pledge};

/// Bytes that are written at a time.
const WRITE_AT_ONCE: usize = 1 << 18;

/// The columns.
const COLUMNS: [&str; 11] = [
    "pledge",
    "name",
    "email",
    "country",
    "language",
    "message",
    "updates",
    "partner",
    "public",
    "pledged_at",
    "source",
];

/// A pledge as a program reads it. The names are those of [`COLUMNS`].
#[derive(Serialize)]
struct Line<'a> {
    pledge: Uuid,
    name: Option<&'a str>,
    email: Option<&'a str>,
    country: &'a str,
    language: Option<&'a str>,
    message: Option<&'a str>,
    updates: Option<i16>,
    partner: Option<i16>,
    public: Option<i16>,
    pledged_at: String,
    source: Option<&'a str>,
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn table(out: impl Write + 'static) -> csv::Writer<Box<dyn Write>> {
    let out: Box<dyn Write> = Box::new(out);
    WriterBuilder::new().terminator(Terminator::CRLF).buffer_capacity(WRITE_AT_ONCE).from_writer(out)
}

/// A list that is being written.
pub(super) enum List {
    /// For people.
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    /// For programs.
    Ndjson(BufWriter<Box<dyn Write>>),
}

impl List {
    /// With its head, if it has one.
    pub(super) fn begin(format: Format, out: Box<dyn Write>) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut table = table(out);
                table.write_record(COLUMNS)?;
                Self::Csv(Box::new(table))
            }
            Format::Ndjson => Self::Ndjson(BufWriter::with_capacity(WRITE_AT_ONCE, out)),
        })
    }

    /// Adds a pledge. What is allowed is what the row says.
    pub(super) fn write(&mut self, pledge: &Pledge) -> anyhow::Result<()> {
        let Pledge { about, record } = pledge;
        let line = Line {
            pledge: about.id,
            name: record.name.as_deref(),
            email: record.email.as_deref(),
            country: about.country.as_str(),
            language: about.language.as_deref(),
            message: record.message.as_deref(),
            updates: about.consents.updates,
            partner: about.consents.partner,
            public: about.consents.public,
            pledged_at: time(about.created_at),
            source: about.source.as_deref(),
        };
        match self {
            Self::Csv(table) => write_row(table, &line)?,
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Hands over what is still in memory.
    pub(super) fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut table) => table.flush()?,
            Self::Ndjson(mut out) => out.flush()?,
        }
        Ok(())
    }
}

fn write_row(table: &mut csv::Writer<Box<dyn Write>>, line: &Line) -> csv::Result<()> {
    let mut id = Uuid::encode_buffer();
    table.write_field(&*line.pledge.hyphenated().encode_lower(&mut id))?;
    for text in [line.name, line.email, Some(line.country), line.language, line.message] {
        table.write_field(guarded(text.unwrap_or_default()).as_bytes())?;
    }
    for version in [line.updates, line.partner, line.public] {
        table.write_field(version.map_or_else(String::new, |version| version.to_string()))?;
    }
    table.write_field(&line.pledged_at)?;
    table.write_field(guarded(line.source.unwrap_or_default()).as_bytes())?;
    table.write_record(None::<&[u8]>)
}

/// The list of what is gone.
pub(super) struct GoneList(csv::Writer<Box<dyn Write>>);

impl GoneList {
    /// With its head.
    pub(super) fn begin(out: impl Write + 'static) -> anyhow::Result<Self> {
        let mut table = table(out);
        table.write_record(["pledge", "gone_at", "why"])?;
        Ok(Self(table))
    }

    /// Adds a pledge.
    pub(super) fn write(&mut self, gone: &Gone) -> anyhow::Result<()> {
        Ok(self.0.write_record([gone.id.to_string().as_str(), &time(gone.at), gone.why.as_str()])?)
    }

    /// Hands over what is still in memory.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}
