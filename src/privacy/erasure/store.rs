//! The shelf of erasure: row, delta and audit entry in one transaction.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    accounts::Who,
    audit,
    campaigns::{Campaign, settings::Erasure},
    country::Country,
    db::{Connection, DbError},
    mail,
    privacy::{Place, PrivacyError, entry, store::CLEARED},
    totals::{
        self,
        deltas::{ByMinute, minute_of},
    },
};

#[derive(QueryableByName)]
struct Erased {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    counted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    partner_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    uncounted: bool,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

impl From<diesel::result::Error> for PrivacyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Erases the pledges at these places and records it for each of the campaigns.
///
/// # Errors
/// Those of the database; then nothing is erased.
pub async fn erase(
    connection: &mut Connection,
    who: Option<&Who>,
    campaigns: &[Campaign],
    places: &[Place<'_>],
) -> Result<(), PrivacyError> {
    connection
        .transaction(async |connection| {
            let Now { now } = diesel::sql_query("SELECT now()").get_result(connection).await?;
            for place in places {
                let mut changes = ByMinute::new();
                // Where there is nothing to erase, a delta is written all the same: it waits for the disk alike.
                let erased = erase_one(connection, place).await?;
                mail::store::delete_about(connection, place.campaign.id, place.fingerprint).await?;
                let uncounted = erased.as_ref().filter(|erased| erased.uncounted);
                let minute = minute_of(uncounted.and_then(|erased| erased.counted_at).unwrap_or(now));
                let change = changes.entry(minute).or_default();
                if let Some(erased) = uncounted {
                    change.add(erased.country.parse().unwrap_or(Country::WITHHELD), erased.partner_id, -1);
                }
                totals::deltas::store::append(connection, place.campaign.id, &changes).await?;
            }
            for campaign in campaigns {
                audit::store::record(connection, entry(who, campaign.id, "erase")).await?;
            }
            Ok(())
        })
        .await
}

async fn erase_one(connection: &mut Connection, place: &Place<'_>) -> Result<Option<Erased>, DbError> {
    let withdraws = place.campaign.retention.erasure == Erasure::Withdraw;
    // First the lock: the second statement then sees what whoever had it before has made of the row.
    diesel::sql_query("SELECT FROM pledges WHERE campaign_id = $1 AND fingerprint = $2 FOR UPDATE")
        .bind::<SqlUuid, _>(place.campaign.id)
        .bind::<SqlUuid, _>(place.fingerprint)
        .execute(&mut *connection)
        .await?;
    Ok(diesel::sql_query(format!(
        "WITH held AS (SELECT id, state FROM pledges WHERE campaign_id = $1 AND fingerprint = $2) \
         UPDATE pledges SET {CLEARED}, erased_at = coalesce(erased_at, now()), \
           state = CASE WHEN $3 AND held.state = 'counted' THEN 'withdrawn' ELSE held.state END, \
           state_before = CASE WHEN $3 AND held.state = 'removed' THEN 'withdrawn' ELSE state_before END \
         FROM held WHERE pledges.id = held.id \
         RETURNING country, counted_at, partner_id, $3 AND held.state = 'counted' AS uncounted"
    ))
    .bind::<SqlUuid, _>(place.campaign.id)
    .bind::<SqlUuid, _>(place.fingerprint)
    .bind::<Bool, _>(withdraws)
    .get_result(connection)
    .await
    .optional()?)
}
