//! What is gone is gone from the files of the database too, as far as docs/privacy.md says.

use std::process::Command;

use diesel_async::SimpleAsyncConnection;
use pledges::{
    db::local_postgres::LocalPostgres,
    privacy::retention::{Limit, dead_rows},
};

use super::{in_days, pledges_of, quiet, quiet_on, run};
use crate::support::{TestApp, cluster, eventually, program::VarDir};

/// In which files of the database's tables and indexes these bytes stand, as PostgreSQL names them.
async fn files_with(app: &TestApp, bytes: &str) -> Vec<String> {
    app.rows.execute("CHECKPOINT").await;
    let data = app.rows.value("SELECT current_setting('data_directory')").await;
    let oid = app.rows.value("SELECT oid FROM pg_database WHERE datname = current_database()").await;
    let place = format!("{data}/base/{oid}");
    let found = Command::new("grep").env("LC_ALL", "C").args(["-rlaF", "--", bytes, &place]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    found.lines().map(|path| path.strip_prefix(&format!("{data}/")).unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_of_what_is_gone_stay_in_a_file() {
    // A server of its own: the others would wait for its checkpoints.
    let var = VarDir::new();
    let postgres = LocalPostgres::start(&cluster::config(var.path())).await.unwrap();
    let app = quiet_on(postgres.url().into()).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org", "cid@example.org"]).await;
    let [review, record, key, salt] = ["zq-review-bytes", "zq-record-bytes", "zq-wrapped-bytes", "zq-salt-bytes"];
    app.rows
        .execute(&format!("UPDATE pledges SET sealed_review = '{review}'::bytea, sealed_record = '{record}'::bytea"))
        .await;
    app.rows.execute(&format!("UPDATE sealing_epochs SET wrapped_key = '{key}'::bytea")).await;
    app.rows.execute(&format!("UPDATE campaigns SET salt = rpad('{salt}', 32, '-')::bytea, state = 'closed'")).await;
    for bytes in [review, record, key, salt] {
        assert_ne!(files_with(&app, bytes).await, [""; 0], "the search finds {bytes}");
    }
    assert_eq!(run(&app, in_days(31)).await.len(), 2);
    // The keys are in no file.
    for bytes in [key, salt] {
        assert_eq!(files_with(&app, bytes).await, [""; 0], "{bytes}");
    }
    // No row has the rest, dead or alive, and no index. But vacuuming frees the room on a page and doesn't overwrite it: there
    // the sealed bytes stay until other rows need the room, or the table is written anew.
    let table = app.rows.value("SELECT pg_relation_filepath('pledges')").await;
    for bytes in [review, record] {
        assert!(files_with(&app, bytes).await.iter().all(|file| *file == table), "{bytes}");
    }
    let vacuumed = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'pledges'";
    eventually("dead rows were taken out", async || app.rows.number(vacuumed).await > 0).await;
    dead_rows::store::rewrite_pledges(&mut app.rows.database.open_direct().await.unwrap()).await.unwrap();
    for bytes in [review, record, key, salt] {
        assert_eq!(files_with(&app, bytes).await, [""; 0], "{bytes}");
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
    postgres.stop().await.unwrap();
}

/// PostgreSQL keeps dead rows for whoever began to read before, also when it writes a table anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_still_reads_is_not_taken_for_gone() {
    let app = quiet().await;
    pledges_of(&app, &["ann@example.org"]).await;
    app.rows.execute("UPDATE campaigns SET state = 'closed'").await;
    let mut reader = app.rows.database.open().await.unwrap();
    let begin =
        "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pledges";
    reader.batch_execute(begin).await.unwrap();
    let gone = run(&app, in_days(31)).await;
    assert_eq!(gone.last().unwrap().limit, Limit::Records);
    let done = "SELECT cleared_at IS NOT NULL AND vacuumed_at IS NOT NULL FROM retention_progress";
    assert_eq!(app.rows.value(done).await, "false");
    reader.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&app, in_days(31)).await, []);
    assert_eq!(app.rows.value(done).await, "true");
    app.stop().await;
}
