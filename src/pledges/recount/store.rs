//! The shelf of the recount: every row is counted, in one snapshot with the counters.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::json;
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    campaigns,
    country::Country,
    db::{Connection, DbError},
    pledges::rules::APPLYING,
    totals::{self, deltas::Sums, fold, recount::Recount},
};

#[derive(QueryableByName)]
struct HourCount {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    hour: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

#[derive(QueryableByName)]
struct MinuteCount {
    #[diesel(sql_type = Timestamptz)]
    minute: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

#[derive(QueryableByName)]
struct PartnerCount {
    #[diesel(sql_type = SqlUuid)]
    partner_id: Uuid,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

#[derive(QueryableByName)]
struct ConfirmedCount {
    #[diesel(sql_type = BigInt)]
    confirmed: i64,
}

/// Counts a campaign's counted pledges, row by row: by country, by partner, by hour and country, the confirmed ones, and the
/// last two days by minute.
async fn recount(connection: &mut Connection, campaign: Uuid) -> Result<Sums, DbError> {
    let hours: Vec<HourCount> = diesel::sql_query(
        "SELECT country, date_trunc('hour', counted_at, 'UTC') AS hour, count(*) AS counted FROM pledges \
         WHERE campaign_id = $1 AND state = 'counted' GROUP BY 1, 2",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    let minutes: Vec<MinuteCount> = diesel::sql_query(
        "SELECT date_trunc('minute', counted_at, 'UTC') AS minute, count(*) AS counted FROM pledges \
         WHERE campaign_id = $1 AND state = 'counted' AND counted_at >= now() - interval '2 days' GROUP BY 1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    let partners: Vec<PartnerCount> = diesel::sql_query(
        "SELECT partner_id, count(*) AS counted FROM pledges \
         WHERE campaign_id = $1 AND state = 'counted' AND partner_id IS NOT NULL GROUP BY 1",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    let confirmed: ConfirmedCount = diesel::sql_query(
        "SELECT count(*) AS confirmed FROM pledges \
         WHERE campaign_id = $1 AND state = 'counted' AND confirmed_at IS NOT NULL",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_result(connection)
    .await?;
    let mut counted = Sums { confirmed: confirmed.confirmed, ..Sums::default() };
    counted.partners = partners.into_iter().map(|row| (row.partner_id, row.counted)).collect();
    for row in hours {
        let country = row.country.parse().unwrap_or(Country::WITHHELD);
        *counted.countries.entry(country).or_default() += row.counted;
        if let Some(hour) = row.hour {
            *counted.hours.entry((hour, country)).or_default() += row.counted;
        }
    }
    counted.minutes = minutes.into_iter().map(|row| (row.minute, row.counted)).collect();
    Ok(counted)
}

/// Counters and recount of every campaign, from one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn check_counts(connection: &mut Connection) -> Result<Vec<Recount>, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| recounts(connection).await)
        .await
}

/// How often it is looked whether rules are being applied, and how long it waits between: longer than one step of theirs may last.
const LOOKS: u32 = 1_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Adds to the counters what they lack, and returns what was found before. Nobody folds meanwhile, and no rule that searches is applied:
/// under attack those would write into the log all the time. A pledge that comes meanwhile is in neither side of the comparison.
///
/// # Errors
/// [`DbError::Conflict`] when somebody folded first, or anything went into the audit log meanwhile: run it again. And those of the database.
pub async fn repair_counts(connection: &mut Connection) -> Result<Vec<Recount>, DbError> {
    for _ in 0..LOOKS {
        if let Some(recounts) = repair(connection).await? {
            return Ok(recounts);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(DbError::Conflict)
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// None: rules are being applied.
async fn repair(connection: &mut Connection) -> Result<Option<Vec<Recount>>, DbError> {
    connection
        .build_transaction()
        .repeatable_read()
        .run(async |connection| {
            // Not waited for: the snapshot would be from before the wait.
            let alone: Yes = diesel::sql_query(format!("SELECT pg_try_advisory_xact_lock({APPLYING}) AS yes"))
                .get_result(&mut *connection)
                .await?;
            if !alone.yes {
                return Ok(None);
            }
            fold::store::lock(connection).await?;
            let recounts = recounts(connection).await?;
            let wrong = || recounts.iter().filter(|recount| !recount.differences().is_empty());
            for recount in wrong() {
                totals::store::set(connection, recount.campaign, &recount.counted).await?;
            }
            // The log is locked last, as everywhere.
            for recount in wrong() {
                let entry = Entry {
                    moderator: None,
                    campaign: Some(recount.campaign),
                    action: "totals.repair",
                    details: json!({ "differences": recount.differences() }),
                };
                audit::store::record(connection, entry).await?;
            }
            Ok(Some(recounts))
        })
        .await
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

async fn recounts(connection: &mut Connection) -> Result<Vec<Recount>, DbError> {
    diesel::sql_query("SET LOCAL statement_timeout = 0").execute(connection).await?;
    let Now { now } = diesel::sql_query("SELECT now()").get_result(connection).await?;
    let mut recounts = Vec::new();
    for campaign in campaigns::store::with_trials(connection).await? {
        recounts.push(Recount {
            campaign: campaign.id,
            figures: totals::store::figures(connection, campaign.id).await?,
            buckets: totals::store::buckets(connection, campaign.id).await?,
            deltas: totals::deltas::store::unfolded(connection, campaign.id).await?,
            counted: recount(connection, campaign.id).await?,
            slug: campaign.slug,
            now,
        });
    }
    Ok(recounts)
}

#[derive(QueryableByName)]
struct Orphans {
    #[diesel(sql_type = BigInt)]
    without_campaign: i64,
    #[diesel(sql_type = BigInt)]
    without_removal: i64,
}

/// How many pledges belong to no campaign, and how many removed ones to no removal that stands: the check that foreign
/// keys would make at the price of a quarter of ingest.
///
/// # Errors
/// Those of the database.
pub async fn orphans(connection: &mut Connection) -> Result<(i64, i64), DbError> {
    diesel::sql_query("SET statement_timeout = 0").execute(connection).await?;
    let orphans: Orphans = diesel::sql_query(
        "SELECT (SELECT count(*) FROM pledges WHERE NOT EXISTS \
           (SELECT FROM campaigns WHERE campaigns.id = campaign_id)) AS without_campaign, \
         (SELECT count(*) FROM pledges WHERE removal_id IS NOT NULL AND NOT EXISTS (SELECT FROM removals \
           WHERE removals.id = removal_id AND removals.campaign_id = pledges.campaign_id AND undone_at IS NULL)) \
           AS without_removal",
    )
    .get_result(connection)
    .await?;
    Ok((orphans.without_campaign, orphans.without_removal))
}
