//! The hits of a search, newest first, a piece at a time, and how many there are: for pages, and for whoever takes out all of them.
//!
//! ```text
//! let mut hits = Hits::of(connection, &search).await?;          // in one snapshot with what follows
//! let ids = hits.next(connection, before, 200).await?;          // that fit, below `before`, newest first
//! let count = hits.count(connection).await?;
//! let query = search::store::conditions(&search);               // the same, of rows of `pledges`: does this one fit?
//! ```

mod at_once;
mod counting;
pub mod store;
mod tagged;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use self::{
    store::{Chunk, Span, Terms, Way},
    tagged::store::Tagged,
};
use super::{
    EXACT, Search,
    store::{Fresh, all_fitting, fitting, fresh, has_at_most},
    words,
};
use crate::db::{Connection, DbError};

/// Ids carry the time of the service's clock, `created_at` that of the database a moment later: they differ by less than this, or a pledge
/// at the edge of a time is found on its other side. A service whose clock is [`crate::clock::MOST_APART`] off is not ready to store.
pub(in crate::moderation) const CLOCKS_APART: TimeDelta = TimeDelta::minutes(2);

/// Along the ids of a chunk, hits are found among rows that don't fit; by the index of terms all hits of the chunk are listed first, and each lies
/// on a page of its own that may have to be read from disk. So many rows along the ids cost what one listed hit does, where one group of
/// terms says all.
const ROWS_A_HIT: i64 = 6;

/// The same where terms must meet: the index sees that without reading a row, and how often they do is a guess.
const ROWS_A_MEETING: i64 = 1;

/// Along the ids no more rows are looked at than should have so many times the hits that are wanted; those behind are listed.
const PATIENCE: i64 = 4;

/// And no fewer than this.
const LOOKED_AT: i64 = 1_000;

/// Chunks that one statement looks into.
const CHUNKS_AT_ONCE: usize = 64;

/// With fewer hits of the terms than this, those are looked through for the tags, and not the other way.
const FEW: i64 = 20_000;

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
            let span = Span::by_row(self.from, below);
            return self.tagged(below).newest(connection, span, limit).await;
        }
        let mut found: Vec<Uuid> = Vec::new();
        let mut rest = self.chunks_below(below);
        while let (false, Some(batch)) = (found.len() >= limit, self.batch(&mut rest, limit)) {
            let wanted = limit - found.len();
            found.extend(self.look(connection, &batch, Span::by_row(self.from, below), wanted).await?);
        }
        Ok(found)
    }

    /// Up to `wanted` hits in these chunks, newest first.
    async fn look(
        &self,
        connection: &mut Connection,
        batch: &Batch<'_>,
        span: Span,
        wanted: usize,
    ) -> Result<Vec<Uuid>, DbError> {
        let (search, terms, numbers) = (self.search, &self.terms, batch.numbers());
        let mut found = Vec::new();
        if let (Way::Ids, [chunk]) = (batch.way, batch.chunks) {
            let many = looked_at(chunk, wanted).saturating_add(self.rows_beside(chunk));
            let looked_at = usize::try_from(many).unwrap_or(usize::MAX);
            found = store::along_ids(connection, search, terms, chunk.number, span, [looked_at, wanted]).await?;
            if found.len() >= wanted || many >= chunk.rows {
                return Ok(found);
            }
        }
        let below = found.last().copied().or(span.below);
        let (span, wanted) = (Span { below, ..span }, wanted - found.len());
        found.extend(store::in_chunks(connection, search, terms, &numbers, span, wanted).await?);
        Ok(found)
    }

    /// Takes the next chunks off the list.
    fn batch<'b>(&self, rest: &mut &'b [Chunk], wanted: usize) -> Option<Batch<'b>> {
        // Where hits are not known to meet all that is asked for, there may be none.
        let times = if self.terms.alone().is_some() { 2 } else { 50 };
        let enough = i64::try_from(wanted).unwrap_or(i64::MAX).saturating_mul(times);
        self.take(rest, Some(wanted), |chunk| chunk.hits, enough)
    }

    /// One chunk that is looked through along the ids, or as many others as have enough hits together.
    fn take<'b>(
        &self,
        rest: &mut &'b [Chunk],
        wanted: Option<usize>,
        hits: impl Fn(&Chunk) -> i64,
        enough: i64,
    ) -> Option<Batch<'b>> {
        let all = *rest;
        let first = all.first()?;
        let (dense, mut size, mut sum) = (self.is_dense(first, wanted), 1, hits(first));
        while let Some(chunk) = all.get(size)
            && !dense
            && size < CHUNKS_AT_ONCE
            && sum < enough
            && !self.is_dense(chunk, wanted)
        {
            (size, sum) = (size + 1, sum + hits(chunk));
        }
        let (chunks, left) = all.split_at_checked(size)?;
        *rest = left;
        Some(Batch { chunks, way: if dense { Way::Ids } else { Way::Terms } })
    }

    /// Whether so many hits are found sooner along the ids than by listing all that the chunk has. None: all of them.
    fn is_dense(&self, chunk: &Chunk, wanted: Option<usize>) -> bool {
        if self.search.has_tags() {
            return false;
        }
        let worth = if self.terms.are_one_group() { ROWS_A_HIT } else { ROWS_A_MEETING };
        let within = self.rows_within(chunk);
        let along = wanted.map_or(within, |wanted| rows_for(chunk, wanted).min(within));
        along < chunk.expected().saturating_mul(worth)
    }

    /// About how many rows of a chunk are of the time that is looked for, by the times of ids.
    fn rows_within(&self, chunk: &Chunk) -> i64 {
        let (first, end) = (milliseconds(chunk.first), milliseconds(chunk.end));
        let from = self.from.map_or(first, |from| milliseconds(from).clamp(first, end));
        let to = self.to.map_or(end, |to| milliseconds(to).clamp(from, end));
        // The first chunk begins at no time, and the last one ends at none: there it is the whole chunk.
        let (part, whole) = (i128::from(to - from), i128::from((end - first).max(1)));
        let is_open = chunk.first.is_nil() || chunk.end.is_max();
        if is_open { chunk.rows } else { i64::try_from(i128::from(chunk.rows) * part / whole).unwrap_or(chunk.rows) }
    }

    /// About how many of the newest rows of a chunk, of those whose ids are looked at, are later than what is looked for.
    fn rows_beside(&self, chunk: &Chunk) -> i64 {
        let Some(to) = self.to else { return 0 };
        if chunk.first.is_nil() {
            return chunk.rows;
        }
        let lasts = milliseconds(to.min(chunk.end)) - milliseconds(chunk.first);
        let later = i128::from(chunk.rows) * i128::from(2 * CLOCKS_APART.num_milliseconds()) / i128::from(lasts.max(1));
        i64::try_from(later).unwrap_or(i64::MAX).min(chunk.rows)
    }

    fn by_words(&self) -> bool {
        !self.search.words.is_empty()
    }

    /// Those that have ids below this one.
    fn chunks_below(&self, below: Option<Uuid>) -> &[Chunk] {
        let newer = below.map_or(0, |id| self.chunks.partition_point(|chunk| chunk.first >= id));
        self.chunks.get(newer..).unwrap_or_default()
    }

    fn tagged(&self, below: Option<Uuid>) -> Tagged<'_> {
        Tagged { search: self.search, terms: &self.terms, chunks: self.chunks_below(below) }
    }

    fn by_tags(&self) -> bool {
        self.search.has_tags() && self.chunks.iter().map(|chunk| chunk.hits).sum::<i64>() >= FEW
    }
}

/// Rows of a chunk among which there are about so many hits.
fn rows_for(chunk: &Chunk, wanted: usize) -> i64 {
    i64::try_from(wanted).unwrap_or(i64::MAX).saturating_mul(chunk.rows) / chunk.expected().max(1)
}

/// Rows of a chunk that should be enough to find so many hits.
fn looked_at(chunk: &Chunk, wanted: usize) -> i64 {
    rows_for(chunk, wanted).saturating_mul(PATIENCE).max(LOOKED_AT)
}

/// When an id was made, in milliseconds since 1970.
fn milliseconds(id: Uuid) -> i64 {
    i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX)
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
