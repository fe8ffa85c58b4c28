//! The shelf of accepting: rows, delta and audit entry in one transaction.

use diesel::{
    QueryableByName,
    sql_types::{Array, Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{MAX_ACCEPTED, queue};
use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::signals::Signal,
    moderation::{
        removals::by_search::{is_off, kept},
        search::Search,
    },
    totals::{
        self,
        deltas::{CountedRow, changes},
    },
};

#[derive(QueryableByName)]
struct Accepted {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(embed)]
    pledge: CountedRow,
}

/// Lets those of the pledges count that are held. They are held no more, whatever is found later. Returns which they were. `search`: by
/// what they were found, for the log.
///
/// # Errors
/// Those of the database; then none is accepted.
pub async fn accept(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    ids: &[Uuid],
    note: &str,
    search: Option<Value>,
) -> Result<Vec<Uuid>, DbError> {
    connection
        .transaction(async |connection| {
            let rows: Vec<Accepted> = diesel::sql_query(
                "WITH locked AS (SELECT id FROM pledges WHERE campaign_id = $1 AND id = ANY($2) AND state = 'held' \
                   ORDER BY id FOR UPDATE) \
                 UPDATE pledges SET state = 'counted', counted_at = coalesce(counted_at, now()), signals = signals | $3 \
                 FROM locked WHERE pledges.id = locked.id \
                 RETURNING pledges.id, country, partner_id, counted_at, confirmed_at IS NOT NULL AS confirmed",
            )
            .bind::<SqlUuid, _>(campaign)
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Integer, _>(Signal::Accepted.bit().bits())
            .get_results(connection)
            .await?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let changes = changes(rows.iter().map(|accepted| &accepted.pledge), 1);
            totals::deltas::store::append(connection, campaign, &changes).await?;
            let mut details = json!({ "pledges": rows.len(), "note": note });
            if let (Some(search), Value::Object(details)) = (search, &mut details) {
                details.insert("search".into(), search);
            }
            let entry = Entry { moderator: Some(who.id), campaign: Some(campaign), action: "pledge.accept", details };
            audit::store::record(connection, entry).await?;
            Ok(rows.into_iter().map(|row| row.id).collect())
        })
        .await
}

/// Which held pledges are to be accepted.
pub struct Order {
    /// Those that fit.
    pub search: Search,
    /// How many that are, as far as is known.
    pub expected: i64,
    /// Why, in words.
    pub note: String,
    /// The session, when it looks for somebody by name: what is answered tells whether they have pledged, so that is on record.
    pub of_somebody: Option<Uuid>,
}

/// Lets the oldest held pledges that fit count, up to [`MAX_ACCEPTED`]. Returns which they were, and how many are left; None: many more or
/// fewer fit than were expected, and none was accepted.
///
/// # Errors
/// Those of the database; then none is accepted.
pub async fn accept_found(
    connection: &mut Connection,
    who: &Who,
    order: &Order,
) -> Result<Option<(Vec<Uuid>, i64)>, DbError> {
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let search = &order.search;
    connection
        .transaction(async |connection| {
            let found = queue::store::count(connection, search).await?;
            let accepted = if is_off(order.expected, found) {
                None
            } else {
                let ids = queue::store::oldest(connection, search, number(MAX_ACCEPTED)).await?;
                let told = Some(kept::told(search));
                let accepted = accept(connection, who, search.campaign, &ids, &order.note, told).await?;
                // Those that somebody else has judged meanwhile are gone too.
                Some((accepted, (found - number(ids.len())).max(0)))
            };
            if let Some(session) = order.of_somebody {
                let details = json!({ "session": session, "found": found });
                let (moderator, campaign) = (Some(who.id), Some(search.campaign));
                let entry = Entry { moderator, campaign, action: "pledge.search_name", details };
                audit::store::record(connection, entry).await?;
            }
            Ok(accepted)
        })
        .await
}
