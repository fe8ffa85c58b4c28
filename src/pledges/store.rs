//! The shelf of pledges.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bytea, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::json;
use uuid::Uuid;

use super::NewPledge;
use crate::{
    audit::{self, Entry},
    campaigns,
    country::Country,
    db::{Connection, DbError, schema::pledges},
    totals::{self, recount::Recount, shown::Changes},
};

/// Stores a pledge and its delta: one statement, so one transaction. A mailbox that is there already changes no count;
/// its delta is zero, so that a repeated pledge waits for the disk like a new one and can't be told by its speed (rule 4).
/// False when the pledge's idempotency key was there with another body.
///
/// # Errors
/// Those of the database. When the connection breaks, the pledge may be stored all the same.
pub async fn insert(connection: &mut Connection, pledge: &NewPledge) -> Result<bool, DbError> {
    diesel::sql_query(
        "WITH counted AS ( \
           INSERT INTO pledges (id, campaign_id, country, state, fingerprint, request_digest, consent_updates, \
             consent_partner, consent_public, sealed_review, language, source, counted_at) \
           VALUES ($1, $2, $3, 'counted', $4, $5, $6, $7, $8, $9, $10, $11, now()) \
           ON CONFLICT (campaign_id, fingerprint) DO NOTHING RETURNING campaign_id, country) \
         INSERT INTO count_deltas (campaign_id, countries, amounts) \
         SELECT $2, ARRAY[$3], ARRAY[(SELECT count(*) FROM counted)]",
    )
    .bind::<SqlUuid, _>(pledge.id)
    .bind::<SqlUuid, _>(pledge.campaign)
    .bind::<Text, _>(pledge.country.as_str())
    .bind::<Bytea, _>(pledge.fingerprint.as_slice())
    .bind::<Nullable<Bytea>, _>(pledge.request_digest.as_ref().map(<[u8; 32]>::as_slice))
    .bind::<Nullable<SmallInt>, _>(pledge.consents.updates)
    .bind::<Nullable<SmallInt>, _>(pledge.consents.partner)
    .bind::<Nullable<SmallInt>, _>(pledge.consents.public)
    .bind::<Bytea, _>(&pledge.sealed_review)
    .bind::<Nullable<Text>, _>(&pledge.language)
    .bind::<Nullable<Text>, _>(&pledge.source)
    .execute(&mut *connection)
    .await?;
    let Some(digest) = pledge.request_digest else { return Ok(true) };
    let stored = request_digest(connection, pledge.campaign, &pledge.fingerprint).await?;
    Ok(stored.is_none_or(|stored| stored == digest))
}

/// Stores many pledges at once, each with its own time, and one delta a campaign. For trials (`seed`, the demo).
///
/// # Errors
/// Those of the database; then none is stored.
pub async fn insert_many(connection: &mut Connection, pledges: &[(NewPledge, DateTime<Utc>)]) -> Result<(), DbError> {
    let each = || pledges.iter().map(|(pledge, _)| pledge);
    diesel::sql_query(
        "WITH counted AS ( \
           INSERT INTO pledges (id, campaign_id, country, state, fingerprint, consent_updates, consent_partner, \
             consent_public, sealed_review, language, source, created_at, counted_at) \
           SELECT id, campaign_id, country, 'counted', fingerprint, updates, partner, public, review, language, source, \
             at, at FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::smallint[], $6::smallint[], $7::smallint[], $8::bytea[], $9::text[], $10::text[], $11::timestamptz[]) AS given (id, campaign_id, country, \
             fingerprint, updates, partner, public, review, language, source, at) \
           ON CONFLICT (campaign_id, fingerprint) DO NOTHING RETURNING campaign_id, country), \
         by_country AS (SELECT campaign_id, country, count(*) AS amount FROM counted GROUP BY campaign_id, country) \
         INSERT INTO count_deltas (campaign_id, countries, amounts) \
         SELECT campaign_id, array_agg(country), array_agg(amount) FROM by_country GROUP BY campaign_id",
    )
    .bind::<Array<SqlUuid>, _>(each().map(|pledge| pledge.id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(each().map(|pledge| pledge.campaign).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(each().map(|pledge| pledge.country.as_str()).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(each().map(|pledge| pledge.fingerprint.as_slice()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SmallInt>>, _>(each().map(|pledge| pledge.consents.updates).collect::<Vec<_>>())
    .bind::<Array<Nullable<SmallInt>>, _>(each().map(|pledge| pledge.consents.partner).collect::<Vec<_>>())
    .bind::<Array<Nullable<SmallInt>>, _>(each().map(|pledge| pledge.consents.public).collect::<Vec<_>>())
    .bind::<Array<Bytea>, _>(each().map(|pledge| pledge.sealed_review.as_slice()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(each().map(|pledge| pledge.language.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(each().map(|pledge| pledge.source.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(pledges.iter().map(|(_, at)| *at).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The digest that was stored with a fingerprint.
async fn request_digest(
    connection: &mut Connection,
    campaign: Uuid,
    fingerprint: &[u8; 32],
) -> Result<Option<Vec<u8>>, DbError> {
    let digest: Option<Option<Vec<u8>>> = pledges::table
        .filter(pledges::campaign_id.eq(campaign))
        .filter(pledges::fingerprint.eq(fingerprint.as_slice()))
        .select(pledges::request_digest)
        .first(connection)
        .await
        .optional()?;
    Ok(digest.flatten())
}

#[derive(QueryableByName)]
struct CountryCount {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

/// Counts a campaign's counted pledges by country, row by row.
async fn recount(connection: &mut Connection, campaign: Uuid) -> Result<Changes, DbError> {
    let rows: Vec<CountryCount> = diesel::sql_query(
        "SELECT country, count(*) AS counted FROM pledges WHERE campaign_id = $1 AND state = 'counted' GROUP BY country",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_results(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.country.parse().unwrap_or(Country::WITHHELD), row.counted)).collect())
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

/// Adds to the counters what they lack, and returns what was found before. Nobody folds meanwhile; a pledge that comes
/// meanwhile is in neither side of the comparison.
///
/// # Errors
/// [`DbError::Conflict`] when somebody folded first: run it again. And those of the database.
pub async fn repair_counts(connection: &mut Connection) -> Result<Vec<Recount>, DbError> {
    connection
        .build_transaction()
        .repeatable_read()
        .run(async |connection| {
            totals::store::lock(connection).await?;
            let recounts = recounts(connection).await?;
            for recount in recounts.iter().filter(|recount| !recount.differences().is_empty()) {
                totals::store::set(connection, recount.campaign, &recount.counted).await?;
                let entry = Entry {
                    moderator: None,
                    campaign: Some(recount.campaign),
                    action: "totals.repair",
                    details: json!({ "differences": recount.differences() }),
                };
                audit::store::record(connection, entry).await?;
            }
            Ok(recounts)
        })
        .await
}

async fn recounts(connection: &mut Connection) -> Result<Vec<Recount>, DbError> {
    diesel::sql_query("SET LOCAL statement_timeout = 0").execute(connection).await?;
    let mut recounts = Vec::new();
    for campaign in campaigns::store::list(connection).await? {
        recounts.push(Recount {
            campaign: campaign.id,
            figures: totals::store::figures(connection, campaign.id).await?,
            deltas: totals::store::unfolded(connection, campaign.id).await?,
            counted: recount(connection, campaign.id).await?,
            slug: campaign.slug,
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
