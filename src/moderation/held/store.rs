//! The shelf of accepting: rows, acceptance, quota, delta and audit entry in one transaction.

use diesel::{
    QueryableByName,
    sql_types::{Array, Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    MAX_ACCEPTED,
    acceptances::{self, AcceptanceError, store::Part},
    queue,
};
use crate::{
    accounts::quota,
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::signals::Signal,
    moderation::{
        removals::{
            by_search::{is_off, kept, store::counts},
            store::by_country,
        },
        search::Search,
    },
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(embed)]
    pledge: CountedRow,
}

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// On record as this; None: nothing was, and nothing had begun before.
    pub acceptance: Option<Uuid>,
    /// Those that were held, and count now.
    pub ids: Vec<Uuid>,
}

/// Lets those of the pledges count that are held. They are held no more, whatever is found later. `search`: by what they were found, for
/// the log.
///
/// # Errors
/// See [`AcceptanceError`]; then none is accepted.
pub async fn accept(
    connection: &mut Connection,
    part: &Part<'_>,
    ids: &[Uuid],
    search: Option<Value>,
) -> Result<Accepted, AcceptanceError> {
    connection
        .transaction(async |connection| {
            let acceptance = acceptances::store::of(connection, part).await?;
            let rows: Vec<Row> = diesel::sql_query(
                "WITH locked AS (SELECT id FROM pledges WHERE campaign_id = $1 AND id = ANY($2) AND state = 'held' \
                   ORDER BY id FOR UPDATE) \
                 UPDATE pledges SET state = 'counted', counted_at = coalesce(counted_at, now()), signals = signals | $3, \
                   acceptance_id = $4 \
                 FROM locked WHERE pledges.id = locked.id \
                 RETURNING pledges.id, country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed",
            )
            .bind::<SqlUuid, _>(part.campaign)
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Integer, _>(Signal::Accepted.bit().bits())
            .bind::<SqlUuid, _>(acceptance)
            .get_results(connection)
            .await?;
            if rows.is_empty() {
                return Ok(Accepted { acceptance: part.goes_on, ids: Vec::new() });
            }
            let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            quota::take(connection, part.who.id, count).await?;
            acceptances::store::add(connection, acceptance, part, count).await?;
            let changes = changes(rows.iter().map(|row| &row.pledge), 1);
            totals::deltas::store::append(connection, part.campaign, &changes).await?;
            let after = counts(connection, part.campaign).await?;
            let mut details = json!({ "acceptance": acceptance, "pledges": count, "note": part.note,
                "change": by_country(&changes), "after": after });
            if let (Some(search), Value::Object(details)) = (search, &mut details) {
                details.insert("search".into(), search);
            }
            record(connection, part, "pledge.accept", details).await?;
            Ok(Accepted { acceptance: Some(acceptance), ids: rows.into_iter().map(|row| row.id).collect() })
        })
        .await
}

async fn record(
    connection: &mut Connection,
    part: &Part<'_>,
    action: &'static str,
    details: Value,
) -> Result<(), DbError> {
    let entry = Entry { moderator: Some(part.who.id), campaign: Some(part.campaign), action, details };
    audit::store::record(connection, entry).await
}

/// Which held pledges are to be accepted.
pub struct Order {
    /// Those that fit.
    pub search: Search,
    /// How many that are, as far as is known.
    pub expected: i64,
    /// The session, when it looks for somebody by name: what is answered tells whether they have pledged, so that is on record.
    pub of_somebody: Option<Uuid>,
}

/// Lets the oldest held pledges that fit count, up to [`MAX_ACCEPTED`]. Returns which they were, and how many are left; None: many more or
/// fewer fit than were expected, and none was accepted.
///
/// # Errors
/// See [`AcceptanceError`]; then none is accepted.
pub async fn accept_found(
    connection: &mut Connection,
    part: &Part<'_>,
    order: &Order,
) -> Result<Option<(Accepted, i64)>, AcceptanceError> {
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let search = &order.search;
    connection
        .transaction(async |connection| {
            let found = queue::store::count(connection, search).await?;
            let accepted = if is_off(order.expected, found) {
                None
            } else {
                let ids = queue::store::oldest(connection, search, number(MAX_ACCEPTED)).await?;
                let accepted = accept(connection, part, &ids, Some(kept::told(search))).await?;
                // Those that somebody else has judged meanwhile are gone too.
                Some((accepted, (found - number(ids.len())).max(0)))
            };
            if let Some(session) = order.of_somebody {
                let details = json!({ "session": session, "found": found });
                record(connection, part, "pledge.search_name", details).await?;
            }
            Ok(accepted)
        })
        .await
}
