//! Mailboxes that pledge again are locked in one order, and those that count are not locked at all.

use std::time::Duration;

use diesel::{QueryableByName, sql_types::Text};
use diesel_async::SimpleAsyncConnection;
use pledges::{
    db::{Connection, IsConflict},
    pledges::{NewPledge, store::insert},
};

use super::batches::prepared;
use crate::support::TestApp;

/// How often each of the two repeats all mailboxes.
const ROUNDS: usize = 40;

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

/// Repeats the pledges again and again. Returns how often another transaction was in the way.
async fn hammer(app: &TestApp, how: &str, numbers: std::ops::Range<usize>) -> usize {
    let mut connection = planning(app, how).await;
    let mut in_the_way = 0;
    for _ in 0..ROUNDS {
        // New ids each time, as every sending has.
        let pledges = waiting(app, numbers.clone());
        match insert(&mut connection, &pledges.iter().collect::<Vec<_>>()).await {
            Ok(()) => {}
            Err(error) if error.is_conflict() => in_the_way += 1,
            Err(error) => panic!("{error}"),
        }
    }
    in_the_way
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_repeat_the_same_mailboxes_by_different_plans_do_not_deadlock() {
    let app = TestApp::start().await;
    // Their order in the table is not that of their fingerprints.
    let mut connection = app.rows.database.open().await.unwrap();
    let mut unsorted = waiting(&app, 0..200);
    unsorted.sort_by_key(|pledge| pledge.fingerprint.as_u128().reverse_bits());
    insert(&mut connection, &unsorted.iter().collect::<Vec<_>>()).await.unwrap();
    app.rows.execute("UPDATE pledges SET state = 'withdrawn', withdrawn_at = now() WHERE id IN (SELECT id FROM pledges LIMIT 50)").await;
    // By the index in the given order, and by the table in its own.
    let by_index = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off";
    let by_table = "SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off";
    let (one, two) = tokio::join!(hammer(&app, by_index, 0..150), hammer(&app, by_table, 50..200));
    assert_eq!((one, two), (0, 0), "another transaction was in the way");
    drop(connection);
    // Counted when a backend ends.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(app.rows.number(deadlocks).await, 0);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'awaiting'").await, 200);
    assert_eq!(app.differences().await, [""; 0]);
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
        FROM pg_prepared_statements WHERE statement LIKE 'WITH given%'";
    let explain: Explain = diesel::sql_query(explain).get_result(connection).await.unwrap();
    let lines: Vec<Line> = diesel::sql_query(explain.text).load(connection).await.unwrap();
    lines.into_iter().map(|line| line.line + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn among_many_rows_those_that_pledge_again_are_found_by_the_index() {
    let app = TestApp::start().await;
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) SELECT gen_random_uuid(), \
               campaigns.id, 'DE', 'counted', gen_random_uuid(), now() FROM campaigns, generate_series(1, 50000)",
        )
        .await;
    app.rows.execute("ANALYZE pledges").await;
    let mut connection = planning(&app, "SET plan_cache_mode = force_generic_plan").await;
    insert(&mut connection, &waiting(&app, 0..1).iter().collect::<Vec<_>>()).await.unwrap();
    let plan = plan(&mut connection).await;
    assert!(plan.contains("LockRows") && plan.contains("Index Scan using one_pledge_per_mailbox"), "{plan}");
    assert!(!plan.contains("Seq Scan on pledges"), "{plan}");
    app.stop().await;
}
