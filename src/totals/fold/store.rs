//! The shelf of folding: deltas out, totals and time buckets on, one transaction.

use std::time::Duration;

use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Folded, Order, Turns};
use crate::{
    db::{Connection, DbError, schema::partner_totals},
    totals::{
        deltas::{self, PartnerChanges, Sums},
        shown::rounded,
        store::{figures, write_countries},
    },
};

/// Held by the instance that folds: "pledge-f" in ASCII.
const FOLD_LOCK: i64 = 0x70_6c_65_64_67_65_2d_66;

/// Deltas of one campaign that one transaction folds at the most.
const FOLD_AT_ONCE: i64 = 20_000;

/// Campaigns that one transaction folds at the most: some twenty statements each, so that it ends in time however many there
/// are.
const CAMPAIGNS_AT_ONCE: usize = 40;

/// Where new versions are announced, with the name of the instance that made them.
pub const CHANNEL: &str = "pledges_totals";

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Seconds {
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

/// Folds what is due, and re-reads the rounded values of the campaigns whose last re-reading is long enough ago. One
/// instance at a time; the others return at once. A campaign whose counters are damaged keeps its deltas and its last
/// totals, and the others go on.
///
/// # Errors
/// Those of the database; nothing is half folded.
pub async fn fold(connection: &mut Connection, order: &Order<'_>) -> Result<Folded, DbError> {
    connection
        .transaction(async |connection| {
            if !try_lock(connection).await? {
                return Ok(Folded::SomebodyElse(oldest_waits(connection).await?));
            }
            let turn = begin(connection).await?;
            let waiting = waiting(connection, turn.floor, order).await?;
            // A re-reading doesn't wait: it stands on the clock.
            let is_due = |it: &Waiting| it.due_in <= 0.0 || it.reread || order.turns == Turns::Ignored;
            let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_due);
            let next = later.iter().map(|it| it.due_in).min_by(f64::total_cmp);
            let (mut taken, mut more, mut damaged) = (0, due.len() > CAMPAIGNS_AT_ONCE, Vec::new());
            for waiting in due.into_iter().take(CAMPAIGNS_AT_ONCE) {
                let campaign = waiting.campaign_id;
                let folded = connection
                    .transaction(async |connection| {
                        let (sums, taken) = deltas::store::take(connection, campaign, turn.floor, FOLD_AT_ONCE).await?;
                        fold_campaign(connection, campaign, &sums, waiting.reread, order.instance).await?;
                        Ok(taken)
                    })
                    .await;
                match folded {
                    Ok(count) => {
                        taken += count;
                        more |= count == FOLD_AT_ONCE;
                    }
                    Err(DbError::Constraint(constraint)) => {
                        damaged.push(campaign);
                        tracing::error!(%campaign, constraint, "damaged counters stand still: run pledges doctor --repair");
                    }
                    Err(other) => return Err(other),
                }
            }
            if taken > 0 || turn.stale {
                advance(connection, &turn).await?;
            }
            Ok(Folded::Some { more, next: next.map(Duration::from_secs_f64), damaged })
        })
        .await
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

/// How long the oldest delta has been waiting to be folded, its campaign's turn left out; zero when there is none.
///
/// # Errors
/// Those of the database.
pub async fn oldest_waits(connection: &mut Connection) -> Result<Duration, DbError> {
    let oldest: Seconds = diesel::sql_query(
        "SELECT extract(epoch FROM clock_timestamp() - min(appended_at + publish_every_ms * interval '1 ms'))::float8 \
           AS seconds FROM count_deltas JOIN campaigns ON campaigns.id = campaign_id, fold_progress \
         WHERE xact >= CASE WHEN floor <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN floor ELSE 0 END",
    )
    .get_result(connection)
    .await?;
    Ok(Duration::from_secs_f64(oldest.seconds.unwrap_or(0.0).max(0.0)))
}

#[derive(QueryableByName)]
struct Turn {
    #[diesel(sql_type = BigInt)]
    floor: i64,
    #[diesel(sql_type = BigInt)]
    next_floor: i64,
    #[diesel(sql_type = Bool)]
    stale: bool,
}

/// Where to begin, and where to begin the next time when everything is folded: every transaction below `next_floor` has
/// ended, so this turn sees its deltas. A dump that was restored elsewhere may bring a floor from a longer life than its new
/// server's: that one is stale, and none.
async fn begin(connection: &mut Connection) -> Result<Turn, DbError> {
    Ok(diesel::sql_query(
        "SELECT CASE WHEN floor <= next_floor THEN floor ELSE 0 END AS floor, next_floor, floor > next_floor AS stale \
         FROM fold_progress, \
           LATERAL (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next_floor) AS now_running",
    )
    .get_result(connection)
    .await?)
}

/// Up to the oldest delta that is left: one whose campaign waits, or is damaged.
async fn advance(connection: &mut Connection, turn: &Turn) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE fold_progress SET floor = least($2, (SELECT min(xact) FROM count_deltas WHERE xact >= $1))",
    )
    .bind::<BigInt, _>(turn.floor)
    .bind::<BigInt, _>(turn.next_floor)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Bool)]
    reread: bool,
    #[diesel(sql_type = Double)]
    due_in: f64,
}

/// The campaigns with something to do, whether their rounded values are due to be re-read, and after how many seconds they
/// may publish again.
///
/// Re-readings stand on the clock's multiples of `every`, the next one at least half of it after the last. The history of a
/// country is read at the end of each hour: were that a few seconds from a re-reading, both together would tell the country
/// of whoever pledged between them.
async fn waiting(connection: &mut Connection, floor: i64, order: &Order<'_>) -> Result<Vec<Waiting>, DbError> {
    Ok(diesel::sql_query(
        "SELECT campaign_id, reread, due_in FROM (SELECT campaign_id, \
             coalesce(floor(extract(epoch FROM reread_at) / nullif($2, 0) + 0.5) \
               < floor(extract(epoch FROM clock_timestamp()) / nullif($2, 0)), true) AS reread, \
             publish_every_ms / 1000.0::float8 \
               - greatest(extract(epoch FROM clock_timestamp() - changed_at)::float8, 0) AS due_in \
           FROM campaign_totals JOIN campaigns ON id = campaign_id) AS every_campaign \
         WHERE (reread OR campaign_id IN (SELECT campaign_id FROM count_deltas WHERE xact >= $1)) \
           AND campaign_id <> ALL($3)",
    )
    .bind::<BigInt, _>(floor)
    .bind::<Double, _>(order.reread_every.as_secs_f64())
    .bind::<Array<SqlUuid>, _>(order.leave_out)
    .get_results(connection)
    .await?)
}

async fn fold_campaign(
    connection: &mut Connection,
    campaign: Uuid,
    sums: &Sums,
    reread: bool,
    instance: &str,
) -> Result<(), DbError> {
    // Whoever changes the campaign's settings comes before or after, not in between.
    diesel::sql_query("SELECT FROM campaign_totals WHERE campaign_id = $1 FOR UPDATE")
        .bind::<SqlUuid, _>(campaign)
        .execute(&mut *connection)
        .await?;
    let before = figures(connection, campaign).await?;
    let mut after = before.clone();
    let forced = after.apply(&sums.countries);
    after.confirmed += sums.confirmed;
    if reread {
        after.reread();
    }
    let differing: Vec<_> =
        after.countries.iter().filter(|(country, figure)| before.countries.get(country) != Some(figure)).collect();
    write_countries(connection, campaign, &differing).await?;
    write_partners(connection, campaign, &sums.partners).await?;
    if reread {
        show_partners(connection, campaign, after.total, after.threshold).await?;
    }
    write_buckets(connection, campaign, sums).await?;
    let is_new_version =
        after.total != before.total || after.confirmed != before.confirmed || !after.shown().eq(before.shown());
    diesel::sql_query(
        "UPDATE campaign_totals SET total = $2, version = version + $3::bool::int, \
           changed_at = CASE WHEN $3 THEN clock_timestamp() ELSE changed_at END, \
           reread_at = CASE WHEN $4 THEN clock_timestamp() ELSE reread_at END, \
           unsettled_from = least(unsettled_from, $5), confirmed = $6 \
         WHERE campaign_id = $1",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<BigInt, _>(after.total)
    .bind::<Bool, _>(is_new_version)
    .bind::<Bool, _>(reread || forced)
    .bind::<Nullable<Timestamptz>, _>(sums.hours.keys().next().map(|(hour, _)| *hour))
    .bind::<BigInt, _>(after.confirmed)
    .execute(&mut *connection)
    .await?;
    if reread || forced {
        settle(connection, campaign).await?;
    }
    if is_new_version {
        announce(connection, instance).await?;
    }
    Ok(())
}

/// Tells the other instances that there is a new version; they hear it when the transaction commits.
///
/// # Errors
/// Those of the database.
pub async fn announce(connection: &mut Connection, instance: &str) -> Result<(), DbError> {
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANNEL)
        .bind::<Text, _>(instance)
        .execute(connection)
        .await?;
    Ok(())
}

/// Rule 8: the history of a country changes only together with the rounded values.
async fn settle(connection: &mut Connection, campaign: Uuid) -> Result<(), DbError> {
    diesel::sql_query(
        "UPDATE country_hours SET settled = counted FROM campaign_totals AS totals \
         WHERE totals.campaign_id = $1 AND country_hours.campaign_id = $1 AND begins_at >= unsettled_from \
           AND settled <> counted",
    )
    .bind::<SqlUuid, _>(campaign)
    .execute(&mut *connection)
    .await?;
    diesel::sql_query(
        "UPDATE campaign_totals SET unsettled_from = NULL WHERE campaign_id = $1 AND unsettled_from IS NOT NULL",
    )
    .bind::<SqlUuid, _>(campaign)
    .execute(&mut *connection)
    .await?;
    // Minutes are shown for two days.
    diesel::sql_query(
        "DELETE FROM time_buckets WHERE campaign_id = $1 AND unit = 'minute' AND begins_at < now() - interval '2 days'",
    )
    .bind::<SqlUuid, _>(campaign)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds to the totals of partners.
pub(in crate::totals) async fn write_partners(
    connection: &mut Connection,
    campaign: Uuid,
    changes: &PartnerChanges,
) -> Result<(), DbError> {
    if changes.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "MERGE INTO partner_totals AS total USING (SELECT * FROM unnest($2::uuid[], $3::bigint[]) \
             AS given (partner_id, amount) WHERE amount <> 0) AS given \
           ON total.campaign_id = $1 AND total.partner_id = given.partner_id \
         WHEN MATCHED THEN UPDATE SET counted = counted + amount \
         WHEN NOT MATCHED THEN INSERT (campaign_id, partner_id, counted) VALUES ($1, given.partner_id, amount)",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(changes.keys().copied().collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(changes.values().copied().collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What the public sees of partners, re-read all together.
pub(in crate::totals) async fn show_partners(
    connection: &mut Connection,
    campaign: Uuid,
    total: i64,
    threshold: i64,
) -> Result<(), DbError> {
    let rows: Vec<(Uuid, i64)> = partner_totals::table
        .filter(partner_totals::campaign_id.eq(campaign))
        .select((partner_totals::partner_id, partner_totals::counted))
        .order(partner_totals::partner_id)
        .load(&mut *connection)
        .await?;
    let (partners, counted): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    if partners.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "UPDATE partner_totals SET shown = given.shown FROM unnest($2::uuid[], $3::bigint[]) AS given (partner_id, shown) \
         WHERE campaign_id = $1 AND partner_totals.partner_id = given.partner_id AND partner_totals.shown <> given.shown",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<SqlUuid>, _>(partners)
    .bind::<Array<BigInt>, _>(rounded(&counted, total, threshold))
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds to the time buckets. MERGE, because an upsert checks a negative change by itself, before it is added to anything.
pub(in crate::totals) async fn write_buckets(
    connection: &mut Connection,
    campaign: Uuid,
    sums: &Sums,
) -> Result<(), DbError> {
    // A recount has the hours of all time, but no minutes of a campaign that has been quiet for two days.
    if sums.hours.is_empty() && sums.minutes.is_empty() {
        return Ok(());
    }
    let hours = sums.hours_in_all();
    let minutes = sums.minutes.iter().map(|(begins, amount)| ("minute", *begins, *amount));
    let buckets: Vec<_> = minutes.chain(hours.iter().map(|(begins, amount)| ("hour", *begins, *amount))).collect();
    diesel::sql_query(
        "MERGE INTO time_buckets AS bucket USING (SELECT * FROM unnest($2::text[], $3::timestamptz[], $4::bigint[]) \
             AS given (unit, begins_at, amount) WHERE amount <> 0 \
               AND (unit = 'hour' OR begins_at >= now() - interval '2 days')) AS given \
           ON bucket.campaign_id = $1 AND bucket.unit = given.unit AND bucket.begins_at = given.begins_at \
         WHEN MATCHED THEN UPDATE SET counted = counted + amount \
         WHEN NOT MATCHED THEN INSERT (campaign_id, unit, begins_at, counted) \
           VALUES ($1, given.unit, given.begins_at, amount)",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<Text>, _>(buckets.iter().map(|(unit, ..)| *unit).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(buckets.iter().map(|(_, begins, _)| *begins).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(buckets.iter().map(|(.., amount)| *amount).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    diesel::sql_query(
        "MERGE INTO country_hours AS bucket USING (SELECT * FROM unnest($2::timestamptz[], $3::text[], $4::bigint[]) \
             AS given (begins_at, country, amount) WHERE amount <> 0) AS given \
           ON bucket.campaign_id = $1 AND bucket.begins_at = given.begins_at AND bucket.country = given.country \
         WHEN MATCHED THEN UPDATE SET counted = counted + amount \
         WHEN NOT MATCHED THEN INSERT (campaign_id, begins_at, country, counted) \
           VALUES ($1, given.begins_at, given.country, amount)",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<Timestamptz>, _>(sums.hours.keys().map(|(hour, _)| *hour).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(sums.hours.keys().map(|(_, country)| country.to_string()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(sums.hours.values().copied().collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
