//! Limits: who sends too much is slowed and told when to come back; nobody else is.

mod server;
mod source_tags;

use reqwest::Method;
use serde_json::json;

use crate::{
    partners::partner,
    support::{
        TestApp,
        client::{Answer, Client, pledge},
    },
};

const PLEDGES: &str = "/v1/campaigns/defend/pledges";
const LOW: &[&str] = &[
    "--trusted-proxies",
    "127.0.0.0/8",
    "--pledges-at-once",
    "3",
    "--pledges-per-minute",
    "6",
    "--forms-at-once",
    "2",
    "--forms-per-minute",
    "4",
    "--codes-per-minute",
    "3",
    "--status-per-minute",
    "2",
];

async fn pledge_from(client: &Client, source: &str, email: &str) -> Answer {
    client.send(client.request(Method::POST, PLEDGES).header("x-forwarded-for", source).json(&pledge(email))).await
}

#[track_caller]
fn assert_slowed(answer: &Answer, policy: &str) {
    answer.problem(429, "too_many_requests");
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("ratelimit-policy"), policy);
    let name = policy.split(';').next().unwrap();
    assert_eq!(answer.header("ratelimit"), format!("{name};r=0;t={seconds}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_sends_too_much_is_slowed_and_others_are_not() {
    let app = TestApp::with(LOW).await;
    let client = app.client();
    let policy = "\"pledges\";q=3;w=30";
    // A repeated pledge counts like a new one, and so does one that is not right.
    for (host, email, status) in [(1, "a@example.org", 201), (2, "a@example.org", 201), (3, "nonsense", 422)] {
        let answer = pledge_from(&client, &format!("2001:db8::{host}"), email).await;
        answer.expect(status);
        assert_eq!(answer.header("ratelimit-policy"), policy);
        assert_eq!(answer.header("ratelimit"), "", "neighbours are told nothing of each other");
    }
    assert_slowed(&pledge_from(&client, "2001:db8::4", "b@example.org").await, policy);
    // What stands before the proxy's own word anybody can write.
    assert_slowed(&pledge_from(&client, "198.51.100.7, 2001:db8::5", "b@example.org").await, policy);
    pledge_from(&client, "2001:db8:0:1::1", "c@example.org").await.expect(201);
    pledge_from(&client, "198.51.100.7", "d@example.org").await.expect(201);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_proxy_can_t_be_somebody_else() {
    let app = TestApp::with(&["--pledges-at-once", "2", "--pledges-per-minute", "4"]).await;
    let client = app.client();
    for number in 0..2 {
        pledge_from(&client, &format!("198.51.100.{number}"), "a@example.org").await.expect(201);
    }
    pledge_from(&client, "198.51.100.9", "a@example.org").await.problem(429, "too_many_requests");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_a_tighter_limit_and_is_shown_again_as_it_was_filled_in() {
    let app = TestApp::with(LOW).await;
    let client = app.client();
    let form = [("name", "Amina Okafor"), ("email", "amina@example.org"), ("country", "DE")];
    for _ in 0..2 {
        assert_eq!(client.pledge_form(&form).await.status, 303);
    }
    let answer = client.pledge_form(&form).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("content-type").starts_with("text/html"), "{}", answer.header("content-type"));
    assert!(answer.text().contains("amina@example.org") && answer.text().contains("Amina Okafor"));
    assert_eq!(answer.header("ratelimit-policy"), "\"forms\";q=2;w=30");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    // Scripts have a limit of their own.
    client.pledge(&pledge("li@example.org")).await.expect(201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_s_server_has_its_own_limit_and_knows_what_remains() {
    let app = TestApp::with(LOW).await;
    let site = partner(&app, &[]).await;
    app.rows.execute("UPDATE partners SET per_minute = 600").await;
    app.service.handles.partners.renew().await.unwrap();
    let client = app.client();
    let send = |path: &str, key: &str| client.request(Method::POST, path).bearer_auth(key);
    let batch = |from: i32, to: i32, key: &str| {
        let pledges: Vec<_> = (from..to).map(|number| pledge(&format!("p{number}@example.org"))).collect();
        client.send(send("/v1/campaigns/defend/pledges/batches", key).json(&json!({"pledges": pledges})))
    };
    // More than a source may send.
    for number in 0..5 {
        let email = format!("one{number}@example.org");
        client.send(send(PLEDGES, &site.secret).json(&pledge(&email))).await.expect(201);
    }
    let answer = batch(0, 400, &site.secret).await;
    answer.expect(200);
    assert_eq!(answer.header("ratelimit-policy"), "\"partner\";q=600;w=60");
    let left = answer.header("ratelimit").strip_prefix("\"partner\";r=").unwrap().split(';').next().unwrap();
    let left: u32 = left.parse().unwrap();
    assert!((195..300).contains(&left), "{left}");
    let refused = batch(400, 900, &site.secret).await;
    refused.problem(429, "too_many_requests");
    assert!(refused.header("ratelimit").starts_with("\"partner\";r=0;t="), "{}", refused.header("ratelimit"));
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 405, "all of a batch or nothing");
    // A smaller one fits: what was refused counts for nothing. Trials have a limit of their own, and so has the public.
    batch(400, 450, &site.secret).await.expect(200);
    let trial = batch(0, 500, &site.test_secret).await;
    trial.expect(200);
    assert_eq!(trial.header("ratelimit-policy"), "\"partner\";q=600;w=60");
    assert!(!trial.header("ratelimit").starts_with("\"partner\";r=0"), "{}", trial.header("ratelimit"));
    client.pledge(&pledge("public@example.org")).await.expect(201);
    app.stop().await;
}

/// Also one that counted against no limit.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_tells_the_policy() {
    let app = TestApp::with(&["--campaign-per-minute", "600"]).await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let batch = |slug: &str, key: Option<&str>, body: &str| {
        let request = client.request(Method::POST, &format!("/v1/campaigns/{slug}/pledges/batches"));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        client.send(key.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth))
    };
    let campaign = "\"campaign\";q=600;w=60";
    let (key, good) = (Some(site.secret.as_str()), r#"{"pledges": [{}]}"#);
    for (answer, status) in [
        (batch("nowhere", key, good).await, 404),
        (batch("defend", key, "{").await, 400),
        (batch("defend", key, r#"{"pledges": []}"#).await, 422),
        (batch("defend", key, good).await, 200),
    ] {
        answer.expect(status);
        assert_eq!(answer.header("ratelimit-policy"), format!("\"partner\";q=6000;w=60, {campaign}"), "{status}");
    }
    for answer in [batch("defend", None, good).await, batch("defend", Some("sk_nobody"), good).await] {
        let policy = answer.header("ratelimit-policy");
        assert!(policy.starts_with("\"pledges\";q=") && policy.ends_with(campaign), "{policy}");
        assert_eq!(answer.header("ratelimit"), "");
    }
    let challenge = "/v1/campaigns/defend/challenge";
    for (path, status) in [
        ("/v1/campaigns/nowhere/challenge".to_owned(), 404),
        (format!("{challenge}?site_key=pk_nobody"), 403),
        (format!("{challenge}?sitekey=x"), 422),
        (challenge.to_owned(), 200),
    ] {
        let answer = client.get(&path).await;
        answer.expect(status);
        assert_eq!(answer.header("ratelimit-policy"), "\"challenges\";q=5000;w=866", "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_and_asking_for_links_is_slowed_on_pages_too() {
    let app = TestApp::with(LOW).await;
    let client = app.client();
    let guess = json!({"email": "amina@example.org", "code": "K7M2XQ"});
    let codes = "/v1/campaigns/defend/confirmations";
    client.post(codes, &guess).await.problem(409, "code_not_accepted");
    client.post("/v1/campaigns/defend/links", &json!({"email": "amina@example.org"})).await.expect(202);
    let form = [("email", "amina@example.org"), ("code", "K7M2XQ")];
    let page = async || client.send(client.request(Method::POST, "/c/defend/en/code").form(&form)).await;
    assert_eq!(page().await.status, 422);
    assert_slowed(&client.post(codes, &guess).await, "\"codes\";q=3;w=60");
    let slowed = page().await;
    assert_eq!(slowed.status, 429);
    assert!(slowed.text().contains("amina@example.org"));
    assert!(slowed.header("retry-after").parse::<u32>().unwrap() > 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_may_look_at_its_status_so_often() {
    let app = TestApp::with(LOW).await;
    let site = partner(&app, &[]).await;
    let client = app.client();
    let look = async || client.send(client.request(Method::GET, "/v1/partner/status").bearer_auth(&site.secret)).await;
    let first = look().await;
    first.expect(200);
    assert_eq!(
        (first.header("ratelimit-policy"), first.header("ratelimit")),
        ("\"status\";q=2;w=60", "\"status\";r=1;t=30")
    );
    look().await.expect(200);
    assert_slowed(&look().await, "\"status\";q=2;w=60");
    let metrics = client.get("/metrics").await;
    assert!(metrics.text().contains("pledges_limited_total{limit=\"status\"} 1"), "{}", metrics.text());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_s_ceiling_is_off_unless_it_is_set() {
    let app = TestApp::with(&["--campaign-per-minute", "2"]).await;
    let client = app.client();
    for email in ["a@example.org", "b@example.org"] {
        client.pledge(&pledge(email)).await.expect(201);
    }
    let refused = client.pledge(&pledge("c@example.org")).await;
    refused.problem(429, "too_many_requests");
    assert!(refused.header("ratelimit-policy").ends_with("\"campaign\";q=2;w=60"));
    assert!(refused.header("ratelimit").starts_with("\"campaign\";r=0;t="));
    app.stop().await;
}
