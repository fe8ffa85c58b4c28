//! Migrations, compiled in and run at start. An advisory lock lets one instance at a time do it.
//!
//! Each is a transaction, but those whose `metadata.toml` says that they are not: such a one builds one index of a large table
//! while rows come in (`CREATE INDEX CONCURRENTLY`, the only statement in it), and bears the name of that index. Interrupted,
//! it leaves an index that is not valid, or one that isn't on record: what has its name is dropped before it is run.

use diesel::{
    QueryableByName,
    connection::BoxableConnection,
    migration::{self, Migration, MigrationMetadata, MigrationName, MigrationSource},
    pg::Pg,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Database, DbError, roles};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Any number, the same for every instance: "pledges" in ASCII.
const LOCK: i64 = 0x70_6c_65_64_67_65_73;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Brings the schema up to date, as the owner of the tables, and returns the names of the migrations that were run. Waits up to a
/// minute for another instance that is at it. Where the owner has an address of his own, the service's role is then given what
/// it needs. As a role that may not change the schema, only looks whether it is up to date. Needs a multi-threaded runtime.
///
/// # Errors
/// When the database can't be reached or a migration fails; a failed one leaves nothing behind, or nothing that the next run
/// doesn't clear away. When the schema isn't up to date and may not be changed.
pub async fn migrate(database: &Database) -> Result<Vec<String>, DbError> {
    if !database.has_owner() && !roles::may_change_the_schema(&mut database.open_direct().await?).await? {
        return up_to_date(database).await;
    }
    let run = pending(database).await?;
    if database.has_owner() {
        roles::grant_service(database).await?;
    }
    Ok(run)
}

/// That nothing is pending, for a role that may not run it.
async fn up_to_date(database: &Database) -> Result<Vec<String>, DbError> {
    #[derive(QueryableByName)]
    struct Run {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let known = versions()?;
    let run: Vec<Run> = diesel::sql_query("SELECT version::text AS version FROM __diesel_schema_migrations")
        .load(&mut database.open_direct().await?)
        .await?;
    let is_run = |version: &str| run.iter().any(|run| run.version == version);
    if known.iter().all(|version| is_run(version)) {
        Ok(Vec::new())
    } else {
        Err(DbError::Defect(
            "the schema is older than the program, and this role may not change it; run pledges migrate with \
             PLEDGES_OWNER_DATABASE_URL",
        ))
    }
}

fn versions() -> Result<Vec<String>, DbError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().map_err(|_| DbError::Defect("the migrations can't be read"))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

async fn pending(database: &Database) -> Result<Vec<String>, DbError> {
    with_lock(database, |harness| {
        let mut run = Vec::new();
        for migration in harness.pending_migrations(MIGRATIONS)? {
            // Which one, and nothing more: the server's own words may quote a row.
            let failed = |_: &_| tracing::error!(migration = %migration.name(), "a migration failed");
            let in_transaction = migration.metadata().run_in_transaction();
            let anew = Anew(migration.as_ref());
            let migration: &dyn Migration<Pg> = if in_transaction { migration.as_ref() } else { &anew };
            run.push(harness.run_migration(migration).inspect_err(failed)?.to_string());
        }
        Ok(run)
    })
    .await
}

/// A migration that builds an index outside of a transaction, and first drops what an earlier run of it may have left.
struct Anew<'a>(&'a dyn Migration<Pg>);

impl Migration<Pg> for Anew<'_> {
    fn run(&self, connection: &mut dyn BoxableConnection<Pg>) -> migration::Result<()> {
        // Behind the version; from a folder of ours, known at the time of compiling.
        let name = self.0.name().to_string();
        let index = name.split_once('_').map_or("", |(_, index)| index);
        connection.batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"))?;
        self.0.run(connection)
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<Pg>) -> migration::Result<()> {
        self.0.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.0.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.0.name()
    }
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
    work: impl FnOnce(&mut AsyncMigrationHarness<Connection>) -> migration::Result<T> + Send + 'static,
) -> Result<T, DbError> {
    let mut connection = database.open_owner().await?;
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
