//! Several instances on one database, and restarts: everybody sees the same, and versions only grow.

use std::sync::atomic::{AtomicBool, Ordering};

use pledges::accounts::Role;
use serde_json::json;

use super::{adds_up, count, countries, document};
use crate::support::{TestApp, client::pledge, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_publish_the_same_document() {
    let one = TestApp::start().await;
    let two = TestApp::on(one.url.clone(), &[]).await;
    let (first, second) = (one.client(), two.client());
    count(&one, &[("DE", 150), ("TV", 14), ("ZZ", 3)]).await;
    one.reread().await;
    eventually("both show the re-read values", async || {
        let documents = [document(&first).await, document(&second).await];
        documents[0] == documents[1] && countries(&documents[0]) == [("DE", 150), ("TV", 10)]
    })
    .await;
    // Pledged here, seen there; the small country stands still in both.
    for index in 0..5 {
        let client = if index % 2 == 0 { &first } else { &second };
        client.pledge(&pledge(&format!("supporter{index}@example.org"))).await.expect(201);
        let body = json!({"name": "Ann", "email": format!("tv{index}@example.org"), "country": "TV"});
        client.pledge(&body).await.expect(201);
    }
    eventually("both count them all", async || {
        let documents = [document(&first).await, document(&second).await];
        documents.iter().for_each(adds_up);
        documents[0] == documents[1]
            && documents[0]["total"] == 177
            && countries(&documents[0]) == [("DE", 155), ("TV", 10)]
    })
    .await;
    let etags = [first.get(super::PATH).await, second.get(super::PATH).await];
    assert_eq!(etags[0].header("etag"), etags[1].header("etag"), "a cache in front of both keeps one");
    // One mailbox at both doors is one pledge.
    for client in [&first, &second] {
        client.pledge(&pledge("both@example.org")).await.expect(201);
    }
    eventually("it is counted once", async || document(&second).await["total"] == 178).await;
    assert_eq!(one.differences().await, [""; 0]);
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_shows_the_same_values() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    count(&app, &[("DE", 150), ("TV", 14), ("VA", 2)]).await;
    app.reread().await;
    // Grown since the tick: an instance that re-read at its start would show 15.
    count(&app, &[("TV", 2), ("VA", 9)]).await;
    app.publish().await;
    let client = app.client();
    let before = document(&client).await;
    assert_eq!(countries(&before), [("DE", 150), ("TV", 10)]);
    assert_eq!(before["total"], 177);
    let etag = client.get(super::PATH).await.header("etag").to_owned();
    let url = app.url.clone();
    app.stop().await;

    let app = TestApp::on(url, &[]).await;
    let client = app.client();
    assert_eq!(document(&client).await, before, "at once, from the first answer on");
    app.publish().await;
    assert_eq!(document(&client).await, before);
    assert_eq!(client.get(super::PATH).await.header("etag"), etag);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledges_that_were_not_published_at_a_stop_are_counted_at_the_start() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    for index in 0..3 {
        client.pledge(&pledge(&format!("supporter{index}@example.org"))).await.expect(201);
    }
    assert_eq!(document(&client).await["total"], 0);
    let url = app.url.clone();
    app.stop().await;
    let app = TestApp::on(url, &["--look-every-ms", "60000"]).await;
    assert_eq!(document(&app.client()).await["total"], 3);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_never_falls_and_is_never_given_to_two_documents() {
    let one = TestApp::with(&["--look-every-ms", "10", "--reread-every-seconds", "1"]).await;
    let two = TestApp::on(one.url.clone(), &["--look-every-ms", "10", "--reread-every-seconds", "1"]).await;
    let moderator = one.signed_in(Role::Moderator).await;
    let done = AtomicBool::new(false);
    let changes = async {
        for round in 0..30 {
            count(&one, &[("DE", 40), ("TV", 3), ("ZZ", 1)]).await;
            let body = json!({"name": "Ann", "email": format!("a{round}@example.org"), "country": "FR"});
            two.client().pledge(&body).await.expect(201);
            let ids = one.rows.list("SELECT id FROM pledges WHERE state = 'counted' ORDER BY random() LIMIT 20").await;
            let removal = json!({"ids": ids, "reason": "other", "note": "A trial."});
            moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
        }
        one.publish().await;
        two.publish().await;
        done.store(true, Ordering::SeqCst);
    };
    let watch = async |app: &TestApp| {
        let client = app.client();
        let mut seen = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let document = document(&client).await;
            adds_up(&document);
            seen.push((document["version"].as_i64().unwrap(), document.to_string()));
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
        assert!(seen.is_sorted_by(|a, b| a.0 <= b.0), "a version fell");
        seen
    };
    let ((), seen_one, seen_two) = tokio::join!(changes, watch(&one), watch(&two));
    let mut all: Vec<_> = seen_one.into_iter().chain(seen_two).collect();
    all.sort();
    all.dedup();
    assert!(all.len() > 10, "{} versions were seen", all.len());
    for pair in all.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "one version, two documents:\n{}\n{}", pair[0].1, pair[1].1);
    }
    eventually("both end at the same", async || document(&one.client()).await == document(&two.client()).await).await;
    assert_eq!(one.differences().await, [""; 0]);
    two.stop().await;
    one.stop().await;
}
