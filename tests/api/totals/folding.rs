//! Folding: no delta is ever missed, whatever order transactions commit in, and whoever stops another takes over.

use diesel_async::SimpleAsyncConnection;
use pledges::totals::deltas::store::{TAKE, take};

use super::{count, document};
use crate::support::{TestApp, client::pledge, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_began_before_the_others_and_commits_after_them_is_counted() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let mut late = app.rows.database.open().await.unwrap();
    late.batch_execute(
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; \
         INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) SELECT gen_random_uuid(), id, \
           'FR', 'counted', gen_random_uuid(), now() FROM campaigns; \
         INSERT INTO count_deltas (campaign_id, countries, amounts) SELECT id, '{FR}', '{1}' FROM campaigns",
    )
    .await
    .unwrap();
    for _ in 0..3 {
        count(&app, &[("DE", 2)]).await;
        app.publish().await;
    }
    let floor = app.rows.number("SELECT floor FROM fold_progress").await;
    assert!(floor > 0, "the floor rises, so that dead rows are not walked over");
    assert_eq!(document(&app.client()).await["total"], 6);
    late.batch_execute("COMMIT").await.unwrap();
    app.publish().await;
    assert_eq!(document(&app.client()).await["total"], 7);
    assert!(app.rows.number("SELECT floor FROM fold_progress").await > floor);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_restored_on_a_younger_server_goes_on_being_folded() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    // The old server had counted its transactions much further.
    app.rows.execute("UPDATE fold_progress SET floor = 1000000000000").await;
    count(&app, &[("DE", 2)]).await;
    app.rows.execute("UPDATE count_deltas SET xact = 1000000000001").await;
    count(&app, &[("DE", 3)]).await;
    app.publish().await;
    assert_eq!(document(&app.client()).await["total"], 5);
    let floor = app.rows.number("SELECT floor FROM fold_progress").await;
    assert!(floor < 1_000_000_000_000, "the new server will get there one day, and must not skip anything then");
    count(&app, &[("DE", 4)]).await;
    app.publish().await;
    assert_eq!(document(&app.client()).await["total"], 9);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stands_still_with_the_lock_is_told_of_and_another_takes_over() {
    let app = TestApp::start().await;
    let mut still = app.rows.database.open().await.unwrap();
    still
        .batch_execute(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '3s'; SELECT pg_advisory_xact_lock(x'706c656467652d66'::bigint)",
        )
        .await
        .unwrap();
    app.client().pledge(&pledge("amina@example.org")).await.expect(201);
    eventually("the lag is told", async || app.service.handles.totals.fold_lag().as_millis() > 500).await;
    // The server ends the transaction that idles.
    eventually("it is folded all the same", async || document(&app.client()).await["total"] == 1).await;
    eventually("nothing waits", async || app.service.handles.totals.fold_lag().is_zero()).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_hears_of_what_another_has_folded_without_looking() {
    let one = TestApp::start().await;
    let two = TestApp::on(one.url.clone(), &["--look-every-ms", "60000"]).await;
    eventually("it listens", async || {
        one.rows
            .number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
            .await
            == 2
    })
    .await;
    for number in 1..=5 {
        one.client().pledge(&pledge(&format!("s{number}@example.org"))).await.expect(201);
        eventually("the other instance shows it", async || document(&two.client()).await["total"] == number).await;
    }
    // The connection breaks; it listens again.
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(one.rows.number(end).await, 2);
    eventually("it shows it later", async || {
        let number = one.rows.number("SELECT count(*) FROM pledges").await + 1;
        one.client().pledge(&pledge(&format!("s{number}@example.org"))).await.expect(201);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        document(&two.client()).await["total"] == number
    })
    .await;
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_waits_holds_the_floor_no_further_down_than_its_own_delta() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    app.rows.campaign("slow").await;
    app.rows.execute("UPDATE campaigns SET publish_every_ms = 3600000 WHERE slug = 'slow'").await;
    let delta = "INSERT INTO count_deltas (campaign_id, countries, amounts) SELECT id, '{}', '{}' FROM campaigns \
         WHERE slug = 'slow'";
    app.rows.execute(delta).await;
    for _ in 0..3 {
        count(&app, &[("DE", 2)]).await;
        app.service.handles.totals.publish().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM count_deltas").await, 1, "the slow one waits");
    let floor = app.rows.number("SELECT floor FROM fold_progress").await;
    assert_eq!(floor, app.rows.number("SELECT xact FROM count_deltas").await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_deltas_than_a_transaction_takes_are_taken_in_parts_the_oldest_first() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    app.rows.campaign("other").await;
    let append = |slug: &str, amounts: &str| {
        format!(
            "INSERT INTO count_deltas (campaign_id, countries, amounts, confirmed) \
             SELECT id, '{{DE}}', ARRAY[amount], 0 FROM campaigns, unnest(ARRAY[{amounts}]) AS amount WHERE slug = '{slug}' ORDER BY amount"
        )
    };
    app.rows.execute(&append("defend", "1, 2, 4")).await;
    let floor = app.rows.number("SELECT max(xact) FROM count_deltas").await;
    app.rows.execute(&append("other", "100")).await;
    app.rows.execute(&append("defend", "8, 16")).await;
    let campaign = app.rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
    let mut connection = app.rows.database.open().await.unwrap();
    let mut taken = Vec::new();
    // From there on: those of the first transaction too.
    for limit in [2, 2, 20] {
        let (sums, many) = take(&mut connection, campaign, floor, limit).await.unwrap();
        taken.push((sums.countries.values().sum::<i64>(), many));
    }
    assert_eq!(taken, [(1 + 2, 2), (4 + 8, 2), (16, 1)]);
    assert_eq!(app.rows.number("SELECT sum(amounts[1]) FROM count_deltas").await, 100, "another's stay");
    app.rows.execute(&append("defend", "32")).await;
    let above = app.rows.number("SELECT max(xact) FROM count_deltas").await + 1;
    assert_eq!(take(&mut connection, campaign, above, 20).await.unwrap().1, 0, "below the floor there are none");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_compared_with_no_others_even_where_a_plan_expects_none() {
    let app = TestApp::start().await;
    app.rows.execute("VACUUM ANALYZE count_deltas").await;
    let take = TAKE.replace("$1", "'00000000-0000-0000-0000-000000000000'").replace("$2", "7").replace("$3", "20000");
    let plan = app.rows.plan(&take).await;
    assert!(plan.contains("Delete on count_deltas"), "{plan}");
    assert!(!plan.contains("Join") && !plan.contains("Nested Loop"), "thousands of times thousands: {plan}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_publishes_no_more_often_than_it_wants_to() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET publish_every_ms = 3600000").await;
    let client = app.client();
    client.pledge(&pledge("first@example.org")).await.expect(201);
    app.service.handles.totals.publish().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(document(&client).await["total"], 0, "the campaign was made a moment ago, which was a version");
    app.rows.execute("UPDATE campaign_totals SET changed_at = now() - interval '1 hour'").await;
    eventually("its turn has come", async || document(&client).await["total"] == 1).await;
    client.pledge(&pledge("second@example.org")).await.expect(201);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(document(&client).await["total"], 1);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
