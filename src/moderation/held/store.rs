//! The shelf of accepting: rows, delta and audit entry in one transaction.

use diesel::{
    QueryableByName,
    sql_types::{Array, Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use crate::{
    accounts::Who,
    audit::{self, Entry},
    db::{Connection, DbError},
    gate::signals::Signal,
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

/// Lets those of the pledges count that are held. They are held no more, whatever is found later. Returns which they were.
///
/// # Errors
/// Those of the database; then none is accepted.
pub async fn accept(
    connection: &mut Connection,
    who: &Who,
    campaign: Uuid,
    ids: &[Uuid],
    note: &str,
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
            let details = json!({ "pledges": rows.len(), "note": note });
            let entry = Entry { moderator: Some(who.id), campaign: Some(campaign), action: "pledge.accept", details };
            audit::store::record(connection, entry).await?;
            Ok(rows.into_iter().map(|row| row.id).collect())
        })
        .await
}
