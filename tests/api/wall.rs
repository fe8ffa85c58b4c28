//! The public wall: who gets onto it and what takes them off, what is told of them, and what everybody may say about it.

mod deciding;
mod leaving;
mod words;

use std::collections::BTreeSet;

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    TestApp,
    client::{Answer, Client},
    eventually,
};

const WALL: &str = "/v1/campaigns/defend/wall";
const REPORTS: &str = "/v1/campaigns/defend/wall/reports";
const OF_MODERATORS: &str = "/v1/moderation/campaigns/defend/wall";

/// A service whose campaign `defend` has a wall.
async fn with_a_wall(arguments: &[&str]) -> TestApp {
    let app = TestApp::with(arguments).await;
    turn(&app, true).await;
    app
}

async fn turn(app: &TestApp, on: bool) {
    app.rows.execute(&format!("UPDATE campaigns SET wall = {on} WHERE slug = 'defend'")).await;
    app.service.handles.campaigns.renew().await.unwrap();
}

/// A pledge of somebody who agrees to be shown, as if it had been confirmed by mail.
async fn agreed(app: &TestApp, name: &str, message: &str) -> Uuid {
    let email = format!("{}@example.org", Uuid::new_v4().simple());
    let body = json!({"name": name, "email": email, "country": "KE", "message": message, "language": "en",
        "consents": [{"purpose": "public", "version": 1}]});
    app.client().pledge(&body).await.expect(201);
    app.rows.execute("UPDATE pledges SET confirmed_at = coalesce(confirmed_at, counted_at)").await;
    app.rows.value("SELECT id FROM pledges ORDER BY created_at DESC, id DESC LIMIT 1").await.parse().unwrap()
}

/// The counters know nothing of the confirmations of [`agreed`].
async fn counts_are_right(app: &TestApp) {
    app.rows.repair_counts().await;
}

/// What everybody is given at this moment, from the beginning.
async fn shown(client: &Client) -> Vec<Value> {
    client.get(WALL).await.expect(200)["entries"].as_array().unwrap().clone()
}

/// The names that are shown, once what was read before is no longer served.
async fn names(app: &TestApp) -> BTreeSet<String> {
    let client = app.client();
    let expected = app.rows.list("SELECT name FROM wall_entries WHERE state = 'shown' ORDER BY name").await;
    let of = |entries: &[Value]| -> BTreeSet<String> {
        entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected: BTreeSet<String> = expected.into_iter().collect();
    eventually("the page is renewed", async || of(&shown(&client).await) == expected).await;
    expected
}

async fn decide(client: &Client, what: &str, ids: &[Uuid]) -> Answer {
    let mut body = json!({"ids": ids});
    if ["declines", "hidings"].contains(&what) {
        body["reason"] = "abuse".into();
    }
    client.post(&format!("{OF_MODERATORS}/{what}"), &body).await
}

/// Approves them all.
async fn approve(client: &Client, ids: &[Uuid]) {
    let approved = decide(client, "approvals", ids).await.expect(200);
    assert_eq!(ids_in(&approved["approved"]), ids.iter().copied().collect::<BTreeSet<_>>());
}

fn ids_in(list: &Value) -> BTreeSet<Uuid> {
    list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

/// Which pledges wait for a moderator.
async fn waiting(client: &Client) -> Vec<Uuid> {
    let page = client.get(&format!("{OF_MODERATORS}/waiting")).await.expect(200);
    page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn report(client: &Client, entry: &Value, reason: &str) -> Answer {
    client.post(REPORTS, &json!({"entry": entry, "reason": reason})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unless_a_campaign_turns_it_on_there_is_no_wall() {
    let app = TestApp::start().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    assert_eq!(client.get("/v1/campaigns/defend").await.expect(200)["wall"], false);
    let id = agreed(&app, "Amina Okafor", "Together.").await;
    decide(&moderator, "approvals", &[id]).await.problem(409, "wall_off");
    client.get(WALL).await.problem(404, "not_found");
    report(&client, &json!(Uuid::new_v4()), "spam").await.problem(404, "not_found");
    client.get("/v1/campaigns/nobodys/wall").await.problem(404, "not_found");
    turn(&app, true).await;
    assert_eq!(client.get("/v1/campaigns/defend").await.expect(200)["wall"], true);
    assert_eq!(shown(&client).await, [] as [Value; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_confirmed_agreed_and_was_approved_is_shown() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mut ids = Vec::new();
    for name in ["Shown", "Unapproved", "Disagreed", "Unconfirmed", "Held", "Removed", "Without review"] {
        ids.push(agreed(&app, name, "Together.").await);
    }
    for (name, set) in [
        (2, "consent_public = NULL"),
        (3, "confirmed_at = NULL"),
        (4, "state = 'held', counted_at = NULL"),
        (6, "sealed_review = NULL"),
    ] {
        app.rows.execute(&format!("UPDATE pledges SET {set} WHERE id = '{}'", ids[name])).await;
    }
    counts_are_right(&app).await;
    let removal = json!({"ids": [ids[5]], "reason": "spam", "note": "Spam"});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    assert_eq!(waiting(&moderator).await, ids[..2]);
    let others = [&ids[..1], &ids[2..]].concat();
    let approved = decide(&moderator, "approvals", &others).await.expect(200);
    assert_eq!(approved, json!({"approved": [ids[0]]}));
    assert_eq!(names(&app).await, BTreeSet::from(["Shown".to_owned()]));
    assert_eq!(waiting(&moderator).await, ids[1..2]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_name_message_and_day_is_told_and_no_cache_may_keep_it() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let message = "<script>alert(1)</script> & \"quoted\"\n\n\n\nمعًا";
    let id = agreed(&app, "Amina Okafor", message).await;
    approve(&moderator, &[id]).await;
    let answer = app.client().get(WALL).await;
    let page = answer.expect(200);
    let entry = &page["entries"][0];
    let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["day", "entry", "message", "name"]);
    assert_eq!(entry["message"], "<script>alert(1)</script> & \"quoted\"\n\nمعًا", "as text, with one empty line");
    let token: Uuid = entry["entry"].as_str().unwrap().parse().unwrap();
    assert_eq!(token.get_version_num(), 4, "it has no time in it");
    for untold in [id.to_string(), id.simple().to_string(), "KE".to_owned(), "example.org".to_owned()] {
        assert!(!answer.text().contains(&untold), "{untold}: {}", answer.text());
    }
    let today = app.rows.value("SELECT (now() AT TIME ZONE 'UTC')::date").await;
    assert_eq!(entry["day"].as_str().unwrap().len(), today.len());
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex, noarchive"),
        ("cache-control", "no-cache"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let client = app.client();
    let again = client.request(Method::GET, WALL).header("if-none-match", answer.header("etag"));
    let again = client.send(again).await;
    assert_eq!((again.status.as_u16(), again.header("x-robots-tag")), (304, "noindex, noarchive"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_have_each_entry_once_the_newest_day_first() {
    let app = with_a_wall(&[]).await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    let mut ids = Vec::new();
    for number in 0..45 {
        ids.push(agreed(&app, &format!("Number {number}"), "Together.").await);
    }
    approve(&moderator, &ids).await;
    for (place, id) in ids.iter().enumerate() {
        let day = format!("UPDATE wall_entries SET day = day - {} WHERE pledge_id = '{id}'", place % 7);
        app.rows.execute(&day).await;
    }
    let (mut seen, mut days, mut sizes, mut cursor) = (BTreeSet::new(), Vec::new(), Vec::new(), String::new());
    loop {
        let answer = client.get(&format!("{WALL}{cursor}")).await;
        assert_eq!((answer.header("x-robots-tag"), answer.header("cache-control")), ("noindex, noarchive", "no-cache"));
        let page = answer.expect(200);
        let entries = page["entries"].as_array().unwrap();
        sizes.push(entries.len());
        for entry in entries {
            assert!(seen.insert(entry["name"].as_str().unwrap().to_owned()), "{entry} came twice");
            days.push(entry["day"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("?cursor={next}");
    }
    assert_eq!((seen.len(), sizes), (45, vec![20, 20, 5]));
    assert!(days.is_sorted_by(|one, next| one >= next), "{days:?}");
    for wrong in ["x", "WyIrMjYyMTQyLTAxLTAxIiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0"] {
        client.get(&format!("{WALL}?cursor={wrong}")).await.problem(422, "invalid_query");
    }
    client.get(&format!("{WALL}?limit=1000")).await.problem(422, "invalid_query");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_answered_alike_whatever_is_reported_and_counts_once_for_a_source() {
    let app = with_a_wall(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    let ids = [agreed(&app, "Amina", "Buy this").await, agreed(&app, "Bakari", "Together.").await];
    approve(&moderator, &ids).await;
    let entry = shown(&client).await.into_iter().find(|entry| entry["name"] == "Amina").unwrap()["entry"].clone();
    let from = async |source: &str, entry: &Value, reason: &str| {
        let request = client.request(Method::POST, REPORTS).header("x-forwarded-for", source);
        let answer = client.send(request.json(&json!({"entry": entry, "reason": reason}))).await;
        answer.expect(204);
        // In no order: that of the table they come from.
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
            .collect();
        headers.sort_unstable();
        headers.retain(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
        headers
    };
    let known = from("192.0.2.1", &entry, "spam").await;
    assert_eq!(from("192.0.2.1", &entry, "abuse").await, known, "a second time");
    assert_eq!(from("192.0.2.1", &json!(Uuid::new_v4()), "spam").await, known, "nobody's");
    assert_eq!(from("192.0.2.1", &json!(ids[1]), "spam").await, known, "a pledge is no entry");
    from("192.0.2.2", &entry, "abuse").await;
    let reported = format!("{OF_MODERATORS}/entries?reported=true");
    let page = moderator.get(&reported).await.expect(200);
    assert_eq!(page["entries"].as_array().unwrap().len(), 1);
    let found = &page["entries"][0];
    assert_eq!((&found["id"], &found["reports"]), (&json!(ids[0]), &json!(2)));
    assert_eq!(found["reasons"], json!(["spam", "abuse"]));
    assert_eq!(decide(&moderator, "dismissals", &ids).await.expect(200), json!({"dismissed": [ids[0]]}));
    assert_eq!(moderator.get(&reported).await.expect(200)["entries"], json!([]));
    assert_eq!(names(&app).await.len(), 2, "what was reported stays until somebody decides");
    // What isn't right is refused, of everybody alike.
    client.post(REPORTS, &json!({"entry": entry, "reason": "ugly"})).await.fields(&[("/reason", "not_allowed")]);
    client.post(REPORTS, &json!({"entry": "x", "reason": "spam"})).await.problem(422, "invalid_fields");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_may_report_and_nobody_floods_the_moderators() {
    let app = with_a_wall(&["--trusted-proxies", "127.0.0.0/8", "--reports-per-minute", "3"]).await;
    let client = app.client();
    let asked = client.request(Method::OPTIONS, REPORTS).header("origin", "https://blog.example.net");
    let answer = client.send(asked.header("access-control-request-method", "POST")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let entry = json!(Uuid::new_v4());
    for _ in 0..3 {
        let answer = report(&client, &entry, "spam").await;
        answer.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    let answer = report(&client, &entry, "spam").await;
    answer.problem(429, "too_many_requests");
    assert!(!answer.header("retry-after").is_empty());
    let elsewhere = client.request(Method::POST, REPORTS).header("x-forwarded-for", "192.0.2.9");
    client.send(elsewhere.json(&json!({"entry": entry, "reason": "spam"}))).await.expect(204);
    app.stop().await;
}
