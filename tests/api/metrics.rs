//! What Prometheus reads: right, for the right reader, and nothing that tells of anybody.

use reqwest::Method;
use serde_json::json;

use crate::{
    partners::partner,
    support::{PRODUCTION, TestApp, client::pledge, eventually},
};

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pledges_are_counted_by_what_was_answered_and_not_by_whether_they_were_new() {
    let app = TestApp::start().await;
    let client = app.client();
    for email in ["amina@example.org", "Amina@example.org", "li@example.org"] {
        client.pledge(&pledge(email)).await.expect(201);
    }
    client.pledge(&json!({"name": "Li"})).await.problem(422, "invalid_fields");
    client.pledge_form(&[("name", "Li")]).await;
    client.post("/v1/campaigns/nowhere/pledges", &pledge("li@example.org")).await.problem(404, "campaign_not_found");
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    // What the service does by itself also waits for a connection now and then: of these two figures, a moment is told.
    for name in ["pledges_database_callers_waiting", "pledges_fold_lag_seconds"] {
        let is_idle = async || value(&client.get("/metrics").await.text(), name) == 0.0;
        eventually(&format!("{name} is 0"), is_idle).await;
    }
    let text = answer.text();
    for (name, expected) in [
        ("pledges_acknowledged_total", 3.0),
        ("pledges_refused_total{reason=\"invalid_fields\"}", 2.0),
        ("pledges_refused_total{reason=\"campaign_not_found\"}", 1.0),
        ("pledges_ingest_queue_pledges", 0.0),
        ("pledges_ingest_wait_seconds_count", 3.0),
        ("pledges_ingest_batch_pledges_sum", 3.0),
    ] {
        assert!((value(&text, name) - expected).abs() < f64::EPSILON, "{name} is {}", value(&text, name));
    }
    assert!(value(&text, "pledges_ingest_commit_seconds_sum") > 0.0);
    assert!(value(&text, "pledges_board_age_seconds") < 5.0);
    for told in ["amina", "Amina", "DE", "defend"] {
        assert!(!text.contains(told), "{told} is in\n{text}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refused_pledge_of_a_batch_is_counted_and_a_batch_that_can_t_be_read_once() {
    let app = TestApp::start().await;
    let site = partner(&app, &[]).await;
    app.rows.execute("UPDATE partners SET per_minute = 500").await;
    app.service.handles.partners.renew().await.unwrap();
    let client = app.client();
    let batch = |key: &str, body: String| {
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges/batches").bearer_auth(key);
        client.send(request.header("content-type", "application/json").body(body))
    };
    let rows = json!({"pledges": [pledge("a@example.org"), {"name": "Li"}, pledge("b@example.org"), {}]}).to_string();
    batch(&site.secret, rows).await.expect(200);
    // So many that the next ones come too soon, on a slow machine too.
    batch(&site.secret, json!({"pledges": vec![json!({}); 400]}).to_string()).await.expect(200);
    batch(&site.secret, "{".into()).await.problem(400, "malformed_json");
    batch(&site.secret, json!({"pledges": vec![json!({}); 500]}).to_string()).await.problem(429, "too_many_requests");
    batch("pk_x", "{}".into()).await.problem(401, "unauthorized");
    let text = client.get("/metrics").await.text();
    for (name, expected) in [
        ("pledges_acknowledged_total", 2.0),
        ("pledges_refused_total{reason=\"invalid_fields\"}", 402.0),
        ("pledges_refused_total{reason=\"malformed_json\"}", 1.0),
        ("pledges_refused_total{reason=\"too_many_requests\"}", 500.0),
        ("pledges_refused_total{reason=\"unauthorized\"}", 1.0),
    ] {
        assert!((value(&text, name) - expected).abs() < f64::EPSILON, "{name} is {}", value(&text, name));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_peers_read_them_and_never_through_a_proxy() {
    let app = TestApp::start().await;
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
        let request = app.client().request(Method::GET, "/metrics").header(header, "127.0.0.1");
        app.client().send(request).await.problem(404, "not_found");
    }
    app.stop().await;
    // In production nobody reads them unless somebody is named: a proxy on this machine would let everybody in.
    let app = TestApp::with(PRODUCTION).await;
    app.client().get("/metrics").await.problem(404, "not_found");
    app.stop().await;
    let elsewhere = TestApp::with(&["--metrics-from", "192.0.2.0/24"]).await;
    elsewhere.client().get("/metrics").await.problem(404, "not_found");
    elsewhere.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_explained_to_operators() {
    let app = TestApp::start().await;
    let text = app.client().get("/metrics").await.text();
    let guide = include_str!("../../docs/operations.md");
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(guide.contains(&format!("`{name}`")), "docs/operations.md doesn't explain {name}");
    }
    app.stop().await;
}
