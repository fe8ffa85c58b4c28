//! Signing in and out: what a login gives, how it ends, and what an outsider learns from the answers.

mod forged;
mod guessing;
mod invitations;
mod managed;
pub mod phone;
mod quota;
mod refresh;
mod second_factor;
mod sessions;
pub mod step_up;

use pledges::accounts::{self, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client},
    rows::PASSWORD,
};

/// What an answer tells: all of it, but for what any two answers differ in, and whether the connection goes on (it
/// doesn't when a body was left unread).
pub fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| !["date", "connection", "x-request-id"].contains(&name.as_str()))
        .collect();
    headers.sort();
    (answer.status.as_u16(), headers, answer.text())
}

async fn sign_in(client: &Client, login: &str, password: &str) -> Answer {
    client.post("/v1/auth/login", &json!({"login": login, "password": password})).await
}

/// Fails unless neither the access nor the refresh token of this client opens anything.
async fn assert_dead(client: &Client) {
    client.get("/v1/auth/me").await.problem(401, "unauthorized");
    client.refresh().await.problem(401, "unauthorized");
}

async fn set_password(app: &TestApp, login: &str, password: &str) {
    let hash = accounts::passwords::hash(password).unwrap();
    let mut connection = app.rows.database.open().await.unwrap();
    assert!(accounts::store::set_password(&mut connection, login, &hash).await.unwrap());
}

async fn disable(app: &TestApp, login: &str) {
    let mut connection = app.rows.database.open().await.unwrap();
    assert!(accounts::store::disable(&mut connection, login).await.unwrap());
}

/// The flags of the refresh cookie in an answer, sorted.
fn cookie_flags(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    let mut flags: Vec<_> = answer.header("set-cookie").split("; ").skip(1).map(str::to_owned).collect();
    flags.sort();
    flags
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_gets_an_access_token_and_a_cookie_that_scripts_cannot_read() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Organiser, &["defend"]).await;
    let answer = sign_in(&app.client(), &login, PASSWORD).await;
    let body = answer.expect(200);
    let account = json!({"login": login, "role": "organiser", "campaigns": ["defend"], "organises": ["defend"]});
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(body["moderator"], account);
    assert_eq!(cookie_flags(&answer), ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict", "Secure"]);
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut client = app.client();
    client.keep(&answer);
    assert!(!answer.text().contains(client.refresh.as_deref().unwrap()), "scripts could read the refresh token");
    let me = client.get("/v1/auth/me").await;
    assert_eq!(me.expect(200), account);
    assert_eq!(me.header("cache-control"), "no-store");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_may_be_typed_in_capitals() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &[]).await;
    let body = sign_in(&app.client(), &login.to_uppercase(), PASSWORD).await.expect(200);
    assert_eq!(body["moderator"]["login"], login);
    sign_in(&app.client(), &login, &PASSWORD.to_uppercase()).await.problem(401, "wrong_login");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failed_login_gets_the_same_answer() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let closed = app.rows.moderator(Role::Admin, &[]).await;
    disable(&app, &closed).await;
    let wrong = sign_in(&client, &login, "not the password").await;
    wrong.problem(401, "wrong_login");
    assert!(wrong.headers.get("set-cookie").is_none());
    let wrong_with_blank = format!("{PASSWORD} ");
    for (login, password) in [
        ("nobody", PASSWORD),
        ("", ""),
        (&login, ""),
        (&login, &wrong_with_blank),
        (&format!("{login} "), PASSWORD),
        (&closed, PASSWORD),
        (&closed, "not the password"),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("%", PASSWORD),
        ("moderator_", PASSWORD),
        ("日本", "\u{202e}"),
    ] {
        assert_eq!(told(&sign_in(&client, login, password).await), told(&wrong), "{login:?} {password:?}");
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM sessions").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_login_can_be_is_named_and_never_breaks_anything() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let fields = async |body: Value, expected: &[(&str, &str)]| {
        client.post("/v1/auth/login", &body).await.fields(expected);
    };
    fields(json!({"login": login}), &[("/password", "required")]).await;
    fields(json!({"login": login, "password": 1}), &[("/password", "wrong_type")]).await;
    fields(json!({"login": login, "password": PASSWORD, "role": "admin"}), &[("/role", "unknown_field")]).await;
    fields(json!({"login": "a".repeat(64), "password": PASSWORD}), &[("/login", "too_long")]).await;
    fields(json!({"login": login, "password": "a".repeat(1001)}), &[("/password", "too_long")]).await;
    sign_in(&client, &"a".repeat(63), &"a".repeat(1000)).await.problem(401, "wrong_login");
    // PostgreSQL's text can't hold a NUL.
    let answer = sign_in(&client, &format!("{login}\0"), PASSWORD).await;
    assert!([401, 422].contains(&answer.status.as_u16()), "{}", answer.text());
    sign_in(&client, &login, &format!("{PASSWORD}\0")).await.problem(401, "wrong_login");
    let malformed = client.request(Method::POST, "/v1/auth/login").header("content-type", "application/json");
    client.send(malformed.body("{")).await.problem(400, "malformed_json");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_signs_in() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let body = json!({"login": login, "password": PASSWORD}).to_string();
    for kind in ["text/plain", "text/plain; charset=utf-8", "application/octet-stream", "application/csp-report"] {
        let request = client.request(Method::POST, "/v1/auth/login").header("content-type", kind);
        client.send(request.body(body.clone())).await.problem(415, "unsupported_media_type");
    }
    let bare = client.request(Method::POST, "/v1/auth/login").body(body);
    client.send(bare).await.problem(415, "unsupported_media_type");
    let form = client.request(Method::POST, "/v1/auth/login").form(&[("login", &*login), ("password", PASSWORD)]);
    client.send(form).await.problem(415, "unsupported_media_type");
    assert_eq!(app.rows.number("SELECT count(*) FROM sessions").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_this_session_at_once_and_no_other() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut here, mut there) = (app.client(), app.client());
    here.login(&login).await;
    there.login(&login).await;
    let answer = here.post("/v1/auth/logout", &Value::Null).await;
    assert_eq!(answer.expect(204), Value::Null);
    assert!(answer.header("set-cookie").starts_with("__Host-pledges_refresh=; "));
    assert_eq!(cookie_flags(&answer), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Strict", "Secure"]);
    assert_dead(&here).await;
    here.post("/v1/auth/logout", &Value::Null).await.problem(401, "unauthorized");
    there.get("/v1/auth/me").await.expect(200);
    there.keep(&there.refresh().await);
    let ended = "SELECT string_agg(coalesce(ended_because, 'open'), ',' ORDER BY id) FROM sessions";
    assert_eq!(app.rows.value(ended).await, "logout,open");
    let actions = "SELECT action FROM audit_log WHERE action LIKE 'session.%' ORDER BY id";
    assert_eq!(app.rows.list(actions).await, ["session.open", "session.open", "session.logout"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_session_at_once() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut here, mut there, bystander) = (app.client(), app.client(), app.signed_in(Role::Moderator).await);
    here.login(&login).await;
    there.login(&login).await;
    set_password(&app, &login, "quite another password").await;
    assert_dead(&here).await;
    assert_dead(&there).await;
    bystander.get("/v1/auth/me").await.expect(200);
    sign_in(&app.client(), &login, PASSWORD).await.problem(401, "wrong_login");
    sign_in(&app.client(), &login, "quite another password").await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_at_once() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Admin, &[]).await;
    let mut client = app.client();
    client.login(&login).await;
    client.get("/v1/admin/audit").await.expect(200);
    disable(&app, &login).await;
    client.get("/v1/admin/audit").await.problem(401, "unauthorized");
    assert_dead(&client).await;
    // Also when whoever closed it left the session open.
    let other = app.signed_in(Role::Admin).await;
    app.rows.execute("UPDATE moderators SET disabled_at = now()").await;
    assert_dead(&other).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_opens_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let hours = "SELECT extract(epoch FROM expires_at - created_at)::int / 3600 FROM sessions";
    assert_eq!(app.rows.number(hours).await, 12);
    app.rows.execute("UPDATE sessions SET expires_at = now()").await;
    assert_dead(&client).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_may_do_is_read_anew_at_each_request() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Organiser).await;
    client.get("/v1/moderation/campaigns/defend/audit").await.expect(200);
    app.rows.execute("UPDATE moderators SET role = 'moderator'").await;
    client.get("/v1/moderation/campaigns/defend/audit").await.problem(403, "forbidden");
    client.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    app.rows.execute("DELETE FROM moderator_campaigns").await;
    client.get("/v1/moderation/campaigns/defend/pledges").await.problem(404, "campaign_not_found");
    assert_eq!(client.get("/v1/auth/me").await.expect(200)["campaigns"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_audited_is_not_opened() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    crate::moderation::refuse_inserts_into(&app, "audit_log").await;
    let body = json!({"login": login, "password": PASSWORD});
    let response = client.request(Method::POST, "/v1/auth/login").json(&body).send().await.unwrap();
    assert!(response.status().is_server_error());
    assert!(response.headers().get("set-cookie").is_none());
    assert_eq!(app.rows.number("SELECT count(*) FROM sessions").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tokens_are_nowhere_in_clear() {
    let app = TestApp::start().await;
    let mut client = app.signed_in(Role::Moderator).await;
    let mut secrets = vec![PASSWORD.to_owned(), client.token.clone().unwrap(), client.refresh.clone().unwrap()];
    client.keep(&client.refresh().await);
    secrets.extend([client.token.clone().unwrap(), client.refresh.clone().unwrap()]);
    client.post("/v1/auth/logout", &Value::Null).await.expect(204);
    let tables = app.rows.list("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await;
    assert!(tables.len() > 8, "{tables:?}");
    for secret in &secrets {
        // A signature alone would do for a forger who knows the rest.
        let tail = &secret[secret.len().saturating_sub(20)..];
        for table in &tables {
            let here = format!(
                "SELECT count(*) FROM {table} AS row WHERE strpos(row::text, '{tail}') > 0 \
                 OR strpos(row::text, encode('{tail}', 'hex')) > 0"
            );
            assert_eq!(app.rows.number(&here).await, 0, "{table} holds a secret in clear");
        }
    }
    // The control: what is looked for in this way is found.
    let hashed = format!(
        "SELECT count(*) FROM refresh_tokens AS row WHERE strpos(row::text, encode(sha256('{}'), 'hex')) > 0",
        secrets[2]
    );
    assert!(app.rows.number(&hashed).await > 0, "the refresh token isn't stored as its hash");
    let weak = "SELECT count(*) FROM moderators WHERE password_hash NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(app.rows.number(weak).await, 0);
    app.stop().await;
}
