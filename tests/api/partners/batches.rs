//! A partner's server posts many pledges at a time.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Registered, partner};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
};

const BATCHES: &str = "/v1/campaigns/defend/pledges/batches";

async fn post(client: &Client, site: &Registered, pledges: &[Value]) -> Answer {
    client
        .send(client.request(Method::POST, BATCHES).bearer_auth(&site.secret).json(&json!({"pledges": pledges})))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_answered_for_itself_and_repeats_like_new_ones() {
    let app = TestApp::start().await;
    let site = partner(&app, &[]).await;
    let client = app.client();
    client.pledge(&pledge("known@example.org")).await.expect(201);
    let mut broken = pledge("b@example.org");
    broken["country"] = json!("XX");
    let mut state = pledge("c@example.org");
    state["state"] = json!("counted");
    let mut site_key = pledge("d@example.org");
    site_key["site_key"] = json!(site.site_key);
    let (new, known) = (pledge("new@example.org"), pledge("known@example.org"));
    let rows = [new.clone(), known, broken, state, site_key, new];
    let answer = post(&client, &site, &rows).await.expect(200);
    let recorded = json!({"status": "recorded"});
    let refused = |pointer: &str, code: &str| json!({"status": "refused", "code": "invalid_fields", "errors": [{"pointer": pointer, "code": code}]});
    let expected = json!([
        recorded,
        recorded,
        refused("/country", "invalid_country"),
        refused("/state", "unknown_field"),
        refused("/site_key", "not_allowed"),
        recorded
    ]);
    assert_eq!(answer["results"], expected);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 2);
    assert_eq!(app.rows.number(&format!("SELECT count(*) FROM pledges WHERE partner_id = '{}'", site.id)).await, 1);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_fit_and_more_do_not() {
    let app = TestApp::start().await;
    let site = partner(&app, &[]).await;
    let client = app.client();
    let many: Vec<Value> = (0..501).map(|number| pledge(&format!("m{number}@example.org"))).collect();
    let answer = post(&client, &site, &many[..500]).await.expect(200);
    assert!(answer["results"].as_array().unwrap().iter().all(|result| result["status"] == "recorded"));
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 500);
    post(&client, &site, &many).await.fields(&[("/pledges", "too_many")]);
    post(&client, &site, &[]).await.fields(&[("/pledges", "required")]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mailbox_the_same_key_counts_once() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET email_field = 'optional'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    let site = partner(&app, &[]).await;
    let client = app.client();
    let rows: Vec<Value> = ["Ada", "Ben"].iter().map(|name| json!({"name": name, "country": "DE"})).collect();
    // Whatever a key looks like that is taken: a long one, and one that begins like a quoted one.
    for (number, key) in ["k1", &"k".repeat(255), &"k".repeat(253), r#""\"k2""#].into_iter().enumerate() {
        for _ in 0..2 {
            let request = client.request(Method::POST, BATCHES).bearer_auth(&site.secret);
            let answer = client.send(request.header("idempotency-key", key).json(&json!({"pledges": rows}))).await;
            assert!(!answer.expect(200)["results"].to_string().contains("refused"), "{}", answer.text());
        }
        assert_eq!(
            app.rows.number("SELECT count(*) FROM pledges").await,
            2 * (i64::try_from(number).unwrap() + 1),
            "{key}"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_with_its_campaign_s_key_gets_in() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    app.rows.campaign("other").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let client = app.client();
    let body = json!({"pledges": [pledge("a@example.org")]});
    client.post(BATCHES, &body).await.problem(401, "unauthorized");
    let send = async |path: &str, key: &str, origin: Option<&str>| {
        let request = client.request(Method::POST, path).bearer_auth(key).json(&body);
        client.send(origin.into_iter().fold(request, |request, origin| request.header("origin", origin))).await
    };
    send(BATCHES, "sk_nothing", None).await.problem(403, "unknown_key");
    send(BATCHES, &site.site_key, None).await.problem(401, "unauthorized");
    send("/v1/campaigns/other/pledges/batches", &site.secret, None).await.problem(403, "unknown_key");
    send("/v1/campaigns/none/pledges/batches", &site.secret, None).await.problem(404, "campaign_not_found");
    send(BATCHES, &site.secret, Some("https://www.example.net")).await.problem(403, "foreign_origin");
    let text = client.request(Method::POST, BATCHES).bearer_auth(&site.secret).header("content-type", "text/plain");
    client.send(text.body(body.to_string())).await.problem(415, "unsupported_media_type");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 0);
    app.stop().await;
}
