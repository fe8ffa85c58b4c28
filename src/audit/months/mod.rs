//! Months of the log: made ahead by the running service, dropped after their time by the owner of the database only.

pub mod store;

use chrono::NaiveDate;

use super::verify::{self, Wrong};
use crate::db::{Connection, Database, DbError, roles};

/// A month that was dropped, or what was outside of the months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its first day.
    pub month: NaiveDate,
    /// How many entries.
    pub entries: i64,
}

/// Why nothing was dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// The log isn't what was written; what is wrong must not be dropped.
    #[error("entry {} of the audit log {}: nothing is dropped from a log that is wrong", .0.number, .0.what)]
    Wrong(Wrong),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Makes the months ahead; and where the owner's connection may, drops those after their time.
///
/// # Errors
/// See [`DropError`].
pub async fn look_after(database: &Database, months: i32) -> Result<Vec<Dropped>, DropError> {
    store::make(&mut database.open().await?).await?;
    let mut owner = database.open_owner().await?;
    if !roles::owns_the_log(&mut owner).await? {
        return Ok(Vec::new());
    }
    drop_old(&mut owner, months).await
}

/// Drops the months that ended `months` months before the one that is under way, each after its checkpoint, and the last check
/// of all. `connection` is the owner's.
///
/// # Errors
/// See [`DropError`]. Each month is a transaction; what was dropped until then stays so.
pub async fn drop_old(connection: &mut Connection, months: i32) -> Result<Vec<Dropped>, DropError> {
    let old = store::old(connection, months).await?;
    if old.is_empty() {
        return Ok(Vec::new());
    }
    // Before the whole log is computed for nothing.
    store::nobody_in_the_way(connection).await?;
    if let Some(wrong) = verify::verify(connection, false, &[]).await?.wrong {
        return Err(DropError::Wrong(wrong));
    }
    let mut dropped = Vec::new();
    for part in old {
        dropped.extend(store::drop_part(connection, &part, months).await?);
    }
    Ok(dropped)
}
