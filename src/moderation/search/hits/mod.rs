//! The hits of a search, newest first, a piece at a time, and how many there are: for pages, and for whoever takes out all of them.
//!
//! ```text
//! let mut hits = Hits::of(connection, &search).await?;          // in one snapshot with what follows
//! let ids = hits.next(connection, before, 200).await?;          // that fit, below `before`, newest first
//! let count = hits.count(connection).await?;
//! let query = search::store::conditions(&search);               // the same, of rows of `pledges`: does this one fit?
//! ```

pub mod store;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::{NoContext, Timestamp, Uuid};

use self::store::{Chunk, Terms, Way};
use super::{
    Count, EXACT, Search,
    store::{Fresh, all_fitting, fitting, fresh, has_at_most},
    words,
};
use crate::db::{Connection, DbError};

/// Ids carry the time of the service's clock, `created_at` that of the database: they differ by less than this.
pub(in crate::moderation) const CLOCKS_APART: TimeDelta = TimeDelta::minutes(10);

/// From so many hits in a chunk on, a walk along its ids finds some sooner than the index lists all of them.
const DENSE: i64 = 8_000;

/// The same where terms must meet, which the index sees without reading a row.
const DENSE_PAIR: i64 = 24_000;

/// Chunks that one statement looks into.
const CHUNKS_AT_ONCE: usize = 64;

/// With fewer hits of the terms than this, those are looked through for the tags, and not the other way.
const FEW: i64 = 20_000;

/// Counting stops after this time, and says about how many.
const COUNTING: Duration = Duration::from_millis(150);

/// Entries of the public wall that are counted together.
const WORDS_AT_ONCE: usize = 5_000;

/// Pieces that are looked for until a page is full, each four times as large as the one before: only where `pledge_search` has many
/// rows otherwise than they are by now, one isn't enough.
const PIECES: u32 = 7;

/// A search that is being answered. All of it must be in one snapshot.
pub struct Hits<'a> {
    search: &'a Search,
    terms: Terms,
    /// Those that have hits and the time that is looked for, newest first.
    chunks: Vec<Chunk>,
    /// What the index doesn't know yet.
    fresh: Fresh,
    /// Whether the index is behind by more than is looked at one by one, and the campaign so small that `pledges` itself tells all.
    without_index: bool,
    from: Option<Uuid>,
    to: Option<Uuid>,
}

/// Consecutive chunks that are looked into in one way.
struct Batch<'a> {
    chunks: &'a [Chunk],
    way: Way,
}

impl<'a> Hits<'a> {
    /// Looks where hits are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(connection: &mut Connection, search: &'a Search) -> Result<Self, DbError> {
        let hits = Self::by_index(connection, search).await?;
        if hits.by_words() {
            return Ok(hits);
        }
        let fresh = fresh(connection, search.campaign).await?;
        let without_index = !fresh.complete && has_at_most(connection, search.campaign, EXACT).await?;
        Ok(Self { fresh, without_index, ..hits })
    }

    /// Looks where hits are as far as the index knows: for [`Self::candidates`]. Whoever asks looks after what it doesn't know.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_index(connection: &mut Connection, search: &'a Search) -> Result<Self, DbError> {
        let (from, to) = bounds(search);
        let hits = Self {
            search,
            terms: Terms::default(),
            chunks: Vec::new(),
            fresh: Fresh::none(),
            without_index: false,
            from,
            to,
        };
        if hits.by_words() {
            return Ok(hits);
        }
        let terms = store::terms(connection, &search.groups()).await?;
        let mut chunks = store::chunks(connection, search.campaign, &terms).await?;
        chunks.retain(|chunk| {
            chunk.hits > 0 && from.is_none_or(|from| chunk.end > from) && to.is_none_or(|to| chunk.first < to)
        });
        Ok(Self { terms, chunks, ..hits })
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.fresh.complete || self.without_index
    }

    /// Up to `limit` pledges that fit and have smaller ids than `before`, newest first. Fewer only when there are no more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(
        &self,
        connection: &mut Connection,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, DbError> {
        if self.without_index {
            return all_fitting(connection, self.search, before, limit).await;
        }
        let mut found = fitting(connection, self.search, &self.fresh.ids, before, limit).await?;
        let (mut enough, mut below) = (0, before);
        // What words find may fit nothing else that is asked for, however far one looks.
        for piece in 0..if self.by_words() { u32::MAX } else { PIECES } {
            let wanted = limit.saturating_mul(4_usize.saturating_pow(piece));
            let ids = self.piece(connection, below, wanted).await?;
            let (Some(last), size) = (ids.last().copied(), ids.len()) else { break };
            let ids: Vec<Uuid> = ids.into_iter().filter(|id| !self.fresh.has(*id)).collect();
            let fitting = fitting(connection, self.search, &ids, before, limit).await?;
            enough += fitting.len();
            found.extend(fitting);
            if enough >= limit || size < wanted {
                break;
            }
            below = Some(last);
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(limit);
        Ok(found)
    }

    /// Up to `limit` pledges with smaller ids than `before` that fit by what the index knows of them, newest first. Fewer only when
    /// there are no more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn candidates(
        &self,
        connection: &mut Connection,
        before: Uuid,
        limit: usize,
    ) -> Result<Vec<Uuid>, DbError> {
        self.piece(connection, Some(before), limit).await
    }

    /// The same by the index alone.
    async fn piece(
        &self,
        connection: &mut Connection,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, DbError> {
        let below = [before, self.to].into_iter().flatten().min();
        if self.by_words() {
            return words::store::by_words(connection, self.search, [self.from, below], limit).await;
        }
        if self.by_tags() {
            return store::by_tags(connection, self.search, &self.terms, [self.from, below], limit).await;
        }
        let mut found: Vec<Uuid> = Vec::new();
        let chunks: Vec<Chunk> =
            self.chunks.iter().filter(|chunk| below.is_none_or(|id| chunk.first < id)).cloned().collect();
        let mut rest = chunks.as_slice();
        while let (false, Some(batch)) = (found.len() >= limit, self.batch(&mut rest, limit)) {
            let wanted = limit - found.len();
            let bounds = [self.from, below];
            found.extend(
                store::in_chunks(connection, self.search, &self.terms, &batch.numbers(), batch.way, bounds, wanted)
                    .await?,
            );
        }
        Ok(found)
    }

    /// Takes the next chunks off the list.
    fn batch<'b>(&self, rest: &mut &'b [Chunk], wanted: usize) -> Option<Batch<'b>> {
        let all = *rest;
        let dense = self.is_dense(all.first()?);
        let (mut size, mut hits) = (1, all.first()?.hits);
        if !dense {
            // Where hits are not known to meet all that is asked for, there may be none.
            let enough = i64::try_from(wanted).unwrap_or(i64::MAX).saturating_mul(if self.terms.alone().is_some() {
                2
            } else {
                50
            });
            while let Some(chunk) = all.get(size)
                && size < CHUNKS_AT_ONCE
                && hits < enough
                && !self.is_dense(chunk)
            {
                (size, hits) = (size + 1, hits + chunk.hits);
            }
        }
        let (chunks, left) = all.split_at_checked(size)?;
        *rest = left;
        Some(Batch { chunks, way: if dense { Way::Ids } else { Way::Terms } })
    }

    fn is_dense(&self, chunk: &Chunk) -> bool {
        match self.terms.alone() {
            Some(_) => chunk.hits > DENSE,
            None => chunk.expected() > DENSE_PAIR,
        }
    }

    fn by_words(&self) -> bool {
        !self.search.words.is_empty()
    }

    fn by_tags(&self) -> bool {
        self.search.has_tags() && self.chunks.iter().map(|chunk| chunk.hits).sum::<i64>() >= FEW
    }

    /// How many fit: exactly up to [`EXACT`] (in a campaign of more pledges than that, unless much has just changed), and where the counts tell it.
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
            let fit = fitting(connection, self.search, &ids, None, usize::MAX).await?.len();
            value += i64::try_from(fit).unwrap_or(i64::MAX);
            let Some(last) = ids.last().filter(|_| ids.len() >= WORDS_AT_ONCE) else {
                return Ok(Count { value, exact: true });
            };
            if value > EXACT || began.elapsed() > COUNTING {
                // There are more; how many isn't known.
                return Ok(Count::about(to_f64(value)));
            }
            below = Some(*last);
        }
    }

    async fn count_indexed(&self, connection: &mut Connection) -> Result<Count, DbError> {
        if self.by_tags() {
            let bounds = [self.from, self.to];
            let (value, last) = store::count_by_tags(connection, self.search, &self.terms, bounds, EXACT + 1).await?;
            if value <= EXACT {
                return Ok(Count { value, exact: true });
            }
            // As many again in what is older, as far as one can tell.
            let rows = |of: &[Chunk]| of.iter().map(|chunk| chunk.rows).sum::<i64>().max(1);
            let newer = self.chunks.iter().take_while(|chunk| last.is_none_or(|last| chunk.end > last)).count();
            let share = to_f64(rows(&self.chunks)) / to_f64(rows(self.chunks.get(..newer).unwrap_or_default()));
            return Ok(Count::about(to_f64(value) * share));
        }
        let (inside, edges): (Vec<_>, Vec<_>) = self.chunks.iter().cloned().partition(|chunk| self.counts_tell(chunk));
        let sum: i64 = inside.iter().map(|chunk| chunk.hits).sum();
        let at_most: i64 = edges.iter().map(|chunk| chunk.hits).sum();
        if sum > EXACT && at_most > 0 {
            return Ok(Count::about(to_f64(sum) + to_f64(at_most) / 2.0));
        }
        let (mut rest, mut found, mut looked_at, began) = (edges.as_slice(), 0, 0, Instant::now());
        while let Some(batch) = self.batch(&mut rest, usize::try_from(FEW).unwrap_or(usize::MAX)) {
            let (bounds, wanted) = ([self.from, self.to], EXACT + 1 - sum - found);
            found += store::count_in_chunks(
                connection,
                self.search,
                &self.terms,
                &batch.numbers(),
                batch.way,
                bounds,
                wanted,
            )
            .await?;
            looked_at += batch.chunks.iter().map(|chunk| chunk.hits).sum::<i64>();
            if !rest.is_empty() && began.elapsed() > COUNTING || sum + found > EXACT {
                let share = to_f64(at_most) / to_f64(looked_at.max(1));
                return Ok(Count::about(to_f64(sum) + to_f64(found) * share));
            }
        }
        Ok(Count { value: sum + found, exact: true })
    }

    /// Whether the counts say how many of a chunk fit.
    fn counts_tell(&self, chunk: &Chunk) -> bool {
        // Well inside the bounds the id alone tells that a row fits.
        let from = self.search.from.map(|from| first_id_at(moved(from, CLOCKS_APART)));
        let to = self.search.to.map(|to| first_id_at(moved(to, -CLOCKS_APART)));
        self.terms.alone().is_some()
            && !self.search.has_tags()
            && self.search.exact_score().is_none()
            && from.is_none_or(|from| chunk.first >= from)
            && to.is_none_or(|to| chunk.end <= to)
    }
}

impl Batch<'_> {
    fn numbers(&self) -> Vec<i64> {
        self.chunks.iter().map(|chunk| chunk.number).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn to_f64(rows: i64) -> f64 {
    rows as f64
}

/// The bounds of ids let a walk begin and end near the right place; the time itself decides.
fn bounds(search: &Search) -> (Option<Uuid>, Option<Uuid>) {
    let from = search.from.map(|from| first_id_at(moved(from, -CLOCKS_APART)));
    (from, search.to.map(|to| first_id_at(moved(to, CLOCKS_APART))))
}

/// The time, moved as far as there are times.
pub(in crate::moderation) fn moved(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(by).unwrap_or(time)
}

/// The smallest id made at `time`.
pub(in crate::moderation) fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    Uuid::from_u128(id.as_u128() >> 80 << 80)
}
