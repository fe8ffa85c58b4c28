//! Refresh tokens: exchanged once each; a second use ends the session, unless the first answer was evidently lost.

use futures_util::future::join_all;
use pledges::accounts::Role;
use reqwest::Method;

use super::{assert_dead, cookie_flags, told};
use crate::support::{
    TestApp,
    client::{Answer, Client},
};

const REUSES: &str = "SELECT count(*) FROM audit_log JOIN sessions ON details->>'session' = sessions.id::text \
     WHERE action = 'session.refresh_token_reused' AND audit_log.moderator_id = sessions.moderator_id \
     AND ended_because = 'reuse'";

/// Exchanges the client's token; the client that has what came of it.
async fn next(client: &Client) -> Client {
    let mut next = client.clone();
    next.keep(&client.refresh().await);
    next
}

/// As a browser would send it from a page at `origin`.
async fn refresh_with(client: &Client, headers: &[(&'static str, &str)]) -> Answer {
    let cookie = format!("__Host-pledges_refresh={}", client.refresh.as_deref().unwrap());
    let request = client.request(Method::POST, "/v1/auth/refresh").header("cookie", cookie);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_new_tokens() {
    let app = TestApp::start().await;
    let mut first = app.signed_in(Role::Moderator).await;
    // The cookie alone is enough.
    let access = first.token.take();
    let answer = first.refresh().await;
    let mut second = first.clone();
    second.keep(&answer);
    assert_eq!(cookie_flags(&answer), ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict", "Secure"]);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["expires_in"], 600);
    assert!(!answer.text().contains(second.refresh.as_deref().unwrap()));
    assert_ne!(first.refresh, second.refresh);
    assert_ne!(access, second.token);
    second.get("/v1/auth/me").await.expect(200);
    let third = next(&second).await;
    third.get("/v1/auth/me").await.expect(200);
    // Refreshing doesn't prolong the session.
    let hours = "SELECT extract(epoch FROM expires_at - created_at)::int / 3600 FROM sessions";
    assert_eq!(app.rows.number(hours).await, 12);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumed_token_used_again_ends_the_whole_family() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut stolen, mut elsewhere) = (app.client(), app.client());
    stolen.login(&login).await;
    elsewhere.login(&login).await;
    let second = next(&stolen).await;
    let newest = next(&second).await;
    newest.get("/v1/auth/me").await.expect(200);
    let reused = stolen.refresh().await;
    reused.problem(401, "unauthorized");
    assert!(reused.headers.get("set-cookie").is_none());
    for client in [&stolen, &second, &newest] {
        assert_dead(client).await;
        assert_eq!(told(&client.refresh().await), told(&reused), "the answer tells why");
    }
    assert_eq!(app.rows.number(REUSES).await, 1, "audited once, with the session and the account");
    // The same account's other session has nothing to do with it.
    elsewhere.get("/v1/auth/me").await.expect(200);
    next(&elsewhere).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_can_be_asked_for_again() {
    let app = TestApp::start().await;
    let first = app.signed_in(Role::Moderator).await;
    next(&first).await;
    let again = next(&first).await;
    again.get("/v1/auth/me").await.expect(200);
    // Lost once more, further on.
    next(&again).await;
    let newest = next(&again).await;
    newest.get("/v1/auth/me").await.expect(200);
    assert_eq!(app.rows.number(REUSES).await, 0);
    // By now the successor of the first was used: nothing was lost there.
    first.refresh().await.problem(401, "unauthorized");
    assert_dead(&newest).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_as_lost_for_a_minute() {
    let app = TestApp::start().await;
    let first = app.signed_in(Role::Moderator).await;
    let second = next(&first).await;
    let age = async |seconds: u32| {
        let sql = format!(
            "UPDATE refresh_tokens SET used_at = now() - interval '{seconds} seconds' WHERE used_at IS NOT NULL"
        );
        app.rows.execute(&sql).await;
    };
    age(50).await;
    next(&first).await;
    age(61).await;
    first.refresh().await.problem(401, "unauthorized");
    assert_dead(&second).await;
    assert_eq!(app.rows.number(REUSES).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_refresh_at_once_both_survive() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let both = app.signed_in(Role::Moderator).await;
        let answers = join_all((0..2).map(|_| both.refresh())).await;
        let tabs: Vec<Client> = answers
            .iter()
            .map(|answer| {
                let mut tab = both.clone();
                tab.keep(answer);
                tab
            })
            .collect();
        assert_ne!(tabs[0].refresh, tabs[1].refresh);
        for tab in &tabs {
            tab.get("/v1/auth/me").await.expect(200);
        }
        // The browser keeps the cookie that came last, for both.
        let newest = next(&tabs[1]).await;
        tabs[0].get("/v1/auth/me").await.expect(200);
        newest.get("/v1/auth/me").await.expect(200);
        // The other cookie exists in no browser any more: who has it is somebody else.
        tabs[0].refresh().await.problem(401, "unauthorized");
        assert_dead(&newest).await;
    }
    assert_eq!(app.rows.number(REUSES).await, 5);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_successors_only_one_line_goes_on() {
    let app = TestApp::start().await;
    let first = app.signed_in(Role::Moderator).await;
    let siblings: Vec<Client> = join_all((0..8).map(|_| next(&first))).await;
    // Each of them at once: the first to come is taken, and the second ends the session.
    let answers = join_all(siblings.iter().map(Client::refresh)).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(taken <= 1, "{taken} lines of one family went on");
    for client in siblings.iter().chain([&first]) {
        assert_dead(client).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_from_another_site_is_refused_and_harms_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let host = client.base.strip_prefix("http://").unwrap();
    let https = format!("https://{host}");
    let suffix = format!("{}.evil.example", client.base);
    let slash = format!("{}/", client.base);
    for headers in [
        [("origin", "https://evil.example")].as_slice(),
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", &https)],
        &[("origin", &suffix)],
        &[("origin", &slash)],
        &[("origin", "http://127.0.0.1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "Same-Origin, cross-site")],
        &[("origin", &client.base), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = refresh_with(&client, headers).await;
        answer.problem(403, "foreign_origin");
        assert!(answer.headers.get("set-cookie").is_none());
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM refresh_tokens").await, 1, "a token was exchanged");
    let ours = [("origin", client.base.as_str()), ("sec-fetch-site", "same-origin")];
    refresh_with(&client, &ours).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refresh_token_refreshes_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let none = client.send(client.request(Method::POST, "/v1/auth/refresh")).await;
    none.problem(401, "unauthorized");
    let mut other = client.clone();
    let (refresh, access) = (client.refresh.clone().unwrap(), client.token.clone().unwrap());
    for token in [
        String::new(),
        "garbage".into(),
        access,
        format!("{refresh}="),
        refresh[1..].into(),
        refresh.to_lowercase(),
        "' OR 1=1 --".into(),
        "a".repeat(3000),
        "%00".into(),
    ] {
        other.refresh = Some(token);
        assert_eq!(told(&other.refresh().await), told(&none));
    }
    // The cookie opens the refresh route only, and the token only as a cookie.
    let cookie = format!("__Host-pledges_refresh={refresh}");
    other.token = None;
    let request = other.request(Method::GET, "/v1/auth/me").header("cookie", &cookie);
    other.send(request).await.problem(401, "unauthorized");
    let request = other.request(Method::POST, "/v1/auth/refresh").bearer_auth(&refresh);
    other.send(request).await.problem(401, "unauthorized");
    let plain = other.request(Method::POST, "/v1/auth/refresh").header("cookie", format!("pledges_refresh={refresh}"));
    other.send(plain).await.problem(401, "unauthorized");
    client.refresh().await.expect(200);
    app.stop().await;
}
