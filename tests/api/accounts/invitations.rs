//! Invitations: a link that is good once, for whom it is for, and for nothing else.

use futures_util::future::join_all;
use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    assert_dead,
    phone::{Phone, rewind, sign_in_with, wrong_code},
    sign_in, told,
};
use crate::support::{
    PRODUCTION, TestApp,
    client::{Answer, Client},
    program,
    rows::PASSWORD,
};

const NEW: &str = "quite another passphrase";

async fn invite(admin: &Client, login: &str, role: &str) -> Answer {
    let body = json!({"login": login, "role": role, "campaigns": ["defend"]});
    admin.post("/v1/admin/invitations", &body).await
}

/// What the link of an answer carries, and the id of the invitation.
fn link(answer: &Answer) -> (String, String) {
    let body = answer.expect(201);
    let (place, token) = body["link"].as_str().unwrap().split_once("/moderation/#invite=").unwrap();
    assert!(place.starts_with("http"), "{place}");
    (token.to_owned(), body["invitation"]["id"].as_str().unwrap().to_owned())
}

async fn look(client: &Client, token: &str) -> Answer {
    client.post("/v1/auth/invitation", &json!({"token": token})).await
}

async fn accept(client: &Client, token: &str, password: &str) -> Answer {
    client.post("/v1/auth/invitation/accept", &json!({"token": token, "password": password})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invited_may_be_an_organiser_of_some_campaigns() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let admin = app.signed_in(Role::Admin).await;
    let plan = json!({"login": "ada", "role": "moderator", "campaigns": ["defend", "other"], "organises": ["nowhere"]});
    admin.post("/v1/admin/invitations", &plan).await.fields(&[("/organises", "unknown_campaign")]);
    let plan = json!({"login": "ada", "role": "moderator", "campaigns": ["defend", "other"], "organises": ["other"]});
    let (token, _) = link(&admin.post("/v1/admin/invitations", &plan).await);
    let listed = admin.get("/v1/admin/invitations").await.expect(200);
    assert_eq!(listed["invitations"][0]["organises"], json!(["other"]));
    let mut ada = app.client();
    let body = accept(&ada, &token, NEW).await.expect(201);
    ada.token = Some(body["signed_in"]["access_token"].as_str().unwrap().to_owned());
    ada.get("/v1/moderation/campaigns/other/audit").await.expect(200);
    ada.get("/v1/moderation/campaigns/defend/audit").await.problem(403, "forbidden");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invited_makes_an_account_with_a_password_that_nobody_else_knows() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let (admin, stranger) = (app.signed_in(Role::Admin).await, app.client());
    let (token, id) = link(&invite(&admin, "ada", "organiser").await);
    assert_eq!(token.len(), 43);
    let everywhere = "SELECT count(*) FROM invitations AS row WHERE strpos(row::text, '";
    assert_eq!(app.rows.number(&format!("{everywhere}{token}') > 0")).await, 0);
    assert_eq!(app.rows.number(&format!("{everywhere}' || encode(sha256('{token}'), 'hex')) > 0")).await, 1);
    let seen = look(&stranger, &token).await.expect(200);
    assert_eq!((&seen["login"], &seen["role"], &seen["resets"]), (&json!("ada"), &json!("organiser"), &json!(false)));
    let answer = accept(&stranger, &token, NEW).await;
    let body = answer.expect(201);
    assert_eq!(body["recovery_codes"], json!([]));
    let mut ada = app.client();
    ada.token = Some(body["signed_in"]["access_token"].as_str().unwrap().to_owned());
    assert!(answer.header("set-cookie").starts_with("__Host-pledges_refresh="));
    let me = json!({"login": "ada", "role": "organiser", "campaigns": ["defend"], "organises": ["defend"]});
    assert_eq!(ada.get("/v1/auth/me").await.expect(200), me);
    ada.get("/v1/moderation/campaigns/defend/audit").await.expect(200);
    ada.get("/v1/moderation/campaigns/other/audit").await.problem(404, "campaign_not_found");
    sign_in(&stranger, "ada", NEW).await.expect(200);
    look(&stranger, &token).await.problem(404, "no_invitation");
    accept(&stranger, &token, NEW).await.problem(404, "no_invitation");
    let list = admin.get("/v1/admin/invitations").await.expect(200);
    assert_eq!((&list["invitations"][0]["id"], &list["invitations"][0]["state"]), (&json!(id), &json!("accepted")));
    let actions = "SELECT action FROM audit_log WHERE action LIKE 'invitation.%' ORDER BY id";
    assert_eq!(app.rows.list(actions).await, ["invitation.make", "invitation.accept"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_after_three_days_when_it_is_revoked_and_when_another_takes_its_place() {
    let app = TestApp::start().await;
    let (admin, stranger) = (app.signed_in(Role::Admin).await, app.client());
    let unknown = told(&accept(&stranger, "no token at all", NEW).await);
    assert_eq!(unknown.0, 404);
    let is_dead = async |token: &str| {
        look(&stranger, token).await.problem(404, "no_invitation");
        assert_eq!(told(&accept(&stranger, token, NEW).await), unknown, "how it ended is told to nobody");
    };
    let (first, id) = link(&invite(&admin, "ada", "moderator").await);
    let hours = "SELECT extract(epoch FROM expires_at - made_at)::int / 3600 FROM invitations";
    assert_eq!(app.rows.number(hours).await, 72);
    let (second, second_id) = link(&invite(&admin, "ada", "admin").await);
    is_dead(&first).await;
    let revoke =
        async |id: &str| admin.send(admin.request(Method::DELETE, &format!("/v1/admin/invitations/{id}"))).await;
    revoke(&id).await.problem(404, "not_found");
    look(&stranger, &second).await.expect(200);
    revoke(&second_id).await.expect(204);
    is_dead(&second).await;
    let (third, _) = link(&invite(&admin, "ada", "moderator").await);
    app.rows.execute("UPDATE invitations SET expires_at = now() WHERE revoked_at IS NULL").await;
    is_dead(&third).await;
    let list = admin.get("/v1/admin/invitations").await.expect(200);
    let states: Vec<&Value> = list["invitations"].as_array().unwrap().iter().map(|each| &each["state"]).collect();
    assert_eq!(states, ["expired", "revoked", "revoked"]);
    // Whoever took over an admin's session leaves no link behind.
    let other = app.rows.moderator(Role::Admin, &[]).await;
    let mut thief = app.client();
    thief.login(&other).await;
    let (planted, _) = link(&invite(&thief, "eve", "admin").await);
    let account = app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{other}'")).await;
    let closed =
        admin.request(Method::PATCH, &format!("/v1/admin/accounts/{account}")).json(&json!({"disabled": true}));
    admin.send(closed).await.expect(200);
    is_dead(&planted).await;
    assert_eq!(app.rows.number("SELECT count(*) FROM moderators WHERE login IN ('ada', 'eve')").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_two_open_at_once_makes_one_account() {
    let app = TestApp::start().await;
    let (token, _) = link(&invite(&app.signed_in(Role::Admin).await, "ada", "moderator").await);
    let tries = (0..6).map(|_| {
        let (client, token) = (app.client(), token.clone());
        async move { accept(&client, &token, NEW).await.status.as_u16() }
    });
    let mut statuses = join_all(tries).await;
    statuses.sort_unstable();
    // Those that come while others hash may be told to wait.
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 404, 503].contains(status)), "{statuses:?}");
    assert_eq!(app.rows.number("SELECT count(*) FROM moderators WHERE login = 'ada'").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_invitation_or_a_password_is_told_by_field() {
    let app = TestApp::start().await;
    let (admin, stranger) = (app.signed_in(Role::Admin).await, app.client());
    let somebody = app.rows.moderator(Role::Moderator, &["defend"]).await;
    invite(&admin, &somebody, "moderator").await.problem(409, "login_taken");
    for login in ["", "Ada", "a b", "a..b", "a\0b", "ädä"] {
        invite(&admin, login, "moderator").await.fields(&[("/login", "invalid_login")]);
    }
    let post = async |body: Value| admin.post("/v1/admin/invitations", &body).await;
    post(json!({"login": "ada", "role": "moderator"})).await.fields(&[("/campaigns", "required")]);
    let nowhere = json!({"login": "ada", "role": "moderator", "campaigns": ["nowhere"]});
    post(nowhere).await.fields(&[("/campaigns", "unknown_campaign")]);
    post(json!({"login": "ada", "role": "king"})).await.fields(&[("/role", "not_allowed")]);
    let (token, _) = link(&invite(&admin, "ada.lovelace", "moderator").await);
    for (password, code) in [
        ("fourteen chars", "too_short"),
        ("ada.lovelaceada.lovelace", "easy_to_guess"),
        ("qwertyuiopasdfghjkl", "easy_to_guess"),
    ] {
        accept(&stranger, &token, password).await.fields(&[("/password", code)]);
    }
    let foreign = stranger.request(Method::POST, "/v1/auth/invitation/accept").header("origin", "https://evil.example");
    let body = json!({"token": token, "password": NEW});
    stranger.send(foreign.json(&body)).await.problem(403, "foreign_origin");
    // None of that used it up.
    accept(&stranger, &token, NEW).await.expect(201);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_an_admin_sets_up_the_second_factor_in_the_same_go() {
    let app = TestApp::with(PRODUCTION).await;
    let on = |arguments: &[&str]| {
        let production = ["--mode", "production"].iter().chain(arguments).copied().collect::<Vec<_>>();
        program::command_on(&app.url, app.var.path(), &production)
    };
    let url = "https://pledges.example.org";
    let invite = ["moderator", "invite", "root", "--role", "admin", "--public-url", url];
    let said = program::run(on(&invite)).await.expect(0).stdout;
    let token = said.trim().split_once(&format!("{url}/moderation/#invite=")).unwrap().1;
    let client = app.client();
    let seen = look(&client, token).await.expect(200);
    assert_eq!(seen["totp_required"], true);
    assert!(seen["totp"]["uri"].as_str().unwrap().starts_with("otpauth://totp/Pledges:root?secret="));
    accept(&client, token, NEW).await.fields(&[("/code", "required")]);
    let phone = Phone::learn(seen["totp"]["secret"].as_str().unwrap());
    let with = async |code: String| {
        let body = json!({"token": token, "password": NEW, "code": code});
        client.post("/v1/auth/invitation/accept", &body).await
    };
    with(wrong_code(&phone)).await.fields(&[("/code", "invalid_code")]);
    let code = phone.code();
    let body = with(code.clone()).await.expect(201);
    assert_eq!(body["recovery_codes"].as_array().unwrap().len(), 10);
    let mut root = app.client();
    root.token = Some(body["signed_in"]["access_token"].as_str().unwrap().to_owned());
    root.get("/v1/admin/audit").await.expect(200);
    let login = json!({"login": "root", "password": NEW, "code": code});
    client.post("/v1/auth/login", &login).await.problem(401, "wrong_code");
    rewind(&app).await;
    client.post("/v1/auth/login", &login).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_reset_is_void_at_once_and_set_up_anew_with_the_link() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let mut client = app.client();
    client.login(&login).await;
    let phone = Phone::set_up(&client).await;
    let account = app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{login}'")).await;
    let (token, _) = link(&admin.post(&format!("/v1/admin/accounts/{account}/reset"), &Value::Null).await);
    assert_dead(&client).await;
    rewind(&app).await;
    let wrong = told(&sign_in(&app.client(), "nobody", PASSWORD).await);
    assert_eq!(told(&sign_in_with(&app.client(), &login, &phone.code()).await), wrong);
    assert_eq!(told(&sign_in(&app.client(), &login, "").await), wrong);
    assert_eq!(look(&client, &token).await.expect(200)["resets"], true);
    accept(&app.client(), &token, NEW).await.expect(201);
    sign_in(&app.client(), &login, NEW).await.expect(200);
    accept(&app.client(), &token, NEW).await.problem(404, "no_invitation");
    // The operator can do it too, and a closed account gets no link.
    let said = program::run(program::command_on(&app.url, app.var.path(), &["moderator", "reset", &login])).await;
    let said = said.expect(0).stdout;
    sign_in(&app.client(), &login, NEW).await.problem(401, "wrong_login");
    let token = said.trim().split_once("#invite=").unwrap().1;
    super::disable(&app, &login).await;
    accept(&app.client(), token, NEW).await.problem(404, "no_invitation");
    admin.post(&format!("/v1/admin/accounts/{account}/reset"), &Value::Null).await.problem(404, "not_found");
    app.stop().await;
}
