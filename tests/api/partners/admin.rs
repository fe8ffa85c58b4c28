//! Organisers register partners, give them keys, and see whose form has died.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::partner;
use crate::support::{TestApp, client::pledge, program};

const PARTNERS: &str = "/v1/admin/campaigns/defend/partners";

#[tokio::test(flavor = "multi_thread")]
async fn an_organiser_registers_a_partner_whose_page_and_server_then_post() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let new = json!({"name": " Human  Rights House ", "origins": ["https://WWW.example.net/"]});
    let added = organiser.post(PARTNERS, &new).await.expect(201);
    assert_eq!(added["origins"], json!(["https://www.example.net"]));
    let id = added["id"].as_str().unwrap();
    let key = organiser.post(&format!("{PARTNERS}/{id}/keys"), &json!({})).await.expect(201);
    let secret = key["secret_key"].as_str().unwrap();
    assert!(secret.starts_with("sk_") && !app.rows.value("SELECT partners::text FROM partners").await.contains(secret));
    app.service.handles.partners.renew().await.unwrap();
    let client = app.client();
    let mut body = pledge("a@example.org");
    body["site_key"] = added["site_key"].clone();
    let page = client.request(Method::POST, "/v1/campaigns/defend/pledges").header("origin", "https://www.example.net");
    client.send(page.json(&body)).await.expect(201);
    let server = |secret: &str| client.request(Method::POST, "/v1/campaigns/defend/pledges").bearer_auth(secret);
    client.send(server(secret).json(&pledge("b@example.org"))).await.expect(201);
    // A new key: the one before is good for a while, or ends at once.
    let second = organiser.post(&format!("{PARTNERS}/{id}/keys"), &json!({"grace_hours": 1})).await.expect(201);
    app.service.handles.partners.renew().await.unwrap();
    client.send(server(secret).json(&pledge("c@example.org"))).await.expect(201);
    app.rows.execute("UPDATE partners SET old_secret_until = now() - interval '1 second'").await;
    app.service.handles.partners.renew().await.unwrap();
    client.send(server(secret).json(&pledge("d@example.org"))).await.problem(403, "unknown_key");
    let second = second["secret_key"].as_str().unwrap();
    client.send(server(second).json(&pledge("d@example.org"))).await.expect(201);
    organiser.post(&format!("{PARTNERS}/{id}/keys"), &json!({"grace_hours": 0})).await.expect(201);
    app.service.handles.partners.renew().await.unwrap();
    client.send(server(second).json(&pledge("e@example.org"))).await.problem(403, "unknown_key");
    let disable = organiser.request(Method::PATCH, &format!("{PARTNERS}/{id}")).json(&json!({"disabled": true}));
    assert!(organiser.send(disable).await.expect(200)["disabled_at"].is_string());
    let audited =
        app.rows.number("SELECT count(*) FROM audit_log WHERE action LIKE 'partner.%' AND moderator_id IS NOT NULL");
    assert_eq!(audited.await, 5);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_trials_ends_the_one_before_at_once_and_knows_no_grace() {
    let app = TestApp::start().await;
    let (site, organiser, client) = (partner(&app, &[]).await, app.signed_in(Role::Organiser).await, app.client());
    let keys = format!("{PARTNERS}/{}/keys", site.id);
    organiser.post(&keys, &json!({"test": true, "grace_hours": 24})).await.fields(&[("/grace_hours", "not_allowed")]);
    let command = async |arguments: &[&str]| {
        let id = site.id.to_string();
        let all = [&["partner", "rotate-key", "defend", &id, "--test"], arguments].concat();
        program::run(program::command_on(&app.url, app.var.path(), &all)).await
    };
    command(&["--grace-hours", "24"]).await.expect(2);
    let first = organiser.post(&keys, &json!({"test": true})).await.expect(201)["secret_key"].clone();
    let second = command(&[]).await.expect(0).stdout;
    let second = second.split(['\t', '\n']).nth(1).unwrap();
    app.service.handles.partners.renew().await.unwrap();
    let status =
        async |key: &str| client.send(client.request(Method::GET, "/v1/partner/status").bearer_auth(key)).await.status;
    assert!(second.starts_with("sk_test_"), "{second}");
    assert_eq!((status(first.as_str().unwrap()).await.as_u16(), status(second).await.as_u16()), (401, 200));
    assert_eq!(status(&site.secret).await, 200, "the real one is another");
    let noted = "SELECT DISTINCT details->>'grace_hours' FROM audit_log WHERE action = 'partner.rotate_key'";
    assert_eq!(app.rows.list(noted).await, ["0"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_is_told_field_by_field() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let add = async |body: Value| organiser.post(PARTNERS, &body).await;
    add(json!({"name": "", "origins": []})).await.fields(&[("/name", "required")]);
    let origins = json!({"name": "x", "origins": ["https://a.example", "https://a.example/page", "*"]});
    add(origins).await.fields(&[("/origins/1", "invalid_origin"), ("/origins/2", "invalid_origin")]);
    let many: Vec<String> = (0..51).map(|number| format!("https://s{number}.example.org")).collect();
    add(json!({"name": "x", "origins": many})).await.fields(&[("/origins", "too_many")]);
    let missing = format!("{PARTNERS}/0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80");
    organiser.post(&format!("{missing}/keys"), &json!({})).await.problem(404, "not_found");
    organiser.send(organiser.request(Method::PATCH, &missing).json(&json!({}))).await.problem(404, "not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_has_died_is_flagged() {
    let app = TestApp::start().await;
    let site = partner(&app, &[]).await;
    let organiser = app.signed_in(Role::Organiser).await;
    app.rows
        .execute(&format!(
            "INSERT INTO partner_hours SELECT '{}', date_trunc('hour', now()) - ago * interval '1 hour', false, 'accepted', \
               30, now() - ago * interval '1 hour' FROM generate_series(4, 30) AS ago",
            site.id
        ))
        .await;
    let listed = organiser.get(PARTNERS).await.expect(200);
    let entry = &listed["partners"][0];
    assert_eq!((&entry["flags"], &entry["accepted"], &entry["refused"]), (&json!(["stopped"]), &json!(810), &json!(0)));
    app.stop().await;
}
