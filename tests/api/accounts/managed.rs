//! Accounts as admins manage them.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{assert_dead, sign_in};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    rows::PASSWORD,
};

async fn change(admin: &Client, account: &str, body: Value) -> Answer {
    admin.send(admin.request(Method::PATCH, &format!("/v1/admin/accounts/{account}")).json(&body)).await
}

async fn id_of(app: &TestApp, login: &str) -> String {
    app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{login}'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_changes_is_in_force_with_the_next_request_and_on_record() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let admin = app.signed_in(Role::Admin).await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let mut client = app.client();
    client.login(&login).await;
    let id = id_of(&app, &login).await;
    let list = admin.get("/v1/admin/accounts").await.expect(200);
    let entry = list["accounts"].as_array().unwrap().iter().find(|each| each["login"] == *login).unwrap().clone();
    assert_eq!((&entry["role"], &entry["campaigns"]), (&json!("moderator"), &json!(["defend"])));
    let removals = |account: &Value| {
        let number = account["removals_per_day"].clone();
        (number, account["removals_per_day_is_own"].as_bool().unwrap())
    };
    assert_eq!((removals(&entry), &entry["second_factor"]), ((json!(200_000), false), &json!(false)));
    assert!(entry["used_at"].is_string() && entry["disabled_at"].is_null());
    client.get("/v1/moderation/campaigns/other/audit").await.problem(403, "forbidden");
    let new = json!({"role": "organiser", "campaigns": ["other"], "removals_per_day": 5});
    let changed = change(&admin, &id, new).await.expect(200);
    assert_eq!((&changed["role"], removals(&changed)), (&json!("organiser"), (json!(5), true)));
    client.get("/v1/moderation/campaigns/other/audit").await.expect(200);
    client.get("/v1/moderation/campaigns/defend/audit").await.problem(404, "campaign_not_found");
    change(&admin, &id, json!({"campaigns": []})).await.fields(&[("/campaigns", "required")]);
    change(&admin, &id, json!({"campaigns": ["nowhere"]})).await.fields(&[("/campaigns", "unknown_campaign")]);
    change(&admin, &id, json!({"removals_per_day": -1})).await.fields(&[("/removals_per_day", "out_of_range")]);
    change(&admin, &Uuid::now_v7().to_string(), json!({})).await.problem(404, "not_found");
    let closed = change(&admin, &id, json!({"disabled": true})).await.expect(200);
    assert!(closed["disabled_at"].is_string());
    assert_eq!(removals(&closed), (json!(5), true), "left out, it stays");
    assert_dead(&client).await;
    sign_in(&app.client(), &login, PASSWORD).await.problem(401, "wrong_login");
    let opened = change(&admin, &id, json!({"disabled": false, "removals_per_day": null})).await.expect(200);
    assert_eq!(removals(&opened), (json!(200_000), false), "null, it is the usual one again");
    assert_dead(&client).await;
    sign_in(&app.client(), &login, PASSWORD).await.expect(200);
    let recorded = "SELECT details #>> '{before,role}' || ' ' || (details #>> '{after,role}') FROM audit_log \
                    WHERE action = 'account.change' ORDER BY id";
    let expected = ["moderator organiser", "organiser organiser", "organiser organiser"];
    assert_eq!(app.rows.list(recorded).await, expected);
    let recorded = "SELECT coalesce(details #>> '{after,removals_per_day}', 'usual') FROM audit_log \
                    WHERE action = 'account.change' ORDER BY id";
    assert_eq!(app.rows.list(recorded).await, ["5", "5", "usual"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_may_be_an_organiser_of_some_campaigns() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    app.rows.campaign("third").await;
    let admin = app.signed_in(Role::Admin).await;
    let login = app.rows.organiser_of(Role::Moderator, &["defend", "other"], &["other"]).await;
    let mut client = app.client();
    client.login(&login).await;
    let id = id_of(&app, &login).await;
    let log = async |slug: &str| client.get(&format!("/v1/moderation/campaigns/{slug}/audit")).await;
    assert_eq!(client.get("/v1/auth/me").await.expect(200)["organises"], json!(["other"]));
    log("other").await.expect(200);
    log("defend").await.problem(403, "forbidden");
    log("third").await.problem(404, "campaign_not_found");
    client.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    // What reaches further than one campaign reaches those that they organise.
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    for slug in ["defend", "other"] {
        app.client().post(&format!("/v1/campaigns/{slug}/pledges"), &pledge("somebody@example.org")).await.expect(201);
    }
    let found = client.post("/v1/admin/access", &json!({"email": "somebody@example.org"})).await;
    assert_eq!(
        (found.status.as_u16(), found.text().contains("\"other\""), found.text().contains("defend")),
        (200, true, false)
    );
    // A switch for organisers: only where they are one.
    let switch = async |slug: &str| {
        let path = format!("/v1/admin/campaigns/{slug}/switches/raise_proof");
        client.send(client.request(Method::PUT, &path).json(&json!({"hours": 1, "reason": "A wave"}))).await
    };
    switch("defend").await.problem(403, "forbidden");
    switch("other").await.expect(200);
    // What isn't said stays; what isn't theirs can't be organised.
    let changed = change(&admin, &id, json!({"campaigns": ["defend", "other", "third"]})).await.expect(200);
    assert_eq!(changed["organises"], json!(["other"]));
    change(&admin, &id, json!({"campaigns": ["defend"], "organises": ["other"]}))
        .await
        .fields(&[("/organises", "unknown_campaign")]);
    let changed = change(&admin, &id, json!({"organises": ["defend", "third"]})).await.expect(200);
    assert_eq!(changed["organises"], json!(["defend", "third"]));
    log("defend").await.expect(200);
    log("other").await.problem(403, "forbidden");
    assert_eq!(
        change(&admin, &id, json!({"campaigns": ["other", "defend"]})).await.expect(200)["organises"],
        json!(["defend"])
    );
    // Of no consequence for organisers of all.
    let changed = change(&admin, &id, json!({"role": "organiser", "organises": []})).await.expect(200);
    assert_eq!(changed["organises"], json!(["defend", "other"]));
    let recorded = "SELECT details #>> '{after,organises}' FROM audit_log WHERE action = 'account.change' ORDER BY at DESC LIMIT 1";
    assert_eq!(app.rows.value(recorded).await, r#"["defend", "other"]"#);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_always_an_admin_left() {
    let app = TestApp::start().await;
    let logins = [app.rows.moderator(Role::Admin, &[]).await, app.rows.moderator(Role::Admin, &[]).await];
    let (mut first, mut second) = (app.client(), app.client());
    first.login(&logins[0]).await;
    second.login(&logins[1]).await;
    let ids = [id_of(&app, &logins[0]).await, id_of(&app, &logins[1]).await];
    for body in [json!({"role": "moderator"}), json!({"disabled": true}), json!({})] {
        change(&first, &ids[0], body).await.problem(409, "own_account");
    }
    first.post(&format!("/v1/admin/accounts/{}/reset", ids[0]), &Value::Null).await.problem(409, "own_account");
    // Each closes the other's account at once: the one that comes second is nobody any more.
    let body = json!({"disabled": true});
    let (one, two) = tokio::join!(change(&first, &ids[1], body.clone()), change(&second, &ids[0], body));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let left = "SELECT count(*) FROM moderators WHERE role = 'admin' AND disabled_at IS NULL";
    assert_eq!(app.rows.number(left).await, 1);
    app.stop().await;
}
