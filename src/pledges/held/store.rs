//! The shelf of what is held for too long: rows, deltas and removal, and the entry that belongs in the same transaction.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::json;
use uuid::Uuid;

use super::Ending;
use crate::{
    audit::Entry,
    campaigns::held_default::HeldDefault,
    db::{Connection, DbError},
    gate::signals::Signal,
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

/// Why a removal stands in the list that nobody made.
const NOTE: &str = "Held until the end of the review window, and nobody has looked at it";

/// Held pledges that were not settled before. Whoever undoes that removal has to judge them by what is left of them.
const UNSETTLED: &str = "pledges.state = 'held' AND signals & $1 = 0";

/// Above all ids of pledges of a campaign that can end within seven days, so that the index gives none but those: an attack holds hundreds
/// of thousands, and they are young. Ids carry the time of an instance's clock, which may be a day ahead.
const LAST: &str = "CASE WHEN closed_at + record_days * interval '24 hours' < now() + interval '7 days' \
       THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid \
       ELSE (lpad(to_hex(greatest(0, extract(epoch FROM now() + interval '8 days' - review_days * interval '24 hours') * 1000)::bigint), \
         12, '0') || repeat('0', 20))::uuid END";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Text)]
    held_default: String,
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = Timestamptz)]
    first_at: DateTime<Utc>,
}

/// What ends within seven days, of one campaign or of all, by slug.
///
/// # Errors
/// Those of the database.
pub async fn ending(connection: &mut Connection, campaign: Option<Uuid>) -> Result<Vec<Ending>, DbError> {
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT campaign_id, slug, held_default, count(*) AS pledges, min(ends_at) AS first_at \
         FROM campaigns JOIN pledges ON campaign_id = campaigns.id AND {UNSETTLED}, \
           LATERAL (SELECT least(pledges.created_at + review_days * interval '24 hours', \
             closed_at + record_days * interval '24 hours') AS ends_at) AS window_of \
         WHERE test_of IS NULL AND ($2 IS NULL OR campaign_id = $2) AND pledges.id < {LAST} \
           AND ends_at < now() + interval '7 days' GROUP BY campaign_id, slug, held_default ORDER BY slug"
    ))
    .bind::<Integer, _>(Signal::Unreviewed.bit().bits())
    .bind::<Nullable<SqlUuid>, _>(campaign)
    .get_results(connection)
    .await?;
    let ending = |row: Row| {
        Ok(Ending {
            campaign: row.campaign_id,
            slug: row.slug,
            default: HeldDefault::parse(&row.held_default)
                .ok_or(DbError::Defect("a campaign's settings can't be read"))?,
            pledges: row.pledges,
            first_at: row.first_at,
        })
    };
    rows.into_iter().map(ending).collect()
}

/// Which held pledges of a campaign are settled.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// Those that were made before this moment, and whose ids are below this one.
    Before(DateTime<Utc>, Uuid),
    /// All of them, those of undone removals too: the campaign has ended, and nothing is left by which anybody could judge.
    All,
}

/// Which rows: $1 the bit, $2 the campaign, $3 whether all, $4 and $5 the bounds, $6 how many.
const DUE: &str = "WITH due AS (SELECT id FROM pledges WHERE campaign_id = $2 AND pledges.state = 'held' AND ($3 OR (signals & $1 = 0 \
       AND created_at < $4 AND id < $5)) ORDER BY id LIMIT $6 FOR UPDATE)";

/// What is settled bears a signal; of an ended campaign no row may, because signals are personal.
const MARKED: &str = "signals = CASE WHEN $3 THEN signals ELSE signals | $1 END";

/// Settles at most `limit` held pledges of a campaign as `default` says, and returns how many, with the entry that the transaction
/// which this belongs in writes last. None: there were none.
///
/// # Errors
/// Those of the database; then none is.
pub async fn settle(
    connection: &mut Connection,
    campaign: Uuid,
    default: HeldDefault,
    which: Which,
    limit: i64,
) -> Result<Option<(i64, Entry)>, DbError> {
    let (all, before, below) = match which {
        Which::Before(before, below) => (false, before, below),
        Which::All => (true, DateTime::UNIX_EPOCH, Uuid::nil()),
    };
    let bound = |sql: String| {
        diesel::sql_query(sql)
            .bind::<Integer, _>(Signal::Unreviewed.bit().bits())
            .bind::<SqlUuid, _>(campaign)
            .bind::<Bool, _>(all)
            .bind::<Timestamptz, _>(before)
            .bind::<SqlUuid, _>(below)
            .bind::<BigInt, _>(limit)
    };
    let (settled, removal) = match default {
        HeldDefault::Count => {
            let rows: Vec<CountedRow> = bound(format!(
                "{DUE} UPDATE pledges SET state = 'counted', counted_at = coalesce(counted_at, now()), {MARKED} \
                 FROM due WHERE pledges.id = due.id \
                 RETURNING country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed"
            ))
            .get_results(connection)
            .await?;
            totals::deltas::store::append(connection, campaign, &changes(&rows, 1)).await?;
            (rows.len(), None)
        }
        HeldDefault::Remove => {
            let removal = Uuid::now_v7();
            let removed = bound(format!(
                "{DUE} UPDATE pledges SET state_before = state, state = 'removed', removal_id = $7, {MARKED} \
                 FROM due WHERE pledges.id = due.id"
            ));
            (removed.bind::<SqlUuid, _>(removal).execute(connection).await?, Some(removal))
        }
    };
    let pledges = i64::try_from(settled).unwrap_or(i64::MAX);
    if pledges == 0 {
        return Ok(None);
    }
    if let Some(removal) = removal {
        diesel::sql_query(
            "INSERT INTO removals (id, campaign_id, reason, note, pledges) VALUES ($1, $2, 'other', $3, $4)",
        )
        .bind::<SqlUuid, _>(removal)
        .bind::<SqlUuid, _>(campaign)
        .bind::<Text, _>(NOTE)
        .bind::<BigInt, _>(pledges)
        .execute(connection)
        .await?;
    }
    let details = json!({ "pledges": pledges, "default": default.as_str(), "removal": removal });
    let entry = Entry { moderator: None, campaign: Some(campaign), action: "held.default", details };
    Ok(Some((pledges, entry)))
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many held pledges [`settle`] would settle.
///
/// # Errors
/// Those of the database.
pub async fn due(connection: &mut Connection, campaign: Uuid, which: Which) -> Result<i64, DbError> {
    let (all, before, below) = match which {
        Which::Before(before, below) => (false, before, below),
        Which::All => (true, DateTime::UNIX_EPOCH, Uuid::nil()),
    };
    let due: Count = diesel::sql_query(format!("{DUE} SELECT count(*) AS count FROM due").replace(" FOR UPDATE", ""))
        .bind::<Integer, _>(Signal::Unreviewed.bit().bits())
        .bind::<SqlUuid, _>(campaign)
        .bind::<Bool, _>(all)
        .bind::<Timestamptz, _>(before)
        .bind::<SqlUuid, _>(below)
        .bind::<BigInt, _>(i64::MAX)
        .get_result(connection)
        .await?;
    Ok(due.count)
}
