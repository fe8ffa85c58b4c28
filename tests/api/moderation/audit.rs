//! The audit log: every action with who, when and why; nobody changes it; organisers and admins read it.

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PLEDGES, REMOVALS, put, refusal, removal_id, remove, rows_of, undo};
use crate::{
    accounts::told,
    support::{TestApp, client::Client},
};

const CAMPAIGN_LOG: &str = "/v1/moderation/campaigns/defend/audit";
const WHOLE_LOG: &str = "/v1/admin/audit";

async fn entries(client: &Client, path: &str) -> Vec<Value> {
    client.get(path).await.expect(200)["entries"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

/// Somebody who moderates the campaign `other` only.
async fn stranger(app: &TestApp, role: Role) -> Client {
    let login = app.rows.moderator(role, &["other"]).await;
    let mut client = app.client();
    client.login(&login).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_and_undo_are_on_record_with_who_when_and_why() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let organiser = app.signed_in(Role::Organiser).await;
    let ids = put(&app, "defend", 6).await;
    let removal = removal_id(&remove(&moderator, &ids[..5]).await);
    undo(&organiser, &removal).await.expect(200);
    let entries = entries(&organiser, CAMPAIGN_LOG).await;
    assert_eq!(actions(&entries)[..2], ["removal.undo", "removal.create"], "newest first");
    let login = |client: Client| async move { client.get("/v1/auth/me").await.json()["login"].clone() };
    assert_eq!(entries[1]["login"], login(moderator).await);
    assert_eq!(entries[0]["login"], login(organiser).await);
    assert!(entries.iter().all(|entry| entry["campaign"] == "defend" && entry["at"].is_string()));
    let before = json!({"DE": 2, "FR": 2, "KE": 1, "ZZ": 1});
    let details = json!({"removal": removal, "reason": "bot", "note": "A bot wave", "pledges": 5, "before": before,
        "change": {"DE": -2, "FR": -1, "KE": -1, "ZZ": -1}, "after": {"FR": 1}});
    assert_eq!(entries[1]["details"], details);
    let details = json!({"removal": removal, "note": "They were people", "before": {"FR": 1},
        "change": {"DE": 2, "FR": 1, "KE": 1, "ZZ": 1}, "after": before});
    assert_eq!(entries[0]["details"], details);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organisers_read_their_campaigns_log_and_admins_all_of_it() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let (moderator, organiser) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Organiser).await);
    let (admin, stranger) = (app.signed_in(Role::Admin).await, stranger(&app, Role::Organiser).await);
    let ours = put(&app, "defend", 1).await;
    let theirs = put(&app, "other", 1).await;
    removal_id(&remove(&moderator, &ours).await);
    let order = json!({"ids": theirs, "reason": "test", "note": "Theirs"});
    removal_id(&stranger.post("/v1/moderation/campaigns/other/removals", &order).await);
    assert!(actions(&entries(&organiser, CAMPAIGN_LOG).await).contains(&"removal.create"));
    assert!(entries(&organiser, CAMPAIGN_LOG).await.iter().all(|entry| entry["campaign"] == "defend"));
    assert_eq!(entries(&admin, CAMPAIGN_LOG).await, entries(&organiser, CAMPAIGN_LOG).await);
    let whole = entries(&admin, WHOLE_LOG).await;
    assert_eq!(i64::try_from(whole.len()).unwrap(), app.rows.number("SELECT count(*) FROM audit_log").await);
    assert!(whole.iter().any(|entry| entry["campaign"] == "other" && entry["details"]["note"] == "Theirs"));
    assert!(actions(&whole).contains(&"session.open"));
    moderator.get(CAMPAIGN_LOG).await.problem(403, "forbidden");
    for client in [&moderator, &organiser, &stranger] {
        client.get(WHOLE_LOG).await.problem(403, "forbidden");
    }
    stranger.get(CAMPAIGN_LOG).await.problem(404, "campaign_not_found");
    let answer = admin.get(WHOLE_LOG).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_a_page_at_a_time() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    for id in put(&app, "defend", 7).await {
        removal_id(&remove(&admin, &[id]).await);
    }
    let all = entries(&admin, WHOLE_LOG).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{WHOLE_LOG}?limit=3{cursor}")).await.expect(200);
        seen.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, all);
    assert!(all.windows(2).all(|pair| pair[0]["id"].as_i64() > pair[1]["id"].as_i64()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_the_log() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    removal_id(&remove(&client, &put(&app, "defend", 1).await).await);
    let before = rows_of(&app, "audit_log").await;
    assert!(before.len() >= 2);
    for sql in [
        "UPDATE audit_log SET action = 'nothing'",
        "UPDATE audit_log SET details = '{}' WHERE false",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE id = 1",
        "TRUNCATE audit_log",
        "TRUNCATE moderators CASCADE",
        "DELETE FROM moderators",
        "DELETE FROM campaigns",
    ] {
        let said = refusal(&app, sql).await;
        assert!(said.contains("append-only") || said.contains("violates"), "{sql}: {said}");
    }
    assert_eq!(rows_of(&app, "audit_log").await, before);
    app.stop().await;
}

/// security.md: a moderator of campaign A asks for B's pledges.
#[tokio::test(flavor = "multi_thread")]
async fn another_campaign_looks_like_none_and_the_attempt_is_audited() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 2).await;
    let removal = removal_id(&remove(&moderator, &ids[..1]).await);
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await);
    // As an organiser, so that nothing is refused for the role.
    let stranger = stranger(&app, Role::Organiser).await;
    let order = json!({"ids": ids, "reason": "bot", "note": "Not mine"});
    let note = json!({"note": "Not mine"});
    let requests = [
        (PLEDGES.to_owned(), None),
        (format!("{PLEDGES}?state=counted&limit=1"), None),
        (format!("{PLEDGES}/lookup"), Some(json!({"email": "ann@example.org"}))),
        (format!("{PLEDGES}/reveal"), Some(json!({"ids": ids, "note": "Not mine"}))),
        ("/v1/moderation/campaigns/defend/totals".into(), None),
        (REMOVALS.into(), None),
        (REMOVALS.into(), Some(order)),
        (format!("{REMOVALS}/{removal}"), None),
        (format!("{REMOVALS}/{}", Uuid::now_v7()), None),
        (format!("{REMOVALS}/{removal}/undo"), Some(note)),
        (CAMPAIGN_LOG.into(), None),
        ("/v1/moderation/campaigns/defend/recipients".into(), None),
    ];
    let count = i64::try_from(requests.len()).unwrap();
    for (path, body) in requests {
        let ask = async |path: &str| match &body {
            Some(body) => stranger.post(path, body).await,
            None => stranger.get(path).await,
        };
        let unknown = ask(&path.replace("defend", "unknown")).await;
        unknown.problem(404, "campaign_not_found");
        assert_eq!(told(&ask(&path).await), told(&unknown), "{path}");
    }
    assert_eq!((rows_of(&app, "pledges").await, rows_of(&app, "removals").await), before);
    let denied = "SELECT count(*) FROM audit_log JOIN campaigns ON campaigns.id = campaign_id \
         JOIN moderators ON moderators.id = moderator_id \
         JOIN sessions ON sessions.id::text = details->>'session' AND sessions.moderator_id = moderators.id \
         WHERE action = 'access.denied' AND slug = 'defend'";
    assert_eq!(app.rows.number(denied).await, count, "each attempt once, with who, where and the session");
    let all = "SELECT count(*) FROM audit_log WHERE action = 'access.denied'";
    assert_eq!(app.rows.number(all).await, count, "a campaign that doesn't exist is no attempt on anybody");
    // The organiser of the campaign sees it.
    let organiser = app.signed_in(Role::Organiser).await;
    assert!(actions(&entries(&organiser, CAMPAIGN_LOG).await).contains(&"access.denied"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_nothing_personal_of_supporters() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Admin).await;
    let body = json!({"name": "Zebedea Quillfeather", "email": "zebedea@quill.example", "country": "DE",
        "message": "A marker: wolkenkuckucksheim"});
    app.client().pledge(&body).await.expect(201);
    let found = super::look_up(&client, "zebedea@quill.example").await;
    let removal = removal_id(&remove(&client, &[found[0]["id"].as_str().unwrap().parse().unwrap()]).await);
    undo(&client, &removal).await.expect(200);
    let log = rows_of(&app, "audit_log").await.join("\n").to_lowercase();
    for personal in ["zebedea", "quill", "wolkenkuckucksheim"] {
        assert!(!log.contains(personal), "{log}");
    }
    app.stop().await;
}
