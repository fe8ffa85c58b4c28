//! How many hits there are: how they are counted, for how long, and what is told when that hasn't ended.

use std::{collections::HashSet, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{
        Count, EXACT,
        store::{all_fitting, fitting},
    },
    CLOCKS_APART, Hits, first_id_at, moved,
    store::{self, Chunk, Span},
    to_f64,
};
use crate::db::{Connection, DbError};

/// After this time it is told about how many there are, where that is far above [`EXACT`].
const AT_FIRST: Duration = Duration::from_millis(150);

/// After this time it is told what is known by then.
const AT_MOST: Duration = Duration::from_secs(2);

/// A guess may be as many times too high as this: what it was made from, the newest ones for instance, is not like the others.
const WRONG_BY: f64 = 2.0;

/// What is known while counting goes on.
#[derive(Clone, Copy, Debug)]
pub struct SoFar {
    /// Hits that were counted.
    pub counted: i64,
    /// How many there are, to judge by the part that was looked at; None: that tells nothing.
    pub guess: Option<f64>,
}

impl SoFar {
    /// What is told after so long. None: counting goes on. Never a guess below [`EXACT`], and never fewer than were counted.
    pub fn told(self, took: Duration) -> Option<Count> {
        let Self { counted, guess } = self;
        if counted > EXACT {
            return Some(Count::about(guess.unwrap_or_default(), counted));
        }
        let many = to_f64(EXACT);
        let patience = if guess.is_some_and(|guess| guess > many * WRONG_BY) { AT_FIRST } else { AT_MOST };
        if took <= patience {
            return None;
        }
        Some(match guess.filter(|guess| *guess > many) {
            Some(guess) => Count::about(guess, EXACT + 1),
            None => Count { value: counted, exact: false },
        })
    }
}

/// Hits that one statement counts, about: each may lie on a page of its own, and in between it is asked how long it has taken.
const HITS_AT_ONCE: i64 = 2_000;

/// Entries of the public wall that are counted together.
const WORDS_AT_ONCE: usize = 5_000;

impl Hits<'_> {
    /// How many fit: exactly up to [`EXACT`] (in a campaign of more pledges than that, unless much has just changed, or counting takes
    /// too long), and where the counts tell it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count(&self, connection: &mut Connection) -> Result<Count, DbError> {
        if self.without_index {
            let fit = all_fitting(connection, self.search, None, usize::MAX).await?.len();
            return Ok(Count { value: i64::try_from(fit).unwrap_or(i64::MAX), exact: true });
        }
        if self.by_words() {
            return self.count_by_words(connection).await;
        }
        let indexed = self.count_indexed(connection).await?;
        if !indexed.exact {
            return Ok(indexed);
        }
        if !self.fresh.complete {
            return Ok(Count { exact: false, ..indexed });
        }
        let fit = fitting(connection, self.search, &self.fresh.ids, None, usize::MAX).await?.len();
        let were = store::known(connection, self.search, &self.terms, &self.fresh.ids).await?;
        let value = indexed.value - were + i64::try_from(fit).unwrap_or(i64::MAX);
        Ok(Count { value, exact: true })
    }

    async fn count_by_words(&self, connection: &mut Connection) -> Result<Count, DbError> {
        let (mut value, mut below, began) = (0, None, Instant::now());
        loop {
            let ids = self.piece(connection, below, WORDS_AT_ONCE).await?;
            let fit = if self.search.is_of_words_only() {
                ids.iter().collect::<HashSet<_>>().len()
            } else {
                fitting(connection, self.search, &ids, None, usize::MAX).await?.len()
            };
            value += i64::try_from(fit).unwrap_or(i64::MAX);
            let Some(last) = ids.last().filter(|_| ids.len() >= WORDS_AT_ONCE) else {
                return Ok(Count { value, exact: true });
            };
            // There are more; how many isn't known.
            if let Some(count) = (SoFar { counted: value, guess: None }).told(began.elapsed()) {
                return Ok(count);
            }
            below = Some(*last);
        }
    }

    async fn count_indexed(&self, connection: &mut Connection) -> Result<Count, DbError> {
        if self.by_tags() {
            let mut value = 0;
            for span in self.spans() {
                let limit = EXACT + 1 - value;
                value += self.tagged(span.below).count(connection, span, limit).await?;
            }
            if value <= EXACT {
                return Ok(Count { value, exact: true });
            }
            let span = Span { from: self.from, below: self.to, by_row: false };
            let last = self.tagged(span.below).behind(connection, span, EXACT).await?;
            // As many again in what is older, as far as one can tell.
            let rows = |of: &[Chunk]| of.iter().map(|chunk| chunk.rows).sum::<i64>().max(1);
            let newer = self.chunks.iter().take_while(|chunk| last.is_none_or(|last| chunk.end > last)).count();
            let share = to_f64(rows(&self.chunks)) / to_f64(rows(self.chunks.get(..newer).unwrap_or_default()));
            return Ok(Count::about(to_f64(value) * share, value));
        }
        let (inside, edges): (Vec<_>, Vec<_>) = self.chunks.iter().cloned().partition(|chunk| self.counts_tell(chunk));
        let sum: i64 = inside.iter().map(|chunk| chunk.hits).sum();
        let at_most: i64 = edges.iter().map(|chunk| chunk.hits).sum();
        if sum > EXACT && at_most > 0 {
            return Ok(Count::about(to_f64(sum) + to_f64(at_most) / 2.0, sum));
        }
        let surely = self.surely(connection).await?;
        if surely > EXACT && to_f64(at_most) <= to_f64(surely) * WRONG_BY {
            return Ok(Count::about(f64::midpoint(to_f64(surely), to_f64(at_most)), surely));
        }
        if let Some(count) = self.count_at_once(connection, &edges, sum).await? {
            return Ok(count);
        }
        let (mut rest, mut found, mut looked_at, began) = (edges.as_slice(), 0, 0, Instant::now());
        while let Some(batch) = self.take(&mut rest, None, Chunk::expected, HITS_AT_ONCE) {
            for span in self.spans() {
                let limit = EXACT + 1 - sum - found;
                let (search, terms, numbers) = (self.search, &self.terms, batch.numbers());
                found += store::count_in_chunks(connection, search, terms, &numbers, batch.way, span, limit).await?;
            }
            looked_at += batch.chunks.iter().map(|chunk| chunk.hits).sum::<i64>();
            let share = to_f64(at_most) / to_f64(looked_at.max(1));
            let so_far = SoFar { counted: sum + found, guess: Some(to_f64(sum) + to_f64(found) * share) };
            if let Some(count) = so_far.told(if rest.is_empty() { Duration::ZERO } else { began.elapsed() }) {
                return Ok(count);
            }
        }
        Ok(Count { value: sum + found, exact: true })
    }

    /// Hits that no row is needed for: where the score lies between two steps, those that reach the upper one.
    async fn surely(&self, connection: &mut Connection) -> Result<i64, DbError> {
        let is_told = self.terms.alone().is_some() && !self.search.has_tags();
        let Some(search) = self.search.of_step_above().filter(|_| is_told) else { return Ok(0) };
        let hits = Hits::by_index(connection, &search).await?;
        Ok(hits.chunks.iter().filter(|chunk| hits.counts_tell(chunk)).map(|chunk| chunk.hits).sum())
    }

    /// The time that is looked for, in pieces: where nothing else needs a row, those well inside are counted by an index alone.
    fn spans(&self) -> Vec<Span> {
        let whole = Span::by_row(self.from, self.to);
        let (from, below) = self.well_inside();
        let is_short = from.zip(below).is_some_and(|(from, below)| from >= below);
        if is_short || !self.terms.are_all() || self.search.exact_score().is_some() {
            return vec![whole];
        }
        let edges =
            [from.map(|from| Span { below: Some(from), ..whole }), below.map(|id| Span { from: Some(id), ..whole })];
        let inside = Span { from, below, by_row: false };
        [inside].into_iter().chain(edges.into_iter().flatten()).collect()
    }

    /// Of ids from the one to the other it is known that their rows are of the time that is looked for.
    fn well_inside(&self) -> (Option<Uuid>, Option<Uuid>) {
        let from = self.search.from.map(|from| first_id_at(moved(from, CLOCKS_APART)));
        (from, self.search.to.map(|to| first_id_at(moved(to, -CLOCKS_APART))))
    }

    /// Whether the counts say how many of a chunk fit.
    fn counts_tell(&self, chunk: &Chunk) -> bool {
        let (from, to) = self.well_inside();
        self.terms.alone().is_some()
            && !self.search.has_tags()
            && self.search.exact_score().is_none()
            && from.is_none_or(|from| chunk.first >= from)
            && to.is_none_or(|to| chunk.end <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(200);
    const LATE: Duration = Duration::from_secs(3);

    fn told(counted: i64, guess: Option<f64>, took: Duration) -> Option<(i64, bool)> {
        SoFar { counted, guess }.told(took).map(|count| (count.value, count.exact))
    }

    #[test]
    fn counting_goes_on_while_there_may_be_few() {
        for (counted, guess) in [(0, Some(0.0)), (3, Some(9_000.0)), (4_000, Some(19_000.0)), (10_000, None)] {
            assert_eq!(told(counted, guess, SOON), None);
        }
        assert_eq!(told(10_000, Some(90_000.0), Duration::ZERO), None, "the last part was looked at");
    }

    #[test]
    fn many_are_told_about_and_never_fewer_than_were_counted() {
        assert_eq!(told(4_000, Some(41_400.0), SOON), Some((41_000, false)));
        assert_eq!(told(10_001, Some(10_001.0), Duration::ZERO), Some((11_000, false)));
        assert_eq!(told(10_400, None, SOON), Some((11_000, false)));
        assert_eq!(told(9_000, Some(10_100.0), LATE), Some((11_000, false)));
        assert_eq!(told(9_000, Some(18_700.0), LATE), Some((19_000, false)));
    }

    #[test]
    fn where_it_takes_too_long_what_was_counted_is_told_and_no_guess() {
        assert_eq!(told(0, Some(0.0), LATE), Some((0, false)));
        assert_eq!(told(7, Some(9_999.0), LATE), Some((7, false)));
        assert_eq!(told(9_999, None, LATE), Some((9_999, false)));
    }
}
