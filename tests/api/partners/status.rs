//! A partner sees how its forms do, and nothing of any one pledge.

use reqwest::Method;
use serde_json::json;

use super::partner;
use crate::support::{TestApp, client::pledge, eventually};

const STATUS: &str = "/v1/partner/status";
const PLEDGES: &str = "/v1/campaigns/defend/pledges";

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

/// Also what is refused before anybody has looked at the pledge: a partner whose key stands on the wrong page sees that it does.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_at_the_door_is_told_too() {
    let few =
        ["--pledges-at-once", "2", "--pledges-per-minute", "1", "--forms-at-once", "1", "--forms-per-minute", "1"];
    let app = TestApp::with(&few).await;
    let site = partner(&app, &["https://www.example.net"]).await;
    app.rows.execute("UPDATE partners SET per_minute = 500").await;
    app.service.handles.partners.renew().await.unwrap();
    let client = app.client();
    let status = async |key: &str| client.send(client.request(Method::GET, STATUS).bearer_auth(key)).await.expect(200);
    let json = |path: &str, body: &str| {
        let request = client.request(Method::POST, path).header("content-type", "application/json");
        request.body(body.to_owned())
    };
    let batches = "/v1/campaigns/defend/pledges/batches";
    let mut body = pledge("a@example.org");
    body["site_key"] = json!(site.site_key);
    let body = body.to_string();
    let challenge = format!("/v1/campaigns/defend/challenge?site_key={}", site.site_key);
    let form = [("site_key", site.site_key.as_str()), ("country", "XX")];
    let form = || client.request(Method::POST, PLEDGES).form(&form);
    let rows = |count: usize| json!({"pledges": vec![json!({}); count]}).to_string();
    for (request, code) in [
        (json(PLEDGES, &body).header("origin", "https://evil.example"), 403),
        (client.request(Method::GET, &challenge).header("origin", "https://evil.example"), 403),
        // Nobody has read the site key: the page says whose it is.
        (json(PLEDGES, "{").header("origin", "https://www.example.net"), 400),
        (json(PLEDGES, &body).header("origin", "https://www.example.net"), 429),
        (form(), 422),
        (form(), 429),
        (json(PLEDGES, "{").bearer_auth(&site.secret), 400),
        (json(batches, "{").bearer_auth(&site.secret), 400),
        (client.request(Method::POST, batches).bearer_auth(&site.secret).form(&[("a", "b")]), 415),
        (json(batches, &rows(501)).bearer_auth(&site.secret), 422),
        (json(batches, &rows(400)).bearer_auth(&site.secret), 200),
        (json(batches, &rows(500)).bearer_auth(&site.secret), 429),
        (json(batches, "{").bearer_auth(&site.test_secret), 400),
        // Nobody's, and another one's page.
        (json(batches, "{").bearer_auth("sk_nobody"), 403),
        (client.request(Method::GET, "/v1/campaigns/defend/challenge?site_key=pk_nobody"), 403),
    ] {
        let answer = client.send(request).await;
        assert_eq!(answer.status, code, "{}", answer.text());
    }
    app.rows.execute("UPDATE partners SET disabled_at = now()").await;
    app.service.handles.partners.renew().await.unwrap();
    client.send(json(batches, &rows(3)).bearer_auth(&site.secret)).await.problem(403, "partner_disabled");
    let expected = json!({
        "foreign_origin": 2, "invalid_fields": 402, "malformed_json": 3, "partner_disabled": 1, "too_many_requests": 502,
        "unsupported_media_type": 1,
    });
    let mut told = json!(null);
    eventually("they are written down", async || {
        told = status(&site.secret).await["refused"].clone();
        told["partner_disabled"] == 1
    })
    .await;
    assert_eq!(told, expected);
    assert_eq!(status(&site.test_secret).await["refused"], json!({"malformed_json": 1}));
    app.stop().await;
}
