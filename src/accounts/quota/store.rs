//! The shelf of quotas: what each account has removed and accepted in a day.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Double, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{QuotaError, USUAL_PER_DAY};
use crate::db::{Connection, DbError, Prepared};

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    left: i64,
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Counts `count` pledges that the account `who` removes or accepts. Belongs in the transaction of that, which must be rolled
/// back when it fails; the account's others wait until it has ended. A removal in several transactions takes
/// for each what it removes in it.
///
/// # Errors
/// [`QuotaError::Spent`], and those of the database.
pub async fn take(connection: &Connection, who: Uuid, count: i64) -> Result<(), QuotaError> {
    take_by(connection, who, count, 0).await
}

/// The same for pledges that a rule of the account removes: those are half of what it may remove at the most. Else whoever sends many that
/// fit leaves nothing for the account to remove by hand.
///
/// # Errors
/// As [`take`].
pub async fn take_for_rule(connection: &Connection, who: Uuid, count: i64) -> Result<(), QuotaError> {
    take_by(connection, who, count, count).await
}

async fn take_by(mut connection: &Connection, who: Uuid, count: i64, by_rules: i64) -> Result<(), QuotaError> {
    enum Take {}
    // The first of a day takes away what is old.
    let taken: Taken = Prepared::<Take>::new(
        "WITH taken AS (INSERT INTO removal_counts AS kept (moderator_id, day, pledges, by_rules) \
           VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, $3) \
           ON CONFLICT (moderator_id, day) DO UPDATE SET pledges = kept.pledges + excluded.pledges, \
             by_rules = kept.by_rules + excluded.by_rules RETURNING pledges, by_rules), \
         gone AS (DELETE FROM removal_counts WHERE (SELECT pledges = $2 FROM taken) AND moderator_id = $1 \
           AND day < (now() AT TIME ZONE 'UTC')::date - 30), \
         allowed AS (SELECT coalesce(removals_per_day::bigint, CASE role WHEN 'admin' THEN NULL ELSE $4 END) AS most \
           FROM moderators WHERE id = $1) \
         SELECT least(coalesce(most, pledges) - (pledges - $2), \
             CASE WHEN $3 > 0 THEN coalesce((most + 1) / 2, by_rules) - (by_rules - $3) END) AS left, \
           extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - (now() AT TIME ZONE 'UTC')) \
             ::float8 AS seconds \
         FROM taken, allowed",
    )
    .bind::<SqlUuid, _>(who)
    .bind::<BigInt, _>(count)
    .bind::<BigInt, _>(by_rules)
    .bind::<BigInt, _>(USUAL_PER_DAY)
    .get_result(&mut connection)
    .await
    .map_err(DbError::from)?;
    if taken.left < count {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a day has 86,400 seconds")]
        return Err(QuotaError::Spent { seconds: taken.seconds as u32, left: taken.left.max(0) });
    }
    Ok(())
}
