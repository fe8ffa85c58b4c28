//! Counting by one look into the index of terms, for a term that few pledges have: looked into chunk by chunk, it takes longer the more chunks
//! there are, however few hits each of them has.

pub mod store;

use super::{
    super::{Count, EXACT},
    Hits,
    store::Chunk,
    to_f64,
};
use crate::db::{Connection, DbError};

/// One look into the index of terms for a chunk takes as long as so many rows, which lie anywhere, take to be looked at: what is large
/// about it is that all rows of a chunk have one term.
const ROWS_A_CHUNK: i64 = 600;

/// Pledges with the term, of all campaigns, that the index tells in some ten milliseconds.
const AT_MOST: i64 = 200_000;

/// Rows that are looked at: some ten milliseconds from memory, some seconds from a disk.
const LOOKED_AT: i64 = 15_000;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Rows that were looked at.
    pub looked_at: i64,
    /// Hits among them.
    pub hits: i64,
}

impl Seen {
    /// How many hits there are, `known` others among them, of `at_most` rows that may be hits. None: it can't be told from what was seen.
    fn told(self, known: i64, at_most: i64) -> Option<Count> {
        let counted = known + self.hits;
        if self.looked_at < LOOKED_AT {
            return Some(Count { value: counted, exact: true });
        }
        let share = to_f64(self.hits) / to_f64(self.looked_at);
        (counted > EXACT).then(|| Count::about(to_f64(known) + to_f64(at_most) * share, counted))
    }
}

impl Hits<'_> {
    /// How many hits these chunks have, and `known` others, where one term says all that terms say and few enough pledges have it.
    pub(super) async fn count_at_once(
        &self,
        connection: &mut Connection,
        chunks: &[Chunk],
        known: i64,
    ) -> Result<Option<Count>, DbError> {
        let Some(term) = self.terms.alone() else { return Ok(None) };
        let at_most: i64 = chunks.iter().map(|chunk| chunk.hits).sum();
        let worth = i64::try_from(chunks.len()).unwrap_or(i64::MAX).saturating_mul(ROWS_A_CHUNK).min(AT_MOST);
        if at_most > worth || store::everywhere(connection, term).await? > worth {
            return Ok(None);
        }
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.number).collect();
        let seen = store::look(connection, self.search, term, &numbers, LOOKED_AT).await?;
        Ok(seen.told(known, at_most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_all_seen_is_told_only_when_it_is_many() {
        let told = |looked_at, hits, known| Seen { looked_at, hits }.told(known, 40_000);
        assert_eq!(told(14_999, 12_000, 1), Some(Count { value: 12_001, exact: true }), "all of it was seen");
        assert_eq!(told(15_000, 12_000, 0), Some(Count { value: 32_000, exact: false }));
        assert_eq!(told(15_000, 9_000, 2_000), Some(Count { value: 26_000, exact: false }));
        assert_eq!(told(15_000, 10_000, 0), None, "others may make it ten thousand, or not");
    }
}
