//! Proofs that were spent are remembered for an hour, three times as long as one is good; then they are forgotten, a few at a time.

pub mod store;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    db::{Database, DbError},
    logged,
};

/// How often those are looked for that can be forgotten.
const EVERY: Duration = Duration::from_secs(300);

/// Proofs that are forgotten in one statement: it lasts some ten milliseconds.
const AT_ONCE: i64 = 10_000;

/// Forgets all that are older than an hour. How many.
///
/// # Errors
/// Those of the database; the next time goes on from there.
pub async fn forget(database: &Database) -> Result<i64, DbError> {
    let mut forgotten = 0;
    loop {
        let some = database.run(async |connection| store::forget(connection, AT_ONCE).await).await?;
        forgotten += some;
        if some < AT_ONCE {
            return Ok(forgotten);
        }
    }
}

/// The same again and again, until `stop` is cancelled.
pub async fn repeat(database: Database, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match forget(&database).await {
            Ok(_) | Err(DbError::Unavailable | DbError::Conflict) => {}
            Err(error) => {
                tracing::error!(error = %logged::cause(error), "spent proofs can't be forgotten; it will be tried again");
            }
        }
    }
}
