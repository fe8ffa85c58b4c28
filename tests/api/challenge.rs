//! Challenges over HTTP: who gets one, of what price, and when none is given. What a solution must withstand is tested
//! beside `gate::proof`, the browser's own solver by `tests/altcha`.

use altcha::{Challenge, Payload, SolveChallengeOptions};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use pledges::{
    clock::Clock,
    gate::proof::{Bound, ProofError, Proofs},
    metrics::Metrics,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    TestApp,
    client::{Answer, Client},
    key_ring,
};

const PATH: &str = "/v1/campaigns/defend/challenge";

async fn bound(app: &TestApp, slug: &str) -> Bound {
    let id = app.rows.value(&format!("SELECT id::text FROM campaigns WHERE slug = '{slug}'")).await;
    Bound { campaign: id.parse().unwrap(), partner: None, test: false }
}

async fn in_force(client: &Client, slug: &str, setting: &str, value: &str) {
    let path = format!("/v1/campaigns/{slug}");
    crate::support::eventually("the setting is in force", async || {
        let answer = client.get(&path).await;
        answer.status == 200 && answer.json()[setting] == value
    })
    .await;
}

/// A challenge for somebody at this address.
async fn from(client: &Client, path: &str, address: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("x-forwarded-for", address)).await
}

fn cost(answer: &Answer) -> Value {
    answer.expect(200)["parameters"]["cost"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_gets_a_challenge_and_its_solution_is_a_proof_for_that_campaign() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let client = app.client();
    let answer = client.get(PATH).await;
    answer.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((answer.header("ratelimit-policy"), answer.header("ratelimit")), ("\"challenges\";q=5000;w=866", ""));
    let challenge: Challenge = serde_json::from_slice(&answer.body).unwrap();
    let solution = altcha::solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    let payload = STANDARD.encode(serde_json::to_vec(&Payload { challenge, solution }).unwrap());
    let proofs = Proofs::new(&key_ring(), Clock::System, &Metrics::default());
    let (own, other) = (bound(&app, "defend").await, bound(&app, "other").await);
    let proof = proofs.verify(&payload, &own).unwrap();
    assert_eq!((proof.expires_at.timestamp() - proof.issued_at.timestamp()), 20 * 60);
    assert_eq!(proofs.verify(&payload, &other), Err(ProofError::OtherCampaign));
    let partners = Bound { partner: Some(Uuid::nil()), ..own };
    assert_eq!(proofs.verify(&payload, &partners), Err(ProofError::OtherPartner));
    let again = client.get(PATH).await.expect(200);
    assert_ne!(again["parameters"]["nonce"], proof.nonce.simple().to_string(), "each is good for one pledge");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_challenge_where_nobody_can_pledge() {
    let app = TestApp::start().await;
    let client = app.client();
    client.get("/v1/campaigns/unknown/challenge").await.problem(404, "campaign_not_found");
    app.rows.campaign("draft").await;
    app.rows.execute("UPDATE campaigns SET state = 'draft' WHERE slug = 'draft'").await;
    app.rows.execute("UPDATE campaigns SET state = 'closed' WHERE slug = 'defend'").await;
    in_force(&client, "defend", "state", "closed").await;
    let closed = client.get(PATH).await;
    closed.problem(409, "campaign_closed");
    assert_eq!(closed.header("cache-control"), "no-store");
    client.get("/v1/campaigns/draft/challenge").await.problem(404, "campaign_not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_campaign_says_whether_it_wants_proofs_and_what_they_cost() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let client = app.client();
    app.rows.campaign_with("steady", json!({"proof": "on"})).await;
    app.rows.campaign_with("adaptive", json!({"proof": "adaptive"})).await;
    in_force(&client, "defend", "proof", "off").await;
    in_force(&client, "steady", "proof", "on").await;
    in_force(&client, "adaptive", "proof", "adaptive").await;
    let (steady, adaptive) = ("/v1/campaigns/steady/challenge", "/v1/campaigns/adaptive/challenge");
    assert_eq!(cost(&from(&client, adaptive, "2001:db8::1").await), 4);
    for number in 0..98 {
        from(&client, adaptive, &format!("2001:db8::{number:x}")).await.expect(200);
    }
    let dear = cost(&from(&client, adaptive, "2001:db8::ffff").await).as_u64().unwrap();
    assert!((19..=20).contains(&dear), "a hundred from one /64 cost five times as much: {dear}");
    assert_eq!(cost(&from(&client, adaptive, "2001:db8:0:1::1").await), 4, "the neighbours' don't");
    assert_eq!(cost(&from(&client, steady, "2001:db8::1").await), 4, "nor where the price is steady");
    assert_eq!(cost(&from(&client, PATH, "2001:db8::1").await), 4, "nor where none is needed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_asks_for_thousands_is_told_to_wait_and_others_are_not() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let client = app.client();
    let ask = || client.request(Method::GET, PATH).header("x-forwarded-for", "192.0.2.1").send();
    for _ in 0..50 {
        for answer in join_all((0..101).map(|_| ask())).await {
            answer.unwrap();
        }
    }
    let refused = from(&client, PATH, "192.0.2.1").await;
    refused.problem(429, "too_many_requests");
    assert!((1..=10).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(refused.header("cache-control"), "no-store");
    from(&client, PATH, "192.0.2.2").await.expect(200);
    let metrics = client.get("/metrics").await.text();
    let figure = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!((5_000..5_050).contains(&figure("pledges_challenges_issued_total")));
    assert!(figure("pledges_challenges_refused_total{reason=\"source\"}") >= 1);
    app.stop().await;
}
