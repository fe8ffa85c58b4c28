//! What may stand in the log as the cause of something.

use std::fmt::Display;

/// An error on its way into the log. A type that can be copied owns no text: what it says was written by us at the time of
/// compiling, and nothing that somebody sent, or the database said, can be in it.
pub fn cause<E: Copy + Display + 'static>(error: E) -> impl Display {
    error
}
