//! What a supporter agrees to: each purpose once, in a version of its text that was really shown.

use serde_json::{Value, json};

use super::{campaign, stored, with};
use crate::support::TestApp;

/// What the newest pledge agreed to: updates, partner, public.
async fn agreed(app: &TestApp) -> String {
    let columns =
        "concat_ws(' ', coalesce(consent_updates, 0), coalesce(consent_partner, 0), coalesce(consent_public, 0))";
    app.rows.value(&format!("SELECT {columns} FROM pledges ORDER BY created_at DESC, id DESC LIMIT 1")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_kept_with_the_version_of_their_text() {
    let app = TestApp::start().await;
    let client = app.client();
    let both = json!([{"purpose": "public", "version": 1}, {"purpose": "updates", "version": 1}]);
    for (index, (given, expected)) in [
        (json!([]), "0 0 0"),
        (Value::Null, "0 0 0"),
        (json!([{"purpose": "updates", "version": 1}]), "1 0 0"),
        (both, "1 0 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("supporter{index}@example.org");
        client.pledge(&with(&json!({"consents": given, "email": email}))).await.expect(201);
        assert_eq!(agreed(&app).await, expected);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_consent_and_one_given_twice_are_refused() {
    let app = TestApp::start().await;
    let client = app.client();
    let refused = async |consents: Value, at: &str, code: &str| {
        client.pledge(&with(&json!({ "consents": consents }))).await.fields(&[(at, code)]);
    };
    let updates = |version: Value| json!({"purpose": "updates", "version": version});
    for version in [0, -1, 2, 32767, -32768] {
        refused(json!([updates(json!(version))]), "/consents/0", "unknown_consent").await;
    }
    refused(json!([{"purpose": "partner", "version": 1}]), "/consents/0", "unknown_consent").await;
    refused(json!([updates(json!(1)), updates(json!(1))]), "/consents/1", "duplicate_field").await;
    refused(json!([updates(json!(32768))]), "/consents/0/version", "not_allowed").await;
    refused(json!([updates(json!(1e30))]), "/consents/0/version", "wrong_type").await;
    refused(json!([updates(json!(1.5))]), "/consents/0/version", "wrong_type").await;
    refused(json!([updates(json!("1"))]), "/consents/0/version", "wrong_type").await;
    refused(json!([updates(json!(true))]), "/consents/0/version", "wrong_type").await;
    refused(json!([{"purpose": "updates"}]), "/consents/0/version", "required").await;
    refused(json!([{"version": 1}]), "/consents/0/purpose", "required").await;
    refused(json!([{"purpose": "everything", "version": 1}]), "/consents/0/purpose", "not_allowed").await;
    refused(json!([{"purpose": "updates", "version": 1, "given": true}]), "/consents/0/given", "unknown_field").await;
    refused(json!({"updates": 1}), "/consents", "wrong_type").await;
    refused(json!(["updates"]), "/consents/0", "wrong_type").await;
    assert_eq!(stored(&app).await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_text_still_counts_after_a_new_one_came() {
    let app = TestApp::start().await;
    let text =
        |version: i16| json!({"purpose": "updates", "version": version, "texts": {"en": format!("Text {version}")}});
    campaign(&app, "reworded", json!({"consents": [text(1), text(3)]})).await;
    let client = app.client();
    let shown = client.get("/v1/campaigns/reworded").await.expect(200);
    assert_eq!(shown["consents"], json!([text(3)]), "only the newest is asked");
    for (version, status) in [(1, 201), (3, 201), (2, 422), (4, 422)] {
        let email = format!("supporter{version}@example.org");
        let body = with(&json!({"email": email, "consents": [{"purpose": "updates", "version": version}]}));
        client.post("/v1/campaigns/reworded/pledges", &body).await.expect(status);
        if status == 201 {
            assert_eq!(agreed(&app).await, format!("{version} 0 0"));
        }
    }
    assert_eq!(stored(&app).await, 2);
    app.stop().await;
}
