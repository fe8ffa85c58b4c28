//! The shelf that moderators search.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::RunQueryDsl;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    country::Country,
    db::{Connection, DbError, schema::pledges},
    pledges::State,
    totals,
};

/// Ids carry the time of the service's clock, `created_at` that of the database: they differ by less than this.
const CLOCKS_APART: TimeDelta = TimeDelta::hours(1);

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
    pub fingerprint: Option<[u8; 32]>,
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
    if let Some(fingerprint) = &filter.fingerprint {
        query = query.filter(pledges::fingerprint.eq(fingerprint.as_slice()));
    }
    if let Some(from) = filter.from {
        query = query.filter(pledges::created_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(pledges::created_at.lt(to));
    }
    query
}

/// The smallest id made at `time`. Bounds on the id let a walk along an index that ends in it begin at the right place.
fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    Uuid::from_u128(id.as_u128() >> 80 << 80)
}

/// Pledges that fit, newest first, before the id `before`.
///
/// # Errors
/// Those of the database.
pub async fn page(
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
    if let Some(from) = filter.from.and_then(|from| from.checked_sub_signed(CLOCKS_APART)) {
        query = query.filter(pledges::id.ge(first_id_at(from)));
    }
    if let Some(to) = filter.to.and_then(|to| to.checked_add_signed(CLOCKS_APART)) {
        query = query.filter(pledges::id.lt(first_id_at(to)));
    }
    Ok(query.load(connection).await?)
}

/// Exactly how many pledges fit.
///
/// # Errors
/// Those of the database.
pub async fn count(connection: &mut Connection, campaign: Uuid, filter: &Filter) -> Result<i64, DbError> {
    let by_counters = filter.from.is_none()
        && filter.to.is_none()
        && filter.language.is_none()
        && filter.removal.is_none()
        && filter.fingerprint.is_none();
    if !by_counters {
        return Ok(filtered(campaign, filter).select(count_star()).get_result(connection).await?);
    }
    // The counters know the counted ones; only the removed ones are counted, along an index.
    let mut count = 0;
    if filter.state != Some(State::Removed) {
        let counted = totals::store::exact(connection, campaign).await?;
        let fits = |country: &Country| filter.country.is_none_or(|wanted| wanted == *country);
        count += counted.iter().filter(|(country, _)| fits(country)).map(|(_, count)| count).sum::<i64>();
    }
    if filter.state != Some(State::Counted) {
        let removed = Filter { state: Some(State::Removed), ..filter.clone() };
        count += filtered(campaign, &removed).select(count_star()).get_result::<i64>(connection).await?;
    }
    Ok(count)
}
