//! What is kept of a person, for how long, and how it ends.

mod access;
mod erasure;
mod files;
mod held;
mod instances;
mod limits;
mod report;

use chrono::{DateTime, TimeDelta, Utc};
use pledges::{
    clock::Clock,
    db::DbError,
    pledges::{NewPledge, Seen, store, submission::Consents},
    privacy::retention::{self, Due, Limit, Order},
};
use secrecy::SecretString;
use uuid::{NoContext, Timestamp, Uuid};

use crate::support::{
    TestApp,
    client::pledge,
    cluster, eventually,
    program::{self, Ended},
};

/// All that is ever kept of a person in the row of a pledge.
const PERSONAL: [&str; 9] = [
    "sealed_review",
    "sealed_record",
    "sealed_for_partner",
    "request_digest",
    "source",
    "language",
    "consent_updates",
    "consent_partner",
    "consent_public",
];

async fn command(app: &TestApp, arguments: &[&str]) -> Ended {
    program::run(program::command_on(&app.url, app.var.path(), arguments)).await
}

async fn doctor_is_well(app: &TestApp, counted: i64) {
    let ended = command(app, &["doctor"]).await.expect(0);
    assert!(
        ended.stdout.starts_with(&format!("all is well: 1 campaigns, {counted} counted pledges\n")),
        "{}",
        ended.stdout
    );
}

/// So many days from now.
fn in_days(days: i64) -> DateTime<Utc> {
    Clock::System.now() + TimeDelta::days(days)
}

/// Runs retention as if it were `as_of`.
async fn run(app: &TestApp, as_of: DateTime<Utc>) -> Vec<Due> {
    retention::run_by_hand(&app.rows.database, Some(as_of)).await.unwrap()
}

/// One turn of the job, as if it were `as_of`; waits until nobody else is at it.
async fn turn(app: &TestApp, as_of: DateTime<Utc>) -> Result<Vec<Due>, DbError> {
    for _ in 0..200 {
        let order = Order { as_of: Some(as_of), ..Order::default() };
        if let Some(done) = retention::run(&app.rows.database, order).await? {
            return Ok(done);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("somebody holds the lock");
}

/// A service whose job has had its turn and comes again in an hour.
async fn quiet() -> TestApp {
    quiet_on(cluster::database().await).await
}

async fn quiet_on(url: SecretString) -> TestApp {
    let app = TestApp::on(url, &["--retention-every-seconds", "3600"]).await;
    eventually("the job has had its turn", async || {
        app.rows.number("SELECT count(looked_at) FROM retention_progress").await == 1
    })
    .await;
    app
}

async fn preview(app: &TestApp, as_of: DateTime<Utc>) -> Vec<Due> {
    retention::preview(&app.rows.database, Some(as_of)).await.unwrap()
}

fn due(campaign: &str, limit: Limit, count: i64) -> Due {
    Due { campaign: Some(campaign.to_owned()), limit, count }
}

/// Pledges of these people, each with everything that is ever kept of one.
async fn pledges_of(app: &TestApp, people: &[&str]) {
    for email in people {
        let mut body = pledge(email);
        body["message"] = "Together.".into();
        body["language"] = "fr".into();
        body["source"] = "page-1".into();
        body["consents"] =
            serde_json::json!([{"purpose": "updates", "version": 1}, {"purpose": "public", "version": 1}]);
        app.client().pledge(&body).await.expect(201);
    }
    app.rows
        .execute(
            "UPDATE pledges SET sealed_record = '\\x01', sealed_for_partner = '\\x02', request_digest = decode(repeat('03', 32), 'hex'), \
               consent_partner = 1",
        )
        .await;
    for number in 0..2 {
        app.rows
            .execute(&format!(
                "INSERT INTO sealing_epochs (id, campaign_id, wrapped_key, recipients) \
                 SELECT gen_random_uuid(), id, '\\x0{number}', '{{age1x}}' FROM campaigns WHERE slug = 'defend'"
            ))
            .await;
    }
}

/// Stores pledges of these moments behind the service's back: the time of the id, and the one of the row.
async fn put(app: &TestApp, times: &[(DateTime<Utc>, DateTime<Utc>)]) -> Vec<Uuid> {
    let campaign = app.rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
    let row = |(id_at, at): &(DateTime<Utc>, DateTime<Utc>)| {
        let seconds = id_at.timestamp().try_into().unwrap();
        let pledge = NewPledge {
            id: Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, id_at.timestamp_subsec_nanos())),
            campaign,
            country: "DE".parse().unwrap(),
            partner: None,
            fingerprint: Uuid::new_v4(),
            request_digest: None,
            consents: Consents::default(),
            sealed_review: b"sealed".to_vec(),
            sealed_record: b"record".to_vec(),
            sealed_for_partner: None,
            language: None,
            source: None,
            awaiting: false,
            mail: None,
            seen: Seen::default(),
            proof: None,
        };
        (pledge, *at)
    };
    let rows: Vec<_> = times.iter().map(row).collect();
    let mut connection = app.rows.database.open().await.unwrap();
    store::insert_at(&mut connection, &rows).await.unwrap();
    rows.into_iter().map(|(pledge, _)| pledge.id).collect()
}

/// How many pledges have something in this column.
async fn held(app: &TestApp, column: &str) -> i64 {
    app.rows.number(&format!("SELECT count({column}) FROM pledges")).await
}

/// Every row of the tables that hold something of people.
async fn everything(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["pledges", "campaigns", "sealing_epochs", "sessions", "refresh_tokens", "retention_runs"] {
        all.extend(app.rows.list(&format!("SELECT row_to_json(each)::text FROM {table} AS each ORDER BY 1")).await);
    }
    all
}
