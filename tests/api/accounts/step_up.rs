//! Dangerous calls want a proof that is fresh: who sits down at an open console has none.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    assert_dead,
    phone::{Phone, rewind},
    sign_in,
};
use crate::support::{
    TestApp,
    client::{Answer, Client},
    rows::PASSWORD,
};

/// As if everybody had proved eleven minutes ago who they are.
pub async fn grow_stale(app: &TestApp) {
    app.rows.execute("UPDATE sessions SET proved_at = now() - interval '11 minutes'").await;
}

async fn invite(client: &Client, login: &str) -> Answer {
    client.post("/v1/admin/invitations", &json!({"login": login, "role": "admin"})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_good_for_ten_minutes_of_its_session() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Admin, &[]).await;
    let (mut client, mut other) = (app.client(), app.client());
    client.login(&login).await;
    other.login(&login).await;
    invite(&client, "ada").await.expect(201);
    app.rows.execute("UPDATE sessions SET proved_at = now() - interval '590 seconds'").await;
    invite(&client, "ada").await.expect(201);
    grow_stale(&app).await;
    invite(&client, "ada").await.problem(403, "step_up_required");
    // A new access token is no proof.
    client.keep(&client.refresh().await);
    invite(&client, "ada").await.problem(403, "step_up_required");
    let prove = async |body: Value| client.post("/v1/auth/step-up", &body).await;
    prove(json!({"password": "not the password"})).await.problem(403, "step_up_failed");
    prove(json!({"code": "123456"})).await.problem(403, "step_up_failed");
    prove(json!({})).await.fields(&[("/password", "required")]);
    prove(json!({"password": PASSWORD, "code": "1"})).await.fields(&[("/code", "not_allowed")]);
    invite(&client, "ada").await.problem(403, "step_up_required");
    assert!(prove(json!({"password": PASSWORD})).await.expect(200)["proved_until"].is_string());
    invite(&client, "ada").await.expect(201);
    invite(&other, "ada").await.problem(403, "step_up_required");
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action = 'session.step_up'").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_proves_as_well_and_once() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Admin).await;
    let phone = Phone::set_up(&client).await;
    grow_stale(&app).await;
    // The code that confirmed it is spent.
    client.post("/v1/auth/step-up", &json!({"code": phone.code_of(-1)})).await.problem(403, "step_up_failed");
    rewind(&app).await;
    let code = json!({"code": phone.code()});
    client.post("/v1/auth/step-up", &code).await.expect(200);
    client.post("/v1/auth/step-up", &code).await.problem(403, "step_up_failed");
    invite(&client, "ada").await.expect(201);
    grow_stale(&app).await;
    client.post("/v1/auth/step-up", &json!({"code": phone.recovery[3]})).await.expect(200);
    client.post("/v1/auth/step-up", &json!({"code": phone.recovery[3]})).await.problem(403, "step_up_failed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_guesses_is_slowed_and_no_other() {
    let app = TestApp::with(&["--wrong-logins", "3", "--trusted-proxies", "127.0.0.0/8"]).await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut thief, mut owner) = (app.client(), app.client());
    thief.login(&login).await;
    owner.login(&login).await;
    let prove = async |client: &Client, source: &str, password: &str| {
        let request = client.request(Method::POST, "/v1/auth/step-up").header("x-forwarded-for", source);
        client.send(request.json(&json!({"password": password}))).await
    };
    for guess in 0..3 {
        prove(&thief, "198.51.100.1", &format!("guess {guess}")).await.problem(403, "step_up_failed");
    }
    let slowed = prove(&thief, "198.51.100.1", PASSWORD).await;
    slowed.problem(429, "too_many_requests");
    assert!(!slowed.header("retry-after").is_empty());
    prove(&owner, "198.51.100.2", PASSWORD).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_ones_own_needs_the_old_one_and_ends_other_sessions() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut here, mut there) = (app.client(), app.client());
    here.login(&login).await;
    there.login(&login).await;
    let new = "quite another passphrase";
    let change = async |old: &str, new: &str| {
        here.post("/v1/auth/password", &json!({"password": old, "new_password": new})).await
    };
    change("not the password", new).await.problem(403, "step_up_failed");
    change(PASSWORD, "short").await.fields(&[("/new_password", "too_short")]);
    change(PASSWORD, "passwordpassword").await.fields(&[("/new_password", "easy_to_guess")]);
    change(PASSWORD, &format!("{login}{login}{login}")).await.fields(&[("/new_password", "easy_to_guess")]);
    there.get("/v1/auth/me").await.expect(200);
    change(PASSWORD, new).await.expect(204);
    here.get("/v1/auth/me").await.expect(200);
    assert_dead(&there).await;
    sign_in(&app.client(), &login, PASSWORD).await.problem(401, "wrong_login");
    sign_in(&app.client(), &login, new).await.expect(200);
    app.stop().await;
}
