//! What a command tells the person who called it, and the files that it writes for him.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use anyhow::{Context, bail};

/// Whether a line couldn't be written.
static CUT_OFF: AtomicBool = AtomicBool::new(false);

/// Whether some of the output couldn't be written, so that nobody takes a part for the whole: the program then ends with status 1.
pub(super) fn is_cut_off() -> bool {
    CUT_OFF.load(Relaxed)
}

/// Writes a line to standard output. Whoever reads it may have seen enough (`| head`): that is no failure.
pub(super) fn say(text: &str) {
    match writeln!(io::stdout().lock(), "{}", printable(text)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && !CUT_OFF.swap(true, Relaxed) => {
            complain(&format!("pledges: the output can't be written: {error}"));
        }
        _ => {}
    }
}

/// What a terminal would take for an order stands there as a sign: texts may come from a file that somebody sent.
fn printable(text: &str) -> Cow<'_, str> {
    let orders = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(orders) { text.replace(orders, "\u{fffd}").into() } else { text.into() }
}

/// Writes a line to standard error: why a command failed, or what it says beside its output.
#[expect(clippy::print_stderr, reason = "what isn't the output of a command")]
pub(super) fn complain(text: &str) {
    eprintln!("{}", printable(text));
}

/// A new file that only its owner can read.
///
/// # Errors
/// When it is there already, or can't be made.
pub(super) fn private_file(path: &Path) -> anyhow::Result<File> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already, and is not overwritten", path.display())
        }
        opened => opened.with_context(|| path.display().to_string()),
    }
}

/// A whole number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, printable};

    #[test]
    fn a_terminal_gets_no_orders() {
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(printable("\u{1b}[2Ja\r\u{9b}"), "\u{fffd}[2Ja\u{fffd}\u{fffd}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
