//! The shelf of the counts: deltas in, totals out.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::{
    board::{Document, Published},
    shown::{Changes, Figure, Figures},
};
use crate::{
    country::Country,
    db::{
        Connection, DbError,
        schema::{campaign_totals, count_deltas, country_totals},
    },
};

/// Held by the instance that folds: "pledge-f" in ASCII.
const FOLD_LOCK: i64 = 0x70_6c_65_64_67_65_2d_66;

/// Deltas that one transaction folds at the most.
const FOLD_AT_ONCE: i64 = 20_000;

/// How a fold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// Everything that was there is folded.
    All,
    /// There was more than one transaction takes: fold again.
    MoreToDo,
    /// Another instance is folding.
    SomebodyElse,
}

/// Appends a delta. Belongs in the transaction that changes the rows.
///
/// # Errors
/// Those of the database.
pub async fn append(connection: &mut Connection, campaign: Uuid, changes: &Changes) -> Result<(), DbError> {
    let changes: Vec<_> = changes.iter().filter(|(_, amount)| **amount != 0).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let countries: Vec<&str> = changes.iter().map(|(country, _)| country.as_str()).collect();
    let amounts: Vec<i64> = changes.iter().map(|(_, amount)| **amount).collect();
    diesel::insert_into(count_deltas::table)
        .values((
            count_deltas::campaign_id.eq(campaign),
            count_deltas::countries.eq(countries),
            count_deltas::amounts.eq(amounts),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

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
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Delta {
    #[diesel(sql_type = Array<Text>)]
    countries: Vec<String>,
    #[diesel(sql_type = Array<BigInt>)]
    amounts: Vec<i64>,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Folds deltas into the totals, and re-reads the rounded values of the campaigns whose last re-reading is
/// `reread_every` ago. One instance at a time; the others return at once. A campaign whose counters are damaged keeps its
/// deltas and its last totals, and the others go on.
///
/// # Errors
/// Those of the database; nothing is half folded.
pub async fn fold(connection: &mut Connection, reread_every: Duration) -> Result<Folded, DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Folded::SomebodyElse);
            }
            let mut more = false;
            for (campaign, due) in waiting(connection, reread_every).await? {
                let folded = connection
                    .transaction(async |connection| {
                        let deltas = take_deltas(connection, campaign).await?;
                        let full = i64::try_from(deltas.len()).is_ok_and(|taken| taken == FOLD_AT_ONCE);
                        fold_campaign(connection, campaign, &sum(deltas), due).await?;
                        Ok(full)
                    })
                    .await;
                match folded {
                    Ok(full) => more |= full,
                    Err(DbError::Constraint(constraint)) => {
                        tracing::error!(%campaign, constraint, "damaged counters stand still: run pledges doctor --repair");
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok(if more { Folded::MoreToDo } else { Folded::All })
        })
        .await
}

async fn take_deltas(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Delta>, DbError> {
    Ok(diesel::sql_query(
        "DELETE FROM count_deltas WHERE id IN (SELECT id FROM count_deltas WHERE campaign_id = $1 ORDER BY id LIMIT $2) \
         RETURNING countries, amounts",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(FOLD_AT_ONCE)
    .get_results(connection)
    .await?)
}

async fn try_lock(connection: &mut Connection) -> Result<bool, DbError> {
    let locked: Yes = diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({FOLD_LOCK}) AS yes"))
        .get_result(connection)
        .await?;
    Ok(locked.yes)
}

/// Waits for the lock of the fold, so that nobody folds until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn lock(connection: &mut Connection) -> Result<(), DbError> {
    diesel::sql_query(format!("SELECT pg_advisory_xact_lock({FOLD_LOCK})")).execute(connection).await?;
    Ok(())
}

fn sum(deltas: Vec<Delta>) -> Changes {
    let mut sums = Changes::new();
    for delta in deltas {
        for (country, amount) in delta.countries.iter().zip(delta.amounts) {
            *sums.entry(country.parse().unwrap_or(Country::WITHHELD)).or_default() += amount;
        }
    }
    sums
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Bool)]
    due: bool,
}

/// The campaigns with something to do, and whether their rounded values are due to be re-read.
async fn waiting(connection: &mut Connection, every: Duration) -> Result<Vec<(Uuid, bool)>, DbError> {
    let rows: Vec<Waiting> = diesel::sql_query(
        "SELECT campaign_id, due FROM (SELECT campaign_id, \
           reread_at <= clock_timestamp() - make_interval(secs => $1) AS due FROM campaign_totals) AS every_campaign \
         WHERE due OR campaign_id IN (SELECT campaign_id FROM count_deltas)",
    )
    .bind::<Double, _>(every.as_secs_f64())
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.campaign_id, row.due)).collect())
}

async fn fold_campaign(
    connection: &mut Connection,
    campaign: Uuid,
    changes: &Changes,
    due: bool,
) -> Result<(), DbError> {
    // Whoever changes the campaign's settings comes before or after, not in between.
    diesel::sql_query("SELECT FROM campaign_totals WHERE campaign_id = $1 FOR UPDATE")
        .bind::<SqlUuid, _>(campaign)
        .execute(&mut *connection)
        .await?;
    let before = figures(connection, campaign).await?;
    let mut after = before.clone();
    let forced = after.apply(changes);
    if due {
        after.reread();
    }
    let differing: Vec<_> =
        after.countries.iter().filter(|(country, figure)| before.countries.get(country) != Some(figure)).collect();
    write_countries(connection, campaign, &differing).await?;
    let is_new_version = after.total != before.total || !after.shown().eq(before.shown());
    diesel::sql_query(
        "UPDATE campaign_totals SET total = $2, version = version + $3::bool::int, \
           changed_at = CASE WHEN $3 THEN clock_timestamp() ELSE changed_at END, \
           reread_at = CASE WHEN $4 THEN clock_timestamp() ELSE reread_at END \
         WHERE campaign_id = $1",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(after.total)
    .bind::<Bool, _>(is_new_version)
    .bind::<Bool, _>(due || forced)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_countries(
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
    let total: Option<i64> = campaign_totals::table
        .find(campaign)
        .select(campaign_totals::total)
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
    Ok(Figures { threshold: threshold.into(), total: total.unwrap_or(0), countries })
}

#[derive(QueryableByName)]
struct Exact {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

/// A campaign's exact counts by country: stored totals and deltas in one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn exact(connection: &mut Connection, campaign: Uuid) -> Result<Changes, DbError> {
    let rows: Vec<Exact> = diesel::sql_query(
        "SELECT country, sum(counted)::bigint AS counted FROM ( \
           SELECT country, counted FROM country_totals WHERE campaign_id = $1 \
           UNION ALL SELECT change.country, change.amount FROM count_deltas, \
             unnest(countries, amounts) AS change (country, amount) WHERE campaign_id = $1) AS parts GROUP BY country",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.country.parse().unwrap_or(Country::WITHHELD), row.counted)).collect())
}

/// A campaign's deltas that are not folded yet.
///
/// # Errors
/// Those of the database.
pub async fn unfolded(connection: &mut Connection, campaign: Uuid) -> Result<Changes, DbError> {
    let deltas: Vec<Delta> = diesel::sql_query("SELECT countries, amounts FROM count_deltas WHERE campaign_id = $1")
        .bind::<SqlUuid, _>(campaign)
        .get_results(connection)
        .await?;
    Ok(sum(deltas))
}

/// Makes the stored figures of a campaign `counted`, re-reads them, and drops the deltas that this snapshot sees: they are
/// in what was counted. Belongs, under [`lock`], in the transaction and snapshot that counted.
///
/// # Errors
/// Those of the database; [`DbError::Conflict`] when somebody folded meanwhile.
pub async fn set(connection: &mut Connection, campaign: Uuid, counted: &Changes) -> Result<(), DbError> {
    let mut figures = figures(connection, campaign).await?;
    for figure in figures.countries.values_mut() {
        figure.counted = 0;
    }
    for (country, counted) in counted {
        figures.countries.entry(*country).or_default().counted = *counted;
    }
    figures.total = counted.values().sum();
    figures.reread();
    write_countries(connection, campaign, &figures.countries.iter().collect::<Vec<_>>()).await?;
    diesel::sql_query(
        "INSERT INTO campaign_totals (campaign_id, total) VALUES ($1, $2) ON CONFLICT (campaign_id) DO UPDATE \
         SET total = excluded.total, version = campaign_totals.version + 1, changed_at = clock_timestamp(), \
           reread_at = clock_timestamp()",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(figures.total)
    .execute(&mut *connection)
    .await?;
    diesel::delete(count_deltas::table.filter(count_deltas::campaign_id.eq(campaign))).execute(connection).await?;
    Ok(())
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
