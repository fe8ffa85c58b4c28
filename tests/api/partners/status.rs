//! A partner sees how its forms do, and nothing of any one pledge.

use reqwest::Method;
use serde_json::json;

use super::partner;
use crate::support::{TestApp, client::pledge, eventually};

const STATUS: &str = "/v1/partner/status";

#[tokio::test(flavor = "multi_thread")]
async fn submissions_are_counted_repeats_included_and_refusals_by_reason() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let status = async |key: &str| client.send(client.request(Method::GET, STATUS).bearer_auth(key)).await.expect(200);
    let post = async |body| {
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").json(&body);
        client.send(request.header("origin", "https://www.example.net")).await
    };
    for email in ["a@example.org", "a@example.org", "b@example.org", "nonsense"] {
        let mut body = pledge(email);
        body["site_key"] = json!(site.site_key);
        post(body).await;
    }
    eventually("they are written down", async || status(&site.secret).await["accepted"] == 3).await;
    let told = status(&site.secret).await;
    assert_eq!(told["refused"], json!({"invalid_fields": 1}));
    assert_eq!(
        (&told["name"], &told["test"], &told["flags"]),
        (&json!("Human Rights House"), &json!(false), &json!([]))
    );
    assert!(told["last_at"].is_string());
    assert_eq!(told["hours"].as_array().unwrap().iter().map(|hour| hour["accepted"].as_i64().unwrap()).sum::<i64>(), 3);
    let trial = status(&site.test_secret).await;
    assert_eq!((&trial["test"], &trial["accepted"], &trial["last_at"]), (&json!(true), &json!(0), &json!(null)));
    client.get(STATUS).await.problem(401, "unauthorized");
    client.send(client.request(Method::GET, STATUS).bearer_auth("sk_x")).await.problem(401, "unauthorized");
    client.send(client.request(Method::GET, STATUS).bearer_auth(&site.site_key)).await.problem(401, "unauthorized");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_coarse_and_stand_still_for_an_hour() {
    let app = TestApp::start().await;
    let site = partner(&app, &[]).await;
    let client = app.client();
    let status = async || client.send(client.request(Method::GET, STATUS).bearer_auth(&site.secret)).await.expect(200);
    let batch = |from: i32, to: i32| {
        let pledges: Vec<_> = (from..to).map(|number| pledge(&format!("s{number}@example.org"))).collect();
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges/batches").bearer_auth(&site.secret);
        client.send(request.json(&json!({"pledges": pledges})))
    };
    batch(0, 47).await.expect(200);
    app.publish().await;
    app.rows
        .execute(
            "UPDATE pledges SET state = 'withdrawn', withdrawn_at = now() WHERE id IN (SELECT id FROM pledges LIMIT 5)",
        )
        .await;
    assert_eq!(status().await["states"], json!({"counted": 40}), "five are too few to be told");
    batch(47, 90).await.expect(200);
    app.publish().await;
    assert_eq!(status().await["states"], json!({"counted": 40}));
    app.rows.execute("UPDATE partners SET states_at = now() - interval '61 minutes'").await;
    assert_eq!(status().await["states"], json!({"counted": 80}));
    app.stop().await;
}
