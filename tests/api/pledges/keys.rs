//! The Idempotency-Key: what takes the mailbox's place where none is asked, and the receipt everywhere.

use reqwest::Method;
use serde_json::{Value, json};

use super::{campaign, face, post_with_key, stored};
use crate::support::{TestApp, client::pledge};

/// A campaign without e-mail addresses, called `anonymous`.
async fn anonymous() -> TestApp {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let fields = json!({"fields": {"name": "optional", "email": "off", "message": "optional"}});
    campaign(&app, "anonymous", fields).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_the_receipt_bare_or_quoted() {
    let app = TestApp::start().await;
    let client = app.client();
    let longest = "k".repeat(255);
    let longest_quoted = format!("\"{}\"", r#"\""#.repeat(255));
    let quotes = "\"".repeat(255);
    for (sent, key) in [
        ("0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"),
        ("\"0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80\"", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"),
        ("x", "x"),
        (r#""a\"b\\c""#, r#"a"b\c"#),
        ("!#$%&'*+-.^_`|~<script>", "!#$%&'*+-.^_`|~<script>"),
        (&longest, &longest),
        (&longest_quoted, &quotes),
    ] {
        let answer = post_with_key(&client, "defend", sent, &pledge("ann@example.org")).await;
        assert_eq!(answer.expect(201)["id"], key, "{sent}");
    }
    assert_eq!(stored(&app).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_key_is_refused_and_nothing_is_stored() {
    let app = anonymous().await;
    let client = app.client();
    let (too_long, too_long_quoted) = ("k".repeat(256), format!("\"{}\"", "k".repeat(256)));
    for sent in [
        &b""[..],
        b"   ",
        b"a b",
        b"\"\"",
        b"\"open",
        b"\"a\"b\"",
        b"\"",
        br#""a\nb""#,
        br#""a\""#,
        b"\"a b\"",
        b"a\tb",
        b"k\xc3\xa9y",
        b"k\xffy",
        too_long.as_bytes(),
        too_long_quoted.as_bytes(),
    ] {
        for (slug, body) in [("anonymous", json!({"country": "DE"})), ("defend", pledge("ann@example.org"))] {
            let answer = post_with_key(&client, slug, sent, &body).await;
            answer.problem(400, "bad_header");
        }
    }
    let twice = client.request(Method::POST, "/v1/campaigns/anonymous/pledges").json(&json!({"country": "DE"}));
    let twice = twice.header("idempotency-key", "one").header("idempotency-key", "one");
    client.send(twice).await.problem(400, "bad_header");
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mailbox_the_same_key_counts_once() {
    let app = anonymous().await;
    let client = app.client();
    let body = json!({"name": "José", "country": "DE", "message": "Hello", "language": "pt-BR", "source": "home",
        "consents": [{"purpose": "updates", "version": 1}]});
    let first = post_with_key(&client, "anonymous", "key-1", &body).await;
    assert_eq!(first.expect(201)["id"], "key-1");
    // The same pledge, spelt differently.
    let respelt = json!({"consents": [{"version": 1, "purpose": "updates"}], "source": " home ", "language": "PT-br",
        "message": "Hello\n", "country": "de", "name": " Jose\u{301}"});
    for body in [&body, &respelt] {
        let again = post_with_key(&client, "anonymous", "\"key-1\"", body).await;
        assert_eq!(again.expect(201)["id"], "key-1");
    }
    assert_eq!(stored(&app).await, 1);
    // Another key, and no key at all.
    post_with_key(&client, "anonymous", "KEY-1", &body).await.expect(201);
    for _ in 0..2 {
        client.post("/v1/campaigns/anonymous/pledges", &body).await.expect(201);
    }
    assert_eq!(stored(&app).await, 4);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/anonymous/totals").await.expect(200)["total"], 4);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mailbox_another_body_with_the_same_key_is_refused() {
    let app = anonymous().await;
    let client = app.client();
    let body = json!({"name": "Ann", "country": "DE", "message": "Hello", "language": "en", "source": "home"});
    post_with_key(&client, "anonymous", "key", &body).await.expect(201);
    let other = |name: &str, value: Value| {
        let mut other = body.clone();
        other[name] = value;
        other
    };
    for other in [
        other("name", json!("Bob")),
        other("name", Value::Null),
        other("country", json!("FR")),
        other("message", json!("hello")),
        other("language", json!("fr")),
        other("source", json!("away")),
        other("consents", json!([{"purpose": "updates", "version": 1}])),
        // What moves from one field to the next is not the same either.
        json!({"name": "AnnHello", "country": "DE", "language": "en", "source": "home"}),
    ] {
        post_with_key(&client, "anonymous", "key", &other).await.problem(422, "idempotency_mismatch");
    }
    assert_eq!(stored(&app).await, 1);
    assert_eq!(super::copies(&app).await[0].name.as_deref(), Some("Ann"));
    // The first body is still welcome; and another campaign knows nothing of the key.
    post_with_key(&client, "anonymous", "key", &body).await.expect(201);
    campaign(&app, "elsewhere", json!({"fields": {"name": "optional", "email": "off", "message": "off"}})).await;
    post_with_key(&client, "elsewhere", "key", &json!({"country": "FR"})).await.expect(201);
    assert_eq!(stored(&app).await, 2);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_mailbox_a_mismatch_is_never_told() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    campaign(&app, "either", json!({"fields": {"name": "optional", "email": "optional", "message": "off"}})).await;
    let client = app.client();
    let at = async |body: &Value| {
        let mut face = face(&post_with_key(&client, "either", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", body).await);
        assert_eq!(face.0, 201);
        face.2["totals"].take();
        face
    };
    let first = at(&json!({"email": "ann@example.org", "country": "DE"})).await;
    assert_eq!(first, at(&json!({"email": "ann@example.org", "country": "FR", "name": "Ann"})).await);
    assert_eq!(first, at(&json!({"email": "bob@example.org", "country": "DE"})).await);
    assert_eq!(stored(&app).await, 2, "two mailboxes are two pledges, whatever the key");
    // Without a mailbox it is a third one, and only then a mismatch can be told.
    assert_eq!(first, at(&json!({"country": "DE"})).await);
    assert_eq!(stored(&app).await, 3);
    post_with_key(&client, "either", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80", &json!({"country": "FR"}))
        .await
        .problem(422, "idempotency_mismatch");
    assert_eq!(first, at(&json!({"email": "ann@example.org", "country": "IT"})).await);
    assert_eq!(stored(&app).await, 3);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE request_digest IS NOT NULL").await, 1);
    app.stop().await;
}
