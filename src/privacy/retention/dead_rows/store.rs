//! The shelf of dead rows. Vacuuming is no transaction and takes the direct connection.

use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName,
    sql_types::{Bool, Text, Timestamptz},
};
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

/// A moment: what was cleared before it is a dead row to everybody whose view of the database is younger.
#[derive(QueryableByName)]
pub struct Moment {
    #[diesel(sql_type = Text)]
    next_transaction: String,
    /// A minute before, because who clears has the time at which the transaction began.
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
}

/// This moment.
///
/// # Errors
/// Those of the database.
pub async fn moment(connection: &mut Connection) -> Result<Moment, DbError> {
    let sql =
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next_transaction, now() - interval '1 minute' AS at";
    Ok(diesel::sql_query(sql).get_result(connection).await?)
}

/// Whether nobody has an older view of the database: a transaction that goes on, a standby, a replication slot. For them
/// PostgreSQL keeps the dead rows, also when it writes a table anew.
///
/// # Errors
/// Those of the database.
pub async fn is_past(connection: &mut Connection, moment: &Moment) -> Result<bool, DbError> {
    let past: Yes = diesel::sql_query(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
             AND (datname IS NULL OR datname = current_database()) AND age(backend_xmin) > age($1::xid8::xid)) \
           AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) > age($1::xid8::xid)) \
           AND NOT EXISTS (SELECT FROM pg_prepared_xacts WHERE age(transaction) > age($1::xid8::xid)) AS yes",
    )
    .bind::<Text, _>(&moment.next_transaction)
    .get_result(connection)
    .await?;
    Ok(past.yes)
}

/// Whether something was cleared or erased since the dead rows were last taken out, and that is an hour ago.
///
/// # Errors
/// Those of the database.
pub async fn vacuum_is_due(connection: &mut Connection) -> Result<bool, DbError> {
    let due: Yes = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM retention_progress AS progress \
           WHERE coalesce(vacuumed_at < now() - interval '1 hour', true) AND greatest( \
             (SELECT max(ended_at) FROM retention_runs WHERE campaign_id = progress.campaign_id \
               AND what IN ('review_copies', 'records', 'unconfirmed', 'trial_mailboxes')), \
             (SELECT max(erased_at) FROM pledges WHERE campaign_id = progress.campaign_id AND erased_at IS NOT NULL)) \
             > coalesce(vacuumed_at, '-infinity')) AS yes",
    )
    .get_result(connection)
    .await?;
    Ok(due.yes)
}

/// Takes the dead rows of before a moment out of the tables of the pledges, of moderators' search, of the partners, and of the wall.
/// With rests, as PostgreSQL's own vacuum has them: at full speed tens of millions of rows would take the disk from pledges that come.
///
/// # Errors
/// Those of the database.
pub async fn vacuum(connection: &mut Connection, moment: &Moment) -> Result<(), DbError> {
    connection.batch_execute("SET statement_timeout = 0; SET vacuum_cost_delay = '2ms'").await?;
    for table in ["pledges", "pledge_search", "partners", "wall_entries", "wall_words"] {
        connection.batch_execute(&format!("VACUUM {table}")).await?;
    }
    diesel::sql_query("UPDATE retention_progress SET vacuumed_at = $1")
        .bind::<Timestamptz, _>(moment.at)
        .execute(connection)
        .await?;
    Ok(())
}
