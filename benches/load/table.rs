//! The report: a table for people, and the raw figures for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Whether a figure is what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It isn't.
    Missed,
    /// Nothing is wanted, or it could not be measured.
    Open,
}

impl Verdict {
    /// Met when `met`.
    pub fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Met => "ok",
            Self::Missed => "MISSED",
            Self::Open => "",
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    measured: String,
    compared_with: String,
    ratio: Option<f64>,
    wanted: String,
    verdict: Verdict,
}

impl Row {
    /// Something measured, of which nothing is wanted so far.
    pub fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            compared_with: String::new(),
            ratio: None,
            wanted: String::new(),
            verdict: Verdict::Open,
        }
    }

    /// What it is held against, and how much of that it is.
    pub fn against(mut self, compared_with: impl Into<String>, ratio: f64) -> Self {
        self.compared_with = compared_with.into();
        self.ratio = Some(ratio);
        self
    }

    /// The ratio that is wanted at least.
    pub fn at_least(self, wanted: f64) -> Self {
        let met = self.ratio.is_some_and(|ratio| ratio >= wanted);
        self.wants(format!("≥ {wanted}"), met)
    }

    /// What is wanted, and whether it is so.
    pub fn wants(mut self, wanted: impl Into<String>, met: bool) -> Self {
        self.wanted = wanted.into();
        self.verdict = Verdict::of(met);
        self
    }

    fn cells(&self) -> [String; 6] {
        [
            self.what.clone(),
            self.measured.clone(),
            self.compared_with.clone(),
            self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            self.wanted.clone(),
            self.verdict.as_str().to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "measured": self.measured, "compared_with": self.compared_with, "ratio": self.ratio,
            "wanted": self.wanted, "verdict": self.verdict.as_str(),
        })
    }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was measured on: name and value.
    pub machine: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    raw: Vec<Value>,
    failures: Vec<String>,
    doctors: Vec<bool>,
}

const HEADINGS: [&str; 6] = ["what", "measured", "compared with", "ratio", "wanted", ""];

impl Report {
    /// Adds a line.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds raw figures.
    pub fn add_raw(&mut self, figures: Value) {
        self.raw.push(figures);
    }

    /// What a recount after a case found.
    pub fn add_doctor(&mut self, case: &str, said: &str, well: bool) {
        self.add_raw(json!({ "case": case, "doctor": said }));
        self.doctors.push(well);
        if !well {
            self.add(Row::new(format!("doctor after {case}"), said.replace('\n', "; ")).wants("no difference", false));
        }
    }

    /// The line about all recounts.
    pub fn add_doctors(&mut self) {
        let (well, all) = (self.doctors.iter().filter(|well| **well).count(), self.doctors.len());
        if all > 0 {
            let row = Row::new("doctor after each case", format!("all is well in {well} of {all} databases"));
            self.add(row.wants("no difference", well == all));
        }
    }

    /// A case that could not be measured to its end.
    pub fn fail(&mut self, case: &str, error: &anyhow::Error) {
        self.failures.push(format!("{case}: {error:#}"));
    }

    /// Whether every case could be measured.
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether nothing that is wanted was missed.
    pub fn is_met(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Missed)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.machine {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{name:<12} {value}");
        }
        text.push('\n');
        let lines: Vec<[String; 6]> =
            std::iter::once(HEADINGS.map(str::to_owned)).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        for (number, line) in lines.iter().enumerate() {
            let padded: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
            let _ = writeln!(text, "{}", padded.join("  ").trim_end());
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                let _ = writeln!(text, "{}", rule.join("  ").trim_end());
            }
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\nNOT MEASURED  {failure}");
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let machine: serde_json::Map<String, Value> =
            self.machine.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "machine": machine, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(), "raw": self.raw,
            "failures": self.failures,
        })
    }
}
