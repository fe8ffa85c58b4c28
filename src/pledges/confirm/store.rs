//! The shelf of confirmations.

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Bytea, Nullable, SmallInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Confirmation, Confirmed};
use crate::{
    db::{Connection, DbError, Prepared},
    gate::{signals::Signal, waves::CONFIRMED_CREDIT},
    pledges::{links::CONFIRMS_FOR, store::APPEND_DELTAS},
};

enum Confirm {}
enum Outcomes {}

fn mails(jobs: &[&Confirmation]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.mail).collect()
}

fn hashes<'a>(jobs: &[&'a Confirmation]) -> Vec<&'a [u8]> {
    jobs.iter().map(|job| job.hash.as_slice()).collect()
}

/// Makes pledges that wait, and whose links these are, counted, or held: when so much speaks against them that confirming
/// doesn't outweigh it (a block always does, an allow never lets it), and when all is held by a switch, now or when they came.
/// Rows and deltas in one statement.
///
/// # Errors
/// Those of the database; then none is, unless the connection broke: then all or none are.
pub async fn confirm(connection: &mut Connection, jobs: &[&Confirmation]) -> Result<(), DbError> {
    const WAITS: &str = "(state = 'awaiting' OR (state = 'removed' AND state_before = 'awaiting'))";
    // One look into a small index.
    const HOLD_ALL: &str = "EXISTS (SELECT FROM campaign_switches WHERE campaign_switches.campaign_id = pledges.campaign_id \
         AND switch = 'hold_all' AND off_at IS NULL AND ends_at > now())";
    let [switch, blocked, allowed] =
        [Signal::Switch, Signal::Blocked, Signal::Allowed].map(|signal| signal.bit().bits());
    Prepared::<Confirm>::new(format!(
        "WITH linked AS (SELECT DISTINCT pledge_id FROM unnest($1::uuid[], $2::bytea[]) AS given (id, hash) \
           JOIN mail_links USING (id, hash) JOIN campaigns ON campaigns.id = campaign_id AND salt IS NOT NULL \
           WHERE mail_links.created_at > now() - $3 * interval '1 second'), \
         waiting AS (SELECT pledges.id, switched OR signals & {blocked} <> 0 OR \
             (signals & {allowed} = 0 AND score - $4 >= (SELECT hold_at FROM campaigns WHERE campaigns.id = campaign_id)) AS stays, switched \
           FROM pledges JOIN linked ON pledge_id = pledges.id, LATERAL (SELECT signals & {switch} <> 0 OR {HOLD_ALL} AS switched) AS by_switch \
           WHERE {WAITS} \
           ORDER BY fingerprint FOR UPDATE OF pledges), \
         recorded AS (UPDATE pledges SET confirmed_at = now(), \
             signals = CASE WHEN switched THEN signals | {switch} ELSE signals END, \
             counted_at = CASE WHEN NOT stays THEN now() END, \
             state = CASE WHEN state = 'removed' THEN state WHEN stays THEN 'held' ELSE 'counted' END, \
             state_before = CASE WHEN state <> 'removed' THEN NULL WHEN stays THEN 'held' ELSE 'counted' END \
           FROM waiting WHERE pledges.id = waiting.id AND {WAITS} \
           RETURNING campaign_id, country, partner_id, state, date_trunc('minute', counted_at, 'UTC') AS minute), \
         counted AS (SELECT *, true AS is_confirmed FROM recorded WHERE state = 'counted'), \
         concerned AS (SELECT DISTINCT campaign_id FROM recorded), {APPEND_DELTAS}"
    ))
    .bind::<Array<SqlUuid>, _>(mails(jobs))
    .bind::<Array<Bytea>, _>(hashes(jobs))
    .bind::<BigInt, _>(CONFIRMS_FOR.num_seconds())
    .bind::<SmallInt, _>(CONFIRMED_CREDIT)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Bool)]
    live: bool,
}

/// What is true of each afterwards, in their order.
///
/// # Errors
/// Those of the database.
pub async fn outcomes(connection: &mut Connection, jobs: &[&Confirmation]) -> Result<Vec<Confirmed>, DbError> {
    let rows: Vec<Outcome> = Prepared::<Outcomes>::new(
        "SELECT coalesce(state_before, state) AS state, \
           coalesce(link.created_at > now() - $1 * interval '1 second', false) AS live \
         FROM unnest($2::uuid[], $3::bytea[]) WITH ORDINALITY AS given (id, hash, place) \
         LEFT JOIN mail_links AS link USING (id, hash) LEFT JOIN pledges ON pledges.id = link.pledge_id ORDER BY place",
    )
    .bind::<BigInt, _>(CONFIRMS_FOR.num_seconds())
    .bind::<Array<SqlUuid>, _>(mails(jobs))
    .bind::<Array<Bytea>, _>(hashes(jobs))
    .get_results(connection)
    .await?;
    let outcome = |row: Outcome| match row.state.as_deref() {
        Some("counted" | "held") => Confirmed::Yes,
        Some("withdrawn") => Confirmed::Withdrawn,
        Some("awaiting") if !row.live => Confirmed::Expired,
        _ => Confirmed::Unknown,
    };
    Ok(rows.into_iter().map(outcome).collect())
}
