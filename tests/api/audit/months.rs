//! Months of the log: made ahead, and dropped after their time behind a checkpoint from which the check goes on.

use pledges::audit::{
    months::{DropError, drop_old, look_after, store},
    verify::{Expected, What, Wrong},
};

use super::{append, is_well, verdict};
use crate::support::{cluster, rows::Rows};

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
