//! What is held about one person, for the organiser to hand over.

use pledges::accounts::Role;
use serde_json::{Value, json};

use super::{command, in_days, pledges_of, run};
use crate::support::{TestApp, client::pledge, program};

const ACCESS: &str = "/v1/admin/access";

/// Columns that only serve the service.
const OF_THE_SERVICE: [&str; 9] = [
    "acceptance_id",
    "domain_tag",
    "fingerprint",
    "name_tag",
    "removal_id",
    "request_digest",
    "shape_tag",
    "source_tag",
    "state_before",
];

/// Columns that are told, or known to who asks.
const TOLD_OR_KNOWN: [&str; 21] = [
    "campaign_id",
    "confirmed_at",
    "consent_partner",
    "consent_public",
    "consent_updates",
    "counted_at",
    "country",
    "created_at",
    "erased_at",
    "id",
    "language",
    "partner_id",
    "score",
    "sealed_for_partner",
    "sealed_record",
    "sealed_review",
    "signals",
    "source",
    "state",
    "suppressed_at",
    "withdrawn_at",
];

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_held_is_told() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    app.client().post("/v1/campaigns/other/pledges", &pledge("ann@example.org")).await.expect(201);
    let answer = organiser.post(ACCESS, &json!({"email": " ann@Example.org"})).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.expect(200);
    assert_eq!(told["ended"], json!([]));
    assert_eq!(told["held"].as_array().unwrap().len(), 1, "what the organiser may see");
    let held = &told["held"][0];
    let id = app.rows.value("SELECT id FROM pledges ORDER BY created_at LIMIT 1").await;
    let record = json!({"fields": ["name", "email", "message", "consents"], "note": format!("Only the organiser can open it, \
        offline, with the secret age key: it is the record of the pledge {id} in the opened list.")});
    for (field, expected) in [
        ("campaign", json!("defend")),
        ("pledge", json!(id)),
        ("state", json!("counted")),
        ("country", json!("DE")),
        ("language", json!("fr")),
        ("source", json!("page-1")),
        ("partner", Value::Null),
        ("erased_at", Value::Null),
        ("sealed_record", record.clone()),
        ("sealed_for_partner", record),
        ("kept_until", Value::Null),
    ] {
        assert_eq!(held[field], expected, "{field}");
    }
    assert_eq!(
        held["consents"],
        json!([
            {"purpose": "updates", "version": 1, "texts": {"en": "You may write to me."}},
            {"purpose": "partner", "version": 1, "texts": {}},
            {"purpose": "public", "version": 1, "texts": {"en": "You may show my name."}},
        ])
    );
    let review = &held["review"];
    // In full, because it is theirs.
    assert_eq!(
        (&review["name"], &review["email"], &review["message"]),
        (&json!("Amina Okafor"), &json!("a•••@example.org"), &json!("Together."))
    );
    let until: chrono::DateTime<chrono::Utc> = review["kept_until"].as_str().unwrap().parse().unwrap();
    assert!((until - in_days(30)).num_minutes().abs() < 5);
    // Every column of the row is among it, but what only serves the service.
    let columns = app
        .rows
        .list("SELECT column_name FROM information_schema.columns WHERE table_name = 'pledges' ORDER BY 1")
        .await;
    let mut all: Vec<_> = TOLD_OR_KNOWN.into_iter().chain(OF_THE_SERVICE).collect();
    all.sort_unstable();
    assert_eq!(columns, all, "a new column: is it told?");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_not_told_and_nobody_is_nobody() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let admin = app.signed_in(Role::Admin).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    app.client().post("/v1/campaigns/other/pledges", &pledge("ann@example.org")).await.expect(201);
    let nobody = admin.post(ACCESS, &json!({"email": "nobody@example.org"})).await;
    assert_eq!(nobody.expect(200), json!({"held": [], "ended": []}));
    let slugs = async |body: Value| {
        let told = admin.post(ACCESS, &body).await.expect(200);
        told["held"].as_array().unwrap().iter().map(|held| held["campaign"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(slugs(json!({"email": "ann@example.org"})).await, ["defend", "other"]);
    assert_eq!(slugs(json!({"email": "ann@example.org", "campaign": "other"})).await, ["other"]);
    admin
        .post(ACCESS, &json!({"email": "ann@example.org", "campaign": "unknown"}))
        .await
        .problem(404, "campaign_not_found");
    admin.post("/v1/admin/erasures", &json!({"email": "bob@example.org"})).await.expect(204);
    let erased = admin.post(ACCESS, &json!({"email": "bob@example.org"})).await.expect(200);
    let held = &erased["held"][0];
    assert_eq!((&held["state"], &held["consents"]), (&json!("withdrawn"), &json!([])));
    assert!(held["erased_at"].is_string());
    for gone in ["review", "sealed_record", "sealed_for_partner", "language", "source"] {
        assert_eq!(held[gone], Value::Null, "{gone}");
    }
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert!(
        admin.post(ACCESS, &json!({"email": "ann@example.org"})).await.expect(200)["held"][0]["kept_until"].is_string()
    );
    run(&app, in_days(31)).await;
    let admin = app.signed_in(Role::Admin).await;
    let told = admin.post(ACCESS, &json!({"email": "ann@example.org"})).await.expect(200);
    assert_eq!(told["ended"], json!(["defend"]));
    assert_eq!(told["held"].as_array().unwrap().len(), 1);
    assert_eq!(told["held"][0]["review"], Value::Null);
    admin.post("/v1/admin/erasures", &json!({"email": "ann@example.org", "campaign": "defend"})).await.expect(204);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_is_on_record_and_about_whom_is_not() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["zebedea@quill.example"]).await;
    for email in ["zebedea@quill.example", "nobody@quill.example"] {
        organiser.post(ACCESS, &json!({"email": email})).await.expect(200);
        organiser.post("/v1/admin/erasures", &json!({"email": email})).await.expect(204);
    }
    let log = organiser.get("/v1/moderation/campaigns/defend/audit").await.expect(200);
    let actions: Vec<_> = log["entries"].as_array().unwrap().iter().take(4).map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["erase", "access", "erase", "access"]);
    assert!(log["entries"].as_array().unwrap().iter().take(4).all(|entry| entry["login"].is_string()));
    let rows = app.rows.list("SELECT lower(each::text) FROM audit_log AS each").await.join("\n");
    let fingerprint = app.rows.value("SELECT fingerprint FROM pledges").await;
    let id = app.rows.value("SELECT id FROM pledges").await;
    for personal in ["zebedea", "quill", &fingerprint, &id] {
        assert!(!rows.contains(personal), "{rows}");
    }
    // Who can't be recorded is not answered, and nothing is erased.
    let before = app.rows.list("SELECT row_to_json(each)::text FROM pledges AS each").await;
    crate::moderation::refuse_inserts_into(&app, "audit_log").await;
    for path in [ACCESS, "/v1/admin/erasures"] {
        // A 500 is in no document.
        let request = organiser.request(reqwest::Method::POST, path);
        let answer = request.json(&json!({"email": "zebedea@quill.example"})).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(!answer.text().await.unwrap().contains("held"));
    }
    assert_eq!(app.rows.list("SELECT row_to_json(each)::text FROM pledges AS each").await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_gets_the_same_document() {
    let app = TestApp::start().await;
    pledges_of(&app, &["ann@example.org"]).await;
    let arguments = ["access", "--email-file", "-"];
    let told = program::run_with(program::command_on(&app.url, app.var.path(), &arguments), "ann@example.org").await;
    let told: Value = serde_json::from_str(&told.expect(0).stdout).unwrap();
    let admin = app.signed_in(Role::Admin).await;
    assert_eq!(told, admin.post(ACCESS, &json!({"email": "ann@example.org"})).await.expect(200));
    let by =
        "SELECT count(*) FROM audit_log WHERE action = 'access' AND moderator_id IS NULL AND campaign_id IS NOT NULL";
    assert_eq!(app.rows.number(by).await, 1);
    app.stop().await;
}
