//! Guardian: the schema goes up, down and up again; is commented, indexed and mirrored in `schema.rs`; and the previous
//! release still runs on it.

use std::{fmt::Write as _, fs, process::Command};

use diesel_async::SimpleAsyncConnection;
use pledges::db::{self, Database};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{cluster, eventually, rows::Rows};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/schema.rs");

/// Everything about the schema but the record of what was run, as `pg_dump` tells it.
fn dump(url: &SecretString) -> String {
    let output = Command::new("pg_dump")
        .args(["--schema-only", "--no-owner", "--exclude-table=__diesel_schema_migrations", url.expose_secret()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer releases of pg_dump guard their output with a random key.
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_down_and_up_again() {
    let url = cluster::empty_database().await;
    let database = Database::new(&url, 2).unwrap();
    let nothing = dump(&url);
    assert_eq!(db::migrate(&database).await.unwrap().len(), 82);
    let up = dump(&url);
    assert_eq!(db::migrate(&database).await.unwrap(), Vec::<String>::new(), "a second run has nothing to do");
    db::revert_all(&database).await.unwrap();
    assert_eq!(dump(&url), nothing, "down leaves nothing behind");
    db::migrate(&database).await.unwrap();
    assert_eq!(dump(&url), up);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_start_together_migrate_one_after_the_other() {
    let url = cluster::empty_database().await;
    let starts = (0..4).map(|_| {
        let url = url.clone();
        async move { db::migrate(&Database::new(&url, 2).unwrap()).await.unwrap().len() }
    });
    let run: Vec<usize> = futures_util::future::join_all(starts).await;
    assert_eq!(run.iter().sum::<usize>(), 82, "{run:?}");
}

/// Those that are no transaction, and the index that each builds.
fn outside_of_transactions() -> Vec<(std::path::PathBuf, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: std::path::PathBuf| {
        let index = path.file_name().unwrap().to_str().unwrap().split_once('_').unwrap().1.to_owned();
        path.join("metadata.toml").exists().then_some((path, index))
    };
    folders.filter_map(named).collect()
}

#[test]
fn a_migration_outside_of_a_transaction_builds_or_drops_one_index_and_bears_its_name() {
    let all = outside_of_transactions();
    assert!(!all.is_empty());
    for (path, index) in all {
        let up = fs::read_to_string(path.join("up.sql")).unwrap();
        let expected = match index.strip_prefix(WITHOUT) {
            // Interrupted, it leaves an index that isn't valid, and is dropped the next time.
            Some(index) => format!("DROP INDEX CONCURRENTLY IF EXISTS {index};"),
            None => format!("CREATE INDEX CONCURRENTLY {index} ON "),
        };
        assert!(up.starts_with(&expected), "{up}");
        assert_eq!(up.matches(';').count(), 1, "{up}");
    }
}

/// How the name of a migration begins that drops an index.
const WITHOUT: &str = "without_";

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_dropped_is_gone_also_when_the_first_attempt_was_interrupted() {
    let rows = Rows::new(&cluster::database().await).await;
    let dropped = outside_of_transactions().into_iter().filter(|(_, index)| index.starts_with(WITHOUT));
    let mut count = 0;
    for (path, name) in dropped {
        let index = name.strip_prefix(WITHOUT).unwrap();
        let there = format!("SELECT count(*) FROM pg_class WHERE relname = '{index}'");
        assert_eq!(rows.number(&there).await, 0);
        // As if it had just been built before, and the drop stopped half way.
        let down = fs::read_to_string(path.join("down.sql")).unwrap();
        rows.execute(&down.replace("CONCURRENTLY ", "")).await;
        rows.execute(&format!("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass")).await;
        let version = path.file_name().unwrap().to_str().unwrap().split_once('_').unwrap().0.replace('-', "");
        rows.execute(&format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'")).await;
        assert_eq!(db::migrate(&rows.database).await.unwrap(), std::slice::from_ref(&version));
        assert_eq!(rows.number(&there).await, 0);
        count += 1;
    }
    assert!(count >= 5);
}

/// Interrupted, it leaves an index that isn't valid, or isn't on record.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_an_interrupted_migration_has_left_is_built_anew() {
    let (dropped, built): (Vec<_>, Vec<_>) =
        outside_of_transactions().into_iter().partition(|(_, index)| index.starts_with(WITHOUT));
    let is_dropped = |index: &str| dropped.iter().any(|(_, name)| name.strip_prefix(WITHOUT) == Some(index));
    for (path, index) in built.into_iter().filter(|(_, index)| !is_dropped(index)) {
        let url = cluster::database().await;
        let rows = Rows::new(&url).await;
        let valid = format!("SELECT indisvalid FROM pg_index WHERE indexrelid = '{index}'::regclass");
        assert_eq!(rows.value(&valid).await, "true");
        let name = path.file_name().unwrap().to_str().unwrap().split_once('_').unwrap().0.replace('-', "");
        for is_valid in [false, true] {
            rows.execute(&format!(
                "UPDATE pg_index SET indisvalid = {is_valid} WHERE indexrelid = '{index}'::regclass"
            ))
            .await;
            rows.execute(&format!("DELETE FROM __diesel_schema_migrations WHERE version = '{name}'")).await;
            let old = rows.value(&format!("'{index}'::regclass::oid")).await;
            assert_eq!(db::migrate(&rows.database).await.unwrap(), std::slice::from_ref(&name));
            assert_eq!(rows.value(&valid).await, "true");
            assert_ne!(rows.value(&format!("'{index}'::regclass::oid")).await, old);
        }
    }
}

/// Nobody who pledges waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_built_while_rows_come_in() {
    let url = cluster::database().await;
    let rows = Rows::new(&url).await;
    let mut writer = rows.database.open().await.unwrap();
    rows.execute("DROP INDEX pledges_awaiting").await;
    rows.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261126000003'").await;
    let insert = "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
                  VALUES (gen_random_uuid(), gen_random_uuid(), 'FR', 'counted', gen_random_uuid(), now())";
    writer.batch_execute(&format!("BEGIN; {insert}")).await.unwrap();
    let database = rows.database.clone();
    let mut migrating = tokio::task::JoinSet::new();
    migrating.spawn(async move { db::migrate(&database).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' \
                 AND wait_event_type = 'Lock' AND datname = current_database()";
    eventually("it waits for who is writing", async || rows.number(waits).await == 1).await;
    rows.execute(insert).await;
    assert!(migrating.try_join_next().is_none());
    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migrating.join_next().await.unwrap().unwrap().unwrap(), ["20261126000003"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_has_a_comment() {
    let rows = Rows::new(&cluster::database().await).await;
    let bare = rows
        .list(
            "SELECT relname || coalesce('.' || attname, '') FROM pg_class \
             LEFT JOIN LATERAL (SELECT attname, attnum FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 \
               AND NOT attisdropped UNION ALL SELECT NULL, 0) AS part ON true \
             WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_diesel%' \
               AND coalesce(CASE attnum WHEN 0 THEN obj_description(pg_class.oid, 'pg_class') \
                 ELSE col_description(pg_class.oid, attnum) END, '') = ''",
        )
        .await;
    assert_eq!(bare, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_foreign_key_is_indexed() {
    let rows = Rows::new(&cluster::database().await).await;
    let slow = rows
        .list(
            "SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE contype = 'f' AND NOT EXISTS ( \
               SELECT FROM pg_index WHERE indrelid = conrelid AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)",
        )
        .await;
    assert_eq!(slow, Vec::<String>::new());
    assert_eq!(
        rows.number("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'pledges'::regclass").await,
        0,
        "pledges has none: they cost a quarter of ingest"
    );
}

/// `schema.rs` as the database has it: diesel's `print_schema` form, with the comments.
async fn generated(rows: &Rows) -> String {
    let mut text =
        String::from("//! The tables, generated from the database by the test `schema_rs_is_current`; see there.\n");
    let tables = rows
        .list(
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace \
             AND relname NOT LIKE '\\_\\_diesel%' ORDER BY relname COLLATE \"C\"",
        )
        .await;
    for table in &tables {
        let comment = rows.value(&format!("SELECT obj_description('{table}'::regclass, 'pg_class')")).await;
        let key = rows
            .value(&format!(
                "SELECT string_agg(attname, ', ' ORDER BY array_position(indkey::int2[], attnum)) FROM pg_index \
                 JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) \
                 WHERE indrelid = '{table}'::regclass AND indisprimary"
            ))
            .await;
        write!(text, "\ndiesel::table! {{\n    /// {comment}\n    {table} ({key}) {{\n").unwrap();
        let columns = rows
            .list(&format!(
                "SELECT attname || '|' || (CASE WHEN attnotnull THEN '' ELSE 'null' END) || '|' || \
                   format_type(atttypid, atttypmod) || '|' || col_description(attrelid, attnum) FROM pg_attribute \
                 WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ))
            .await;
        for column in columns {
            let parts: Vec<&str> = column.splitn(4, '|').collect();
            let [name, null, kind, comment] = parts[..] else { panic!("{column}") };
            let kind = match kind {
                "uuid" => "Uuid",
                "text" => "Text",
                "bytea" => "Bytea",
                "jsonb" => "Jsonb",
                "boolean" => "Bool",
                "smallint" => "Int2",
                "integer" => "Int4",
                "bigint" => "Int8",
                "date" => "Date",
                "timestamp with time zone" => "Timestamptz",
                "text[]" => "Array<Nullable<Text>>",
                "uuid[]" => "Array<Nullable<Uuid>>",
                "bigint[]" => "Array<Nullable<Int8>>",
                other => panic!("{table}.{name} has the type {other}, which this test can't write yet"),
            };
            let kind = if null.is_empty() { kind.to_owned() } else { format!("Nullable<{kind}>") };
            write!(text, "        /// {comment}\n        {name} -> {kind},\n").unwrap();
        }
        text.push_str("    }\n}\n");
    }
    writeln!(text, "\ndiesel::joinable!(sessions -> moderators (moderator_id));").unwrap();
    writeln!(text, "diesel::allow_tables_to_appear_in_same_query!({});", tables.join(", ")).unwrap();
    text
}

/// `PLEDGES_WRITE_SCHEMA=1 cargo test schema_rs_is_current` writes the file anew after a migration.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "how the one who writes a migration has the file written")]
async fn schema_rs_is_current() {
    let generated = generated(&Rows::new(&cluster::database().await).await).await;
    if std::env::var_os("PLEDGES_WRITE_SCHEMA").is_some() {
        fs::write(SCHEMA, &generated).unwrap();
    }
    assert!(
        fs::read_to_string(SCHEMA).unwrap() == generated,
        "src/db/schema.rs is not what the migrations make: PLEDGES_WRITE_SCHEMA=1 cargo test schema_rs_is_current"
    );
}

/// Whoever pledged before fingerprints became shorter has pledged afterwards as well.
#[tokio::test(flavor = "multi_thread")]
async fn short_fingerprints_are_the_first_half_of_the_long_ones() {
    let url = cluster::empty_database().await;
    let rows = Rows::new(&url).await;
    let mut connection = rows.database.open().await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut migrations: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    let at = migrations.iter().position(|path| path.ends_with("2026-11-24-000002_short_fingerprints")).unwrap();
    for migration in &migrations[..at] {
        connection.batch_execute(&fs::read_to_string(migration.join("up.sql")).unwrap()).await.unwrap();
    }
    rows.execute(
        "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) VALUES (gen_random_uuid(), \
           gen_random_uuid(), 'FR', 'counted', decode('00122233445566778899aabbccddeeff' || repeat('f0', 16), 'hex'), now())",
    )
    .await;
    connection.batch_execute(&fs::read_to_string(migrations[at].join("up.sql")).unwrap()).await.unwrap();
    let kept = rows.value("SELECT fingerprint::text FROM pledges").await;
    assert_eq!(kept, "00122233-4455-6677-8899-aabbccddeeff");
}

/// While a new version is rolled out, the queries of the previous one go on working on the new schema, but where
/// docs/operations.md says otherwise under "Upgrading", as from 0.1 to 0.2. Each release leaves
/// its queries in `tests/api/migrations/`; see `support/queries.rs` for how they are collected.
#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_previous_release_still_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/migrations");
    let mut releases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    releases.sort();
    let queries = fs::read_to_string(releases.last().unwrap()).unwrap();
    assert!(queries.lines().count() > 20, "the file has the queries of the service");
    let rows = Rows::new(&cluster::database().await).await;
    let mut prepare = String::new();
    for (number, query) in queries.lines().enumerate() {
        writeln!(
            prepare,
            "BEGIN EXECUTE $q$ PREPARE q{number} AS {query} $q$; EXCEPTION WHEN OTHERS THEN \
             broken_queries := broken_queries || $q${query}: $q$ || SQLERRM || E'\\n'; END;"
        )
        .unwrap();
    }
    // All in one session, and every failure told at once.
    rows.execute("CREATE TABLE broken (what text)").await;
    rows.execute(&format!(
        "DO $do$ DECLARE broken_queries text := ''; BEGIN {prepare} INSERT INTO broken VALUES (broken_queries); END $do$"
    ))
    .await;
    assert_eq!(rows.value("SELECT what FROM broken").await, "");
}
