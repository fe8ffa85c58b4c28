//! The list over HTTP: for organisers and admins, on record, one at a time, and kept nowhere on the way.

use pledges::{
    accounts::Role,
    privacy::export::store::{self, Scope},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Person, World};
use crate::support::{TestApp, client::Client, eventually};

const EXPORTS: &str = "/v1/admin/campaigns/defend/exports";

async fn world() -> (TestApp, World) {
    let app = TestApp::start().await;
    let world = World::on(app.url.clone(), app.rows.clone()).await;
    (app, world)
}

async fn audited(client: &Client) -> Vec<Value> {
    let log = client.get("/v1/moderation/campaigns/defend/audit").await.expect(200);
    log["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "export").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_downloaded_sealed_and_that_is_on_record() {
    let (app, world) = world().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let pledge = world.put(&Person::named("qzxv")).await;
    let answer = organiser.send(organiser.request(reqwest::Method::POST, EXPORTS)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("transfer-encoding"), "chunked", "nobody knows its length yet");
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"defend-20") && disposition.ends_with(".pledges\""));
    std::fs::write(world.files.file("bundle"), &answer.body).unwrap();
    assert_eq!(world.ids("bundle").await.0, [pledge]);

    let entries = audited(&organiser).await;
    let details = &entries[0]["details"];
    assert_eq!((entries.len(), &details["pledges"], &details["without_record"]), (1, &json!(1), &json!(0)));
    assert_eq!((&details["gone"], &details["partner"]), (&json!(0), &Value::Null));
    assert!(details["session"].is_string() && entries[0]["login"].as_str().unwrap().starts_with("organiser"));
    let row = format!(
        "SELECT moderator_id IS NOT NULL AND completed_at >= snapshot_at AND pledges = 1 FROM exports \
         WHERE id = '{}'",
        details["export"].as_str().unwrap()
    );
    assert_eq!(app.rows.value(&row).await, "true");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_is_on_record_too() {
    let (app, world) = world().await;
    let organiser = app.signed_in(Role::Organiser).await;
    world.put(&Person::default()).await;
    world.export("bundle").await;
    let entries = audited(&organiser).await;
    assert_eq!((entries.len(), &entries[0]["login"]), (1, &Value::Null));
    assert_eq!(entries[0]["details"]["recipients"], json!([world.identity.recipient().to_string()]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_checked() {
    let (app, world) = world().await;
    let admin = app.signed_in(Role::Admin).await;
    for (body, pointer, code) in [
        (json!({"partner": "x"}), "/partner", "wrong_type"),
        (json!({"gone_since": "x"}), "/gone_since", "wrong_type"),
        (json!({"campaign": "other"}), "/campaign", "unknown_field"),
    ] {
        let problem = admin.post(EXPORTS, &body).await.problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(problem["errors"][0]["code"] == code || code == "wrong_type", "{problem}");
    }
    let text = admin.request(reqwest::Method::POST, EXPORTS).header("content-type", "text/plain").body("{}");
    admin.send(text).await.problem(415, "unsupported_media_type");
    // A partner that has no key.
    admin.post(EXPORTS, &json!({"partner": Uuid::now_v7()})).await.problem(409, "no_recipient");
    let answer = admin.post(EXPORTS, &json!({"partner": null, "gone_since": "2026-01-01T00:00:00Z"})).await;
    assert!(answer.status == 200 && answer.text().contains("\"gone_since\":\"2026-01-01T00:00:00Z\""));
    world.rows.execute("DELETE FROM sealing_epochs").await;
    world.rows.execute("DELETE FROM recipients").await;
    admin.post(EXPORTS, &json!({})).await.problem(409, "no_recipient");
    assert_eq!(audited(&admin).await.len(), 1, "what was refused is no export");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_for_a_campaign() {
    let (app, world) = world().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let (mut first, mut second) =
        (world.rows.database.open().await.unwrap(), world.rows.database.open().await.unwrap());
    let scope = Scope { campaign: world.campaign, partner: None };
    assert!(store::begin(&mut first, &scope).await.unwrap().is_some());
    organiser.post(EXPORTS, &json!({})).await.problem(409, "export_under_way");
    let refused = world.export_to("bundle", &[]).await.expect(1);
    assert!(refused.stderr.contains("under way"), "{}", refused.stderr);
    let elsewhere = Scope { campaign: Uuid::now_v7(), partner: None };
    assert!(store::begin(&mut second, &elsewhere).await.unwrap().is_some());
    store::end(&mut first).await.unwrap();
    assert_eq!(organiser.post(EXPORTS, &json!({})).await.status, 200);
    app.stop().await;
}

/// Nothing of a list waits in memory for somebody who has gone, and the next one may begin.
#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_cuts_the_export_off() {
    let (app, world) = world().await;
    let organiser = app.signed_in(Role::Organiser).await;
    // More than any buffer on the way takes.
    app.rows
        .execute(&format!(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at, sealed_record) \
             SELECT gen_random_uuid(), '{}', 'FR', 'counted', gen_random_uuid(), now(), \
               decode(repeat('ab', 4000), 'hex') FROM generate_series(1, 20000)",
            world.campaign
        ))
        .await;
    let response = organiser.request(reqwest::Method::POST, EXPORTS).send().await.unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    let mut connection = world.rows.database.open().await.unwrap();
    eventually("the next one may begin", async || {
        let begun = store::begin(&mut connection, &Scope { campaign: world.campaign, partner: None }).await.unwrap();
        store::end(&mut connection).await.unwrap();
        begun.is_some()
    })
    .await;
    assert_eq!(app.rows.value("SELECT pledges || ' ' || (completed_at IS NULL) FROM exports").await, "20000 true");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_no_campaign_and_the_attempt_is_on_record() {
    let (app, _world) = world().await;
    app.rows.campaign("other").await;
    let login = app.rows.moderator(Role::Organiser, &["other"]).await;
    let mut stranger = app.client();
    stranger.login(&login).await;
    stranger.post(EXPORTS, &json!({})).await.problem(404, "campaign_not_found");
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action = 'access.denied'").await, 1);
    assert_eq!(app.rows.number("SELECT count(*) FROM exports").await, 0);
    app.stop().await;
}
