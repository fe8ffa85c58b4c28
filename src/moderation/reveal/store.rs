//! The shelf of review copies.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use crate::{
    audit::{self, Entry},
    db::{Connection, DbError, schema::pledges},
};

/// The sealed review copies of these pledges, as far as the campaign has them; `entry` is put on record with it, or nothing is
/// told.
///
/// # Errors
/// Those of the database.
pub(super) async fn copies(
    connection: &mut Connection,
    campaign: Uuid,
    ids: &[Uuid],
    entry: Entry,
) -> Result<Vec<(Uuid, Option<Vec<u8>>)>, DbError> {
    connection
        .transaction(async |connection| {
            audit::store::record(connection, entry).await?;
            let rows = pledges::table
                .filter(pledges::campaign_id.eq(campaign))
                .filter(pledges::id.eq_any(ids))
                .select((pledges::id, pledges::sealed_review));
            Ok(rows.load(connection).await?)
        })
        .await
}
