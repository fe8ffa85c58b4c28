//! Pages of a partner's own origins may post with its site key, and no others.

use pledges::sealing::recipients::Identity;
use reqwest::Method;
use serde_json::{Value, json};

use super::partner;
use crate::support::{
    PRODUCTION, TestApp,
    client::{Answer, Client, pledge},
};

const PLEDGES: &str = "/v1/campaigns/defend/pledges";

async fn post(client: &Client, origin: Option<&str>, body: &Value) -> Answer {
    let request = client.request(Method::POST, PLEDGES).json(body);
    client.send(origin.into_iter().fold(request, |request, origin| request.header("origin", origin))).await
}

fn with_key(email: &str, key: &str) -> Value {
    let mut body = pledge(email);
    body["site_key"] = json!(key);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_posts_from_its_partner_s_origins_only() {
    let app = TestApp::with(PRODUCTION).await;
    app.rows.recipient("defend", &Identity::generate()).await;
    app.service.handles.campaigns.renew().await.unwrap();
    let site = partner(&app, &["https://www.example.net", "https://*.example.com"]).await;
    let other = partner(&app, &["https://other.example.net"]).await;
    let client = app.client();
    for (number, origin) in ["https://www.example.net", "https://a.b.example.com"].into_iter().enumerate() {
        let answer = post(&client, Some(origin), &with_key(&format!("p{number}@example.org"), &site.site_key)).await;
        answer.expect(201);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("vary"), "Origin");
        assert!(answer.header("access-control-expose-headers").contains("Retry-After"));
    }
    assert_eq!(app.rows.number(&format!("SELECT count(*) FROM pledges WHERE partner_id = '{}'", site.id)).await, 2);
    for origin in [
        "http://www.example.net",
        "https://example.com",
        "https://www.example.net.evil",
        "https://other.example.net",
        "https://evil.example",
        "http://localhost:3000",
        "file://",
    ] {
        let refused = post(&client, Some(origin), &with_key("q@example.org", &site.site_key)).await;
        refused.problem(403, "foreign_origin");
        let readable = refused.header("access-control-allow-origin");
        assert_eq!(readable, if origin == "https://other.example.net" { origin } else { "" });
    }
    post(&client, Some("https://www.example.net"), &pledge("q@example.org")).await.problem(403, "foreign_origin");
    let wrong = with_key("q@example.org", &other.site_key);
    post(&client, Some("https://www.example.net"), &wrong).await.problem(403, "foreign_origin");
    post(&client, None, &with_key("q@example.org", "pk_nothing")).await.problem(403, "unknown_key");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 2, "nothing of these was stored");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_no_origin_is_a_form_and_our_own_pages_post_as_before() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    post(&client, None, &with_key("a@example.org", &site.site_key)).await.expect(201);
    post(&client, Some("null"), &with_key("b@example.org", &site.site_key)).await.expect(201);
    post(&client, Some("null"), &pledge("c@example.org")).await.expect(201);
    post(&client, Some(&client.base), &pledge("d@example.org")).await.expect(201);
    // On a page of ours anybody can write any site key into the form: only the form that was made for the partner says so.
    post(&client, Some(&client.base), &with_key("e@example.org", &site.site_key)).await.expect(201);
    let page = client.get(&format!("/c/defend/en?site_key={}", site.site_key)).await.text();
    assert!(page.contains(&format!("name=\"site_key\" value=\"{}\"", site.site_key)), "{page}");
    let form_token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut ours = with_key("h@example.org", &site.site_key);
    ours["form_token"] = json!(form_token);
    post(&client, Some(&client.base), &ours).await.expect(201);
    // In development a developer's own machine is every partner's.
    post(&client, Some("http://localhost:3000"), &with_key("f@example.org", &site.site_key)).await.expect(201);
    post(&client, Some("http://localhost:3000"), &pledge("g@example.org")).await.problem(403, "foreign_origin");
    assert_eq!(app.rows.number(&format!("SELECT count(*) FROM pledges WHERE partner_id = '{}'", site.id)).await, 4);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_beforehand_who_may_post() {
    let app = TestApp::start().await;
    partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let ask = async |origin: &str, method: &str| {
        let request = client.request(Method::OPTIONS, PLEDGES).header("origin", origin);
        client.send(request.header("access-control-request-method", method)).await
    };
    let allowed = ask("https://www.example.net", "POST").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://www.example.net");
    assert_eq!(allowed.header("access-control-allow-methods"), "POST");
    assert_eq!(allowed.header("access-control-max-age"), "7200");
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    for origin in ["https://www.example.net.evil", "http://www.example.net", "null", "https://evil.example"] {
        assert_eq!(ask(origin, "POST").await.header("access-control-allow-origin"), "", "{origin}");
    }
    assert_eq!(ask("https://evil.example", "GET").await.header("access-control-allow-origin"), "*");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_partner_is_refused_and_a_secret_key_in_a_page_too() {
    let app = TestApp::start().await;
    let site = partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let with_secret = |origin: Option<&str>| {
        let request = client.request(Method::POST, PLEDGES).bearer_auth(&site.secret).json(&pledge("s@example.org"));
        origin.into_iter().fold(request, |request, origin| request.header("origin", origin))
    };
    client.send(with_secret(None)).await.expect(201);
    client.send(with_secret(Some("https://www.example.net"))).await.problem(403, "foreign_origin");
    let both = client.request(Method::POST, PLEDGES).bearer_auth(&site.secret);
    client.send(both.json(&with_key("s@example.org", &site.site_key))).await.fields(&[("/site_key", "not_allowed")]);
    app.rows.execute("UPDATE partners SET disabled_at = now()").await;
    app.service.handles.partners.renew().await.unwrap();
    client.send(with_secret(None)).await.problem(403, "partner_disabled");
    let body = with_key("t@example.org", &site.site_key);
    let told = post(&client, Some("https://www.example.net"), &body).await;
    told.problem(403, "partner_disabled");
    assert_eq!(told.header("access-control-allow-origin"), "https://www.example.net", "its script can read why");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_script_can_read_whatever_it_is_refused_for() {
    let app = TestApp::start().await;
    partner(&app, &["https://www.example.net"]).await;
    let client = app.client();
    let from_page = || client.request(Method::POST, PLEDGES).header("origin", "https://www.example.net");
    let text = client.send(from_page().header("content-type", "text/plain").body("{}")).await;
    text.problem(415, "unsupported_media_type");
    let key = client.send(from_page().header("idempotency-key", "two words").json(&pledge("a@example.org"))).await;
    key.problem(400, "bad_header");
    for answer in [text, key] {
        assert_eq!(answer.header("access-control-allow-origin"), "https://www.example.net");
    }
    app.stop().await;
}
