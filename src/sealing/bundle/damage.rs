//! What can be wrong with a bundle, in words for the one who opens it.

use std::io;

use uuid::Uuid;

/// Why a bundle was not opened at all.
#[derive(Debug, thiserror::Error)]
pub enum BadBundle {
    /// Another kind of file.
    #[error("this is no bundle of `pledges export`: its first line isn't `pledges-bundle 1`")]
    NoBundle,
    /// The second line.
    #[error("the second line of the bundle, which says what it is, is damaged; take another copy, or export again")]
    Header,
    /// Nobody of those asked.
    #[error(
        "no identity given opens this bundle, or its second line is damaged; it is sealed to {}",
        .0.join(", ")
    )]
    OtherIdentity(Vec<String>),
    /// It can't be read.
    #[error("the bundle can't be read: {0}")]
    Read(#[from] io::Error),
}

/// Something that is wrong in a bundle; the rest opens all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The line of the file, counted from 1.
    pub line: Option<u64>,
    /// The pledge, where it is known.
    pub pledge: Option<Uuid>,
    /// The pledge in a line before it; where nothing better is known. Pledges are in the order of their ids.
    pub after: Option<Uuid>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// A line.
    #[error("does not open: it is damaged, or belongs elsewhere")]
    Line,
    /// A line without an end.
    #[error("is longer than any line of a bundle")]
    TooLong,
    /// Opened all the same.
    #[error("has a damaged number; what is in it was opened")]
    Number,
    /// Opened all the same.
    #[error("is two lines, because the end of the first is damaged; both were opened")]
    LineEnd,
    /// Opened all the same.
    #[error("is not in its place; what is in it was opened")]
    OutOfPlace,
    /// Not given out again.
    #[error("was there before")]
    Twice,
    /// A record.
    #[error("its record does not open: it is damaged, or was made for another pledge")]
    Record,
    /// A record's key.
    #[error("its record does not open: the bundle lacks its key")]
    NoEpoch,
    /// A record's key.
    #[error("its record does not open: none of the identities given fits; it is sealed to {}", .0.join(", "))]
    OtherIdentity(Vec<String>),
    /// Frames.
    #[error("the lines with the numbers {0} to {1} are missing")]
    Missing(u64, u64),
    /// Frames, of which nothing more is known.
    #[error("{0} lines more are missing")]
    MoreMissing(u64),
    /// The end.
    #[error("the bundle is cut off: the line at its end is missing or damaged")]
    CutOff,
    /// The end.
    #[error("the bundle does not have what its end says")]
    Counts,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut between = "";
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            between = ": ";
        }
        if let Some(pledge) = self.pledge {
            write!(f, "{between}pledge {pledge}")?;
            between = ": ";
        }
        write!(f, "{between}{}", self.what)?;
        match self.after {
            Some(pledge) => write!(f, " (it comes after the pledge {pledge})"),
            None => Ok(()),
        }
    }
}
