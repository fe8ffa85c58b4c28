//! The walk over all pledges that fit a search and were there when it began: complete whatever the index of the search knows, and
//! without looking at those that can't fit. Three parts, one after the other:
//!
//! 0. **Changed.** What had changed before the beginning and was noted for the index (`search_changes`): looked at one by one.
//! 1. **Recent.** Ids from 20 minutes before the last one that the index has taken: looked through in `pledges` itself, because of
//!    what comes late, or by a clock that goes wrong, the index may know nothing for a quarter of an hour.
//! 2. **Indexed.** All others, by the index.
//!
//! Who fits from the beginning to the end is met: while a change of it isn't in the index, the index has it as it was, and that fits
//! too. What is found is a candidate only: whoever takes it out holds it against the whole search in the same statement.

pub mod store;

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::moderation::search::Search;

/// Where a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Changes with numbers up to here are done.
    Changed(i64),
    /// Recent ids from here on are done.
    Recent(Uuid),
    /// All ids from here on are done.
    Indexed(Uuid),
}

impl Place {
    /// Where a walk begins.
    pub const BEGIN: Self = Self::Changed(0);

    /// As it is stored: part, number, id.
    pub fn parts(self) -> (i16, i64, Uuid) {
        match self {
            Self::Changed(number) => (0, number, Uuid::nil()),
            Self::Recent(id) => (1, 0, id),
            Self::Indexed(id) => (2, 0, id),
        }
    }

    /// From what is stored.
    pub fn of_parts(part: i16, number: i64, id: Uuid) -> Self {
        match part {
            0 => Self::Changed(number),
            1 => Self::Recent(id),
            _ => Self::Indexed(id),
        }
    }
}

/// Of candidates that were read, those of the step after the next one, when each has so many.
pub fn ahead(candidates: &VecDeque<(Uuid, Place)>, rows: usize) -> Vec<Uuid> {
    candidates.iter().skip(rows).take(rows).map(|(id, _)| *id).collect()
}

/// What a walk goes over.
pub struct Walk {
    /// What is looked for.
    pub search: Search,
    /// When it began (database clock).
    pub began_at: DateTime<Utc>,
    /// Where recent ids begin.
    pub recent_from: Uuid,
}

/// A piece of a walk.
#[derive(Debug)]
pub struct Page {
    /// Candidates, and the place behind each. In parts 1 and 2 the newest is first.
    pub candidates: Vec<(Uuid, Place)>,
    /// The place behind the page; None: the walk has ended.
    pub next: Option<Place>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_next_step_takes_is_left_out_and_what_the_one_behind_it_takes_is_read() {
        let candidates = (0..5_u128).map(Uuid::from_u128).map(|id| (id, Place::Indexed(id))).collect();
        let numbers = |rows| ahead(&candidates, rows).iter().map(Uuid::as_u128).collect::<Vec<_>>();
        assert_eq!([numbers(2), numbers(3), numbers(5)], [vec![2, 3], vec![3, 4], vec![]]);
    }
}
