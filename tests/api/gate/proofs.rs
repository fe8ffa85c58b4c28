//! Where the campaign asks for it, a script's pledge needs a proof: of this campaign, this partner, this hour, and used once.

use altcha::{Challenge, Payload, SolveChallengeOptions};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::set;
use crate::{
    partners::partner,
    support::{
        TestApp,
        client::{Answer, Client, pledge},
    },
};

/// A solved challenge, as the element sends it.
async fn solved(client: &Client, path: &str) -> String {
    let challenge: Challenge = serde_json::from_value(client.get(path).await.expect(200)).unwrap();
    let solution = altcha::solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    STANDARD.encode(serde_json::to_string(&Payload { challenge, solution }).unwrap())
}

fn with(email: &str, proof: &str) -> Value {
    let mut body = pledge(email);
    body["proof"] = json!(proof);
    body
}

const CHALLENGE: &str = "/v1/campaigns/defend/challenge";

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_buys_one_pledge_and_its_retries() {
    let app = TestApp::start().await;
    set(&app, "proof = 'on'").await;
    let client = app.client();
    client.pledge(&pledge("a@example.org")).await.fields(&[("/proof", "required")]);
    let proof = solved(&client, CHALLENGE).await;
    client.pledge(&with("a@example.org", &proof)).await.expect(201);
    client.pledge(&with("a@example.org", &proof)).await.expect(201);
    client.pledge(&with("b@example.org", &proof)).await.problem(409, "proof_spent");
    // The same proof written otherwise is the same proof.
    let mut payload: Value = serde_json::from_slice(&STANDARD.decode(&proof).unwrap()).unwrap();
    payload["solution"]["time"] = json!(1);
    let other = STANDARD.encode(serde_json::to_string_pretty(&payload).unwrap());
    client.pledge(&with("b@example.org", &other)).await.problem(409, "proof_spent");
    // At another instance, which has just started.
    let second = TestApp::on(app.url.clone(), &[]).await;
    second.client().pledge(&with("b@example.org", &proof)).await.problem(409, "proof_spent");
    second.client().pledge(&with("a@example.org", &proof)).await.expect(201);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1);
    second.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proof_for_this_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    app.rows.execute("UPDATE campaigns SET proof = 'on', confirmation = 'email'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let good = solved(&client, CHALLENGE).await;
    let elsewhere = solved(&client, "/v1/campaigns/other/challenge").await;
    let partners = solved(&client, &format!("{CHALLENGE}?site_key={}", site.site_key)).await;
    let trial = solved(&client, &format!("{CHALLENGE}?site_key={}", site.test_site_key)).await;
    let mut payload: Value = serde_json::from_slice(&STANDARD.decode(&good).unwrap()).unwrap();
    payload["solution"]["counter"] = json!(payload["solution"]["counter"].as_u64().unwrap() + 1);
    let unsolved = STANDARD.encode(payload.to_string());
    let wrong = ["", "x", "bm9uc2Vuc2U=", &good[1..], &elsewhere, &partners, &trial, &unsolved, &"A".repeat(5_000)];
    for proof in wrong {
        let answer = client.pledge(&with("a@example.org", proof)).await;
        answer.fields(&[("/proof", if proof.is_empty() { "required" } else { "invalid_proof" })]);
    }
    for table in ["pledges", "mail_outbox", "spent_proofs"] {
        assert_eq!(app.rows.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    // Each is good where it belongs.
    let post = async |mut body: Value, key: &str| -> Answer {
        body["site_key"] = json!(key);
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").json(&body);
        client.send(request.header("origin", "https://www.example.net")).await
    };
    post(with("b@example.org", &good), &site.site_key).await.fields(&[("/proof", "invalid_proof")]);
    post(with("b@example.org", &partners), &site.site_key).await.expect(202);
    client.pledge(&with("c@example.org", &good)).await.expect(202);
    for table in ["pledges", "spent_proofs"] {
        assert_eq!(app.rows.number(&format!("SELECT count(*) FROM {table}")).await, 2, "{table}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_servers_need_none() {
    let app = TestApp::start().await;
    set(&app, "proof = 'adaptive'").await;
    let site = partner(&app, &[]).await;
    let client = app.client();
    client.pledge_form(&[("name", "Ada"), ("email", "a@example.org"), ("country", "DE")]).await;
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1);
    let server = client.request(Method::POST, "/v1/campaigns/defend/pledges").bearer_auth(&site.secret);
    client.send(server.json(&pledge("b@example.org"))).await.expect(201);
    // The element puts its proof into a field of the form.
    let proof = solved(&client, CHALLENGE).await;
    let form = |email| [("name", "Ada"), ("email", email), ("country", "DE"), ("altcha", proof.as_str())];
    assert_eq!(client.pledge_form(&form("c@example.org")).await.status, 303);
    assert_eq!(client.pledge_form(&form("d@example.org")).await.status, 409);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_proof_is_remembered_for_an_hour() {
    let app = TestApp::start().await;
    app.rows
        .execute(
            "INSERT INTO spent_proofs SELECT gen_random_uuid(), gen_random_uuid(), now() - minute * interval '1 minute' \
             FROM generate_series(1, 20) AS each, unnest(ARRAY[0, 59, 61, 600]) AS minute",
        )
        .await;
    assert_eq!(pledges::pledges::spent::forget(&app.rows.database).await.unwrap(), 40);
    assert_eq!(app.rows.number("SELECT count(*) FROM spent_proofs").await, 40);
    assert_eq!(pledges::pledges::spent::forget(&app.rows.database).await.unwrap(), 0);
    app.stop().await;
}
