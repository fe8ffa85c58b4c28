//! The shelf of hits: looks into `pledge_search`, for pages and for counts. What is written into statements here are numbers
//! and ids only; texts and times are bound.

use std::fmt::Write;

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::super::{
    Search,
    terms::{Term, of_all},
};
use crate::db::{Connection, DbError};

/// The terms of a search as they are stored.
#[derive(Default)]
pub struct Terms {
    /// A pledge that fits has at least one of each.
    groups: Vec<Vec<i64>>,
    /// Which every pledge has.
    all: i64,
}

impl Terms {
    /// The one term that says all, as far as terms do.
    pub fn alone(&self) -> Option<i64> {
        match self.groups.as_slice() {
            [group] => match group.as_slice() {
                [term] => Some(*term),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether every pledge fits, as far as terms tell.
    pub fn are_all(&self) -> bool {
        self.groups.iter().all(|group| group.as_slice() == [self.all])
    }

    /// Whether a pledge fits that has any of some terms: how many do in a chunk is known.
    pub fn are_one_group(&self) -> bool {
        self.groups.len() == 1
    }

    /// As conditions of `pledge_search`: through the index, in the chunk `c.number`, or not.
    pub(super) fn conditions(&self, way: Way) -> String {
        let (mut every, mut sql) = (String::new(), String::new());
        for group in self.groups.iter().filter(|group| group.as_slice() != [self.all]) {
            match group.as_slice() {
                [term] => {
                    let _ = write!(every, "{}{term}", if every.is_empty() { "" } else { "," });
                }
                any => {
                    let _ = write!(sql, " AND (terms && '{{{}}}'::bigint[]){}", listed(any), way.unindexed());
                }
            }
        }
        match way {
            Way::Terms => {
                let _ = write!(sql, " AND terms @> ('{{{every}}}'::bigint[] || -c.number)");
            }
            Way::Ids if every.is_empty() => {}
            Way::Ids => {
                let _ = write!(sql, " AND (terms @> '{{{every}}}'::bigint[]){}", way.unindexed());
            }
        }
        sql
    }
}

/// How a chunk is looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the index of terms.
    Terms,
    /// Along the ids.
    Ids,
}

impl Way {
    /// Behind a condition that no index must be used for.
    fn unindexed(self) -> &'static str {
        match self {
            Self::Terms => "",
            Self::Ids => " IS TRUE",
        }
    }
}

pub(super) fn listed(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
}

/// Terms as numbers.
///
/// # Errors
/// Those of the database.
pub(in crate::moderation::search) async fn terms(
    connection: &mut Connection,
    groups: &[Vec<Term>],
) -> Result<Terms, DbError> {
    let all = of_all();
    let every: Vec<&Term> = groups.iter().flatten().chain([&all]).collect();
    let numbers: Vec<Number> = diesel::sql_query(
        "SELECT hashtextextended(value, kind) AS number FROM unnest($1, $2) WITH ORDINALITY AS term (kind, value, place) ORDER BY place",
    )
    .bind::<Array<BigInt>, _>(every.iter().map(|term| term.kind).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(every.iter().map(|term| term.value.as_str()).collect::<Vec<_>>())
    .get_results(connection)
    .await?;
    let mut numbers = numbers.into_iter().map(|Number { number }| number);
    let groups = groups.iter().map(|group| numbers.by_ref().take(group.len()).collect()).collect();
    Ok(Terms { groups, all: numbers.next().unwrap_or_default() })
}

/// A piece of a campaign.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its number.
    pub number: i64,
    /// Ids from here on.
    pub first: Uuid,
    /// And below this.
    pub end: Uuid,
    /// How many pledges it has.
    pub rows: i64,
    /// How many there are that fit, at the most; exactly, where one term says all.
    pub hits: i64,
    /// The same of each group.
    groups: Vec<i64>,
}

impl Chunk {
    /// How many fit if the groups have nothing to do with each other.
    pub fn expected(&self) -> i64 {
        self.groups.iter().fold(self.rows, |rest, hits| rest.saturating_mul(*hits) / self.rows.max(1))
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    first_id: Uuid,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Array<BigInt>)]
    terms: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    counts: Vec<i64>,
}

/// The chunks of a campaign, newest first.
///
/// # Errors
/// Those of the database.
pub async fn chunks(connection: &mut Connection, campaign: Uuid, terms: &Terms) -> Result<Vec<Chunk>, DbError> {
    let every: Vec<i64> = terms.groups.iter().flatten().copied().collect();
    let counted: Vec<Counted> = diesel::sql_query(
        "SELECT number, first_id, coalesce(of_all.pledges, 0) AS rows, coalesce(terms, '{}') AS terms, coalesce(counts, '{}') AS counts \
         FROM search_chunks LEFT JOIN search_counts AS of_all ON of_all.term = $2 AND of_all.chunk = number \
           LEFT JOIN (SELECT chunk, array_agg(term) AS terms, array_agg(pledges) AS counts FROM search_counts \
             WHERE term = ANY($3) GROUP BY chunk) AS of_terms ON of_terms.chunk = number \
         WHERE campaign_id = $1 ORDER BY first_id DESC",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(terms.all)
    .bind::<Array<BigInt>, _>(every)
    .get_results(connection)
    .await?;
    let mut end = Uuid::max();
    let chunk = |counted: Counted| {
        let of =
            |term: &i64| counted.terms.iter().zip(&counted.counts).find(|(one, _)| *one == term).map_or(0, |(_, n)| *n);
        let groups: Vec<i64> =
            terms.groups.iter().map(|group| group.iter().map(of).sum::<i64>().min(counted.rows)).collect();
        let hits = groups.iter().copied().min().unwrap_or(0);
        let (number, first, rows) = (counted.number, counted.first_id, counted.rows);
        Chunk { number, first, end: std::mem::replace(&mut end, first), rows, hits, groups }
    };
    Ok(counted.into_iter().map(chunk).collect())
}

/// A piece of the time that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Ids from here on; None: from the first.
    pub from: Option<Uuid>,
    /// Ids below this; None: up to the last.
    pub below: Option<Uuid>,
    /// Whether some of these ids are of another time, so that each row's own tells. Else the ids do, and an index has them.
    pub by_row: bool,
}

impl Span {
    /// Of which rows tell by themselves whether they are within.
    pub fn by_row(from: Option<Uuid>, below: Option<Uuid>) -> Self {
        Self { from, below, by_row: true }
    }
}

/// Conditions of `pledge_search` that are not terms. `$1` and `$2` are the bounds of the time.
pub(super) fn beside(search: &Search, span: Span) -> String {
    let mut sql = String::new();
    let tags = [
        ("source_tag", search.source_tag.as_slice()),
        ("shape_tag", search.shape_tag.as_slice()),
        ("domain_tag", &search.domain_tags),
        ("name_tag", &search.name_tags),
    ];
    for (column, tags) in tags {
        let _ = match tags {
            [] => Ok(()),
            [one] => write!(sql, " AND {column} = {one}"),
            any => write!(sql, " AND {column} IN ({})", listed(any)),
        };
    }
    if let Some(score) = search.exact_score() {
        let _ = write!(sql, " AND score >= {score}");
    }
    if let Some(from) = span.from {
        let _ = write!(sql, " AND id >= '{from}'");
    }
    if let Some(below) = span.below {
        let _ = write!(sql, " AND id < '{below}'");
    }
    // The ids say nearly the same. Said so that the planner doesn't see it, or it would take both for independent, expect a handful of rows
    // where there are ten thousands, and sort all of them for one page (a domain within a day, of 20 million: 49 ms, now 0.5).
    if search.from.is_some() && span.by_row {
        sql.push_str(" AND CASE WHEN at >= $1 THEN true END");
    }
    if search.to.is_some() && span.by_row {
        sql.push_str(" AND CASE WHEN at < $2 THEN true END");
    }
    sql
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Rows of these chunks that fit, as `FROM …`. In a subquery that can't be taken apart (`OFFSET 0`), or the planner would walk along
/// the ids wherever an order is asked for.
fn from_chunks(search: &Search, terms: &Terms, numbers: &[i64], way: Way, span: Span) -> String {
    let (terms, beside) = (terms.conditions(way), beside(search, span));
    match way {
        Way::Terms => format!(
            "unnest('{{{}}}'::bigint[]) AS c (number) CROSS JOIN LATERAL \
               (SELECT id FROM pledge_search WHERE true{terms}{beside} OFFSET 0) AS hits",
            listed(numbers)
        ),
        Way::Ids => format!("pledge_search WHERE chunk IN ({}){terms}{beside}", listed(numbers)),
    }
}

/// Hits in these chunks (newest first) by the index of terms, newest first: chunk by chunk, and no further than needed.
///
/// # Errors
/// Those of the database.
pub async fn in_chunks(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    numbers: &[i64],
    span: Span,
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    let from = from_chunks(search, terms, numbers, Way::Terms, span);
    let lateral = from.replacen("(SELECT id FROM", "(SELECT id FROM (SELECT id FROM", 1);
    let lateral = lateral.replacen("OFFSET 0)", &format!("OFFSET 0) AS each ORDER BY id DESC LIMIT {limit})"), 1);
    ids(connection, search, &format!("SELECT hits.id FROM {lateral} LIMIT {limit}")).await
}

/// Hits among the newest `looked_at` rows of a chunk, newest first.
///
/// # Errors
/// Those of the database.
pub async fn along_ids(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    chunk: i64,
    span: Span,
    [looked_at, limit]: [usize; 2],
) -> Result<Vec<Uuid>, DbError> {
    // Conditions of ids bound what is looked at; the others choose among it.
    let (below, from) = (span.below, span.from);
    let mut rows = format!("SELECT * FROM pledge_search WHERE chunk = {chunk}");
    if let Some(from) = from {
        let _ = write!(rows, " AND id >= '{from}'");
    }
    if let Some(below) = below {
        let _ = write!(rows, " AND id < '{below}'");
    }
    let conditions = terms.conditions(Way::Ids) + &beside(search, Span { from: None, below: None, ..span });
    let sql = format!(
        "SELECT id FROM ({rows} ORDER BY id DESC LIMIT {looked_at}) AS looked_at WHERE true{conditions} \
         ORDER BY id DESC LIMIT {limit}"
    );
    ids(connection, search, &sql).await
}

pub(super) async fn ids(connection: &mut Connection, search: &Search, sql: &str) -> Result<Vec<Uuid>, DbError> {
    let found: Vec<Id> = diesel::sql_query(typed(sql))
        .bind::<Nullable<Timestamptz>, _>(search.from)
        .bind::<Nullable<Timestamptz>, _>(search.to)
        .get_results(connection)
        .await?;
    Ok(found.into_iter().map(|Id { id }| id).collect())
}

/// A statement that has `$1` and `$2`, whether it needs them or not.
pub(super) fn typed(sql: &str) -> String {
    format!("WITH bounds AS (SELECT $1::timestamptz, $2::timestamptz) {sql}")
}

/// Counts rows of `FROM …`, up to `limit`.
pub(super) async fn counting(
    connection: &mut Connection,
    search: &Search,
    from: &str,
    limit: i64,
) -> Result<i64, DbError> {
    let sql = typed(&format!("SELECT count(*) AS number FROM (SELECT FROM {from} LIMIT {limit}) AS counted"));
    let counted: Number = diesel::sql_query(sql)
        .bind::<Nullable<Timestamptz>, _>(search.from)
        .bind::<Nullable<Timestamptz>, _>(search.to)
        .get_result(connection)
        .await?;
    Ok(counted.number)
}

/// How many hits are in these chunks, up to `limit`.
///
/// # Errors
/// Those of the database.
pub async fn count_in_chunks(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    numbers: &[i64],
    way: Way,
    span: Span,
    limit: i64,
) -> Result<i64, DbError> {
    // Without columns: where all see all rows of a page, it isn't read.
    let from = from_chunks(search, terms, numbers, way, span).replacen("(SELECT id FROM", "(SELECT FROM", 1);
    counting(connection, search, &from, limit).await
}

/// How many of these pledges fit as the index knows them.
///
/// # Errors
/// Those of the database.
pub async fn known(
    connection: &mut Connection,
    search: &Search,
    terms: &Terms,
    pledges: &[Uuid],
) -> Result<i64, DbError> {
    if pledges.is_empty() {
        return Ok(0);
    }
    let given = pledges.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
    let (terms, beside, campaign) =
        (terms.conditions(Way::Ids), beside(search, Span::by_row(None, None)), search.campaign);
    let from = format!(
        "unnest('{{{given}}}'::uuid[]) AS given (given_id) CROSS JOIN LATERAL \
           (SELECT FROM pledge_search WHERE id = given_id{terms}{beside} AND chunk = (SELECT number FROM search_chunks \
             WHERE campaign_id = '{campaign}' AND first_id <= given_id ORDER BY first_id DESC LIMIT 1)) AS known"
    );
    counting(connection, search, &from, i64::MAX).await
}
