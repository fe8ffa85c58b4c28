//! What is done to the log behind the service's back, by somebody who has the whole database.

use pledges::audit::verify::{Expected, What, Wrong};

use super::{append, is_well, verdict};
use crate::support::{TestApp, program, rows::Rows};

/// A log with `entries` entries and nobody at it.
async fn log(entries: usize) -> Rows {
    let rows = Rows::new(&crate::support::cluster::database().await).await;
    for number in 0..entries {
        append(&rows, number).await;
    }
    is_well(&rows).await;
    rows
}

/// Past every trigger, as only a superuser can.
async fn tamper(rows: &Rows, sql: &str) {
    rows.execute(&format!("DO $do$ BEGIN SET LOCAL session_replication_role = replica; {sql}; END $do$")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_is_found_and_named() {
    const NEXT_HASH: &str = "audit_hash(number, at, moderator_id, campaign_id, action, details, previous)";
    let rehashed = format!(
        "UPDATE audit_log SET action = 'test.other' WHERE number = 5; UPDATE audit_log SET hash = {NEXT_HASH} WHERE number = 5"
    );
    let last = rehashed.replace("number = 5", "number = 10");
    let cases: [(&str, &str, i64, What); 12] = [
        ("action", "UPDATE audit_log SET action = 'test.other' WHERE number = 5", 5, What::Changed),
        ("details", "UPDATE audit_log SET details = '{\"entry\": 99}' WHERE number = 5", 5, What::Changed),
        ("time", "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE number = 1", 1, What::Changed),
        ("who", "UPDATE audit_log SET moderator_id = gen_random_uuid() WHERE number = 10", 10, What::Changed),
        ("hash", "UPDATE audit_log SET hash = sha256('x') WHERE number = 5", 5, What::Changed),
        ("hashed anew", &rehashed, 6, What::NotLinked),
        ("the last one, hashed anew", &last, 10, What::NotTheHead),
        ("removed", "DELETE FROM audit_log WHERE number = 5", 5, What::Missing),
        ("the first one removed", "DELETE FROM audit_log WHERE number = 1", 1, What::Missing),
        (
            "put in",
            "INSERT INTO audit_log (number, at, action, details, previous, hash) \
             SELECT number, at + interval '1 second', 'test.put', details, previous, hash FROM audit_log WHERE number = 5",
            5,
            What::Twice,
        ),
        (
            "swapped",
            "UPDATE audit_log SET number = 99 WHERE number = 5; UPDATE audit_log SET number = 5 WHERE number = 6; \
             UPDATE audit_log SET number = 6 WHERE number = 99",
            5,
            What::NotLinked,
        ),
        ("the end cut off", "DELETE FROM audit_log WHERE number > 8", 9, What::Missing),
    ];
    for (how, sql, number, what) in cases {
        let rows = log(10).await;
        tamper(&rows, sql).await;
        assert_eq!(verdict(&rows, &[]).await.wrong, Some(Wrong { number, what }), "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_with_the_head_put_back_is_found_by_who_noted_it() {
    let rows = log(10).await;
    let noted: Expected = is_well(&rows).await.note().parse().unwrap();
    tamper(
        &rows,
        "DELETE FROM audit_log WHERE number > 8; \
         UPDATE audit_head SET (number, hash) = (SELECT number, hash FROM audit_log WHERE number = 8)",
    )
    .await;
    is_well(&rows).await;
    let missing = Some(Wrong { number: 10, what: What::Missing });
    assert_eq!(verdict(&rows, &[noted]).await.wrong, missing);
    // And filled up with others it isn't the same any more.
    append(&rows, 100).await;
    append(&rows, 101).await;
    is_well(&rows).await;
    let other = Some(Wrong { number: 10, what: What::NotAsNoted });
    assert_eq!(verdict(&rows, &[noted]).await.wrong, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_and_the_doctor_name_the_first_wrong_entry() {
    let app = TestApp::start().await;
    for number in 0..3 {
        append(&app.rows, number).await;
    }
    let note = is_well(&app.rows).await.note();
    let run = async |arguments: &[&str]| program::run(program::command_on(&app.url, app.var.path(), arguments)).await;
    assert_eq!(run(&["audit", "verify", "--expect", &note]).await.expect(0).stdout, format!("{note}\n"));
    let other = format!("1:{}", "0".repeat(64));
    let said = run(&["audit", "verify", "--expect", &other]).await.expect(1).stdout;
    assert_eq!(said, "the audit log is not what was written: entry 1 has another hash than was noted\n");
    run(&["audit", "verify", "--expect", "1:00"]).await.expect(2);
    tamper(&app.rows, "UPDATE audit_log SET action = 'test.other' WHERE number = 2").await;
    let sentence = "the audit log is not what was written: entry 2 is not what its hash says\n";
    assert_eq!(run(&["audit", "verify"]).await.expect(1).stdout, sentence);
    assert!(run(&["doctor"]).await.expect(1).stdout.contains(sentence));
    app.stop().await;
}

/// Also the owner's ordinary session, and a part of the log by its own name.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_there_is_changed_by_mistake() {
    let rows = log(3).await;
    let parts =
        rows.list("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_log'::regclass").await;
    assert!(parts.len() >= 4, "{parts:?}");
    for table in parts.iter().map(String::as_str).chain(["audit_log"]) {
        let changes = [
            format!("UPDATE {table} SET action = 'nothing'"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ];
        for sql in changes {
            let mut connection = rows.database.open().await.unwrap();
            let refused = diesel_async::RunQueryDsl::execute(diesel::sql_query(&sql), &mut connection).await;
            assert!(refused.unwrap_err().to_string().contains("append-only"), "{sql}");
        }
    }
    is_well(&rows).await;
}
