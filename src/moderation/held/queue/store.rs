//! The shelf of the queue.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, SelectableHelper,
    dsl::sql,
    sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Cluster, Clusters, Common, LOOKED_AT, MOST};
use crate::{
    db::{Connection, DbError, schema::pledges},
    gate::signals::Signal,
    moderation::{
        held::sampling::holding,
        search::{
            Search,
            store::{Boxed, Row, conditions},
        },
    },
};

/// Held pledges that fit. The state stands in the text, so that their index can be taken whatever is bound.
fn held(search: &Search) -> Boxed<'_> {
    conditions(search).filter(sql::<Bool>("pledges.state = 'held'"))
}

/// Held pledges that fit, with larger ids than `after`, oldest first. `sampled`: only those of the sample.
///
/// # Errors
/// Those of the database.
pub async fn page(
    connection: &mut Connection,
    search: &Search,
    sampled: bool,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Row>, DbError> {
    let mut query = held(search).order(pledges::id).limit(i64::from(limit));
    if sampled {
        query = query.filter(sql::<Bool>("get_byte(uuid_send(pledges.id), 15) < 32"));
    }
    if let Some(after) = after {
        query = query.filter(pledges::id.gt(after));
    }
    Ok(query.select(Row::as_select()).load(connection).await?)
}

/// How many held pledges fit.
///
/// # Errors
/// Those of the database.
pub async fn count(connection: &mut Connection, search: &Search) -> Result<i64, DbError> {
    Ok(held(search).count().get_result(connection).await?)
}

/// The oldest held pledges that fit.
///
/// # Errors
/// Those of the database.
pub async fn oldest(connection: &mut Connection, search: &Search, limit: i64) -> Result<Vec<Uuid>, DbError> {
    Ok(held(search).order(pledges::id).limit(limit).select(pledges::id).load(connection).await?)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    common: String,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = Timestamptz)]
    first_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last_at: DateTime<Utc>,
}

/// What the newest held pledges of a campaign have in common.
///
/// # Errors
/// Those of the database.
pub async fn clusters(connection: &mut Connection, campaign: Uuid) -> Result<Clusters, DbError> {
    let found: Vec<Found> = diesel::sql_query(
        "WITH newest AS MATERIALIZED (SELECT source_tag, domain_tag, name_tag, shape_tag, country, partner_id, signals, created_at \
           FROM pledges WHERE campaign_id = $1 AND state = 'held' ORDER BY id DESC LIMIT $2), \
         in_common AS (SELECT common, value, created_at FROM newest, LATERAL (VALUES \
             ('source_tag', lpad(to_hex(source_tag), 16, '0')), ('domain_tag', lpad(to_hex(domain_tag), 16, '0')), \
             ('name_tag', lpad(to_hex(name_tag), 16, '0')), ('shape_tag', lpad(to_hex(shape_tag), 16, '0')), \
             ('country', country::text), ('partner', partner_id::text)) AS of_one (common, value) WHERE value IS NOT NULL \
           UNION ALL SELECT 'signal', bit::text, created_at FROM newest, unnest($3) AS bit WHERE signals & (1 << bit) <> 0), \
         ranked AS (SELECT common, value, count(*) AS pledges, min(created_at) AS first_at, max(created_at) AS last_at, \
             row_number() OVER (PARTITION BY common ORDER BY count(*) DESC, value) AS place \
           FROM in_common GROUP BY common, value HAVING count(*) > 1) \
         SELECT common, value, pledges, first_at, last_at FROM ranked WHERE place <= $4 ORDER BY pledges DESC, common, value",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(LOOKED_AT)
    .bind::<Array<Integer>, _>(holding().map(bit_number).collect::<Vec<_>>())
    .bind::<BigInt, _>(MOST)
    .get_results(&mut *connection)
    .await?;
    let looked_at = count(connection, &Search { campaign, ..Search::default() }).await?.min(LOOKED_AT);
    let clusters = found.into_iter().map(cluster).collect::<Result<_, _>>()?;
    Ok(Clusters { clusters, looked_at })
}

/// The number of a signal's bit.
pub fn bit_number(signal: Signal) -> i32 {
    i32::try_from(signal.bit().bits().trailing_zeros()).unwrap_or_default()
}

/// The signal whose bit has this number.
pub fn of_bit(number: i32) -> Option<Signal> {
    Signal::ALL.iter().copied().find(|signal| bit_number(*signal) == number)
}

fn cluster(found: Found) -> Result<Cluster, DbError> {
    const UNKNOWN: DbError = DbError::Defect("what held pledges have in common can't be read");
    let common = Common::parse(&found.common).ok_or(UNKNOWN)?;
    let value = if common == Common::Signal {
        found.value.parse().ok().and_then(of_bit).ok_or(UNKNOWN)?.name().to_owned()
    } else {
        found.value
    };
    Ok(Cluster { common, value, pledges: found.pledges, first_at: found.first_at, last_at: found.last_at })
}
