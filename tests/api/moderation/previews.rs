//! Counting what a search would take out: two at once, for a while, and by a name on record.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join;
use pledges::{
    accounts::Role,
    moderation::{removals::by_search::store::preview, search::Search},
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    by_search::{PREVIEW, begun, details, remove_found},
    put,
};
use crate::support::{TestApp, eventually};

/// Else a name could be tried, without a trace, by an order that expects nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_a_name_is_on_record_whatever_comes_of_it() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let pledge = json!({"name": "Zqxname Doe", "email": "a@example.org", "country": "DE"});
    app.client().pledge(&pledge).await.expect(201);
    let by_name = json!({"name": "Zqxname Doe"});
    remove_found(&client, json!({"name": "Somebody Else"}), 0).await.problem(409, "nothing_to_remove");
    remove_found(&client, by_name.clone(), 500).await.problem(409, "preview_outdated");
    begun(&remove_found(&client, by_name, 1).await);
    remove_found(&client, json!({"country": "KE"}), 0).await.problem(409, "nothing_to_remove");
    let looks = details(&app, "pledge.search_name").await;
    assert_eq!(looks.iter().map(|look| look["found"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(looks.iter().all(|look| look["session"].is_string()));
    let log = app.rows.list("SELECT details::text FROM audit_log").await.join("\n");
    assert!(!log.to_lowercase().contains("zqx"), "{log}");
    app.stop().await;
}

/// Each has one of the few connections as long as it takes.
#[tokio::test(flavor = "multi_thread")]
async fn two_are_counted_at_once_and_who_comes_third_is_told_to_come_again() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 10).await;
    app.searched().await;
    let mut lock = app.rows.database.open().await.unwrap();
    lock.batch_execute("BEGIN; LOCK TABLE search_changes IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let body = json!({});
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
         AND query LIKE 'SELECT number, pledge_id FROM search_changes%'";
    let third = async {
        eventually("two are counting", async || app.rows.number(waiting).await == 2).await;
        let third = client.post(PREVIEW, &body).await;
        lock.batch_execute("COMMIT").await.unwrap();
        third
    };
    let two = join(client.post(PREVIEW, &body), client.post(PREVIEW, &body));
    let ((one, other), third) = join(two, third).await;
    assert_eq!((&one.expect(200)["pledges"], &other.expect(200)["pledges"]), (&json!(10), &json!(10)));
    third.problem(503, "previews_busy");
    assert_eq!(third.header("retry-after"), "5");
    client.post(PREVIEW, &body).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_in_time_is_not_counted_by_half() {
    let app = TestApp::start().await;
    put(&app, "defend", 10).await;
    let campaign = app.rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
    let search = Search { campaign, ..Search::default() };
    let mut connection = app.rows.database.open().await.unwrap();
    let now = Instant::now();
    assert!(preview(&mut connection, &search, now).await.unwrap().is_none());
    let later = now + Duration::from_secs(60);
    assert_eq!(preview(&mut connection, &search, later).await.unwrap().unwrap().pledges, 10);
    app.stop().await;
}
