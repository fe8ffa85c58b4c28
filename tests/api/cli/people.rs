//! `pledges moderator`: people who sign in.

use std::time::Duration;

use pledges::accounts::Role;
use serde_json::json;

use super::{is_refused, on, run};
use crate::support::{TestApp, client::Client, eventually, program, rows::PASSWORD};

async fn login(app: &TestApp, login: &str, password: &str) -> Result<Client, u16> {
    let mut client = app.client();
    let answer = client.post("/v1/auth/login", &json!({"login": login, "password": password})).await;
    if answer.status != 200 {
        return Err(answer.status.as_u16());
    }
    client.keep(&answer);
    Ok(client)
}

/// Neither token is taken any more, within five seconds (a look-up of the session may be kept that long).
async fn is_out(client: &Client) {
    let me = async || client.get("/v1/auth/me").await.status == 401;
    tokio::time::timeout(Duration::from_secs(5), eventually("the session is over", me)).await.unwrap();
    assert_eq!(client.refresh().await.status, 401);
}

fn password_in(stdout: &str) -> String {
    let (_, rest) = stdout.split_once("the password is ").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_added_signs_in_with_the_password_that_is_printed_once() {
    let app = TestApp::start().await;
    let ended = run(&app, &["moderator", "add", "ada", "--campaign", "defend"]).await.expect(0);
    assert!(ended.stdout.starts_with("added ada; the password is "), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1);
    let password = password_in(&ended.stdout);
    assert!(password.len() >= 40 && !ended.stderr.contains(&password));
    let ada = login(&app, "ada", &password).await.unwrap();
    let me = ada.get("/v1/auth/me").await.expect(200);
    assert_eq!((&me["login"], &me["role"]), (&json!("ada"), &json!("moderator")));
    ada.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);

    run(&app, &["moderator", "add", "root", "--role", "admin"]).await.expect(0);
    run(&app, &["moderator", "add", "o.brien-2", "--role", "organiser", "--campaign", "defend"]).await.expect(0);
    let list = run(&app, &["moderator", "list"]).await.expect(0).stdout;
    assert_eq!(list, "ada\tmoderator\tdefend\no.brien-2\torganiser\tdefend\nroot\tadmin\tall\n");
    assert!(!list.contains(&password));
    let stored = app.rows.list("SELECT password_hash FROM moderators").await;
    assert!(stored.iter().all(|hash| hash.starts_with("$argon2id$")));
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action LIKE 'moderator%'").await, 3, "on record");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_ones_own_is_read_from_standard_input_and_never_shown() {
    let app = TestApp::start().await;
    let add = &["moderator", "add", "ada", "--campaign", "defend", "--password-stdin"];
    for short in ["", "short\n", "\n", "fourteen chars"] {
        let ended = program::run_with(on(&app, add), short).await.expect(1);
        assert!(ended.stderr.contains("a password has at least 15 characters"), "{}", ended.stderr);
        assert!(short.trim().is_empty() || !ended.stderr.contains(short.trim()));
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM moderators").await, 0);
    let ended = program::run_with(on(&app, add), &format!("{PASSWORD}\r\n")).await.expect(0);
    assert_eq!(ended.stdout, "added ada\n");
    assert!(!ended.stderr.contains(PASSWORD));
    login(&app, "ada", PASSWORD).await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_added_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    run(&app, &["moderator", "add", "ada", "--campaign", "defend"]).await.expect(0);
    for (arguments, reason) in [
        (&["ada", "--campaign", "defend"][..], "ada is there already"),
        (&["bob", "--campaign", "nowhere"], "there is no campaign nowhere"),
        (&["bob", "--campaign", "defend", "--campaign", "nowhere"], "there is no campaign nowhere"),
        (&["bob"], "name at least one campaign"),
        (&["bob", "--role", "organiser"], "name at least one campaign"),
        (&["Bob", "--campaign", "defend"], "a login is small letters"),
        (&["bob ", "--campaign", "defend"], "a login is small letters"),
        (&["", "--campaign", "defend"], "a login is small letters"),
        (&["b..b", "--campaign", "defend"], "a login is small letters"),
        (&["bob'; DROP TABLE moderators", "--campaign", "defend"], "a login is small letters"),
        (&[&"b".repeat(64), "--campaign", "defend"], "a login is small letters"),
    ] {
        is_refused(&app, &[&["moderator", "add"], arguments].concat(), reason).await;
    }
    run(&app, &["moderator", "add", "bob", "--role", "king", "--campaign", "defend"]).await.expect(2);
    assert_eq!(app.rows.list("SELECT login FROM moderators").await, ["ada"]);
    // The same campaign named twice is named once.
    run(&app, &["moderator", "add", "bob", "--campaign", "defend", "--campaign", "defend"]).await.expect(0);
    for command in ["disable", "reset-password"] {
        is_refused(&app, &["moderator", command, "nobody"], "there is nobody called nobody").await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_within_seconds() {
    let app = TestApp::start().await;
    let name = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let signed_in = login(&app, &name, PASSWORD).await.unwrap();
    signed_in.get("/v1/auth/me").await.expect(200);
    let ended = run(&app, &["moderator", "disable", &name]).await.expect(0);
    assert_eq!(ended.stdout, format!("disabled {name}\n"));
    is_out(&signed_in).await;
    assert_eq!(login(&app, &name, PASSWORD).await.err(), Some(401));
    let list = run(&app, &["moderator", "list"]).await.expect(0).stdout;
    assert_eq!(list, format!("{name}\tmoderator\tdefend\tdisabled\n"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let app = TestApp::start().await;
    let name = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let signed_in = login(&app, &name, PASSWORD).await.unwrap();
    let ended = run(&app, &["moderator", "reset-password", &name]).await.expect(0);
    assert!(ended.stdout.starts_with(&format!("set a new password for {name}; the password is ")), "{}", ended.stdout);
    is_out(&signed_in).await;
    assert_eq!(login(&app, &name, PASSWORD).await.err(), Some(401));
    login(&app, &name, &password_in(&ended.stdout)).await.unwrap();
    let reset = &["moderator", "reset-password", &name, "--password-stdin"];
    program::run_with(on(&app, reset), "too short").await.expect(1);
    login(&app, &name, &password_in(&ended.stdout)).await.unwrap();
    let of_ones_own = program::run_with(on(&app, reset), "another long password\n").await.expect(0);
    assert_eq!(of_ones_own.stdout, format!("set a new password for {name}\n"));
    login(&app, &name, "another long password").await.unwrap();
    app.stop().await;
}
