//! Headers of every kind of answer: what browsers may do with it, who may keep it, what it is.

use pledges::accounts::Role;
use reqwest::Method;

use super::{get_with, page};
use crate::support::{
    TestApp,
    client::{Answer, pledge},
};

const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                           worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every kind of answer there is, by what it answers.
async fn answers(app: &TestApp) -> Vec<(String, Answer)> {
    let client = app.client();
    let mut answers = Vec::new();
    let css = super::addresses(&page(&client, "/").await).into_iter().find(|path| path.contains("/site.")).unwrap();
    for path in [
        "/",
        "/c/defend",
        "/c/defend/en",
        "/c/defend/ar/thanks",
        "/c/defend/en?source=a&source=b",
        "/c/nothing",
        "/embed/defend",
        "/embed/nothing/en",
        "/embed.js",
        "/pledge.js",
        "/wall.js",
        "/embed/world.json",
        "/embed/texts/ar.json",
        "/dashboard/defend",
        "/dashboard/nothing",
        "/v1/partner/check",
        "/docs",
        "/docs/problems",
        "/openapi.yaml",
        "/openapi.json",
        "/robots.txt",
        &css,
        "/assets/nothing.css",
        "/nothing",
        "/%FF",
        "/v1/campaigns",
        "/v1/campaigns/%FF",
        "/v1/campaigns?limit=0",
        "/v1/campaigns/defend/totals",
        "/v1/campaigns/defend/totals.csv",
        "/v1/campaigns/defend/wall",
        "/v1/campaigns/defend/pledges",
        "/v1/moderation/campaigns/defend/pledges",
        "/v1/moderation/campaigns/defend/removals/nothing",
        "/v1/auth/me",
        "/healthz",
        "/readyz",
        "/readyz/write",
    ] {
        answers.push((format!("GET {path}"), client.get(path).await));
        answers.push((format!("HEAD {path}"), client.send(client.request(Method::HEAD, path)).await));
    }
    let etag = client.get("/v1/campaigns/defend/totals").await.header("etag").to_owned();
    let unchanged = get_with(&client, "/v1/campaigns/defend/totals", &[("if-none-match", &etag)]).await;
    assert_eq!(unchanged.status, 304);
    answers.push(("304".into(), unchanged));
    answers.push(("pledge".into(), client.pledge(&pledge("ann@example.org")).await));
    answers.push(("bad pledge".into(), client.pledge(&pledge("ann")).await));
    let posted = [("name", "Ann"), ("email", "a@example.org"), ("country", "DE")];
    answers.push(("form".into(), client.pledge_form(&posted).await));
    answers.push(("form again".into(), client.pledge_form(&posted[1..]).await));
    let preflight =
        client.request(Method::OPTIONS, "/v1/campaigns/defend/totals").header("origin", "https://x.example");
    answers.push(("preflight".into(), client.send(preflight.header("access-control-request-method", "GET")).await));
    let moderator = app.signed_in(Role::Moderator).await;
    for path in ["/v1/auth/me", "/v1/moderation/campaigns/defend/pledges", "/v1/moderation/campaigns/defend/removals/x"]
    {
        answers.push((format!("moderator {path}"), moderator.get(path).await));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_safe_to_open() {
    let app = TestApp::start().await;
    let mut wrong = Vec::new();
    for (what, answer) in answers(&app).await {
        let header = |name| answer.header(name);
        let is_page = header("content-type").starts_with("text/html");
        let policy = if is_page { PAGE_POLICY } else { "default-src 'none'; frame-ancestors 'none'" };
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
            ("content-security-policy", policy),
            // This one is no https.
            ("strict-transport-security", ""),
            ("server", ""),
        ] {
            if header(name) != value {
                wrong.push(format!("{what} ({}): {name}: {}", answer.status, header(name)));
            }
        }
        if header("cache-control").is_empty() {
            wrong.push(format!("{what}: nobody says who may keep it"));
        }
        if !["same-origin", "cross-origin"].contains(&header("cross-origin-resource-policy")) {
            wrong.push(format!("{what}: nobody says who may load it"));
        }
        for name in answer.headers.keys().filter(|name| answer.headers.get_all(*name).iter().count() > 1) {
            wrong.push(format!("{what}: {name} more than once"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_it_is_and_who_may_keep_it() {
    let app = TestApp::start().await;
    for (what, answer) in answers(&app).await {
        let kind = answer.header("content-type");
        if kind.is_empty() {
            assert!(answer.body.is_empty(), "{what} has a body of no kind");
        } else if kind.starts_with("text/") {
            assert!(kind.ends_with("; charset=utf-8"), "{what}: {kind}");
        }
        if answer.status.is_client_error() && !kind.starts_with("text/html") {
            assert_eq!(kind, "application/problem+json", "{what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
        let personal = ["pledge", "bad pledge", "form", "form again"].contains(&&*what)
            || what.starts_with("moderator")
            || what.contains("/auth/");
        if personal {
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
        assert_eq!(answer.header("set-cookie"), "", "{what}: no cookies for visitors");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_browsers_are_told_to_come_back_by_https() {
    let app = TestApp::with(&["--public-url", "https://pledges.example.org"]).await;
    let told = |answer: &Answer| answer.header("strict-transport-security") == "max-age=63072000";
    let answers = answers(&app).await;
    let untold: Vec<_> = answers.iter().filter(|(_, answer)| !told(answer)).map(|(what, _)| what).collect();
    assert!(untold.is_empty(), "{untold:#?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let client = app.client();
    for path in [
        "/",
        "/c/defend",
        "/c/defend/en",
        "/c/defend/en/thanks",
        "/docs",
        "/openapi.yaml",
        "/c/nothing",
        "/nothing",
        "/v1/campaigns",
        "/v1/campaigns/defend",
        "/v1/campaigns/nothing",
        "/healthz",
        "/readyz/write",
        "/v1/auth/me",
    ] {
        let get = client.get(path).await;
        let head = client.send(client.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "location", "content-security-policy"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    app.stop().await;
}
