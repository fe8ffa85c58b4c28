//! How far a long command is, on standard error: again and again in one line of a terminal, elsewhere a line now and then.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use super::output::grouped;

/// Between two words to a terminal.
const OFTEN: Duration = Duration::from_millis(500);

/// Between two lines to anything else.
const RARELY: Duration = Duration::from_secs(10);

/// Looking at the clock costs more than counting.
const LOOK_EVERY: u64 = 256;

/// Tells how far something is.
pub(super) struct Progress {
    what: &'static str,
    of: Option<u64>,
    began: Instant,
    told: Instant,
    looks: u64,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// Of `what`; `of` so many, when that is known.
    pub(super) fn begin(what: &'static str, of: Option<u64>) -> Self {
        let now = Instant::now();
        let terminal = io::stderr().is_terminal();
        Self { what, of, began: now, told: now, looks: 0, terminal, shown: false }
    }

    /// So many are done. May be called for each.
    pub(super) fn at(&mut self, done: u64) {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOK_EVERY) {
            self.look(done);
        }
    }

    /// The same for whoever calls it rarely.
    pub(super) fn look(&mut self, done: u64) {
        if self.told.elapsed() < if self.terminal { OFTEN } else { RARELY } {
            return;
        }
        self.told = Instant::now();
        let of = self.of.map_or_else(String::new, |of| format!(" of {}", grouped(of)));
        let line = format!("{}{of} {}, {}/s", grouped(done), self.what, grouped(self.rate(done)));
        let mut stderr = io::stderr().lock();
        // Who doesn't listen misses nothing.
        let _ = if self.terminal { write!(stderr, "\r{line}   ") } else { writeln!(stderr, "{line}") };
        self.shown = true;
    }

    /// Clears the line, for what is said next; and says how many a second it were.
    pub(super) fn end(&self, done: u64) -> String {
        if self.shown && self.terminal {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
        format!("{} s, {}/s", self.began.elapsed().as_secs(), grouped(self.rate(done)))
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    fn rate(&self, done: u64) -> u64 {
        (done as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64
    }
}
