//! The shelf that moderators search.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper,
    dsl::{count_star, sql},
    pg::Pg,
    sql_types::{Bool, Integer},
};
use diesel_async::RunQueryDsl;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    country::Country,
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signal,
    pledges::State,
    totals,
};

/// Ids carry the time of the service's clock, `created_at` that of the database: they differ by less than this.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(10);

/// The states of which there are few.
const NOT_COUNTED: [State; 4] = [State::Awaiting, State::Held, State::Removed, State::Withdrawn];

/// What a moderator looks for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// From this country.
    pub country: Option<Country>,
    /// Stored at or after.
    pub from: Option<DateTime<Utc>>,
    /// Stored before.
    pub to: Option<DateTime<Utc>>,
    /// Made in this language.
    pub language: Option<String>,
    /// Taken out by this removal.
    pub removal: Option<Uuid>,
    /// With this fingerprint.
    pub fingerprint: Option<Uuid>,
    /// With this signal, perhaps among others.
    pub signal: Option<Signal>,
    /// From the source with this tag.
    pub source_tag: Option<i64>,
    /// By this partner.
    pub partner: Option<Uuid>,
}

impl Filter {
    /// Whether the counters can't know how many fit.
    fn is_of_rows(&self) -> bool {
        self.language.is_some() || self.removal.is_some() || self.fingerprint.is_some() || self.has_no_index()
    }

    /// Whether it asks for what only the rows tell: an index for each would cost ingest more than moderators gain, who look at what
    /// is held, of which there is an index.
    fn has_no_index(&self) -> bool {
        self.signal.is_some() || self.source_tag.is_some() || self.partner.is_some()
    }
}

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
    /// Version of the text agreed to.
    pub consent_updates: Option<i16>,
    /// Version of the text agreed to.
    pub consent_partner: Option<i16>,
    /// Version of the text agreed to.
    pub consent_public: Option<i16>,
    /// For moderators.
    pub sealed_review: Option<Vec<u8>>,
}

type Boxed<'a> = pledges::BoxedQuery<'a, Pg>;

fn filtered(campaign: Uuid, filter: &Filter) -> Boxed<'_> {
    let mut query = pledges::table.filter(pledges::campaign_id.eq(campaign)).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(pledges::state.eq(state.as_str()));
    }
    if let Some(country) = &filter.country {
        query = query.filter(pledges::country.eq(country.as_str()));
    }
    if let Some(language) = &filter.language {
        query = query.filter(pledges::language.eq(language));
    }
    if let Some(removal) = filter.removal {
        query = query.filter(pledges::removal_id.eq(removal));
    }
    if let Some(fingerprint) = filter.fingerprint {
        query = query.filter(pledges::fingerprint.eq(fingerprint));
    }
    if let Some(signal) = filter.signal {
        let bit = sql::<Bool>("pledges.signals & ").bind::<Integer, _>(signal.bit().bits());
        query = query.filter(bit.sql(" <> 0"));
    }
    if let Some(source_tag) = filter.source_tag {
        query = query.filter(pledges::source_tag.eq(source_tag));
    }
    if let Some(partner) = filter.partner {
        query = query.filter(pledges::partner_id.eq(partner));
    }
    // The bounds of the id let an index begin and end near the right place; the time itself decides.
    if let Some(from) = filter.from {
        let first = first_id_at(moved(from, -CLOCKS_APART));
        query = query.filter(pledges::created_at.ge(from)).filter(pledges::id.ge(first));
    }
    if let Some(to) = filter.to {
        let first = first_id_at(moved(to, CLOCKS_APART));
        query = query.filter(pledges::created_at.lt(to)).filter(pledges::id.lt(first));
    }
    query
}

fn moved(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(by).unwrap_or(time)
}

/// The smallest id made at `time`.
fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    Uuid::from_u128(id.as_u128() >> 80 << 80)
}

/// Pledges that fit, newest first, before the id `before`; and exactly how many fit in all. Both from one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn find(
    connection: &mut Connection,
    campaign: Uuid,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<Row>, i64), DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            let rows = page(connection, campaign, filter, before, limit).await?;
            Ok((rows, count(connection, campaign, filter).await?))
        })
        .await
}

async fn page(
    connection: &mut Connection,
    campaign: Uuid,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Row>, DbError> {
    let mut query = filtered(campaign, filter).select(Row::as_select()).order(pledges::id.desc()).limit(limit.into());
    if let Some(before) = before {
        query = query.filter(pledges::id.lt(before));
    }
    Ok(query.load(connection).await?)
}

async fn count(connection: &mut Connection, campaign: Uuid, filter: &Filter) -> Result<i64, DbError> {
    let timeless = Filter { from: None, to: None, ..filter.clone() };
    if filter.has_no_index() {
        return count_rows(connection, filtered(campaign, filter)).await;
    }
    let by_counters = !filter.is_of_rows();
    if filter.state == Some(State::Counted) && !(by_counters && filter.from.is_none() && filter.to.is_none()) {
        // No index has the state, because nearly all are counted; the few others have indexes of their own.
        let all = Filter { state: None, ..filter.clone() };
        let mut counted = Box::pin(count(connection, campaign, &all)).await?;
        for state in NOT_COUNTED {
            let others = Filter { state: Some(state), ..filter.clone() };
            counted -= Box::pin(count(connection, campaign, &others)).await?;
        }
        return Ok(counted);
    }
    match (filter.from, filter.to) {
        (None, None) if by_counters => count_by_counters(connection, campaign, filter).await,
        (None, None) => count_rows(connection, filtered(campaign, filter)).await,
        (from, to) => {
            // Well inside the bounds the id alone tells that a row fits, and an index alone counts it. Only rows near a
            // bound are looked at.
            let inner_from = from.map(|time| moved(time, CLOCKS_APART));
            let inner_to = to.map(|time| moved(time, -CLOCKS_APART));
            if inner_from.zip(inner_to).is_some_and(|(from, to)| from >= to) {
                return count_rows(connection, filtered(campaign, filter)).await;
            }
            let mut inner = filtered(campaign, &timeless);
            let mut edges = 0;
            if let Some(inside) = inner_from.map(first_id_at) {
                inner = inner.filter(pledges::id.ge(inside));
                edges += count_rows(connection, filtered(campaign, filter).filter(pledges::id.lt(inside))).await?;
            }
            if let Some(inside) = inner_to.map(first_id_at) {
                inner = inner.filter(pledges::id.lt(inside));
                edges += count_rows(connection, filtered(campaign, filter).filter(pledges::id.ge(inside))).await?;
            }
            Ok(edges + count_rows(connection, inner).await?)
        }
    }
}

async fn count_rows(connection: &mut Connection, query: Boxed<'_>) -> Result<i64, DbError> {
    Ok(query.select(count_star()).get_result(connection).await?)
}

/// The counters know the counted ones; only the few others are counted, along an index.
async fn count_by_counters(connection: &mut Connection, campaign: Uuid, filter: &Filter) -> Result<i64, DbError> {
    let mut count = 0;
    if filter.state.is_none_or(|state| state == State::Counted) {
        let counted = totals::deltas::store::exact(connection, campaign).await?;
        let fits = |country: &Country| filter.country.is_none_or(|wanted| wanted == *country);
        count += counted.iter().filter(|(country, _)| fits(country)).map(|(_, count)| count).sum::<i64>();
    }
    for state in NOT_COUNTED.into_iter().filter(|state| filter.state.is_none_or(|wanted| wanted == *state)) {
        let others = Filter { state: Some(state), ..filter.clone() };
        count += count_rows(connection, filtered(campaign, &others)).await?;
    }
    Ok(count)
}
