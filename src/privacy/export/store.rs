//! The shelf of exports: one snapshot, read page by page, and the record of who had what.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgExpressionMethods, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    country::Country,
    db::{
        Connection, DbError,
        schema::{exports, pledges, sealing_epochs},
    },
    sealing::bundle::{About, Consents, Gone, Header, Previous, SealedEpoch, SealedPledge, Why},
};

/// Rows that are read at a time: about half a megabyte of a bundle.
const PAGE: i64 = 1_000;

/// Whose list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The campaign.
    pub campaign: Uuid,
    /// The partner; None: the organiser.
    pub partner: Option<Uuid>,
}

/// How much there is to give out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Counted pledges with a record.
    pub pledges: u64,
    /// Counted pledges without one.
    pub without_record: u64,
    /// Pledges that are gone.
    pub gone: u64,
}

/// What was given out before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The last one that was completed.
    pub completed: Option<Previous>,
    /// Its moment; when none was completed, that of the first that was begun.
    pub since: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// Begins to read on a connection of one's own, until [`end`] or until that is dropped. The moment it shows; None: somebody
/// else reads this campaign at the moment.
///
/// A statement may last, but nobody may leave the connection unused for a minute: whoever takes the bundle from us more
/// slowly than that doesn't take it at all, and the snapshot holds up PostgreSQL's cleaning.
///
/// # Errors
/// Those of the database.
pub async fn begin(connection: &mut Connection, scope: &Scope) -> Result<Option<DateTime<Utc>>, DbError> {
    connection
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = '60s'",
        )
        .await?;
    // The time at which the transaction began: never after what it sees.
    let Locked { locked, now } = diesel::sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('export ' || $1::text, 0)) AS locked, now() AS now",
    )
    .bind::<SqlUuid, _>(scope.campaign)
    .get_result(connection)
    .await?;
    Ok(locked.then_some(now))
}

/// Ends reading, and lets the next one begin.
///
/// # Errors
/// Those of the database.
pub async fn end(connection: &mut Connection) -> Result<(), DbError> {
    Ok(connection.batch_execute("ROLLBACK").await?)
}

#[derive(QueryableByName)]
struct Keys {
    #[diesel(sql_type = Array<Text>)]
    keys: Vec<String>,
}

/// The public keys that are sealed to now: those that were proved to open. Where none was ever added, which only development
/// lets pass, those of the newest epoch.
///
/// # Errors
/// Those of the database.
pub async fn recipients(connection: &mut Connection, scope: &Scope) -> Result<Vec<String>, DbError> {
    let found: Option<Keys> = diesel::sql_query(
        "SELECT coalesce( \
           (SELECT array_agg(public_key ORDER BY id) FROM recipients WHERE campaign_id = $1 \
             AND partner_id IS NOT DISTINCT FROM $2 AND removed_at IS NULL AND checked_at IS NOT NULL), \
           (SELECT recipients FROM sealing_epochs WHERE campaign_id = $1 AND partner_id IS NOT DISTINCT FROM $2 \
             AND NOT EXISTS (SELECT FROM recipients WHERE campaign_id = $1 AND partner_id IS NOT DISTINCT FROM $2) \
             ORDER BY id DESC LIMIT 1), \
           '{}') AS keys",
    )
    .bind::<SqlUuid, _>(scope.campaign)
    .bind::<Nullable<SqlUuid>, _>(scope.partner)
    .get_result(connection)
    .await
    .optional()?;
    Ok(found.map_or_else(Vec::new, |found| found.keys))
}

/// What was given out before.
///
/// # Errors
/// Those of the database.
pub async fn earlier(connection: &mut Connection, scope: &Scope) -> Result<Earlier, DbError> {
    let of_scope = exports::table
        .filter(exports::campaign_id.eq(scope.campaign))
        .filter(exports::partner_id.is_not_distinct_from(scope.partner));
    let completed: Option<(Uuid, DateTime<Utc>)> = of_scope
        .filter(exports::completed_at.is_not_null())
        .order(exports::snapshot_at.desc())
        .select((exports::id, exports::snapshot_at))
        .first(connection)
        .await
        .optional()?;
    if let Some((bundle, snapshot_at)) = completed {
        return Ok(Earlier { completed: Some(Previous { bundle, snapshot_at }), since: Some(snapshot_at) });
    }
    let first = of_scope.order(exports::snapshot_at.asc()).select(exports::snapshot_at).first(connection).await;
    Ok(Earlier { completed: None, since: first.optional()? })
}

/// What is gone of a campaign ($1) and partner ($2) since a time ($3). Of a partner's pledges those too that it may not have
/// any longer: nobody wrote down since when.
const GONE: &str = "\
     SELECT id, erased_at AS at, 'erased' AS why FROM pledges WHERE campaign_id = $1 \
       AND ($2::uuid IS NULL OR partner_id = $2) AND erased_at >= $3 \
     UNION ALL \
     SELECT pledges.id, removals.last_at, 'removed' FROM removals JOIN pledges ON removal_id = removals.id \
       WHERE removals.campaign_id = $1 AND removals.last_at >= $3 AND removals.undone_at IS NULL \
       AND ($2::uuid IS NULL OR partner_id = $2) AND erased_at IS NULL \
     UNION ALL \
     SELECT id, withdrawn_at, 'withdrawn' FROM pledges WHERE campaign_id = $1 AND state = 'withdrawn' \
       AND ($2::uuid IS NULL OR partner_id = $2) AND withdrawn_at >= $3 AND erased_at IS NULL \
     UNION ALL \
     SELECT pledge_id, left_at, why FROM departures WHERE campaign_id = $1 \
       AND ($2::uuid IS NULL OR partner_id = $2) AND left_at >= $3 \
     UNION ALL \
     SELECT id, now(), 'withdrawn' FROM pledges WHERE campaign_id = $1 AND partner_id = $2 AND state = 'counted' \
       AND consent_partner IS NULL AND sealed_for_partner IS NOT NULL";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    pledges: i64,
    #[diesel(sql_type = BigInt)]
    without_record: i64,
}

#[derive(QueryableByName)]
struct CountedGone {
    #[diesel(sql_type = BigInt)]
    gone: i64,
}

/// Counts what there is to give out.
///
/// # Errors
/// Those of the database.
pub async fn sizes(
    connection: &mut Connection,
    scope: &Scope,
    gone_since: Option<DateTime<Utc>>,
) -> Result<Sizes, DbError> {
    let record = if scope.partner.is_some() { "sealed_for_partner" } else { "sealed_record" };
    let counted: Counted = diesel::sql_query(format!(
        "SELECT count({record}) AS pledges, count(*) - count({record}) AS without_record FROM pledges \
         WHERE campaign_id = $1 AND state = 'counted' AND erased_at IS NULL \
         AND ($2::uuid IS NULL OR (partner_id = $2 AND consent_partner IS NOT NULL))"
    ))
    .bind::<SqlUuid, _>(scope.campaign)
    .bind::<Nullable<SqlUuid>, _>(scope.partner)
    .get_result(connection)
    .await?;
    let mut gone = 0;
    if let Some(since) = gone_since {
        let counted: CountedGone = diesel::sql_query(format!("SELECT count(*) AS gone FROM ({GONE}) AS gone"))
            .bind::<SqlUuid, _>(scope.campaign)
            .bind::<Nullable<SqlUuid>, _>(scope.partner)
            .bind::<Timestamptz, _>(since)
            .get_result(connection)
            .await?;
        gone = counted.gone;
    }
    let natural = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Sizes {
        pledges: natural(counted.pledges),
        without_record: natural(counted.without_record),
        gone: natural(gone),
    })
}

/// A page of the keys, after the epoch `after`. Empty: there are no more.
///
/// # Errors
/// Those of the database.
pub async fn epochs(
    connection: &mut Connection,
    scope: &Scope,
    after: Option<Uuid>,
) -> Result<Vec<SealedEpoch>, DbError> {
    type Row = (Uuid, Vec<Option<String>>, Vec<u8>);
    let rows: Vec<Row> = sealing_epochs::table
        .filter(sealing_epochs::campaign_id.eq(scope.campaign))
        .filter(sealing_epochs::partner_id.is_not_distinct_from(scope.partner))
        .filter(sealing_epochs::id.gt(after.unwrap_or(Uuid::nil())))
        .order(sealing_epochs::id)
        .limit(PAGE)
        .select((sealing_epochs::id, sealing_epochs::recipients, sealing_epochs::wrapped_key))
        .load(connection)
        .await?;
    let epoch = |(id, recipients, wrapped_key): Row| SealedEpoch {
        id,
        recipients: recipients.into_iter().flatten().collect(),
        wrapped_key,
    };
    Ok(rows.into_iter().map(epoch).collect())
}

type Times = (DateTime<Utc>, Option<DateTime<Utc>>);
type Versions = (Option<i16>, Option<i16>, Option<i16>);
type PledgeRow = (Uuid, String, Option<String>, Option<String>, Times, Versions, Option<Vec<u8>>);

fn sealed_pledge(row: PledgeRow) -> Option<SealedPledge> {
    let (id, country, language, source, (created_at, counted_at), (updates, partner, public), record) = row;
    let about = About {
        id,
        country: country.parse().unwrap_or(Country::WITHHELD),
        language,
        source,
        created_at,
        // What is counted has a time (a constraint says so).
        counted_at: counted_at.unwrap_or(created_at),
        consents: Consents { updates, partner, public },
    };
    Some(SealedPledge { about, record: record? })
}

/// A page of the pledges, after the pledge `after`. Empty: there are no more.
///
/// # Errors
/// Those of the database.
pub async fn pledges(
    connection: &mut Connection,
    scope: &Scope,
    after: Option<Uuid>,
) -> Result<Vec<SealedPledge>, DbError> {
    let about = (pledges::id, pledges::country, pledges::language, pledges::source);
    let times = (pledges::created_at, pledges::counted_at);
    let versions = (pledges::consent_updates, pledges::consent_partner, pledges::consent_public);
    let (id, country, language, source) = about;
    let listed = pledges::table
        .filter(pledges::campaign_id.eq(scope.campaign))
        .filter(pledges::state.eq("counted"))
        .filter(pledges::erased_at.is_null())
        .filter(pledges::id.gt(after.unwrap_or(Uuid::nil())))
        .order(pledges::id)
        .limit(PAGE);
    let rows: Vec<PledgeRow> = match scope.partner {
        None => {
            listed
                .filter(pledges::sealed_record.is_not_null())
                .select((id, country, language, source, times, versions, pledges::sealed_record))
                .load(connection)
                .await?
        }
        Some(partner) => {
            listed
                .filter(pledges::partner_id.eq(partner).and(pledges::consent_partner.is_not_null()))
                .filter(pledges::sealed_for_partner.is_not_null())
                .select((id, country, language, source, times, versions, pledges::sealed_for_partner))
                .load(connection)
                .await?
        }
    };
    Ok(rows.into_iter().filter_map(sealed_pledge).collect())
}

/// Gets ready to read what is gone.
///
/// # Errors
/// Those of the database.
pub async fn seek_gone(connection: &mut Connection, scope: &Scope, since: DateTime<Utc>) -> Result<(), DbError> {
    diesel::sql_query(format!("DECLARE gone NO SCROLL CURSOR FOR {GONE}"))
        .bind::<SqlUuid, _>(scope.campaign)
        .bind::<Nullable<SqlUuid>, _>(scope.partner)
        .bind::<Timestamptz, _>(since)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct GoneRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    why: String,
}

/// The next page of what is gone. Empty: there is no more.
///
/// # Errors
/// Those of the database.
pub async fn gone(connection: &mut Connection) -> Result<Vec<Gone>, DbError> {
    let rows: Vec<GoneRow> = diesel::sql_query(format!("FETCH {PAGE} FROM gone")).get_results(connection).await?;
    let gone = |row: GoneRow| Gone { id: row.id, at: row.at, why: Why::parse(&row.why).unwrap_or(Why::Withdrawn) };
    Ok(rows.into_iter().map(gone).collect())
}

/// Records an export that begins, for the next one and in the audit log.
///
/// # Errors
/// Those of the database; then nothing may be given out.
pub async fn record(
    connection: &mut Connection,
    header: &Header,
    moderator: Option<Uuid>,
    pledges: u64,
    details: Value,
) -> Result<(), DbError> {
    connection
        .transaction(async |connection| {
            diesel::insert_into(exports::table)
                .values((
                    exports::id.eq(header.bundle),
                    exports::campaign_id.eq(header.campaign.id),
                    exports::partner_id.eq(header.partner),
                    exports::moderator_id.eq(moderator),
                    exports::snapshot_at.eq(header.snapshot_at),
                    exports::pledges.eq(i64::try_from(pledges).unwrap_or(i64::MAX)),
                ))
                .execute(connection)
                .await?;
            let entry = Entry { moderator, campaign: Some(header.campaign.id), action: "export", details };
            audit::store::record(connection, entry).await
        })
        .await
}

/// An export was handed over whole.
///
/// # Errors
/// Those of the database.
pub async fn complete(connection: &mut Connection, export: Uuid) -> Result<(), DbError> {
    diesel::update(exports::table.find(export))
        .set(exports::completed_at.eq(diesel::dsl::now))
        .execute(connection)
        .await?;
    Ok(())
}
