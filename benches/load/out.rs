//! What the driver tells the person who called it.

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "the output of a command")]
pub fn say(text: &str) {
    println!("{text}");
}

/// Writes a line to standard error: what is going on.
#[expect(clippy::print_stderr, reason = "progress is no output")]
pub fn tell(text: &str) {
    eprintln!("{text}");
}
