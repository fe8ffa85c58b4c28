//! The database goes away: what must be stored is refused within two seconds, what can be read is read from memory,
//! and all is well again by itself.

mod crash;
mod link;
pub mod load;
mod mails;
mod silent;
mod stream;

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pledges::{
    accounts::Role,
    clock::{Clock, FixedClock},
    db::{Connection, local_postgres::LocalPostgres},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    cluster,
    program::VarDir,
    rows::Rows,
};
use load::{Ledger, Load, Told};

/// The promise is two seconds from sending to answer. Other tests run beside this one on the same few cores, so that
/// the machine itself may take as long again.
const PROMISED: Duration = Duration::from_secs(4);

/// A PostgreSQL of the test's own, to be stopped as it likes.
struct Private {
    postgres: LocalPostgres,
    var: VarDir,
}

impl Private {
    async fn start() -> Self {
        let var = VarDir::new();
        Self { postgres: LocalPostgres::start(&cluster::config(var.path())).await.unwrap(), var }
    }

    async fn stop_immediately(self) -> VarDir {
        self.postgres.stop_immediately().await.unwrap();
        self.var
    }

    async fn start_again(var: VarDir) -> Self {
        Self { postgres: LocalPostgres::start(&cluster::config(var.path())).await.unwrap(), var }
    }
}

/// A statement on a connection that is kept.
async fn run(connection: &mut Connection, sql: &str) {
    diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), connection).await.unwrap();
}

/// Ends every connection of others to this database, as a server that is going down does.
async fn kill_connections(rows: &Rows) {
    rows.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
}

/// Asks again and again until `condition` holds, for half a minute: also when each asking takes its time.
async fn soon(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), asked).await.is_ok(), "not within half a minute: {what}");
}

/// A problem `unavailable`, in time, that shows no cause.
fn refused(answer: &Answer, sent: Instant) {
    let elapsed = sent.elapsed();
    let problem = answer.problem(503, "unavailable").to_string().to_lowercase();
    assert!(elapsed < PROMISED, "{elapsed:?}");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    for cause in ["postgres", "database", "connect", "socket", "sql", "pool", "timed out"] {
        assert!(!problem.contains(cause), "{problem}");
    }
}

/// What is read without the database.
async fn reads_are_answered(client: &Client, totals: &Value) {
    for path in ["/healthz", "/readyz", "/v1/campaigns", "/v1/campaigns/defend", "/v1/campaigns/defend/totals.csv"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    for path in ["/", "/c/defend/en", "/c/defend/ar", "/c/defend/en/thanks", "/docs", "/openapi.json"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200), *totals, "the totals are the last ones");
}

/// Waits until pledges can be stored again, and stores one.
async fn is_well_again(client: &Client, email: &str) {
    soon("it can be written again", async || client.get("/readyz/write").await.status == 200).await;
    soon("a pledge is taken", async || client.pledge(&pledge(email)).await.status == 201).await;
}

async fn total_becomes(client: &Client, total: i64) {
    soon("the total is published", async || {
        client.get("/v1/campaigns/defend/totals").await.expect(200)["total"] == total
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_database_is_told_at_once_and_forgotten_when_it_is_back() {
    let private = Private::start().await;
    let app = TestApp::on(private.postgres.url().into(), &[]).await;
    let client = app.client();
    let moderator = app.signed_in(Role::Moderator).await;
    for number in 0..5 {
        client.pledge(&pledge(&format!("before-{number}@example.org"))).await.expect(201);
    }
    app.publish().await;
    let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
    assert_eq!(totals["total"], 5);
    client.get("/readyz/write").await.expect(200);

    let var = private.stop_immediately().await;
    let mut at_once = JoinSet::new();
    for number in 0..20 {
        let client = client.clone();
        at_once.spawn(async move {
            let sent = Instant::now();
            refused(&client.pledge(&pledge(&format!("during-{number}@example.org"))).await, sent);
        });
    }
    at_once.join_all().await;
    reads_are_answered(&client, &totals).await;
    let sent = Instant::now();
    refused(&client.get("/readyz/write").await, sent);
    for path in ["pledges", "totals", "removals"] {
        let sent = Instant::now();
        refused(&moderator.get(&format!("/v1/moderation/campaigns/defend/{path}")).await, sent);
    }
    let removal = json!({"ids": ["0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], "reason": "spam", "note": "x"});
    let sent = Instant::now();
    refused(&moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await, sent);
    let sent = Instant::now();
    refused(&client.post("/v1/auth/login", &json!({"login": "nobody", "password": "x"})).await, sent);
    let sent = Instant::now();
    refused(&moderator.refresh().await, sent);

    let private = Private::start_again(var).await;
    is_well_again(&client, "after@example.org").await;
    total_becomes(&client, 6).await;
    moderator.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
    private.postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_posted_while_the_database_is_away_comes_back_filled_in() {
    let private = Private::start().await;
    let app = TestApp::on(private.postgres.url().into(), &[]).await;
    let var = private.stop_immediately().await;
    let fields = [("name", "Amina Okafor"), ("email", "amina@example.org"), ("country", "DE")];
    let sent = Instant::now();
    let answer = app.client().pledge_form(&fields).await;
    assert!(sent.elapsed() < PROMISED);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(answer.text().contains("Amina Okafor") && answer.text().contains("amina@example.org"));
    app.stop().await;
    drop(var);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_database_under_load_loses_nothing_that_was_acknowledged() {
    let private = Private::start().await;
    let app = TestApp::on(private.postgres.url().into(), &[]).await;
    let client = app.client();
    let load = Load::start(&client.base, 16, "load");
    soon("a hundred acknowledged pledges", async || load.acknowledged() >= 100).await;
    let var = private.stop_immediately().await;
    let before = load.acknowledged();
    let private = Private::start_again(var).await;
    soon("pledges are acknowledged again", async || load.acknowledged() > before + 20).await;
    let mut ledger = load.stop().await;
    assert!(!ledger.unknown.is_empty(), "nobody noticed");
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    load::send_again(&client, &mut ledger).await;
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    total_becomes(&client, i64::try_from(ledger.acknowledged.len()).unwrap()).await;
    app.stop().await;
    private.postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_are_replaced_under_load() {
    let app = TestApp::start().await;
    let client = app.client();
    let load = Load::start(&client.base, 8, "load");
    for _ in 0..10 {
        let before = load.acknowledged();
        kill_connections(&app.rows).await;
        soon("pledges are acknowledged again", async || load.acknowledged() > before + 10).await;
    }
    let mut ledger = load.stop().await;
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    load::send_again(&client, &mut ledger).await;
    assert_eq!(ledger.reconcile(&app.rows).await, [""; 0]);
    total_becomes(&client, i64::try_from(ledger.acknowledged.len()).unwrap()).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_after_its_connection_was_killed_is_stored_at_the_second_try_at_the_latest() {
    let app = TestApp::start().await;
    let client = app.client();
    for round in 0..5 {
        let body = pledge(&format!("round-{round}@example.org"));
        client.pledge(&pledge(&format!("warm-{round}@example.org"))).await.expect(201);
        kill_connections(&app.rows).await;
        let sent = Instant::now();
        let answer = client.pledge(&body).await;
        if answer.status != 201 {
            refused(&answer, sent);
            soon("the next is stored", async || client.pledge(&body).await.status == 201).await;
        }
    }
    app.publish().await;
    total_becomes(&client, 10).await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_connection_is_busy_pledges_are_refused_in_time_and_count_once_when_sent_again() {
    let app = TestApp::start().await;
    let client = app.client();
    client.pledge(&load::body("first")).await.expect(201);
    app.publish().await;
    let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
    let mut locker = app.rows.database.open().await.unwrap();
    run(&mut locker, "BEGIN").await;
    run(&mut locker, "LOCK TABLE pledges IN SHARE MODE").await;
    // Thrice as many as there are connections.
    let mut waiting = JoinSet::new();
    for number in 0..30 {
        let client = client.clone();
        waiting.spawn(async move {
            let sent = Instant::now();
            refused(&client.pledge(&load::body(&format!("busy-{number}"))).await, sent);
        });
    }
    waiting.join_all().await;
    reads_are_answered(&client, &totals).await;
    run(&mut locker, "COMMIT").await;
    is_well_again(&client, "after@example.org").await;
    let mut ledger = Ledger::default();
    ledger.note("first", Told::Acknowledged);
    (0..30).for_each(|number| ledger.note(&format!("busy-{number}"), Told::Unavailable));
    load::send_again(&client, &mut ledger).await;
    assert_eq!(app.differences().await, [""; 0]);
    total_becomes(&client, 32).await;
    app.stop().await;
}

/// Ids have the time of the service, rows that of the database, and a search by time relies on both.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_clock_is_wrong_is_not_ready_to_store() {
    let clock = FixedClock::at(Clock::System.now());
    let app = TestApp::at(Clock::Fixed(clock.clone()), cluster::database().await, &[]).await;
    let client = app.client();
    client.get("/readyz/write").await.expect(200);
    for minutes in [2, -4] {
        clock.advance(TimeDelta::minutes(minutes));
        client.get("/readyz/write").await.problem(503, "unavailable");
        client.get("/readyz").await.expect(200);
    }
    clock.advance(TimeDelta::minutes(2));
    client.get("/readyz/write").await.expect(200);
    app.stop().await;
}
