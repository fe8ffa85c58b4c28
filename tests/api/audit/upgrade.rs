//! A log from before the chain is read into it, and back out of it.

use std::{fs, path::PathBuf};

use diesel_async::SimpleAsyncConnection;
use tokio::task::JoinSet;

use super::{append, is_well};
use crate::support::{cluster, eventually, rows::Rows};

/// The folders of all migrations, in order, and where the chain begins.
fn migrations() -> (Vec<PathBuf>, usize) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    let chain = all.iter().position(|path| path.ends_with("2026-12-03-000001_audit_chain")).unwrap();
    (all, chain)
}

async fn run<'a>(rows: &Rows, folders: impl IntoIterator<Item = &'a PathBuf>, file: &str) {
    let mut connection = rows.database.open().await.unwrap();
    for folder in folders {
        connection.batch_execute(&fs::read_to_string(folder.join(file)).unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entries_from_before_are_chained_in_their_order() {
    let rows = Rows::new(&cluster::empty_database().await).await;
    let (all, chain) = migrations();
    run(&rows, &all[..chain], "up.sql").await;
    let insert = "INSERT INTO audit_log (at, action, details) VALUES";
    // The second began first, and a number in between was rolled back.
    rows.execute(&format!("{insert} ('2026-11-30T23:59:59.123456Z', 'test.first', '{{\"b\": 1, \"a\": 1.50}}')")).await;
    rows.execute("SELECT nextval(pg_get_serial_sequence('audit_log', 'id'))").await;
    rows.execute(&format!("{insert} ('2026-11-30T23:59:58Z', 'test.second', '{{}}')")).await;
    rows.execute(&format!("{insert} (now(), 'test.third', '[]')")).await;

    run(&rows, &all[chain..], "up.sql").await;
    let log = "SELECT concat_ws(' ', id, number, action, details) FROM audit_log ORDER BY number";
    let chained = ["1 1 test.first {\"a\": 1.50, \"b\": 1}", "2 2 test.second {}", "3 3 test.third []"];
    assert_eq!(rows.list(log).await, chained);
    append(&rows, 4).await;
    assert_eq!(is_well(&rows).await.number, 4);

    // A way back, and here again.
    run(&rows, all[chain..].iter().rev(), "down.sql").await;
    let before = "SELECT concat_ws(' ', id, action) FROM audit_log ORDER BY id";
    assert_eq!(rows.list(before).await, ["1 test.first", "2 test.second", "3 test.third", "4 test.append"]);
    rows.execute(&format!("{insert} (now(), 'test.fifth', '{{}}')")).await;
    run(&rows, &all[chain..], "up.sql").await;
    assert_eq!(is_well(&rows).await.number, 5);
}

/// Runs these migrations while a transaction that has locked something locks something else, as actions do. Both come through.
async fn meanwhile(rows: &Rows, folders: &[PathBuf], first: &str, second: &str) {
    let mut worker = rows.database.open().await.unwrap();
    worker.batch_execute(&format!("BEGIN; {first}")).await.unwrap();
    let (ours, folders) = (rows.clone(), folders.to_owned());
    let mut migrating = JoinSet::new();
    migrating.spawn(async move { run(&ours, &folders, "up.sql").await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    eventually("the migration waits", async || rows.number(waits).await > 0).await;
    worker.batch_execute(&format!("{second}; COMMIT")).await.unwrap();
    migrating.join_next().await.unwrap().unwrap();
}

/// Whoever is killed for the other one is an instance that doesn't start, or somebody who can't sign in.
#[tokio::test(flavor = "multi_thread")]
async fn who_works_meanwhile_and_the_migrations_do_not_wait_for_each_other_for_ever() {
    let rows = Rows::new(&cluster::empty_database().await).await;
    let (all, chain) = migrations();
    run(&rows, &all[..chain], "up.sql").await;
    let append = "INSERT INTO audit_log (action, details) VALUES ('test.append', '{}')";
    // The release before changed accounts and campaigns behind an entry.
    meanwhile(&rows, &all[chain..=chain], append, "UPDATE moderators SET login = login").await;
    let dropped = all.iter().position(|path| path.ends_with("2026-12-09-000001_audit_log_before")).unwrap();
    run(&rows, &all[chain + 1..dropped], "up.sql").await;
    let key = "SELECT FROM campaigns FOR KEY SHARE";
    meanwhile(&rows, &all[dropped..=dropped], key, &format!("SELECT FROM moderators FOR KEY SHARE; {append}")).await;
    assert_eq!(is_well(&rows).await.number, 2);
}
