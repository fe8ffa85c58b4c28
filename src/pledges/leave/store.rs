//! The shelf of taking back: row, delta and the mails that wait, in one transaction. What is personal in a row is said here.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::Leave;
use crate::{
    campaigns::{Campaign, settings::Erasure},
    country::Country,
    db::{Connection, DbError},
    mail,
    totals::{
        self,
        deltas::{ByMinute, Counts, minute_of},
    },
};

/// What moderators still see something personal of: the review copy, and the tags that show what pledges have in common.
macro_rules! reviewed {
    () => {
        "sealed_review IS NOT NULL OR source_tag IS NOT NULL OR domain_tag IS NOT NULL OR name_tag IS NOT NULL \
         OR shape_tag IS NOT NULL"
    };
}

/// Leaves nothing of that.
macro_rules! review_cleared {
    () => {
        "sealed_review = NULL, source_tag = NULL, domain_tag = NULL, name_tag = NULL, shape_tag = NULL"
    };
}

/// Holds for rows that moderators still see something personal of.
pub const REVIEWED: &str = concat!("(", reviewed!(), ")");

/// Leaves nothing of that.
pub const REVIEW_CLEARED: &str = review_cleared!();

/// Holds for rows with anything personal left. What stays is the count: campaign, country, partner, state and times; that a
/// moderator accepted it (the bit 1 << 29 of `signals`); and the fingerprint, which is a random number once the campaign's salt is
/// destroyed.
pub const PERSONAL: &str = concat!(
    "(sealed_record IS NOT NULL OR sealed_for_partner IS NOT NULL OR request_digest IS NOT NULL OR source IS NOT NULL \
     OR language IS NOT NULL OR consent_updates IS NOT NULL OR consent_partner IS NOT NULL OR consent_public IS NOT NULL \
     OR score <> 0 OR signals NOT IN (0, 536870912) OR ",
    reviewed!(),
    ")"
);

/// Leaves nothing personal.
pub const CLEARED: &str = concat!(
    "sealed_record = NULL, sealed_for_partner = NULL, request_digest = NULL, source = NULL, language = NULL, \
     consent_updates = NULL, consent_partner = NULL, consent_public = NULL, score = 0, signals = signals & 536870912, ",
    review_cleared!()
);

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    counted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    partner_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    confirmed: bool,
    #[diesel(sql_type = Bool)]
    uncounted: bool,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// Who leaves.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The fingerprint.
    pub fingerprint: Uuid,
    /// This pledge of it only, and not one that its mailbox made since; None: whichever it is.
    pub pledge: Option<Uuid>,
}

/// Lets the pledge with a fingerprint leave; belongs in a transaction. Where there is none, a delta is written all the same: it
/// waits for the disk alike. A pledge that moderators have removed stays removed; undoing that restores a withdrawn one.
///
/// # Errors
/// Those of the database.
pub async fn leave(connection: &mut Connection, campaign: &Campaign, who: Who, how: Leave) -> Result<(), DbError> {
    let Now { now } = diesel::sql_query("SELECT now()").get_result(connection).await?;
    let left = leave_row(connection, campaign, who, how).await?;
    let mut changes = ByMinute::new();
    let uncounted = left.as_ref().filter(|left| left.uncounted);
    let minute = minute_of(uncounted.and_then(|left| left.counted_at).unwrap_or(now));
    let change = changes.entry(minute).or_default();
    if let Some(left) = uncounted {
        let country = left.country.parse().unwrap_or(Country::WITHHELD);
        change.add(Counts { country, partner: left.partner_id, confirmed: left.confirmed }, -1);
    }
    totals::deltas::store::append(connection, campaign.id, &changes).await
}

async fn leave_row(
    connection: &mut Connection,
    campaign: &Campaign,
    who: Who,
    how: Leave,
) -> Result<Option<Left>, DbError> {
    let erases = how != Leave::Withdraw;
    let withdraws = how != Leave::Erase || campaign.retention.erasure == Erasure::Withdraw;
    // First the lock: the second statement then sees what whoever had it before has made of the row.
    diesel::sql_query("SELECT FROM pledges WHERE campaign_id = $1 AND fingerprint = $2 FOR UPDATE")
        .bind::<SqlUuid, _>(campaign.id)
        .bind::<SqlUuid, _>(who.fingerprint)
        .execute(&mut *connection)
        .await?;
    if erases {
        mail::store::delete_about(&mut *connection, campaign.id, who.fingerprint).await?;
    }
    let cleared = if erases { format!("{CLEARED}, erased_at = coalesce(erased_at, now()), ") } else { String::new() };
    Ok(diesel::sql_query(format!(
        "WITH held AS (SELECT id, state, state = 'awaiting' OR ($3 AND state IN ('counted', 'held')) AS leaves, \
             state_before = 'awaiting' OR ($3 AND state = 'removed') AS leaves_removed \
           FROM pledges WHERE campaign_id = $1 AND fingerprint = $2 AND ($5::uuid IS NULL OR id = $5)) \
         UPDATE pledges SET {cleared} state = CASE WHEN leaves THEN 'withdrawn' ELSE held.state END, \
           state_before = CASE WHEN leaves_removed THEN 'withdrawn' ELSE state_before END, \
           withdrawn_at = CASE WHEN leaves OR leaves_removed THEN coalesce(withdrawn_at, now()) ELSE withdrawn_at END, \
           suppressed_at = CASE WHEN $4 THEN coalesce(suppressed_at, now()) ELSE suppressed_at END \
         FROM held WHERE pledges.id = held.id \
         RETURNING country, counted_at, partner_id, confirmed_at IS NOT NULL AS confirmed, \
           $3 AND held.state = 'counted' AS uncounted"
    ))
    .bind::<SqlUuid, _>(campaign.id)
    .bind::<SqlUuid, _>(who.fingerprint)
    .bind::<Bool, _>(withdraws)
    .bind::<Bool, _>(how == Leave::NotMe)
    .bind::<Nullable<SqlUuid>, _>(who.pledge)
    .get_result(connection)
    .await
    .optional()?)
}
