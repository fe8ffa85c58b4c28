//! The second factor: when it holds, what it is asked for, and that nothing of it is taken twice.

use futures_util::future::join_all;
use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    assert_dead,
    phone::{Phone, at_the_beginning_of_a_step, codes, rewind, sign_in_with, wrong_code},
    sign_in, told,
};
use crate::support::{PRODUCTION, ROOT_SECRET, TestApp, client::Client, rows::PASSWORD};

/// Somebody with a second factor: login, a session, and the phone.
async fn somebody(app: &TestApp) -> (String, Client, Phone) {
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let mut client = app.client();
    client.login(&login).await;
    let phone = Phone::set_up(&client).await;
    rewind(app).await;
    (login, client, phone)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_holds_once_a_code_of_it_came_back() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut here, mut there) = (app.client(), app.client());
    here.login(&login).await;
    there.login(&login).await;
    here.post("/v1/auth/totp/confirm", &json!({"code": "123456"})).await.problem(409, "no_second_factor");
    here.post("/v1/auth/recovery-codes", &Value::Null).await.problem(409, "no_second_factor");
    let offer = here.post("/v1/auth/totp", &Value::Null).await;
    assert_eq!(offer.header("cache-control"), "no-store");
    let offer = offer.expect(201);
    let secret = offer["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    assert_eq!(offer["uri"], format!("otpauth://totp/Pledges:{login}?secret={secret}&issuer=Pledges"));
    let phone = Phone::learn(secret);
    let confirm = async |code: String| here.post("/v1/auth/totp/confirm", &json!({"code": code})).await;
    confirm(wrong_code(&phone)).await.fields(&[("/code", "invalid_code")]);
    // Until it is confirmed nothing has changed.
    sign_in(&app.client(), &login, PASSWORD).await.expect(200);
    assert_eq!(here.get("/v1/auth/totp").await.expect(200)["since"], Value::Null);
    app.rows.execute("UPDATE second_factors SET offered_at = now() - interval '31 minutes'").await;
    confirm(phone.code()).await.problem(409, "no_second_factor");
    app.rows.execute("UPDATE second_factors SET offered_at = now()").await;
    let shown = codes(&confirm(phone.code()).await.expect(200)["codes"]);
    assert_eq!(shown.len(), 10);
    confirm(phone.code()).await.problem(409, "no_second_factor");
    let standing = here.get("/v1/auth/totp").await.expect(200);
    assert!(standing["since"].is_string() && standing["recovery_codes_left"] == 10, "{standing}");
    assert_dead(&there).await;
    sign_in(&app.client(), &login, PASSWORD).await.problem(401, "totp_required");
    sign_in_with(&app.client(), &login, &wrong_code(&phone)).await.problem(401, "wrong_code");
    rewind(&app).await;
    sign_in_with(&app.client(), &login, &phone.code()).await.expect(200);
    let actions = "SELECT action FROM audit_log WHERE action LIKE 'account.%' OR action LIKE '%refused' ORDER BY id";
    assert_eq!(app.rows.list(actions).await, ["account.totp_offer", "account.totp", "session.code_refused"]);
    // Taken off, the password is enough again.
    here.send(here.request(Method::DELETE, "/v1/auth/totp")).await.expect(204);
    sign_in(&app.client(), &login, PASSWORD).await.expect(200);
    assert_eq!(app.rows.number("SELECT count(*) FROM recovery_codes").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_password_nobody_learns_of_a_second_factor() {
    let app = TestApp::start().await;
    let (login, _, phone) = somebody(&app).await;
    let bare = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let wrong = told(&sign_in(&app.client(), &bare, "not the password").await);
    assert_eq!(wrong.0, 401);
    for (login, code) in [(&*login, None), (&login, Some(phone.code())), (&bare, Some(phone.code())), ("nobody", None)]
    {
        let mut body = json!({"login": login, "password": "not the password"});
        if let Some(code) = code {
            body["code"] = code.into();
        }
        assert_eq!(told(&app.client().post("/v1/auth/login", &body).await), wrong, "{login}");
    }
    // Nor was the code used up.
    sign_in_with(&app.client(), &login, &phone.code()).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_taken_once_also_by_two_instances_at_once() {
    let app = TestApp::start().await;
    let other = TestApp::on(app.url.clone(), &[]).await;
    let (login, _, phone) = somebody(&app).await;
    at_the_beginning_of_a_step().await;
    let code = phone.code();
    let tries = (0..6).map(|number| {
        let client = if number % 2 == 0 { app.client() } else { other.client() };
        let (login, code) = (login.clone(), code.clone());
        async move { sign_in_with(&client, &login, &code).await }
    });
    let statuses: Vec<u16> = join_all(tries).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    sign_in_with(&app.client(), &login, &code).await.problem(401, "wrong_code");
    // One that was shown before is spent with it.
    sign_in_with(&app.client(), &login, &phone.code_of(-1)).await.problem(401, "wrong_code");
    other.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_a_phone_whose_clock_is_half_a_minute_off_are_taken_and_no_others() {
    let app = TestApp::start().await;
    let (login, _, phone) = somebody(&app).await;
    at_the_beginning_of_a_step().await;
    for (steps, taken) in [(-2, false), (2, false), (-1, true), (1, true)] {
        rewind(&app).await;
        let answer = sign_in_with(&app.client(), &login, &phone.code_of(steps)).await;
        assert_eq!(answer.status == 200, taken, "{steps}: {}", answer.text());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recovery_code_signs_in_once_and_a_new_set_replaces_the_old() {
    let app = TestApp::start().await;
    let (login, client, phone) = somebody(&app).await;
    let code = &phone.recovery[0];
    let tries = (0..4).map(|_| {
        let (client, login, code) = (app.client(), login.clone(), code.to_uppercase().replace('-', " "));
        async move { sign_in_with(&client, &login, &code).await.status.as_u16() }
    });
    let mut statuses = join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401]);
    sign_in_with(&app.client(), &login, code).await.problem(401, "wrong_code");
    assert_eq!(client.get("/v1/auth/totp").await.expect(200)["recovery_codes_left"], 9);
    let shown = client.post("/v1/auth/recovery-codes", &Value::Null).await.expect(201);
    let new = codes(&shown["codes"]);
    sign_in_with(&app.client(), &login, &phone.recovery[1]).await.problem(401, "wrong_code");
    sign_in_with(&app.client(), &login, &new[9]).await.expect(200);
    // Somebody else's is nobody's.
    let (other, _, _) = somebody(&app).await;
    sign_in_with(&app.client(), &other, &new[0]).await.problem(401, "wrong_code");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_recovery_codes_are_nowhere_in_clear_and_open_in_their_own_row_only() {
    let app = TestApp::start().await;
    let (login, _, phone) = somebody(&app).await;
    let (other, _, _) = somebody(&app).await;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut secrets = vec![phone.text.clone(), hex(phone.secret.expose()), hex(phone.text.as_bytes())];
    for code in &phone.recovery {
        let bare = code.replace('-', "");
        secrets.extend([code.clone(), hex(bare.as_bytes()), hex(code.as_bytes()), bare]);
    }
    for table in app.rows.list("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await {
        for secret in &secrets {
            let here = format!("SELECT count(*) FROM {table} AS row WHERE strpos(row::text, '{secret}') > 0");
            assert_eq!(app.rows.number(&here).await, 0, "{table} holds a secret in clear");
        }
    }
    // Whoever can write the database can't move one's own secret into an admin's row.
    app.rows
        .execute(&format!(
            "UPDATE second_factors SET sealed = (SELECT sealed FROM second_factors JOIN moderators ON id = moderator_id \
             WHERE login = '{login}') WHERE moderator_id = (SELECT id FROM moderators WHERE login = '{other}')"
        ))
        .await;
    sign_in_with(&app.client(), &other, &phone.code()).await.problem(503, "unavailable");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_sealed_under_the_current_root_secret_when_its_owner_signs_in() {
    const NEW_SECRET: &str = "9e8d7c6b5a49382716051423f4e5d6c7b8a90a1b2c3d4e5f";
    let app = TestApp::start().await;
    let (login, _, phone) = somebody(&app).await;
    let key = "SELECT encode(substring(sealed FROM 1 FOR 4), 'hex') FROM second_factors";
    let old = app.rows.value(key).await;
    let both = format!("{NEW_SECRET}\n{ROOT_SECRET}");
    let rotated = TestApp::on(app.url.clone(), &["--root-secret", &both]).await;
    sign_in_with(&rotated.client(), &login, &phone.code()).await.expect(200);
    assert_ne!(app.rows.value(key).await, old);
    // What isn't listed there can't be opened here: refused, not let in.
    rewind(&app).await;
    sign_in_with(&app.client(), &login, &phone.code()).await.problem(503, "unavailable");
    rotated.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_an_admin_can_do_nothing_before_there_is_a_second_factor() {
    let app = TestApp::with(PRODUCTION).await;
    let client = app.signed_in(Role::Admin).await;
    client.get("/v1/admin/audit").await.problem(403, "totp_setup_required");
    client.get("/v1/auth/sessions").await.problem(403, "totp_setup_required");
    client.get("/v1/auth/me").await.expect(200);
    assert_eq!(client.get("/v1/auth/totp").await.expect(200)["required"], true);
    Phone::set_up(&client).await;
    client.get("/v1/admin/audit").await.expect(200);
    client.send(client.request(Method::DELETE, "/v1/auth/totp")).await.problem(403, "forbidden");
    // Others may have one.
    app.signed_in(Role::Organiser).await.get("/v1/moderation/campaigns/defend/audit").await.expect(200);
    app.stop().await;
}
