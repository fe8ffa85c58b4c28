//! Sessions: seen and ended, by their owner and by admins.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::assert_dead;
use crate::support::{
    TestApp,
    client::{Answer, Client},
    rows::PASSWORD,
};

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::DELETE, path)).await
}

async fn listed(client: &Client, path: &str) -> Vec<Value> {
    client.get(path).await.expect(200)["sessions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sees_their_sessions_and_ends_those_that_they_do_not_know() {
    let app = TestApp::start().await;
    let elsewhere = TestApp::on(app.url.clone(), &[]).await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut here, mut there, mut third) = (app.client(), elsewhere.client(), app.client());
    let body = json!({"login": login, "password": PASSWORD});
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    here.keep(&here.send(here.request(Method::POST, "/v1/auth/login").header("user-agent", firefox).json(&body)).await);
    there.login(&login).await;
    third.login(&login).await;
    let stranger = app.signed_in(Role::Moderator).await;
    let sessions = listed(&here, "/v1/auth/sessions").await;
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    let mine: Vec<&Value> = sessions.iter().filter(|session| session["this"] == true).collect();
    assert_eq!((mine.len(), &mine[0]["agent"]), (1, &json!("firefox")));
    assert!(sessions.iter().filter(|session| session["this"] == false).all(|session| session["agent"] == "other"));
    let of_there = listed(&there, "/v1/auth/sessions").await;
    let id = of_there.iter().find(|session| session["this"] == true).unwrap()["id"].as_str().unwrap().to_owned();
    delete(&stranger, &format!("/v1/auth/sessions/{id}")).await.problem(404, "not_found");
    there.get("/v1/auth/me").await.expect(200);
    delete(&here, &format!("/v1/auth/sessions/{id}")).await.expect(204);
    // At another instance, with its next request.
    assert_dead(&there).await;
    delete(&here, &format!("/v1/auth/sessions/{id}")).await.problem(404, "not_found");
    third.get("/v1/auth/me").await.expect(200);
    delete(&here, "/v1/auth/sessions").await.expect(204);
    assert_dead(&third).await;
    here.get("/v1/auth/me").await.expect(200);
    stranger.get("/v1/auth/me").await.expect(200);
    let because = "SELECT DISTINCT ended_because FROM sessions WHERE ended_at IS NOT NULL";
    assert_eq!(app.rows.list(because).await, ["elsewhere"]);
    elsewhere.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_when_a_session_was_last_used_to_about_a_minute() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let age = "SELECT extract(epoch FROM now() - last_used_at)::int FROM sessions";
    app.rows.execute("UPDATE sessions SET last_used_at = now() - interval '50 seconds'").await;
    client.get("/v1/auth/me").await.expect(200);
    assert!(app.rows.number(age).await >= 50, "it isn't written with each request");
    app.rows.execute("UPDATE sessions SET last_used_at = now() - interval '70 minutes'").await;
    client.get("/v1/auth/me").await.expect(200);
    assert!(app.rows.number(age).await < 60);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_and_ends_the_sessions_of_others() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let (mut first, mut second, mut third) = (app.client(), app.client(), app.client());
    for client in [&mut first, &mut second, &mut third] {
        client.login(&login).await;
    }
    let account = app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{login}'")).await;
    let path = format!("/v1/admin/accounts/{account}/sessions");
    assert!(listed(&admin, &path).await.iter().all(|session| session["this"] == false));
    let own = listed(&first, "/v1/auth/sessions").await;
    let id = own.iter().find(|session| session["this"] == true).unwrap()["id"].as_str().unwrap();
    delete(&admin, &format!("/v1/admin/sessions/{id}")).await.expect(204);
    assert_dead(&first).await;
    second.get("/v1/auth/me").await.expect(200);
    delete(&admin, &path).await.expect(204);
    assert_dead(&second).await;
    assert_dead(&third).await;
    assert_eq!(listed(&admin, &path).await, [Value::Null; 0]);
    delete(&admin, &format!("/v1/admin/sessions/{id}")).await.problem(404, "not_found");
    let nobody = format!("/v1/admin/accounts/{}/sessions", Uuid::now_v7());
    delete(&admin, &nobody).await.problem(404, "not_found");
    let recorded = "SELECT count(*) FROM audit_log JOIN moderators ON moderators.id = moderator_id \
                    WHERE action = 'session.end' AND role = 'admin'";
    assert_eq!(app.rows.number(recorded).await, 2);
    app.stop().await;
}
