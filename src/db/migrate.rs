//! Migrations, compiled in and run at start. An advisory lock lets one instance at a time do it.

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Database, DbError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Any number, the same for every instance: "pledges" in ASCII.
const LOCK: i64 = 0x70_6c_65_64_67_65_73;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Brings the schema up to date and returns the names of the migrations that were run. Waits up to a minute for
/// another instance that is at it. Needs a multi-threaded runtime.
///
/// # Errors
/// When the database can't be reached or a migration fails; a failed one leaves nothing behind.
pub async fn migrate(database: &Database) -> Result<Vec<String>, DbError> {
    with_lock(database, |harness| {
        let mut run = Vec::new();
        for migration in harness.pending_migrations(MIGRATIONS)? {
            // Which one, and nothing more: the server's own words may quote a row.
            let failed = |_: &_| tracing::error!(migration = %migration.name(), "a migration failed");
            run.push(harness.run_migration(migration.as_ref()).inspect_err(failed)?.to_string());
        }
        Ok(run)
    })
    .await
}

/// Takes every migration back, for the test that goes up, down and up again. Destroys all data.
///
/// # Errors
/// As [`migrate`].
pub async fn revert_all(database: &Database) -> Result<(), DbError> {
    with_lock(database, |harness| harness.revert_all_migrations(MIGRATIONS).map(|_| ())).await
}

async fn with_lock<T: Send + 'static>(
    database: &Database,
    work: impl FnOnce(&mut AsyncMigrationHarness<Connection>) -> diesel::migration::Result<T> + Send + 'static,
) -> Result<T, DbError> {
    let mut connection = database.open_direct().await?;
    diesel::sql_query("SET statement_timeout = 0").execute(&mut connection).await?;
    diesel::sql_query("SET lock_timeout = 0").execute(&mut connection).await?;
    let mut locked = false;
    for _ in 0..240 {
        let sql = format!("SELECT pg_try_advisory_lock({LOCK}) AS locked");
        locked = diesel::sql_query(sql).get_result::<Locked>(&mut connection).await?.locked;
        if locked {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    if !locked {
        tracing::error!("another instance has been migrating for a minute");
        return Err(DbError::Conflict);
    }
    // The session lock ends with the connection, which is dropped here.
    // The harness blocks its thread and, while it waits, takes the wake-ups of whatever else runs in the same task: it
    // gets a thread of its own.
    let run = tokio::task::spawn_blocking(move || work(&mut AsyncMigrationHarness::new(connection)).map_err(drop));
    run.await.ok().and_then(Result::ok).ok_or(DbError::Defect("a migration failed"))
}
