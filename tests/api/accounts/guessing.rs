//! Guessing passwords: the source that guesses is slowed, the owner of the account is not locked out, and time tells
//! nothing.

use std::time::{Duration, Instant};

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::sign_in;
use crate::support::{
    TestApp,
    client::{Answer, Client},
    rows::PASSWORD,
};

async fn sign_in_from(client: &Client, source: &str, login: &str, password: &str) -> Answer {
    let request = client.request(Method::POST, "/v1/auth/login").header("x-forwarded-for", source);
    client.send(request.json(&json!({"login": login, "password": password}))).await
}

#[track_caller]
fn assert_slowed(answer: &Answer) {
    answer.problem(429, "too_many_requests");
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=13).contains(&seconds), "five a minute is one in twelve seconds, not {seconds}");
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_guesses_is_slowed() {
    let app = TestApp::with(&["--logins-per-minute", "5"]).await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    for guess in 0..5 {
        sign_in(&client, &login, &format!("guess {guess}")).await.problem(401, "wrong_login");
    }
    assert_slowed(&sign_in(&client, &login, "guess 5").await);
    assert_slowed(&sign_in(&client, &login, PASSWORD).await);
    assert_slowed(&sign_in(&client, "somebody-else", "one guess on every account").await);
    // Nobody vouches for this header, so it opens no new source.
    assert_slowed(&sign_in_from(&client, "198.51.100.7", &login, PASSWORD).await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_guessed_at_can_still_sign_in_from_elsewhere() {
    let app = TestApp::with(&["--logins-per-minute", "5", "--trusted-proxies", "127.0.0.0/8"]).await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    for guess in 0..30 {
        let source = format!("2001:db8:bad:1::{guess:x}");
        let answer = sign_in_from(&client, &source, &login, "a guess").await;
        if guess < 5 { drop(answer.problem(401, "wrong_login")) } else { assert_slowed(&answer) }
    }
    sign_in_from(&client, "2001:db8:bad:2::1", &login, PASSWORD).await.expect(200);
    // The last hop is the one that the proxy saw; what stands before it anybody can write.
    sign_in_from(&client, "2001:db8:bad:1::1, 198.51.100.7", &login, PASSWORD).await.expect(200);
    assert_slowed(&sign_in_from(&client, "198.51.100.7, 2001:db8:bad:1::1", &login, PASSWORD).await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_the_wrong_kind_costs_no_attempt_and_slows_nobody() {
    let app = TestApp::with(&["--logins-per-minute", "5"]).await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    for _ in 0..20 {
        client.post("/v1/auth/login", &json!({"login": login})).await.problem(422, "invalid_fields");
    }
    sign_in(&client, &login, PASSWORD).await.expect(200);
    app.stop().await;
}

/// The machine may be busy, which only ever makes an attempt slower: each gets more attempts until the quickest of each
/// are alike. A difference that is there stays there.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_login_and_a_closed_account_take_as_long_as_a_wrong_password() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let closed = app.rows.moderator(Role::Moderator, &["defend"]).await;
    super::disable(&app, &closed).await;
    let mut quickest = [("nobody", Duration::MAX), (&login, Duration::MAX), (&closed, Duration::MAX)];
    for attempt in 1..=150 {
        for (login, best) in &mut quickest {
            let start = Instant::now();
            sign_in(&client, login, "not the password").await.problem(401, "wrong_login");
            *best = start.elapsed().min(*best);
        }
        let (least, most) = (quickest.iter().map(|each| each.1).min(), quickest.iter().map(|each| each.1).max());
        if attempt >= 8 && least.unwrap() * 5 > most.unwrap() * 4 {
            return app.stop().await;
        }
    }
    panic!("the time tells them apart: {quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_sent_by_another_site_is_refused() {
    let app = TestApp::start().await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let body = json!({"login": login, "password": PASSWORD});
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let request = client.request(Method::POST, "/v1/auth/login").header(name, value).json(&body);
        client.send(request).await.problem(403, "foreign_origin");
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM sessions").await, 0);
    let request = client.request(Method::POST, "/v1/auth/login").header("origin", &client.base);
    client.send(request.header("sec-fetch-site", "same-origin").json(&body)).await.expect(200);
    app.stop().await;
}

/// What a try of each of a list of sources is answered.
async fn told_to_each(client: &Client, login: &str, sources: std::ops::Range<u32>) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    for source in sources {
        let answer = sign_in_from(client, &format!("2001:db8:bad:{source:x}::1"), login, "a guess").await;
        answers.push((answer.status.as_u16(), answer.text()));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_many_sources_are_slowed_and_the_owner_at_a_known_one_is_not() {
    let app = TestApp::with(&["--wrong-logins", "5", "--trusted-proxies", "127.0.0.0/8"]).await;
    let client = app.client();
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    sign_in_from(&client, "198.51.100.7", &login, PASSWORD).await.expect(200);
    let guesses = told_to_each(&client, &login, 0..40).await;
    let statuses: Vec<u16> = guesses.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses[..5], [401; 5]);
    assert!(statuses[5..].iter().all(|status| *status == 429), "{statuses:?}");
    for _ in 0..3 {
        sign_in_from(&client, "198.51.100.7", &login, PASSWORD).await.expect(200);
    }
    // At a new place the owner waits once, as long as told.
    let slowed = sign_in_from(&client, "198.51.100.8", &login, PASSWORD).await;
    slowed.problem(429, "too_many_requests");
    let seconds: u64 = slowed.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&seconds), "the first wait is a second, not {seconds}");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    told_to_each(&client, &login, 100..140).await;
    sign_in_from(&client, "198.51.100.8", &login, PASSWORD).await.expect(200);
    // A login that nobody has is answered alike.
    assert_eq!(told_to_each(&client, "nobody-at-all", 200..240).await, guesses);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_guess_at_each_of_many_accounts_is_slowed() {
    let app = TestApp::with(&["--wrong-logins", "5", "--trusted-proxies", "127.0.0.0/8"]).await;
    let client = app.client();
    let mut statuses = Vec::new();
    for number in 0..30 {
        let answer = sign_in_from(&client, "198.51.100.1", &format!("login{number}"), "a guess").await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert!(statuses.iter().filter(|status| **status == 401).count() <= 7, "{statuses:?}");
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    sign_in_from(&client, "198.51.100.2", &login, PASSWORD).await.expect(200);
    app.stop().await;
}
