//! The shelf that moderators search: pages with what is told of each pledge; what decides whether one fits; and what the index doesn't
//! know yet.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
    dsl::sql,
    pg::Pg,
    query_builder::BoxedUpdateStatement,
    sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Uuid as SqlUuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::{
    Count, Found, Search,
    filler::{
        EARLIER,
        store::{earlier, seen},
    },
    hits::Hits,
};
use crate::{
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signals,
};

/// Rows that the index doesn't know yet are looked at one by one, so many new and so many changed ones: a page costs 20 ms more then.
const FRESH: i64 = 500;

/// A pledge as it is stored, without its fingerprint.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pledges, check_for_backend(Pg))]
pub struct Row {
    /// The pledge.
    pub id: Uuid,
    /// Its state.
    pub state: String,
    /// Where from.
    pub country: String,
    /// The partner whose site it came from.
    pub partner_id: Option<Uuid>,
    /// BCP 47.
    pub language: Option<String>,
    /// Which page.
    pub source: Option<String>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was counted first.
    pub counted_at: Option<DateTime<Utc>>,
    /// What took it out.
    pub removal_id: Option<Uuid>,
    /// How much it looks like a bot's.
    pub score: i16,
    /// What stood out.
    pub signals: i32,
    /// Keyed hash of where it came from.
    pub source_tag: Option<i64>,
    /// Keyed hash of the mailbox's domain.
    pub domain_tag: Option<i64>,
    /// Keyed hash of the name.
    pub name_tag: Option<i64>,
    /// Keyed hash of how name and mailbox are made.
    pub shape_tag: Option<i64>,
    /// Version of the text agreed to.
    pub consent_updates: Option<i16>,
    /// Version of the text agreed to.
    pub consent_partner: Option<i16>,
    /// Version of the text agreed to.
    pub consent_public: Option<i16>,
    /// For moderators.
    pub sealed_review: Option<Vec<u8>>,
}

/// Conditions that are put together.
pub type Boxed<'a> = pledges::BoxedQuery<'a, Pg>;

/// Narrows a query of `pledges`, or an `UPDATE` of them, to those that fit: whatever the index says, this decides. A macro, because the two
/// have no trait in common that is filtered.
macro_rules! narrowed {
    ($query:expr, $search:expr) => {{
        let (mut query, search): (_, &Search) = ($query.filter(pledges::campaign_id.eq($search.campaign)), $search);
        if let Some(state) = search.state {
            query = query.filter(pledges::state.eq(state.as_str()));
        }
        if let Some(country) = &search.country {
            query = query.filter(pledges::country.eq(country.as_str()));
        }
        if let Some(language) = &search.language {
            query = query.filter(pledges::language.eq(language));
        }
        if let Some(removal) = search.removal {
            query = query.filter(pledges::removal_id.eq(removal));
        }
        if let Some(fingerprint) = search.fingerprint {
            query = query.filter(pledges::fingerprint.eq(fingerprint));
        }
        if let Some(score) = search.score_from {
            query = query.filter(pledges::score.ge(score));
        }
        if !search.signals.is_empty() {
            let any = search.signals.iter().fold(Signals::default(), |all, signal| all.with(signal.bit()));
            let bits = sql::<Bool>("pledges.signals & ").bind::<Integer, _>(any.bits());
            query = query.filter(bits.sql(" <> 0"));
        }
        if let Some(tag) = search.source_tag {
            query = query.filter(pledges::source_tag.eq(tag));
        }
        if let Some(tag) = search.shape_tag {
            query = query.filter(pledges::shape_tag.eq(tag));
        }
        if !search.domain_tags.is_empty() {
            query = query.filter(pledges::domain_tag.eq_any(&search.domain_tags));
        }
        if !search.name_tags.is_empty() {
            query = query.filter(pledges::name_tag.eq_any(&search.name_tags));
        }
        if let Some(partner) = search.partner {
            query = query.filter(pledges::partner_id.eq(partner));
        }
        for word in &search.words {
            let shown = sql::<Bool>(
                "EXISTS (SELECT FROM wall_words WHERE wall_words.campaign_id = pledges.campaign_id AND pledge_id = pledges.id AND word = ANY(",
            );
            query = query.filter(shown.bind::<Array<BigInt>, _>(word).sql("))"));
        }
        if let Some(from) = search.from {
            query = query.filter(pledges::created_at.ge(from));
        }
        if let Some(to) = search.to {
            query = query.filter(pledges::created_at.lt(to));
        }
        query
    }};
}

/// Pledges that fit.
pub fn conditions(search: &Search) -> Boxed<'_> {
    narrowed!(pledges::table.into_boxed(), search)
}

/// Those that fit of what is to be changed. Whoever changes a row meanwhile is waited for, and the row held against the search once more.
pub fn changing<'a, V>(
    update: BoxedUpdateStatement<'a, Pg, pledges::table, V>,
    search: &'a Search,
) -> BoxedUpdateStatement<'a, Pg, pledges::table, V> {
    narrowed!(update, search)
}

/// Those of the pledges that fit and have smaller ids than `before`, newest first.
///
/// # Errors
/// Those of the database.
pub async fn fitting(
    connection: &mut Connection,
    search: &Search,
    ids: &[Uuid],
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    newest(connection, conditions(search).filter(pledges::id.eq_any(ids)), before, limit).await
}

/// The same of all pledges of a campaign that are few enough to be looked through.
///
/// # Errors
/// Those of the database.
pub async fn all_fitting(
    connection: &mut Connection,
    search: &Search,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    newest(connection, conditions(search), before, limit).await
}

async fn newest(
    connection: &mut Connection,
    query: Boxed<'_>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>, DbError> {
    let mut query = query.order(pledges::id.desc()).limit(i64::try_from(limit).unwrap_or(i64::MAX));
    if let Some(before) = before {
        query = query.filter(pledges::id.lt(before));
    }
    Ok(query.select(pledges::id).load(connection).await?)
}

/// Whether a campaign has no more pledges than this, in whatever state.
///
/// # Errors
/// Those of the database.
pub async fn has_at_most(connection: &mut Connection, campaign: Uuid, most: i64) -> Result<bool, DbError> {
    let beyond = pledges::table.filter(pledges::campaign_id.eq(campaign)).order(pledges::id).offset(most).limit(1);
    let beyond: Vec<Uuid> = beyond.select(pledges::id).load(connection).await?;
    Ok(beyond.is_empty())
}

/// What the index doesn't know yet: pledges that are new, or were changed.
#[derive(Default)]
pub struct Fresh {
    /// Some of them, the newest first.
    pub ids: Vec<Uuid>,
    known: HashSet<Uuid>,
    /// Whether these are all.
    pub complete: bool,
}

impl Fresh {
    /// Nothing.
    pub fn none() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// Whether the index may be wrong about this pledge.
    pub fn has(&self, id: Uuid) -> bool {
        self.known.contains(&id)
    }
}

#[derive(QueryableByName)]
struct FreshId {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// What the index doesn't know yet of a campaign. Beside it are pledges that were committed more than a second later than the last one
/// that was taken, and have a smaller id: the filler finds them within seconds.
///
/// # Errors
/// Those of the database.
pub async fn fresh(connection: &mut Connection, campaign: Uuid) -> Result<Fresh, DbError> {
    let from = earlier(seen(connection, campaign).await?, EARLIER.as_millis());
    let new: Vec<FreshId> = diesel::sql_query(
        "SELECT id FROM pledges WHERE campaign_id = $1 AND id > $2 AND NOT EXISTS (SELECT FROM pledge_search \
           WHERE pledge_search.id = pledges.id AND chunk = (SELECT number FROM search_chunks WHERE campaign_id = $1 \
             AND first_id <= pledges.id ORDER BY first_id DESC LIMIT 1)) ORDER BY id DESC LIMIT $3",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<SqlUuid, _>(from)
    .bind::<BigInt, _>(FRESH + 1)
    .get_results(&mut *connection)
    .await?;
    let changed: Vec<FreshId> = diesel::sql_query(
        "SELECT pledge_id AS id FROM search_changes WHERE campaign_id = $1 ORDER BY number DESC LIMIT $2",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(FRESH + 1)
    .get_results(connection)
    .await?;
    let many = |ids: &[FreshId]| i64::try_from(ids.len()).unwrap_or(i64::MAX) > FRESH;
    let complete = !many(&new) && !many(&changed);
    let known: HashSet<Uuid> = new.into_iter().chain(changed).map(|FreshId { id }| id).collect();
    let mut ids: Vec<Uuid> = known.iter().copied().collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    Ok(Fresh { ids, known, complete })
}

#[derive(QueryableByName)]
struct Lag {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// How old the oldest pledge or change is that the index doesn't know, in seconds: of a campaign, or of all.
///
/// # Errors
/// Those of the database.
pub async fn lag(connection: &mut Connection, campaign: Option<Uuid>) -> Result<f64, DbError> {
    let lag: Lag = diesel::sql_query(
        "SELECT greatest(coalesce(extract(epoch FROM now() - least( \
             (SELECT at FROM search_changes WHERE $1 IS NULL OR campaign_id = $1 ORDER BY number LIMIT 1), \
             (SELECT min(created_at) FROM search_progress CROSS JOIN LATERAL (SELECT created_at FROM pledges \
               WHERE pledges.campaign_id = search_progress.campaign_id AND id > seen ORDER BY id LIMIT 1) AS next \
               WHERE $1 IS NULL OR campaign_id = $1))), 0), 0)::float8 AS seconds",
    )
    .bind::<Nullable<SqlUuid>, _>(campaign)
    .get_result(connection)
    .await?;
    Ok(lag.seconds)
}

/// For a look into `pledge_search`, until the end of the transaction. How many rows a chunk has for a term, or a tag, can't be estimated: the
/// look would be compiled for longer than it runs, or all rows would be read by several processes. And where rows lie apart and on disk, their
/// pages are asked for together; of hundred thousand hits it is remembered which rows they are, not only which pages.
const PREPARED: &str = "SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL max_parallel_workers_per_gather = 0; \
     SET LOCAL effective_io_concurrency = 64; SET LOCAL work_mem = '32MB'";

/// Prepares a transaction for a look into `pledge_search`.
///
/// # Errors
/// Those of the database.
pub async fn prepare(connection: &mut Connection) -> Result<(), DbError> {
    Ok(connection.batch_execute(PREPARED).await?)
}

/// Pledges that fit, newest first, below the id `before`; and how many fit in all. Both from one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn find(
    connection: &mut Connection,
    search: &Search,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Found, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            prepare(connection).await?;
            let hits = Hits::of(connection, search).await?;
            let ids = hits.next(connection, before, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
            let count = hits.count(connection).await?;
            let lag = if hits.is_complete() { 0.0 } else { lag(connection, Some(search.campaign)).await? };
            #[expect(clippy::cast_possible_truncation, reason = "a number of seconds")]
            let lag_seconds = lag.ceil() as i64;
            Ok(Found { rows: rows(connection, &ids).await?, count, lag_seconds })
        })
        .await
}

/// The pledge with a fingerprint, whatever the index knows.
///
/// # Errors
/// Those of the database.
pub async fn find_one(connection: &mut Connection, search: &Search) -> Result<Found, DbError> {
    let rows: Vec<Row> = conditions(search).select(Row::as_select()).limit(1).load(connection).await?;
    let count = Count { value: i64::try_from(rows.len()).unwrap_or(i64::MAX), exact: true };
    Ok(Found { rows, count, lag_seconds: 0 })
}

/// These pledges, newest first.
///
/// # Errors
/// Those of the database.
pub async fn rows(connection: &mut Connection, ids: &[Uuid]) -> Result<Vec<Row>, DbError> {
    let query = pledges::table.filter(pledges::id.eq_any(ids)).select(Row::as_select()).order(pledges::id.desc());
    Ok(query.load(connection).await?)
}
