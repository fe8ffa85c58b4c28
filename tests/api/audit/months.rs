//! Months of the log: made ahead, and dropped after their time behind a checkpoint from which the check goes on.

use diesel_async::SimpleAsyncConnection;
use pledges::{
    audit::{
        months::{DropError, drop_old, look_after, store},
        verify::{Expected, What, Wrong},
    },
    db::DbError,
};

use super::{append, is_well, verdict};
use crate::support::{TestApp, cluster, program, rows::Rows};

const PARTS: &str = "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid \
     WHERE inhparent = 'audit_log'::regclass ORDER BY relname";

/// The name of the part for the month that is so many months away.
async fn part(rows: &Rows, ahead: i32) -> String {
    let month = format!("date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => {ahead})");
    rows.value(&format!("to_char({month}, '\"audit_log_\"YYYY_MM')")).await
}

/// An entry of another time.
async fn append_at(rows: &Rows, at: &str) {
    rows.execute(&format!("INSERT INTO audit_log (at, action, details) VALUES ('{at}', 'test.old', '{{}}')")).await;
}

async fn fresh() -> Rows {
    Rows::new(&cluster::database().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn this_month_and_the_next_three_are_there_and_are_made_again() {
    let rows = fresh().await;
    let mut expected = Vec::new();
    for ahead in 0..4 {
        expected.push(part(&rows, ahead).await);
    }
    expected.push("audit_log_default".into());
    assert_eq!(rows.list(PARTS).await, expected);
    rows.execute(&format!("DROP TABLE {}, {}", expected[1], expected[3])).await;
    let mut connection = rows.database.open().await.unwrap();
    assert_eq!(store::make(&mut connection).await.unwrap(), 2);
    assert_eq!(rows.list(PARTS).await, expected);
    assert_eq!(store::make(&mut connection).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_month_of_its_own_is_kept_all_the_same() {
    let rows = fresh().await;
    let month = part(&rows, 0).await;
    rows.execute(&format!("DROP TABLE {month}")).await;
    append(&rows, 1).await;
    assert_eq!(rows.number("SELECT count(*) FROM audit_log_default").await, 1);
    // The month can't be made any more, and nothing fails for it.
    assert_eq!(store::make(&mut rows.database.open().await.unwrap()).await.unwrap(), 0);
    append(&rows, 2).await;
    assert_eq!(is_well(&rows).await.number, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_time_is_dropped_and_the_check_goes_on_from_the_checkpoint() {
    let rows = fresh().await;
    rows.execute("SELECT audit_log_make_month('2020-02-10')").await;
    append_at(&rows, "2020-01-31T12:00:00Z").await;
    append_at(&rows, "2020-02-01T00:00:00Z").await;
    append(&rows, 3).await;
    // Began in the old month and ended after number 3.
    append_at(&rows, "2020-02-29T23:59:59Z").await;
    append(&rows, 5).await;
    let noted: Vec<Expected> = {
        let notes = rows.list("SELECT number || ':' || encode(hash, 'hex') FROM audit_log ORDER BY number").await;
        notes.iter().map(|note| note.parse().unwrap()).collect()
    };
    assert_eq!(verdict(&rows, &noted).await.wrong, None);

    let dropped = look_after(&rows.database, 24).await.unwrap();
    assert_eq!(dropped.iter().map(|month| month.entries).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(rows.list("SELECT number FROM audit_log WHERE action LIKE 'test.%' ORDER BY 1").await, ["3", "5"]);
    assert!(!rows.list(PARTS).await.contains(&"audit_log_2020_02".to_owned()));
    let kept = "SELECT concat_ws(' ', month, number, entries) FROM audit_checkpoints ORDER BY month";
    assert_eq!(rows.list(kept).await, ["2020-01-01 4 1", "2020-02-01 4 2"]);
    let on_record = "SELECT details->>'entries' FROM audit_log WHERE action = 'audit.drop' ORDER BY number";
    assert_eq!(rows.list(on_record).await, ["2", "1"]);

    let verdict_after = is_well(&rows).await;
    assert_eq!((verdict_after.checked, verdict_after.number), (3, 7));
    // What was noted still counts, where there is something left to compare it with.
    assert_eq!(verdict(&rows, &noted[2..]).await.wrong, None);
    let gone = Some(Wrong { number: 1, what: What::Dropped });
    assert_eq!(verdict(&rows, &noted[..1]).await.wrong, gone);
    assert!(look_after(&rows.database, 24).await.unwrap().is_empty());
    // What is left before the checkpoint is held against it.
    rows.execute(
        "DO $$ BEGIN SET LOCAL session_replication_role = replica; DELETE FROM audit_log WHERE number = 3; END $$",
    )
    .await;
    let missing = Some(Wrong { number: 4, what: What::AroundCheckpoint });
    assert_eq!(verdict(&rows, &[]).await.wrong, missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dropped_before_its_time_or_from_a_log_that_is_wrong() {
    let rows = fresh().await;
    let mut owner = rows.database.open_owner().await.unwrap();
    let last_month = rows.value("date_trunc('month', now()) - interval '1 day'").await;
    append_at(&rows, &last_month).await;
    assert!(drop_old(&mut owner, 1).await.unwrap().is_empty());
    append_at(&rows, "2020-01-31T12:00:00Z").await;
    // Beside it in one part is what is younger.
    assert!(drop_old(&mut owner, 1).await.unwrap().is_empty());
    rows.execute("SELECT audit_log_make_month('2020-02-10')").await;
    append_at(&rows, "2020-02-01T00:00:00Z").await;
    rows.execute(
        "DO $$ BEGIN SET LOCAL session_replication_role = replica; \
         UPDATE audit_log SET action = 'test.other' WHERE number = 2; END $$",
    )
    .await;
    let wrong = Wrong { number: 2, what: What::Changed };
    assert!(matches!(drop_old(&mut owner, 24).await, Err(DropError::Wrong(found)) if found == wrong));
    assert_eq!(rows.number("SELECT count(*) FROM audit_log").await, 3);
}

/// Whoever waits to lock an account has everybody behind him who signs in.
#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_reads_everything_no_month_goes_and_the_log_is_not_computed_for_it() {
    let rows = fresh().await;
    append_at(&rows, "2020-01-31T12:00:00Z").await;
    rows.execute(
        "DO $$ BEGIN SET LOCAL session_replication_role = replica; \
         UPDATE audit_log SET action = 'test.other' WHERE number = 1; END $$",
    )
    .await;
    let mut dump = rows.database.open().await.unwrap();
    dump.batch_execute("BEGIN; LOCK TABLE moderators IN ACCESS SHARE MODE").await.unwrap();
    let mut owner = rows.database.open_owner().await.unwrap();
    let kept = drop_old(&mut owner, 24).await;
    assert!(matches!(kept, Err(DropError::Database(DbError::Unavailable))), "{kept:?}");
    dump.batch_execute("COMMIT").await.unwrap();
    assert!(matches!(drop_old(&mut owner, 24).await, Err(DropError::Wrong(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn months_that_nobody_drops_are_told_and_the_limit_is_twelve() {
    let app = TestApp::start().await;
    let run = async |arguments: &[&str]| program::run(program::command_on(&app.url, app.var.path(), arguments)).await;
    append_at(&app.rows, &app.rows.value("now() - interval '14 months'").await).await;
    let month = app.rows.value("to_char(now() AT TIME ZONE 'UTC' - interval '14 months', 'FMMonth YYYY')").await;
    let told = run(&["doctor"]).await.expect(1).stdout;
    assert!(told.contains("1 months of the audit log are past their time (PLEDGES_AUDIT_MONTHS=12)"), "{told}");
    run(&["doctor", "--audit-months", "24"]).await.expect(0);
    let would = run(&["retention", "--dry-run"]).await.expect(0).stdout;
    assert_eq!(would, format!("audit log: 1 entries from {month} on would go\n"));
    let later = app.rows.value("to_char(now() + interval '11 months', 'YYYY-MM-DD\"T00:00:00Z\"')").await;
    let then = run(&["retention", "--dry-run", "--audit-months", "24", "--as-of", &later]).await.expect(0).stdout;
    assert!(then.contains(&would), "{then}");
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action = 'test.old'").await, 1);
    // As the owner, whose address the command has beside the service's.
    let gone = run(&["retention"]).await.expect(0).stdout;
    assert_eq!(gone, would.replace("would go", "are gone"));
    run(&["doctor"]).await.expect(0);
    app.stop().await;
}

/// Not before whoever should drop it has had time to.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_late_some_days_after_it_is_due() {
    let rows = fresh().await;
    append_at(&rows, "2025-10-31T23:59:59Z").await;
    let mut connection = rows.database.open().await.unwrap();
    let mut late = async |as_of: &str, days: i32| {
        !store::due(&mut connection, 12, Some(as_of.parse().unwrap()), days).await.unwrap().is_empty()
    };
    assert!(!late("2026-10-31T23:59:59Z", 0).await);
    assert!(late("2026-11-01T00:00:00Z", 0).await);
    assert!(!late("2026-11-02T23:59:59Z", 2).await);
    assert!(late("2026-11-03T00:00:00Z", 2).await);
}
