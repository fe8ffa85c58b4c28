//! The shelf of sampling.

use chrono::NaiveDate;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Date, Integer, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Sampled, WEEKS, holding};
use crate::{
    db::{Connection, DbError},
    moderation::held::queue::store::{bit_number, of_bit},
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Date)]
    week: NaiveDate,
    #[diesel(sql_type = Integer)]
    bit: i32,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    accepted_unseen: i64,
    #[diesel(sql_type = BigInt)]
    removed: i64,
    #[diesel(sql_type = BigInt)]
    removed_unseen: i64,
    #[diesel(sql_type = BigInt)]
    undecided: i64,
}

/// Stands for all of the sample.
const ALL: i32 = -1;

/// What became of the sample of a campaign, the newest week first, in each all of it first. The conditions are those of the index of
/// the sample, word by word; 536870912 is the signal `accepted`.
///
/// # Errors
/// Those of the database.
pub async fn sampled(connection: &mut Connection, campaign: Uuid) -> Result<Vec<Sampled>, DbError> {
    let bits: Vec<i32> = [ALL].into_iter().chain(holding().map(bit_number)).collect();
    let rows: Vec<Row> = diesel::sql_query(
        "WITH judged AS MATERIALIZED (SELECT date_trunc('week', pledges.created_at AT TIME ZONE 'UTC')::date AS week, signals, \
             CASE WHEN pledges.state = 'held' THEN 'waiting' \
               WHEN pledges.state = 'counted' AND signals & 536870912 <> 0 AND by_search THEN 'accepted_unseen' \
               WHEN pledges.state = 'counted' AND signals & 536870912 <> 0 THEN 'accepted' \
               WHEN pledges.state <> 'removed' OR removals.moderator_id IS NULL THEN 'undecided' \
               WHEN removals.expected IS NOT NULL OR removals.rule_id IS NOT NULL THEN 'removed_unseen' \
               ELSE 'removed' END AS fate \
           FROM pledges LEFT JOIN removals ON removals.id = removal_id LEFT JOIN acceptances ON acceptances.id = acceptance_id \
           WHERE pledges.campaign_id = $1 AND get_byte(uuid_send(pledges.id), 15) < 32 \
             AND (pledges.state = 'held' OR state_before = 'held' OR signals & 536870912 <> 0) \
             AND pledges.created_at >= (date_trunc('week', now() AT TIME ZONE 'UTC') - ($2 - 1) * interval '7 days') AT TIME ZONE 'UTC') \
         SELECT week, bit, count(*) FILTER (WHERE fate = 'waiting') AS waiting, \
           count(*) FILTER (WHERE fate = 'accepted') AS accepted, \
           count(*) FILTER (WHERE fate = 'accepted_unseen') AS accepted_unseen, count(*) FILTER (WHERE fate = 'removed') AS removed, \
           count(*) FILTER (WHERE fate = 'removed_unseen') AS removed_unseen, \
           count(*) FILTER (WHERE fate = 'undecided') AS undecided \
         FROM judged, unnest($3) AS bit WHERE bit < 0 OR signals & (1 << greatest(bit, 0)) <> 0 \
         GROUP BY week, bit ORDER BY week DESC, bit",
    )
    .bind::<SqlUuid, _>(campaign)
    .bind::<Integer, _>(WEEKS)
    .bind::<Array<Integer>, _>(bits)
    .get_results(connection)
    .await?;
    let sampled = |row: Row| Sampled {
        week: row.week,
        signal: of_bit(row.bit),
        waiting: row.waiting,
        accepted: row.accepted,
        accepted_unseen: row.accepted_unseen,
        removed: row.removed,
        removed_unseen: row.removed_unseen,
        undecided: row.undecided,
    };
    Ok(rows.into_iter().map(sampled).collect())
}
