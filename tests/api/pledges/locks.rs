//! Mailboxes that pledge again are locked in one order, and those that count are not locked at all.

use std::time::Duration;

use diesel::{QueryableByName, sql_types::Text};
use diesel_async::SimpleAsyncConnection;
use pledges::{
    db::Connection,
    pledges::{NewPledge, store::insert},
};

use super::batches::prepared;
use crate::support::TestApp;

/// How often the two meet.
const ROUNDS: usize = 6;

/// Pledges that count, in front of how many.
const OTHERS: &str = "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
     SELECT gen_random_uuid(), campaigns.id, 'DE', 'counted', gen_random_uuid(), now() FROM campaigns,";

/// Pledges that wait for their mailboxes, sorted as batches are.
fn waiting(app: &TestApp, numbers: std::ops::Range<usize>) -> Vec<NewPledge> {
    let wait = |number| NewPledge { awaiting: true, ..prepared(app, "DE", number) };
    let mut all: Vec<_> = numbers.map(wait).collect();
    all.sort_by_key(|pledge| pledge.fingerprint);
    all
}

/// A connection whose planner finds rows in its own way.
async fn planning(app: &TestApp, how: &str) -> Connection {
    let mut connection = app.rows.database.open().await.unwrap();
    connection.batch_execute(how).await.unwrap();
    connection
}

/// Has all of them wait, in the table in another order than that of their fingerprints, and some withdrawn.
async fn shuffle(app: &TestApp, connection: &mut Connection) {
    app.rows.execute("TRUNCATE pledges").await;
    let mut unsorted = waiting(app, 0..100);
    unsorted.sort_by_key(|pledge| pledge.fingerprint.as_u128().reverse_bits());
    insert(connection, &unsorted.iter().collect::<Vec<_>>()).await.unwrap();
    // So many others that the table is the larger side of a join.
    app.rows.execute(&format!("{OTHERS} generate_series(1, 2000)")).await;
    app.rows
        .execute(
            "UPDATE pledges SET state = 'withdrawn', withdrawn_at = now() WHERE random() < 0.3 AND state = 'awaiting'",
        )
        .await;
    app.rows.execute("ANALYZE pledges").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_repeat_the_same_mailboxes_by_different_plans_do_not_deadlock() {
    let app = TestApp::start().await;
    // Between two rows there is time for the other one to take the next.
    app.rows
        .execute(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$",
        )
        .await;
    app.rows
        .execute("CREATE TRIGGER slowly BEFORE UPDATE OF id ON pledges FOR EACH ROW EXECUTE FUNCTION slowly()")
        .await;
    // By the index in the given order, and by the table in its own.
    let mut one =
        planning(&app, "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off").await;
    let mut two = planning(
        &app,
        "SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off",
    )
    .await;
    for _ in 0..ROUNDS {
        shuffle(&app, &mut one).await;
        // New ids each time, as every sending has.
        let (first, second) = (waiting(&app, 0..80), waiting(&app, 20..100));
        let (first, second) = (first.iter().collect::<Vec<_>>(), second.iter().collect::<Vec<_>>());
        let (first, second) = tokio::join!(insert(&mut one, &first), insert(&mut two, &second));
        first.unwrap();
        second.unwrap();
        assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'awaiting'").await, 100);
    }
    // Told by a backend when it ends.
    drop((one, two));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(app.rows.number(deadlocks).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_counts_is_not_even_locked_when_it_pledges_again() {
    let app = TestApp::start().await;
    let mut connection = app.rows.database.open().await.unwrap();
    let counted: Vec<_> = (0..10).map(|number| prepared(&app, "DE", number)).collect();
    let counted: Vec<_> = counted.iter().collect();
    insert(&mut connection, &counted).await.unwrap();
    let mut holder = planning(&app, "BEGIN; SELECT FROM pledges FOR UPDATE").await;
    connection.batch_execute("SET lock_timeout = '500ms'").await.unwrap();
    insert(&mut connection, &counted).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    app.stop().await;
}

/// The plan of a statement that this connection has prepared, the one for every call.
async fn plan(connection: &mut Connection) -> String {
    use diesel_async::RunQueryDsl;
    #[derive(QueryableByName)]
    struct Explain {
        #[diesel(sql_type = Text)]
        text: String,
    }
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let explain = "SELECT format('EXPLAIN EXECUTE %I(%s)', name, \
        array_to_string(array_fill('NULL'::text, ARRAY[cardinality(parameter_types)]), ', ')) AS text \
        FROM pg_prepared_statements WHERE statement ~ '^WITH (sent|given) AS'";
    let explain: Explain = diesel::sql_query(explain).get_result(connection).await.unwrap();
    let lines: Vec<Line> = diesel::sql_query(explain.text).load(connection).await.unwrap();
    lines.into_iter().map(|line| line.line + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn among_many_rows_those_that_pledge_again_are_found_by_the_index() {
    let app = TestApp::start().await;
    app.rows.execute(&format!("{OTHERS} generate_series(1, 50000)")).await;
    app.rows.execute("ANALYZE pledges").await;
    let mut connection = planning(&app, "SET plan_cache_mode = force_generic_plan").await;
    insert(&mut connection, &waiting(&app, 0..1).iter().collect::<Vec<_>>()).await.unwrap();
    let plan = plan(&mut connection).await;
    assert!(plan.contains("LockRows") && plan.contains("Index Scan using one_pledge_per_mailbox"), "{plan}");
    assert!(!plan.contains("Seq Scan on pledges"), "{plan}");
    app.stop().await;
}
