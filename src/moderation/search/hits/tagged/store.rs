//! The shelf of tagged hits.

use uuid::Uuid;

use super::super::{
    super::Search,
    store::{Chunk, Span, Terms, Way, beside, counting, ids, listed},
};
use crate::db::{Connection, DbError};

/// The part of the indexes of tags that a chunk belongs to is its number shifted by so much, as they (`pledge_search_of_name_by_part` and the others) have
/// it: four chunks, a quarter of a million pledges, some ten megabytes an index. What comes is all put into the last part. If an index had the tags of all times in
/// one order, each pledge would change a page of its own there, somewhere among a hundred thousand, and whole pages would go to the log.
const PART: u32 = 2;

/// A search for tags, in those of these chunks (newest first) that have hits of its terms.
#[derive(Clone, Copy)]
pub struct Tagged<'a> {
    /// What is looked for.
    pub search: &'a Search,
    /// The same, as far as it is terms.
    pub terms: &'a Terms,
    /// Where.
    pub chunks: &'a [Chunk],
}

impl Tagged<'_> {
    /// Ids that fit, as `FROM …`, part by part, newest first; `rest` ends the look into each: an order, and how many. That the chunk is one of the campaign's is
    /// asked because tags of sources are alike in all campaigns; the index knows it, so that where nothing else is asked for no row is read. In a `CASE`, or
    /// the planner would read the ids of all these chunks, or take them for few and sort all that the tag has instead of walking to the end of a page.
    /// The ids of a part are said too, for the same reason.
    fn in_parts(self, span: Span, rest: &str) -> String {
        let Self { search, terms, chunks } = self;
        let (terms, beside, campaign) = (terms.conditions(Way::Ids), beside(search, span), search.campaign);
        let parts = chunks.chunk_by(|one, next| one.number >> PART == next.number >> PART);
        let parts = parts.filter_map(|part| Some((part.last()?, part.first()?.end)));
        let (mut numbers, mut firsts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (oldest, end) in parts {
            numbers.push(oldest.number >> PART);
            firsts.push(oldest.first.to_string());
            ends.push(end.to_string());
        }
        let (numbers, firsts, ends) = (listed(&numbers), firsts.join(","), ends.join(","));
        format!(
            "unnest('{{{numbers}}}'::bigint[], '{{{firsts}}}'::uuid[], '{{{ends}}}'::uuid[]) AS part (number, first_id, end_id) \
             CROSS JOIN LATERAL (SELECT id FROM pledge_search WHERE chunk >> {PART} = part.number \
               AND id >= part.first_id AND id < part.end_id{beside}{terms} AND CASE WHEN chunk = ANY(ARRAY(SELECT number \
                 FROM search_chunks WHERE campaign_id = '{campaign}')) THEN true END {rest}) AS hits"
        )
    }

    /// Hits, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest(self, connection: &mut Connection, span: Span, limit: usize) -> Result<Vec<Uuid>, DbError> {
        let from = self.in_parts(span, &format!("ORDER BY id DESC LIMIT {limit}"));
        ids(connection, self.search, &format!("SELECT hits.id FROM {from} LIMIT {limit}")).await
    }

    /// How many hits there are, up to `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count(self, connection: &mut Connection, span: Span, limit: i64) -> Result<i64, DbError> {
        counting(connection, self.search, &self.in_parts(span, &format!("LIMIT {limit}")), limit).await
    }

    /// The hit behind `number` newer ones; None: there are no more than these.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn behind(self, connection: &mut Connection, span: Span, number: i64) -> Result<Option<Uuid>, DbError> {
        let from = self.in_parts(span, &format!("ORDER BY id DESC LIMIT {}", number.saturating_add(1)));
        Ok(ids(connection, self.search, &format!("SELECT hits.id FROM {from} OFFSET {number} LIMIT 1")).await?.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indexes_have_the_parts_that_are_looked_into() {
        let indexes = [
            (
                "source",
                include_str!("../../../../../migrations/2026-12-16-000001_pledge_search_of_source_by_part/up.sql"),
            ),
            (
                "domain",
                include_str!("../../../../../migrations/2026-12-16-000002_pledge_search_of_domain_by_part/up.sql"),
            ),
            ("name", include_str!("../../../../../migrations/2026-12-16-000003_pledge_search_of_name_by_part/up.sql")),
            (
                "shape",
                include_str!("../../../../../migrations/2026-12-16-000004_pledge_search_of_shape_by_part/up.sql"),
            ),
        ];
        for (tag, sql) in indexes {
            assert!(sql.contains(&format!("((chunk >> {PART}), {tag}_tag, id) INCLUDE (chunk)")), "{sql}");
        }
    }
}
