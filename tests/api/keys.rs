//! One root secret follows another: nothing that was made under the old one is lost, nothing counts twice, and without a
//! secret that is needed nothing is taken.

mod commands;
mod hidden;
mod rules;

use pledges::{
    accounts::Role,
    crypto::{KeyId, KeyRing},
    sealing::ReviewCopies,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    ROOT_SECRET, TestApp,
    client::{Client, pledge},
    key_ring,
    program::{self, Ended},
    rows::Rows,
};

/// The one that follows.
const NEW_SECRET: &str = "b81d6f0a93c25e74a6f1d0e9c8b7a695847362514f0e1d2c";

fn id(secret: &str) -> KeyId {
    KeyRing::parse(secret).unwrap().current().id()
}

/// The lines of a file or variable.
fn ring(secrets: &[&str]) -> String {
    secrets.join("\n")
}

/// A service on the database of another that was stopped, with these root secrets.
async fn restarted(app: TestApp, secrets: &[&str]) -> TestApp {
    let url = app.url.clone();
    Box::pin(app.stop()).await;
    TestApp::on(url, &["--root-secret", &ring(secrets), "--look-every-ms", "60000"]).await
}

/// What `pledges serve` says about root secrets that don't do.
async fn refused_start(url: &SecretString, secrets: &[&str]) -> Ended {
    let var = program::VarDir::new();
    let mut command = program::command_on(url, var.path(), &["serve", "--bind", "127.0.0.1:0"]);
    command.env("PLEDGES_ROOT_SECRET", ring(secrets));
    program::run(command).await.expect(1)
}

/// The messages that a moderator reads, by the order of the list (newest first).
async fn messages(moderator: &Client) -> Vec<Value> {
    let list = moderator.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    list["pledges"].as_array().unwrap().iter().map(|pledge| pledge["review"]["message"].clone()).collect()
}

/// The part of a token that says which key has signed it.
fn header(client: &Client) -> String {
    client.token.as_deref().unwrap().split('.').next().unwrap().to_owned()
}

fn saying(email: &str, message: &str) -> Value {
    let mut body = pledge(email);
    body["message"] = json!(message);
    body
}

/// The ids of the campaigns' root secrets, as `slug id`.
async fn roots(rows: &Rows) -> Vec<String> {
    rows.list("SELECT slug || ' ' || coalesce(encode(fingerprint_key_id, 'hex'), '-') FROM campaigns ORDER BY slug")
        .await
}

/// Has the campaigns' fingerprints come from another root secret, which no service does.
async fn begins_with(app: &TestApp, secret: &str) {
    app.rows.execute(&format!("UPDATE campaigns SET fingerprint_key_id = '\\x{}'", id(secret))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn review_copies_of_the_old_root_secret_open_and_new_ones_are_sealed_under_the_new() {
    let app = TestApp::start().await;
    app.client().pledge(&saying("ann@example.org", "Before.")).await.expect(201);
    let app = restarted(app, &[NEW_SECRET, ROOT_SECRET]).await;
    app.client().pledge(&saying("bob@example.org", "After.")).await.expect(201);
    let moderator = app.signed_in(Role::Moderator).await;
    assert_eq!(messages(&moderator).await, ["After.", "Before."]);
    let sealed = "SELECT encode(substring(sealed_review FROM 2 FOR 4), 'hex') FROM pledges ORDER BY id";
    let key = |secret: &str| ReviewCopies::key_id(KeyRing::parse(secret).unwrap().current()).to_string();
    assert_eq!(app.rows.list(sealed).await, [key(ROOT_SECRET), key(NEW_SECRET)]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_of_the_old_root_secret_are_good_while_it_is_listed() {
    let app = TestApp::start().await;
    let mut moderator = app.signed_in(Role::Moderator).await;
    let (old_header, refresh) = (header(&moderator), moderator.refresh.clone());
    let app = restarted(app, &[NEW_SECRET, ROOT_SECRET]).await;
    moderator.base = app.client().base;
    moderator.get("/v1/auth/me").await.expect(200);
    // The next one is signed with the new secret; the session goes on.
    moderator.refresh = refresh;
    let answer = moderator.refresh().await;
    let before = moderator.clone();
    moderator.keep(&answer);
    assert_ne!(header(&moderator), old_header);
    moderator.get("/v1/auth/me").await.expect(200);
    // As if the campaign had begun with the new one: then nobody needs the old one any more.
    begins_with(&app, NEW_SECRET).await;
    let app = restarted(app, &[NEW_SECRET]).await;
    for (client, status) in [(before, 401), (moderator, 200)] {
        let mut client = client;
        client.base = app.client().base;
        client.get("/v1/auth/me").await.expect(status);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_pledges_again_after_a_rotation_counts_once() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    for secrets in [&[NEW_SECRET, ROOT_SECRET][..], &[ROOT_SECRET, NEW_SECRET]] {
        let app = TestApp::on(app.url.clone(), &["--root-secret", &ring(secrets)]).await;
        app.client().pledge(&pledge("Ann@Example.org")).await.expect(201);
        assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1, "{}", secrets.len());
        // And moderators find it by its address.
        let moderator = app.signed_in(Role::Moderator).await;
        let found = moderator
            .post("/v1/moderation/campaigns/defend/pledges/lookup", &json!({"email": "ann@example.org"}))
            .await
            .expect(200);
        assert_eq!(found["pledges"].as_array().unwrap().len(), 1, "{found}");
        app.stop().await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_known_again_after_a_rotation() {
    let app = TestApp::start().await;
    let fields = json!({"fields": {"name": "required", "email": "off", "message": "optional"}});
    app.rows.campaign_with("nameless", fields).await;
    let body = json!({"name": "Amina Okafor", "country": "DE"});
    let send = async |app: &TestApp, body: &Value| {
        app.service.handles.campaigns.renew().await.unwrap();
        app.publish().await;
        let client = app.client();
        let request = client.request(reqwest::Method::POST, "/v1/campaigns/nameless/pledges");
        client.send(request.header("idempotency-key", "0190d5a2-one-key").json(body)).await
    };
    send(&app, &body).await.expect(201);
    let app = restarted(app, &[NEW_SECRET, ROOT_SECRET]).await;
    send(&app, &body).await.expect(201);
    send(&app, &json!({"name": "Somebody else", "country": "DE"})).await.problem(422, "idempotency_mismatch");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 1);
    app.stop().await;
}

/// A file with the settings of a campaign.
fn settings_of(slug: &str, directory: &std::path::Path) -> std::path::PathBuf {
    let settings = json!({
        "slug": slug, "default_language": "en",
        "confirmation": "none",
        "proof": "off",
        "fields": {"name": "required", "email": "required", "message": "off"},
        "controller": {"name": "Controller", "contact": "privacy@example.org"},
        "texts": {"en": {"title": "T", "summary": "S", "body": [], "share": "S", "privacy_notice": "P"}},
    });
    let file = directory.join("campaign.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_campaign_begins_with_the_new_root_secret_and_instances_without_it_take_nothing() {
    let app = TestApp::start().await;
    let file = settings_of("fresh", app.var.path());
    let arguments = ["campaign", "add", "--open", file.to_str().unwrap()];
    let mut add = program::command_on(&app.url, app.var.path(), &arguments);
    add.env("PLEDGES_ROOT_SECRET", ring(&[NEW_SECRET, ROOT_SECRET]));
    program::run(add).await.expect(0);
    assert_eq!(roots(&app.rows).await, [format!("defend {}", id(ROOT_SECRET)), format!("fresh {}", id(NEW_SECRET))]);
    // This instance was started before: it must not make fingerprints under another key.
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    app.client().post("/v1/campaigns/fresh/pledges", &pledge("ann@example.org")).await.problem(503, "unavailable");
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    let app = restarted(app, &[NEW_SECRET, ROOT_SECRET]).await;
    app.client().post("/v1/campaigns/fresh/pledges", &pledge("ann@example.org")).await.expect(201);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_does_not_start_without_a_root_secret_that_a_campaign_needs() {
    let app = TestApp::start().await;
    let url = app.url.clone();
    app.stop().await;
    let ended = refused_start(&url, &[NEW_SECRET]).await;
    let reason = format!("campaign defend needs the root secret {}, which is not listed", id(ROOT_SECRET));
    assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
    assert!(!ended.stderr.contains(NEW_SECRET) && !ended.stderr.contains(ROOT_SECRET), "{}", ended.stderr);
    assert_eq!(roots(&Rows::new(&url).await).await, [format!("defend {}", id(ROOT_SECRET))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lines_that_are_the_same_or_a_weak_one_are_refused_by_their_place() {
    let url = crate::support::cluster::database().await;
    for (secrets, reason) in [
        (&[NEW_SECRET, ROOT_SECRET, NEW_SECRET][..], "PLEDGES_ROOT_SECRET, line 3, stands there twice"),
        (&[NEW_SECRET, "short"], "PLEDGES_ROOT_SECRET, line 2, is shorter than 32 bytes"),
    ] {
        let ended = refused_start(&url, secrets).await;
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        assert!(!ended.stderr.contains(NEW_SECRET), "{}", ended.stderr);
    }
}

/// Campaigns of the releases before have no id. What they began with shows in their review copies.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_from_before_is_given_the_root_secret_that_it_began_with() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    let (rows, url) = (app.rows.clone(), app.url.clone());
    rows.campaign("empty").await;
    app.stop().await;
    let forget = "UPDATE campaigns SET fingerprint_key_id = NULL";
    rows.execute(forget).await;
    let ended = refused_start(&url, &[NEW_SECRET]).await;
    assert!(ended.stderr.contains("campaign defend needs the root secret that it began with"), "{}", ended.stderr);
    let (old, new) = (id(ROOT_SECRET), id(NEW_SECRET));
    for (secrets, empty) in [(&[NEW_SECRET, ROOT_SECRET], old), (&[ROOT_SECRET, NEW_SECRET], new)] {
        rows.execute(forget).await;
        let app = TestApp::on(url.clone(), &["--root-secret", &ring(secrets)]).await;
        // Where nothing tells, the last line is the oldest.
        assert_eq!(roots(&rows).await, [format!("defend {old}"), format!("empty {empty}")]);
        app.client().pledge(&pledge("ann@example.org")).await.expect(201);
        assert_eq!(rows.number("SELECT count(*) FROM pledges").await, 1);
        app.stop().await;
    }
    assert_eq!(key_ring().current().id(), old);
}
