//! The job in the running service: by itself, by one instance at a time.

use chrono::TimeDelta;
use pledges::privacy::retention::{self, Order};

use super::{held, in_days, put, quiet, turn};
use crate::support::{TestApp, eventually};

/// Old pledges, more than two transactions take.
async fn old_pledges(app: &TestApp, count: i64) {
    let times: Vec<_> = (0..count).map(|number| in_days(-40) + TimeDelta::milliseconds(number)).collect();
    let times: Vec<_> = times.into_iter().map(|at| (at, at)).collect();
    for times in times.chunks(2_000) {
        put(app, times).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_clear_each_row_once() {
    let every = ["--retention-every-seconds", "1"];
    let one = TestApp::with(&every).await;
    old_pledges(&one, 11_000).await;
    let two = TestApp::on(one.url.clone(), &every).await;
    put(&one, &[(in_days(-1), in_days(-1))]).await;
    eventually("all are cleared", async || held(&one, "sealed_review").await == 1).await;
    let counted = "SELECT sum(changed) FROM retention_runs WHERE what = 'review_copies'";
    assert_eq!(one.rows.number(counted).await, 11_000);
    assert_eq!(one.differences().await, [""; 0]);
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_instance_is_at_it_the_others_leave_it_alone() {
    let app = TestApp::with(&["--retention-every-seconds", "1"]).await;
    // Whoever has it, the job ends a turn within a moment.
    let mut other = app.rows.database.open().await.unwrap();
    eventually("somebody else takes the lock", async || {
        pledges::privacy::retention::store::try_lock(&mut other).await.unwrap()
    })
    .await;
    old_pledges(&app, 3).await;
    assert_eq!(retention::run(&app.rows.database, Order::default()).await.unwrap(), None);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(held(&app, "sealed_review").await, 3);
    // It ends with its connection, however that ends.
    drop(other);
    eventually("the job goes on", async || held(&app, "sealed_review").await == 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_halfway_is_gone_on_with() {
    let app = quiet().await;
    old_pledges(&app, 6_000).await;
    // In the second transaction, in its last rows.
    app.rows
        .execute(
            "CREATE FUNCTION broken_on_purpose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               RAISE EXCEPTION 'broken on purpose'; END $$",
        )
        .await;
    let late = "(SELECT id FROM pledges ORDER BY id DESC LIMIT 1)";
    let late = app.rows.value(&format!("SELECT quote_literal({late}::text)")).await;
    app.rows
        .execute(&format!(
            "CREATE TRIGGER broken_on_purpose BEFORE UPDATE ON pledges FOR EACH ROW WHEN (OLD.id = {late}::uuid) \
             EXECUTE FUNCTION broken_on_purpose()"
        ))
        .await;
    turn(&app, in_days(0)).await.unwrap_err();
    assert_eq!(held(&app, "sealed_review").await, 1_000, "the first transaction stays");
    assert_eq!(app.rows.number("SELECT sum(changed) FROM retention_runs").await, 5_000);
    app.rows.execute("DROP TRIGGER broken_on_purpose ON pledges").await;
    turn(&app, in_days(0)).await.unwrap();
    assert_eq!(held(&app, "sealed_review").await, 0);
    assert_eq!(app.rows.number("SELECT sum(changed) FROM retention_runs").await, 6_000);
    app.stop().await;
}
