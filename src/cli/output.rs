//! What a command tells the person who called it.

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "the output of a command")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

/// Writes a line to standard error.
#[expect(clippy::print_stderr, reason = "why a command failed")]
pub(super) fn complain(text: &str) {
    eprintln!("{text}");
}
