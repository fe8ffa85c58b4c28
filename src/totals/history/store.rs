//! The shelf of the history: each copy is read in one snapshot, together with what says how old it is.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{
    countries::{Countries, Reader},
    points::Steps,
};
use crate::{
    country::Country,
    db::{Connection, DbError},
};

/// How far a campaign's totals are.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Head {
    /// The campaign.
    #[diesel(sql_type = SqlUuid)]
    pub campaign: Uuid,
    /// The version of the published document.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// When that version was made.
    #[diesel(sql_type = Timestamptz)]
    pub changed_at: DateTime<Utc>,
    /// When the rounded values were last re-read.
    #[diesel(sql_type = Timestamptz)]
    pub reread_at: DateTime<Utc>,
    /// Small numbers are rounded down to a multiple of this.
    #[diesel(sql_type = BigInt)]
    pub threshold: i64,
    /// When the campaign was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// The beginning of the minute in which this was read (database clock).
    #[diesel(sql_type = Timestamptz)]
    pub minute: DateTime<Utc>,
}

async fn head(connection: &mut Connection, slug: &str) -> Result<Head, DbError> {
    Ok(diesel::sql_query(
        "SELECT id AS campaign, version, changed_at, reread_at, threshold::bigint AS threshold, created_at, \
           date_trunc('minute', now(), 'UTC') AS minute FROM campaigns JOIN campaign_totals ON campaign_id = id \
         WHERE slug = $1",
    )
    .bind::<Text, _>(slug)
    .get_result(connection)
    .await?)
}

#[derive(QueryableByName)]
struct Buckets {
    #[diesel(sql_type = Text)]
    unit: String,
    #[diesel(sql_type = Array<BigInt>)]
    numbers: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    counted: Vec<i64>,
}

/// A campaign's series: how far they are, minutes and hours.
pub type Read = (Head, Steps, Steps);

/// The series of a campaign by minute and hour; nothing when `known` is how far the totals still are.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such campaign, and those of the database.
pub async fn campaign(connection: &mut Connection, slug: &str, known: Option<&Head>) -> Result<Option<Read>, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            let head = head(connection, slug).await?;
            if known == Some(&head) {
                return Ok(None);
            }
            let buckets: Vec<Buckets> = diesel::sql_query(
                "SELECT unit, array_agg(number ORDER BY begins_at) AS numbers, \
                   array_agg(counted ORDER BY begins_at) AS counted \
                 FROM (SELECT unit, begins_at, counted, (extract(epoch FROM begins_at) \
                     / CASE unit WHEN 'minute' THEN 60 ELSE 3600 END)::bigint AS number FROM time_buckets \
                   WHERE campaign_id = $1 AND (unit = 'hour' OR begins_at >= now() - interval '2 days')) AS bucket \
                 GROUP BY unit",
            )
            .bind::<SqlUuid, _>(head.campaign)
            .get_results(connection)
            .await?;
            let of = |unit: &'static str| {
                let buckets = buckets.iter().filter(move |row| row.unit == unit);
                buckets.flat_map(|row| row.numbers.iter().copied().zip(row.counted.iter().copied()))
            };
            let hours = Steps::adding(0, of("hour"));
            // What is older than the minutes that are kept is in the total that they begin with.
            let lately: i64 = of("minute").map(|(_, counted)| counted).sum();
            let minutes = Steps::adding(hours.last() - lately, of("minute"));
            Ok(Some((head, minutes, hours)))
        })
        .await
}

#[derive(QueryableByName)]
struct Hour {
    /// Its number since 1970.
    #[diesel(sql_type = BigInt)]
    begins: i64,
    /// Two letters each.
    #[diesel(sql_type = Text)]
    countries: String,
    #[diesel(sql_type = Array<BigInt>)]
    settled: Vec<i64>,
}

/// The series of a campaign's countries, and how far the totals were.
///
/// # Errors
/// As [`campaign`].
pub async fn countries(connection: &mut Connection, slug: &str) -> Result<(Head, Countries), DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            let head = head(connection, slug).await?;
            let mut reader = Reader::new(head.threshold);
            // Hour after hour, along the primary key: the whole of it need not lie in memory.
            let mut hours = diesel::sql_query(
                "SELECT (extract(epoch FROM begins_at) / 3600)::bigint AS begins, string_agg(country, '') AS countries, \
                   array_agg(settled) AS settled FROM country_hours WHERE campaign_id = $1 AND settled <> 0 \
                 GROUP BY begins_at ORDER BY begins_at",
            )
            .bind::<SqlUuid, _>(head.campaign)
            .load_stream::<Hour>(connection)
            .await?;
            while let Some(row) = hours.try_next().await? {
                let country = |at: usize| row.countries.get(at * 2..at * 2 + 2).and_then(|code| code.parse().ok());
                let settled = row.settled.iter().enumerate();
                reader.hour(row.begins, settled.map(|(at, count)| (country(at).unwrap_or(Country::WITHHELD), *count)));
            }
            drop(hours);
            Ok((head, reader.finish()))
        })
        .await
}
