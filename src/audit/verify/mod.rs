//! Is the log what was written? Every entry is computed anew and held against the next one, from what was last dropped after
//! its time up to the head.
//!
//! It finds whoever changes, removes, puts in or moves rows. Who has the database to himself can also write a whole chain anew,
//! or cut the end off and put the head back: that is found by who has noted a number with its hash elsewhere ([`Expected`]).

pub mod store;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};

use super::chain::{BEGINNING, Link, hex, unhex};
use crate::db::{Connection, DbError};

/// Entries that are read at once.
const AT_ONCE: i64 = 5_000;

/// How many of the last entries a sample has.
pub const SAMPLE: i64 = 100_000;

/// What somebody has noted of the log elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The number of an entry.
    pub number: i64,
    /// The hash that it had.
    pub hash: [u8; 32],
}

impl FromStr for Expected {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, unhex(hash)?)));
        let (number, hash) = parts.ok_or("must be NUMBER:HASH, with 64 hexadecimal digits")?;
        if number < 1 {
            return Err("the first entry has the number 1");
        }
        Ok(Self { number, hash })
    }
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It isn't there.
    Missing,
    /// There are two with its number.
    Twice,
    /// It isn't what its hash says.
    Changed,
    /// It doesn't have the hash of the one before.
    NotLinked,
    /// The head knows nothing of it, or has another hash for it.
    NotTheHead,
    /// Before it something is missing or put in, among what is left of months that were dropped.
    AroundCheckpoint,
    /// It has another hash than was noted.
    NotAsNoted,
    /// It was dropped after its time: there is nothing to compare the note with.
    Dropped,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Twice => "is there twice",
            Self::Changed => "is not what its hash says",
            Self::NotLinked => "does not follow from the one before",
            Self::NotTheHead => "is not the end that the head knows",
            Self::AroundCheckpoint => "and what is left before it are not as many as the checkpoints say",
            Self::NotAsNoted => "has another hash than was noted",
            Self::Dropped => "was dropped after its time and can't be compared with the note",
        })
    }
}

/// The first entry that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its number.
    pub number: i64,
    /// Why.
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many entries were computed.
    pub checked: i64,
    /// Number of the last entry that was right; the one to note elsewhere.
    pub number: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The first that is wrong; None: all is well.
    pub wrong: Option<Wrong>,
}

impl Verdict {
    /// What to note elsewhere: `NUMBER:HASH`.
    pub fn note(&self) -> String {
        format!("{}:{}", self.number, hex(&self.hash))
    }
}

/// Checks the log in one snapshot: all of it, or the last [`SAMPLE`] entries.
///
/// # Errors
/// Those of the database; what is wrong with the log is no error.
pub async fn verify(connection: &mut Connection, sample: bool, expected: &[Expected]) -> Result<Verdict, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| Walk::all(connection, sample, expected).await)
        .await
}

/// How far the check is.
struct Walk {
    number: i64,
    hash: [u8; 32],
    /// Of the entry with this number; None: it was not read.
    at: Option<DateTime<Utc>>,
    checked: i64,
}

/// Entries that are wrong end the walk; the database's errors end it too.
enum Stop {
    Wrong(Wrong),
    Failed(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

fn wrong(number: i64, what: What) -> Stop {
    Stop::Wrong(Wrong { number, what })
}

impl Walk {
    async fn all(connection: &mut Connection, sample: bool, expected: &[Expected]) -> Result<Verdict, DbError> {
        let mut walk = Self { number: 0, hash: BEGINNING, at: None, checked: 0 };
        let ended = walk.walk(connection, sample, expected).await;
        let Self { number, hash, checked, .. } = walk;
        match ended {
            Ok(()) => Ok(Verdict { checked, number, hash, wrong: None }),
            Err(Stop::Wrong(wrong)) => Ok(Verdict { checked, number, hash, wrong: Some(wrong) }),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn walk(&mut self, connection: &mut Connection, sample: bool, expected: &[Expected]) -> Result<(), Stop> {
        let head = store::head(connection).await?;
        let dropped = store::dropped(connection).await?;
        if let Some(last) = &dropped.last {
            (self.number, self.hash) = (last.number, bytes(&last.hash));
        }
        let begins = self.number;
        self.left_over(connection, dropped.entries).await?;
        if sample && head.number - begins > SAMPLE {
            let anchor = head.number - SAMPLE;
            let link = store::one(connection, anchor).await?.ok_or_else(|| wrong(anchor, What::Missing))?;
            (self.number, self.hash, self.at) = (anchor, bytes(&link.hash), Some(link.at));
        }
        loop {
            let links = store::after(connection, self.number, self.at, AT_ONCE).await?;
            for link in &links {
                self.step(link)?;
            }
            if i64::try_from(links.len()).unwrap_or(0) < AT_ONCE {
                break;
            }
        }
        if head.number > self.number {
            return Err(wrong(self.number + 1, What::Missing));
        }
        if head.number < self.number || bytes(&head.hash) != self.hash {
            return Err(wrong(self.number.min(head.number + 1), What::NotTheHead));
        }
        for noted in expected {
            self.is_as_noted(connection, noted, begins).await?;
        }
        Ok(())
    }

    /// Entries of a month that is still there, with numbers below those of a month that was dropped: transactions that began
    /// just before the end of a month and ended after it.
    async fn left_over(&self, connection: &mut Connection, dropped: i64) -> Result<(), Stop> {
        if self.number == 0 {
            return Ok(());
        }
        let (mut from, mut at, mut there) = (0, None, 0);
        loop {
            let links = store::after(connection, from, at, AT_ONCE).await?;
            for link in links.iter().take_while(|link| link.number <= self.number) {
                if link.computed().as_slice() != link.hash {
                    return Err(wrong(link.number, What::Changed));
                }
                (from, at, there) = (link.number, Some(link.at), there + 1);
            }
            let more = links.last().is_some_and(|link| link.number <= self.number);
            if !more {
                break;
            }
        }
        if dropped + there == self.number { Ok(()) } else { Err(wrong(self.number, What::AroundCheckpoint)) }
    }

    fn step(&mut self, link: &Link) -> Result<(), Stop> {
        if link.number == self.number {
            return Err(wrong(link.number, What::Twice));
        }
        if link.number > self.number + 1 {
            return Err(wrong(self.number + 1, What::Missing));
        }
        if link.previous != self.hash {
            return Err(wrong(link.number, What::NotLinked));
        }
        let computed = link.computed();
        if link.hash != computed {
            return Err(wrong(link.number, What::Changed));
        }
        (self.number, self.hash, self.at) = (link.number, computed, Some(link.at));
        self.checked += 1;
        Ok(())
    }

    async fn is_as_noted(&self, connection: &mut Connection, noted: &Expected, begins: i64) -> Result<(), Stop> {
        let hash = match store::one(connection, noted.number).await? {
            Some(link) => link.hash,
            None if noted.number > begins => return Err(wrong(noted.number, What::Missing)),
            None => {
                let kept = store::checkpoint(connection, noted.number).await?;
                kept.ok_or_else(|| wrong(noted.number, What::Dropped))?.hash
            }
        };
        if hash == noted.hash { Ok(()) } else { Err(wrong(noted.number, What::NotAsNoted)) }
    }
}

/// The schema lets no hash be of another length.
fn bytes(hash: &[u8]) -> [u8; 32] {
    hash.try_into().unwrap_or_default()
}
