//! The shelf of spent proofs. They are spent in the statement that stores pledges ([`crate::pledges::store`]).

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use crate::db::{Connection, DbError};

/// Forgets proofs that were spent more than an hour ago, so many at the most. How many.
///
/// # Errors
/// Those of the database.
pub async fn forget(connection: &mut Connection, most: i64) -> Result<i64, DbError> {
    // Found by time and taken by place: whoever spends meanwhile is not waited for.
    let forgotten = diesel::sql_query(
        "DELETE FROM spent_proofs WHERE ctid = ANY(ARRAY(SELECT ctid FROM spent_proofs \
           WHERE spent_at < now() - interval '1 hour' LIMIT $1 FOR UPDATE SKIP LOCKED))",
    )
    .bind::<BigInt, _>(most)
    .execute(connection)
    .await?;
    Ok(i64::try_from(forgotten).unwrap_or(i64::MAX))
}
