//! The shelf of the totals as they are stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{
    board::{Document, Published},
    deltas::Sums,
    fold,
    recount::Buckets,
    shown::{Figure, Figures},
};
use crate::{
    country::Country,
    db::{
        Connection, DbError,
        schema::{campaign_totals, count_deltas, country_hours, country_totals, partner_totals, time_buckets},
    },
};

/// Begins the totals of a new campaign.
///
/// # Errors
/// Those of the database.
pub async fn create(connection: &mut Connection, campaign: Uuid) -> Result<(), DbError> {
    diesel::insert_into(campaign_totals::table)
        .values(campaign_totals::campaign_id.eq(campaign))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a new version: the campaign's settings have changed. With another threshold the rounded values are re-read at the
/// next fold; otherwise they wait for their time, or two re-readings would stand too close together.
///
/// # Errors
/// Those of the database.
pub async fn settings_changed(
    connection: &mut Connection,
    campaign: Uuid,
    other_threshold: bool,
) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE campaign_totals SET version = version + 1, changed_at = clock_timestamp(), \
           reread_at = CASE WHEN $2 THEN 'epoch' ELSE reread_at END WHERE campaign_id = $1",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Bool, _>(other_threshold)
    .execute(&mut *connection)
    .await?;
    fold::store::announce(connection, "settings").await
}

/// Writes figures of countries over those that are there.
///
/// # Errors
/// Those of the database.
pub(super) async fn write_countries(
    connection: &mut Connection,
    campaign: Uuid,
    figures: &[(&Country, &Figure)],
) -> Result<(), DbError> {
    if figures.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "INSERT INTO country_totals (campaign_id, country, counted, shown, live) \
         SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bool[]) \
         ON CONFLICT (campaign_id, country) \
         DO UPDATE SET counted = excluded.counted, shown = excluded.shown, live = excluded.live",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<Text>, _>(figures.iter().map(|(country, _)| country.as_str()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(figures.iter().map(|(_, figure)| figure.counted).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(figures.iter().map(|(_, figure)| figure.shown).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(figures.iter().map(|(_, figure)| figure.live).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The stored figures of a campaign, deltas left out.
///
/// # Errors
/// [`DbError::NotFound`] when there is no such campaign, and those of the database.
pub async fn figures(connection: &mut Connection, campaign: Uuid) -> Result<Figures, DbError> {
    use crate::db::schema::campaigns;
    let threshold: i32 = campaigns::table.find(campaign).select(campaigns::threshold).first(&mut *connection).await?;
    let totals: Option<(i64, i64)> = campaign_totals::table
        .find(campaign)
        .select((campaign_totals::total, campaign_totals::confirmed))
        .first(&mut *connection)
        .await
        .optional()?;
    let rows: Vec<(String, i64, i64, bool)> = country_totals::table
        .filter(country_totals::campaign_id.eq(campaign))
        .select((country_totals::country, country_totals::counted, country_totals::shown, country_totals::live))
        .load(connection)
        .await?;
    let countries: BTreeMap<_, _> = rows
        .into_iter()
        .filter_map(|(country, counted, shown, live)| Some((country.parse().ok()?, Figure { counted, shown, live })))
        .collect();
    let (total, confirmed) = totals.unwrap_or_default();
    Ok(Figures { threshold: threshold.into(), total, confirmed, countries })
}

/// Makes the stored counters of a campaign `counted`, re-reads the rounded values, and drops the deltas that this snapshot
/// sees: they are in what was counted. Belongs, under the lock of the fold, in the transaction and snapshot that counted.
///
/// # Errors
/// Those of the database; [`DbError::Conflict`] when somebody folded meanwhile.
pub async fn set(connection: &mut Connection, campaign: Uuid, counted: &Sums) -> Result<(), DbError> {
    let mut figures = figures(connection, campaign).await?;
    for figure in figures.countries.values_mut() {
        figure.counted = 0;
    }
    for (country, counted) in &counted.countries {
        figures.countries.entry(*country).or_default().counted = *counted;
    }
    figures.total = counted.countries.values().sum();
    figures.confirmed = counted.confirmed;
    figures.reread();
    write_countries(connection, campaign, &figures.countries.iter().collect::<Vec<_>>()).await?;
    diesel::delete(time_buckets::table.filter(time_buckets::campaign_id.eq(campaign))).execute(connection).await?;
    diesel::delete(country_hours::table.filter(country_hours::campaign_id.eq(campaign))).execute(connection).await?;
    diesel::delete(partner_totals::table.filter(partner_totals::campaign_id.eq(campaign))).execute(connection).await?;
    fold::store::write_partners(connection, campaign, &counted.partners).await?;
    fold::store::show_partners(connection, campaign, figures.total, figures.threshold).await?;
    fold::store::write_buckets(connection, campaign, counted).await?;
    diesel::sql_query("UPDATE country_hours SET settled = counted WHERE campaign_id = $1")
        .bind::<SqlUuid, _>(campaign)
        .execute(&mut *connection)
        .await?;
    diesel::sql_query(
        "INSERT INTO campaign_totals (campaign_id, total, confirmed) VALUES ($1, $2, $3) ON CONFLICT (campaign_id) DO UPDATE \
         SET total = excluded.total, confirmed = excluded.confirmed, version = campaign_totals.version + 1, changed_at = clock_timestamp(), \
           reread_at = clock_timestamp(), unsettled_from = NULL",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(figures.total)
    .bind::<BigInt, _>(figures.confirmed)
    .execute(&mut *connection)
    .await?;
    diesel::delete(count_deltas::table.filter(count_deltas::campaign_id.eq(campaign))).execute(connection).await?;
    Ok(())
}

/// The stored counts of a campaign by partner and time, deltas left out.
///
/// # Errors
/// Those of the database.
pub async fn buckets(connection: &mut Connection, campaign: Uuid) -> Result<Buckets, DbError> {
    let rows: Vec<(String, DateTime<Utc>, i64)> = time_buckets::table
        .filter(time_buckets::campaign_id.eq(campaign))
        .select((time_buckets::unit, time_buckets::begins_at, time_buckets::counted))
        .load(&mut *connection)
        .await?;
    let (minutes, hours): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(unit, ..)| unit == "minute");
    let by_time =
        |rows: Vec<(String, DateTime<Utc>, i64)>| rows.into_iter().map(|(_, at, count)| (at, count)).collect();
    let unsettled_from: Option<Option<DateTime<Utc>>> = campaign_totals::table
        .find(campaign)
        .select(campaign_totals::unsettled_from)
        .first(&mut *connection)
        .await
        .optional()?;
    let countries: Vec<(DateTime<Utc>, String, i64, i64)> = country_hours::table
        .filter(country_hours::campaign_id.eq(campaign))
        .select((country_hours::begins_at, country_hours::country, country_hours::counted, country_hours::settled))
        .load(&mut *connection)
        .await?;
    let should_be_settled = |at: &DateTime<Utc>| unsettled_from.flatten().is_none_or(|from| *at < from);
    let unsettled =
        countries.iter().filter(|(at, _, counted, settled)| counted != settled && should_be_settled(at)).count();
    let country = |text: String| text.parse().unwrap_or(Country::WITHHELD);
    let country_hours = countries.into_iter().map(|(at, name, counted, _)| ((at, country(name)), counted)).collect();
    let partners = partner_totals::table
        .filter(partner_totals::campaign_id.eq(campaign))
        .select((partner_totals::partner_id, partner_totals::counted))
        .load(connection)
        .await?;
    let partners = partners.into_iter().collect();
    Ok(Buckets { partners, minutes: by_time(minutes), hours: by_time(hours), country_hours, unsettled })
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    goal: Option<i64>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
}

/// The documents of the public campaigns whose version differs from the one in `known` (by slug).
///
/// # Errors
/// Those of the database.
pub async fn documents(connection: &mut Connection, known: &BTreeMap<String, i64>) -> Result<Vec<Published>, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            let heads: Vec<Head> = diesel::sql_query(
                "SELECT id, slug, goal, version, changed_at FROM campaigns JOIN campaign_totals ON campaign_id = id \
                 WHERE state <> 'draft'",
            )
            .get_results(connection)
            .await?;
            let mut documents = Vec::new();
            for head in heads.into_iter().filter(|head| known.get(&head.slug) != Some(&head.version)) {
                let figures = figures(connection, head.id).await?;
                documents.push(Published::new(Document::new(
                    head.slug,
                    head.goal,
                    head.version,
                    head.changed_at,
                    &figures,
                )));
            }
            Ok(documents)
        })
        .await
}
