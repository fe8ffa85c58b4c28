//! The shelf of the report: numbers, all from one snapshot.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::Facts;
use crate::{
    campaigns::Campaign,
    db::{Connection, DbError},
    privacy::retention::proof,
};

/// What was cleared is told of the last so many times.
const RUNS_TOLD: i64 = 20;

/// Numbers of a campaign's rows.
#[derive(Clone, Debug, Default, QueryableByName)]
pub struct Numbers {
    /// The moment they are from (database clock).
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// Pledges, whatever their state.
    #[diesel(sql_type = BigInt)]
    pub pledges: i64,
    /// Counted ones.
    #[diesel(sql_type = BigInt)]
    pub counted: i64,
    /// Removed ones.
    #[diesel(sql_type = BigInt)]
    pub removed: i64,
    /// Withdrawn ones.
    #[diesel(sql_type = BigInt)]
    pub withdrawn: i64,
    /// Of people who were erased.
    #[diesel(sql_type = BigInt)]
    pub erased: i64,
    /// With a review copy.
    #[diesel(sql_type = BigInt)]
    pub review_copies: i64,
    /// With a sealed record for the organiser.
    #[diesel(sql_type = BigInt)]
    pub records: i64,
    /// With a sealed record for a partner.
    #[diesel(sql_type = BigInt)]
    pub for_partners: i64,
    /// Keys of sealed records.
    #[diesel(sql_type = BigInt)]
    pub epochs: i64,
    /// Lists that were given out.
    #[diesel(sql_type = BigInt)]
    pub exports: i64,
    /// When the last list was.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_export: Option<DateTime<Utc>>,
    /// Open accounts of moderators and organisers of this campaign, and of admins.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
}

/// A consent text's version and how many pledges have it.
#[derive(Clone, Debug, QueryableByName)]
pub struct Agreed {
    /// The purpose, as it stands in JSON.
    #[diesel(sql_type = Text)]
    pub purpose: String,
    /// The version.
    #[diesel(sql_type = SmallInt)]
    pub version: i16,
    /// Pledges.
    #[diesel(sql_type = BigInt)]
    pub pledges: i64,
}

/// Somebody who can open sealed records.
#[derive(Clone, Debug, QueryableByName)]
pub struct KeyHolder {
    /// In the organiser's words.
    #[diesel(sql_type = Text)]
    pub label: String,
    /// The public key.
    #[diesel(sql_type = Text)]
    pub public_key: String,
    /// The partner; None: the organiser.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub partner_id: Option<Uuid>,
    /// When it was added.
    #[diesel(sql_type = Timestamptz)]
    pub added_at: DateTime<Utc>,
    /// When it was last proved that they can.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub checked_at: Option<DateTime<Utc>>,
    /// Since when nothing new is sealed to it.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub removed_at: Option<DateTime<Utc>>,
}

/// Everything that the report says of a campaign; the audit log is kept for `audit_months`. Reads every row.
///
/// # Errors
/// Those of the database.
pub async fn facts(connection: &mut Connection, campaign: &Campaign, audit_months: i32) -> Result<Facts, DbError> {
    connection
        .build_transaction()
        .read_only()
        .repeatable_read()
        .run(async |connection| {
            connection.batch_execute("SET LOCAL statement_timeout = 0").await?;
            let numbers = numbers(connection, campaign.id).await?;
            let agreed = diesel::sql_query(
                "SELECT purpose, version, count(*) AS pledges FROM pledges, LATERAL (VALUES ('updates', consent_updates), \
                   ('partner', consent_partner), ('public', consent_public)) AS consent (purpose, version) \
                 WHERE campaign_id = $1 AND version IS NOT NULL GROUP BY 1, 2",
            )
            .bind::<SqlUuid, _>(campaign.id)
            .get_results(connection)
            .await?;
            let key_holders = diesel::sql_query(
                "SELECT label, public_key, partner_id, added_at, checked_at, removed_at FROM recipients \
                 WHERE campaign_id = $1 ORDER BY added_at, id",
            )
            .bind::<SqlUuid, _>(campaign.id)
            .get_results(connection)
            .await?;
            let (looked_at, cleared) = proof::store::of_campaign(connection, campaign.id, RUNS_TOLD).await?;
            Ok(Facts { numbers, agreed, key_holders, looked_at, cleared, audit_months })
        })
        .await
}

async fn numbers(connection: &mut Connection, campaign: Uuid) -> Result<Numbers, DbError> {
    Ok(diesel::sql_query(
        "SELECT now() AS at, rows.*, \
           (SELECT count(*) FROM sealing_epochs WHERE campaign_id = $1) AS epochs, \
           (SELECT count(*) FROM exports WHERE campaign_id = $1) AS exports, \
           (SELECT max(snapshot_at) FROM exports WHERE campaign_id = $1) AS last_export, \
           (SELECT count(*) FROM moderators WHERE disabled_at IS NULL AND (role = 'admin' OR EXISTS \
             (SELECT FROM moderator_campaigns WHERE moderator_id = moderators.id AND campaign_id = $1))) AS accounts \
         FROM (SELECT count(*) AS pledges, count(*) FILTER (WHERE state = 'counted') AS counted, \
           count(*) FILTER (WHERE state = 'removed') AS removed, \
           count(*) FILTER (WHERE state = 'withdrawn') AS withdrawn, count(erased_at) AS erased, \
           count(sealed_review) AS review_copies, count(sealed_record) AS records, \
           count(sealed_for_partner) AS for_partners FROM pledges WHERE campaign_id = $1) AS rows",
    )
    .bind::<SqlUuid, _>(campaign)
    .get_result(connection)
    .await?)
}
