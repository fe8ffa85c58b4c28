//! The shelf of dead rows. Vacuuming is no transaction and takes the direct connection.

use diesel::{QueryableByName, sql_types::Bool};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::db::{Connection, DbError};

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Writes the tables that held the destroyed keys anew, so that the old bytes are in no file of theirs. They are small, and
/// locked for a moment only.
///
/// # Errors
/// Those of the database.
pub async fn rewrite_keys(connection: &mut Connection) -> Result<(), DbError> {
    connection.batch_execute("SET statement_timeout = 0").await?;
    for table in ["sealing_epochs", "campaigns"] {
        connection.batch_execute(&format!("VACUUM FULL {table}")).await?;
    }
    Ok(())
}

/// Writes the table of the pledges anew. Nobody can pledge meanwhile, and the disk needs room for a second copy.
///
/// # Errors
/// Those of the database.
pub async fn rewrite_pledges(connection: &mut Connection) -> Result<(), DbError> {
    connection.batch_execute("SET statement_timeout = 0").await?;
    Ok(connection.batch_execute("VACUUM FULL pledges").await?)
}

/// Whether something was cleared or erased since the pledges were vacuumed, and that is an hour ago.
///
/// # Errors
/// Those of the database.
pub async fn vacuum_is_due(connection: &mut Connection) -> Result<bool, DbError> {
    let due: Yes = diesel::sql_query(
        "SELECT coalesce(vacuumed < now() - interval '1 hour', true) AND greatest( \
           (SELECT max(ended_at) FROM retention_runs WHERE what IN ('review_copies', 'records')), \
           (SELECT max((SELECT max(erased_at) FROM pledges WHERE campaign_id = campaigns.id AND erased_at IS NOT NULL)) \
             FROM campaigns)) > coalesce(vacuumed, '-infinity') IS TRUE AS yes \
         FROM (SELECT greatest(last_vacuum, last_autovacuum) AS vacuumed FROM pg_stat_user_tables \
           WHERE relid = 'pledges'::regclass) AS stats",
    )
    .get_result(connection)
    .await?;
    Ok(due.yes)
}

/// Takes the dead rows out of the table of the pledges.
///
/// # Errors
/// Those of the database.
pub async fn vacuum(connection: &mut Connection) -> Result<(), DbError> {
    connection.batch_execute("SET statement_timeout = 0").await?;
    Ok(connection.batch_execute("VACUUM pledges").await?)
}
