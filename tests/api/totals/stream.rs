//! The totals as a stream: the document first, then what changes; nobody waits for a slow reader, and nobody takes all
//! the places.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{count, document, get_with};
use crate::support::{
    TestApp,
    client::{Client, pledge},
    events::Event,
    eventually,
};

const PATH: &str = "/v1/campaigns/defend/totals/stream";

/// Nothing is published but by the test.
const BY_HAND: [&str; 2] = ["--look-every-ms", "60000"];

/// What a dashboard does with an event.
fn follow(totals: &mut Value, event: &Event) {
    match event.kind.as_str() {
        "totals" => *totals = event.data.clone(),
        "change" => {
            assert_eq!(event.data["previous_version"], totals["version"]);
            for name in ["version", "as_of", "total", "elsewhere"] {
                totals[name] = event.data[name].clone();
            }
            let rows = [&totals["countries"], &event.data["countries"]].map(|rows| rows.as_array().unwrap().clone());
            let counts: BTreeMap<String, i64> = rows
                .iter()
                .flatten()
                .map(|row| (row["country"].as_str().unwrap().to_owned(), row["count"].as_i64().unwrap()))
                .collect();
            let shown = counts.iter().filter(|(_, count)| **count > 0);
            totals["countries"] = shown.map(|(country, count)| json!({"country": country, "count": count})).collect();
        }
        other => assert_eq!(other, "heartbeat"),
    }
}

/// Waits until the service knows of so many open streams.
async fn open_streams(app: &TestApp, expected: u32) {
    eventually(&format!("{expected} streams are open"), async || app.service.handles.streams.open_now() == expected)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_comes_first_and_a_pledge_soon_after() {
    let app = TestApp::start().await;
    let client = app.client();
    count(&app, &[("DE", 150), ("FR", 12), ("ZZ", 3)]).await;
    app.reread().await;
    let mut events = client.follow("defend", &[("origin", "https://dashboard.example")]).await;
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(events.headers().get(name).unwrap(), value, "{name}");
    }
    assert!(!events.headers().contains_key("content-encoding"));
    let first = events.next().await.unwrap();
    assert_eq!((first.kind.as_str(), &first.data), ("totals", &document(&client).await));
    assert!((1_000..=5_000).contains(&events.retry.unwrap()));

    client.pledge(&pledge("ann@example.org")).await.expect(201);
    let next = events.news().await;
    assert_eq!(next.kind, "change");
    assert_eq!((&next.data["previous_version"], &next.data["total"]), (&first.data["version"], &json!(166)));
    assert_eq!(next.data["countries"], json!([{"country": "DE", "count": 151}]), "only what differs");
    let mut totals = first.data;
    follow(&mut totals, &next);
    assert_eq!(totals, document(&client).await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_has_always_a_published_document() {
    let app = TestApp::with(&["--look-every-ms", "10", "--reread-every-seconds", "1"]).await;
    let client = app.client();
    let mut events = client.follow("defend", &[]).await;
    let (mut totals, mut seen) = (Value::Null, 0);
    for round in 0..20 {
        count(&app, &[("DE", 40), (["FR", "TV", "VA"][round % 3], 7), ("ZZ", 1)]).await;
        if round == 10 {
            app.rows.execute("UPDATE campaigns SET goal = 5000").await;
            app.rows.execute("UPDATE campaign_totals SET version = version + 1, changed_at = now()").await;
        }
        let wanted = i64::try_from(round + 1).unwrap() * 48;
        while totals["total"] != wanted || (round >= 10 && totals["goal"] != 5000) {
            let event = events.news().await;
            follow(&mut totals, &event);
            super::adds_up(&totals);
            seen += 1;
        }
    }
    assert!(seen >= 20);
    app.publish().await;
    let current = document(&client).await;
    while totals["version"] != current["version"] {
        let event = events.news().await;
        follow(&mut totals, &event);
    }
    assert_eq!(totals, current);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_sent_what_is_lacking() {
    let app = TestApp::with(&BY_HAND).await;
    let client = app.client();
    let mut versions = Vec::new();
    for round in 0..3 {
        count(&app, &[("DE", 150)]).await;
        app.publish().await;
        let document = document(&client).await;
        assert_eq!(document["total"], 150 * (round + 1));
        versions.push(document["version"].as_i64().unwrap());
    }
    let [oldest, before, current] = versions[..] else { panic!("{versions:?}") };
    let sent = async |id: &str| client.follow("defend", &[("last-event-id", id)]).await.next().await.unwrap();
    let nothing_new = sent(&current.to_string()).await;
    assert_eq!((nothing_new.kind.as_str(), nothing_new.version()), ("heartbeat", current));
    let change = sent(&before.to_string()).await;
    assert_eq!((change.kind.as_str(), &change.data["previous_version"]), ("change", &json!(before)));
    let later = (current + 1).to_string();
    for id in [&oldest.to_string(), &later, "0", "-1", "", "nonsense", "99999999999999999999", "1 2", "%00", "é"] {
        let whole = sent(id).await;
        assert_eq!((whole.kind.as_str(), whole.version()), ("totals", current), "{id}");
    }
    // And after nothing new comes what is new.
    let mut events = client.follow("defend", &[("last-event-id", &current.to_string())]).await;
    events.next().await.unwrap();
    count(&app, &[("FR", 150)]).await;
    app.publish().await;
    assert_eq!(events.news().await.data["previous_version"], json!(current));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_tell_when_the_totals_were_last_known_to_be_current() {
    let app = TestApp::with(&["--heartbeat-every-ms", "20"]).await;
    let mut events = app.client().follow("defend", &[]).await;
    let first = events.next().await.unwrap();
    let mut checked: Vec<chrono::DateTime<chrono::Utc>> = Vec::new();
    // The service asks the database on its own. A hundred heartbeats are two seconds.
    while checked.len() < 100 && checked.first() == checked.last() {
        let beat = events.next().await.unwrap();
        assert_eq!(beat.kind, "heartbeat");
        assert_eq!((&beat.data["version"], &beat.data["as_of"]), (&first.data["version"], &first.data["as_of"]));
        checked.push(beat.data["checked_at"].as_str().unwrap().parse().unwrap());
    }
    assert!(checked.is_sorted() && checked.first() < checked.last(), "{checked:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_has_so_many_places_and_gives_them_back() {
    // Who has gone is noticed when something is sent.
    let often = ["--heartbeat-every-ms", "20", "--trusted-proxies", "127.0.0.1/32"];
    let app = TestApp::with(&[&often[..], &["--streams-per-source", "3", "--max-streams", "5"]].concat()).await;
    let client = app.client();
    let from = |source| [("x-forwarded-for", source)];
    let mut held = Vec::new();
    // Four neighbours in one network are one source.
    for source in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
        held.push(client.follow("defend", &from(source)).await);
    }
    let refused = get_with(&client, PATH, &from("2001:db8::4")).await;
    refused.problem(429, "too_many_requests");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    // Others have places, until there are none.
    held.push(client.follow("defend", &from("2001:db8:0:1::1")).await);
    held.push(client.follow("defend", &from("192.0.2.1")).await);
    let refused = get_with(&client, PATH, &from("192.0.2.2")).await;
    refused.problem(503, "unavailable");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    get_with(&client, PATH, &from("2001:db8::4")).await.problem(429, "too_many_requests");
    open_streams(&app, 5).await;
    // The totals are still read.
    assert_eq!(get_with(&client, super::PATH, &from("2001:db8::4")).await.status, 200);

    held.remove(0);
    open_streams(&app, 4).await;
    held.push(client.follow("defend", &from("2001:db8::4")).await);
    get_with(&client, PATH, &from("2001:db8::5")).await.problem(429, "too_many_requests");
    drop(held);
    open_streams(&app, 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_holds_nothing_open() {
    let app = TestApp::start().await;
    let client = app.client();
    let head = tokio::time::timeout(Duration::from_secs(20), client.send(client.request(Method::HEAD, PATH))).await;
    let head = head.expect("a HEAD is answered at once");
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), "text/event-stream; charset=utf-8");
    open_streams(&app, 0).await;
    // The connection goes on to serve.
    let mut socket = TcpStream::connect(app.service.address).await.unwrap();
    let ask = async |socket: &mut TcpStream, what: &str| {
        socket.write_all(format!("{what} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
    };
    ask(&mut socket, &format!("HEAD {PATH}")).await;
    ask(&mut socket, "GET /healthz").await;
    let mut seen = String::new();
    while seen.matches("HTTP/1.1 200").count() < 2 {
        let mut part = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(20), socket.read(&mut part)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{seen}");
        seen.push_str(str::from_utf8(&part[..read]).unwrap());
    }
    assert!(!seen.contains("event:"), "{seen}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_streams_and_does_not_wait_for_them() {
    let app = TestApp::with(&["--shutdown-seconds", "600"]).await;
    let mut many = Vec::new();
    for _ in 0..20 {
        let mut events = app.client().follow("defend", &[]).await;
        events.next().await.unwrap();
        many.push(events);
    }
    let stopped = tokio::time::timeout(Duration::from_secs(30), app.stop()).await;
    assert!(stopped.is_ok(), "the service waited for its streams");
    for mut events in many {
        // Properly, not cut off: a cut would be an error.
        while let Some(event) = events.next().await {
            assert_eq!(event.kind, "heartbeat");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_and_what_is_no_campaign_have_no_stream() {
    let app = TestApp::with(&BY_HAND).await;
    app.rows.campaign_with("planned", json!({})).await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'planned'").await;
    app.publish().await;
    for slug in ["planned", "nothing", "DEFEND", "%00"] {
        let answer = app.client().get(&format!("/v1/campaigns/{slug}/totals/stream")).await;
        answer.problem(404, "campaign_not_found");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(app.service.handles.streams.open_now(), 0, "no place is lost to what isn't there");
    // Once it is open, it has one.
    app.rows.execute("UPDATE campaigns SET state = 'open' WHERE slug = 'planned'").await;
    app.publish().await;
    let first = app.client().follow("planned", &[]).await.next().await.unwrap();
    assert_eq!(first.data["campaign"], "planned");
    app.stop().await;
}

/// Somebody asks for the stream and then reads nothing.
async fn deaf(client: &Client) -> TcpStream {
    let address = client.base.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(format!("GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_nobody_up() {
    let app = TestApp::with(&["--look-every-ms", "10", "--heartbeat-every-ms", "20"]).await;
    let client = app.client();
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(deaf(&client).await);
    }
    open_streams(&app, 20).await;
    let mut events = client.follow("defend", &[]).await;
    let mut totals = Value::Null;
    for round in 1..=20 {
        count(&app, &[("DE", 150)]).await;
        while totals["total"] != 150 * round {
            let event = events.news().await;
            follow(&mut totals, &event);
        }
    }
    drop(sockets);
    open_streams(&app, 1).await;
    app.stop().await;
}
