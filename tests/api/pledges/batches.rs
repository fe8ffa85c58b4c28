//! Pledges are committed many at once: nobody's trouble is his neighbour's, and what can't be stored is refused soon.

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use pledges::{
    db::{Connection, DbError},
    metrics::Metrics,
    pledges::{
        NewPledge,
        batches::Refused,
        ingest::{self, Ingest, Stored},
        sealing::{Keys, Sealing},
        submission::Submission,
    },
    sealing::record::Epoch,
};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::stored;
use crate::support::{TestApp, client::pledge, eventually, key_ring};

/// A connection that keeps everybody from storing until it commits.
pub(super) async fn locked(app: &TestApp) -> Connection {
    let mut locker = app.rows.database.open().await.unwrap();
    locker.batch_execute("BEGIN; LOCK TABLE pledges IN SHARE MODE").await.unwrap();
    locker
}

/// Lets go of it.
pub(super) async fn release(locker: &mut Connection) {
    locker.batch_execute("COMMIT").await.unwrap();
}

/// A pledge that only needs to be stored.
pub(super) fn prepared(app: &TestApp, country: &str, number: usize) -> NewPledge {
    let campaign = app.service.handles.campaigns.find("defend").unwrap();
    let body = json!({"name": "Amina Okafor", "email": format!("s{number}@example.org"), "country": country});
    let checked = serde_json::from_value::<Submission>(body).unwrap().check(&campaign).unwrap();
    let sealing = Sealing::new(key_ring());
    let keys = Keys::of(Epoch::begin(campaign.id).unwrap().into());
    sealing.prepare(Uuid::now_v7(), &campaign, &checked, None, &keys).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_database_refuses_fails_alone() {
    let app = TestApp::start().await;
    // A defect that only the database sees: it takes nobody from Antarctica.
    app.rows.execute("ALTER TABLE pledges ADD CONSTRAINT nobody_lives_there CHECK (country <> 'AQ')").await;
    let countries: Vec<_> = (0..60).map(|number| if number % 25 == 7 { "AQ" } else { "DE" }).collect();
    let prepared = countries.iter().enumerate().map(|(number, country)| prepared(&app, country, number));
    let stores = prepared.map(|pledge| app.service.handles.ingest.store(pledge, Instant::now())).collect::<Vec<_>>();
    // While the table is locked, they gather.
    let mut locker = locked(&app).await;
    let release = async {
        eventually("some wait in the queue", async || app.service.handles.ingest.waiting() > 0).await;
        locker.batch_execute("COMMIT").await.unwrap();
    };
    let (answers, ()) = tokio::join!(join_all(stores), release);
    for (country, answer) in countries.iter().zip(answers) {
        match (*country, answer) {
            ("AQ", Err(Refused::Database(DbError::Constraint(name)))) => {
                assert!(!name.contains("nobody"), "{name}");
            }
            ("DE", Ok(Stored::Recorded)) => {}
            (country, other) => panic!("{country}: {other:?}"),
        }
    }
    assert_eq!(stored(&app).await, 57);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_stored() {
    let app = TestApp::start().await;
    let handles = &app.service.handles;
    let prepared: Vec<_> = (0..8_400).map(|number| prepared(&app, "DE", number)).collect();
    // A queue whose writer doesn't write yet.
    let ingest = Ingest::new(handles.database.clone(), handles.totals.clone(), &Metrics::default(), ingest::NAMES);
    let stores = join_all(prepared.into_iter().map(|pledge| ingest.store(pledge, Instant::now())));
    let mut writers = JoinSet::new();
    let write = async {
        eventually("the queue is full", async || ingest.waiting() == 8_192).await;
        writers.spawn(ingest.clone().run(CancellationToken::new()));
    };
    let (answers, ()) = tokio::join!(stores, write);
    let refused = answers.iter().filter(|answer| matches!(answer, Err(Refused::Overloaded))).count();
    assert_eq!(refused, 8_400 - 8_192);
    // On a busy machine some may have waited too long, and were told so. Those that were acknowledged are stored.
    let told = |answer: &&Result<Stored, Refused>| {
        matches!(answer, Ok(Stored::Recorded) | Err(Refused::Overloaded | Refused::Database(DbError::Unavailable)))
    };
    assert_eq!(answers.iter().filter(told).count(), 8_400);
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(stored(&app).await >= i64::try_from(kept).unwrap(), "{kept} were acknowledged");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_after_a_quiet_time_is_not_refused() {
    let app = TestApp::start().await;
    let mut prepared: Vec<_> = (0..1_030).map(|number| prepared(&app, "DE", number)).collect();
    let ingest = &app.service.handles.ingest;
    // Each a batch of its own, which waits a moment for a table: so a pledge alone takes longer than many take each.
    for quiet in prepared.split_off(1_000) {
        let mut locker = locked(&app).await;
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            locker.batch_execute("COMMIT").await.unwrap();
        };
        tokio::join!(ingest.store(quiet, Instant::now()), release).0.unwrap();
    }
    let burst = join_all(prepared.into_iter().map(|pledge| ingest.store(pledge, Instant::now()))).await;
    assert!(!burst.iter().any(|answer| matches!(answer, Err(Refused::Overloaded))));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_store_the_same_mailboxes_at_once_without_a_deadlock() {
    let one = TestApp::start().await;
    let two = TestApp::on(one.url.clone(), &[]).await;
    let posts = |app: &TestApp, order: &dyn Fn(usize) -> usize| {
        let posts: Vec<_> = (0..200)
            .map(|number| {
                let (client, email) = (app.client(), format!("s{}@example.org", order(number)));
                async move { client.pledge(&pledge(&email)).await }
            })
            .collect();
        join_all(posts)
    };
    let (forwards, backwards) = tokio::join!(posts(&one, &|number| number), posts(&two, &|number| 199 - number));
    forwards.iter().chain(&backwards).for_each(|answer| drop(answer.expect(201)));
    assert_eq!(stored(&one).await, 200);
    assert_eq!(one.differences().await, [""; 0]);
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_hangs_up_changes_nothing_for_the_others() {
    let app = TestApp::start().await;
    let mut locker = locked(&app).await;
    let post = |number: u32| {
        let client = app.client();
        async move { client.pledge(&pledge(&format!("s{number}@example.org"))).await }
    };
    let mut hanging_up: JoinSet<_> = (0..10).map(post).collect();
    let staying: JoinSet<_> = (10..20).map(post).collect();
    eventually("a batch waits", async || {
        // The job of retention may wait there too.
        let waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted \
             AND relation = 'pledges'::regclass AND query ~ '^WITH (sent|given) AS'";
        app.rows.number(waits).await == 1
    })
    .await;
    hanging_up.shutdown().await;
    locker.batch_execute("COMMIT").await.unwrap();
    let acknowledged = staying.join_all().await.into_iter().filter(|answer| answer.status == 201).count();
    assert!(acknowledged > 0);
    let stored = stored(&app).await;
    assert!((i64::try_from(acknowledged).unwrap()..=20).contains(&stored), "{stored} of {acknowledged}");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
