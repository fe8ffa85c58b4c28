//! What moderators see of what waits, what they decide, and what is on record of it.

use std::collections::BTreeSet;

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OF_MODERATORS, agreed, approve, decide, names, shown, turn, waiting, with_a_wall};
use crate::support::TestApp;

async fn on_record(app: &TestApp) -> Vec<Value> {
    let entries = "SELECT json_build_object('action', action, 'details', details - 'session') FROM audit_log \
         WHERE action LIKE 'wall.%' AND moderator_id IS NOT NULL AND campaign_id IS NOT NULL ORDER BY number";
    app.rows.list(entries).await.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_what_would_be_shown_and_who_saw_it_is_on_record() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let zalgo = format!("a{}b", "\u{0323}".repeat(40));
    let ids = [
        agreed(&app, "Amina Okafor", "See https://spam.example").await,
        agreed(&app, "Bakari", &zalgo).await,
        agreed(&app, "Chen", "Together.").await,
    ];
    let answer = moderator.get(&format!("{OF_MODERATORS}/waiting?limit=2")).await;
    let page = answer.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let first = &page["entries"][0];
    assert_eq!(
        (&first["id"], &first["name"], &first["language"]),
        (&json!(ids[0]), &json!("Amina Okafor"), &json!("en"))
    );
    assert_eq!((&first["has_link"], &page["entries"][1]["has_link"]), (&json!(true), &json!(false)));
    assert!(!answer.text().contains("example.org"), "no address, masked or not");
    // What is approved is what was seen.
    let seen = page["entries"][1]["message"].clone();
    assert_eq!(seen.as_str().unwrap().matches('\u{0323}').count(), 4);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = moderator.get(&format!("{OF_MODERATORS}/waiting?limit=2&cursor={next}")).await.expect(200);
    assert_eq!((&rest["entries"][0]["id"], &rest["next_cursor"]), (&json!(ids[2]), &Value::Null));
    approve(&moderator, &ids[1..2]).await;
    assert_eq!(shown(&app.client()).await[0]["message"], seen);
    assert_eq!(
        on_record(&app).await,
        [
            json!({"action": "wall.read", "details": {"pledges": ids[..2]}}),
            json!({"action": "wall.read", "details": {"pledges": ids[2..]}}),
            json!({"action": "wall.approve", "details": {"pledges": ids[1..2]}}),
        ]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_gone_and_its_text_with_it() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = [agreed(&app, "Amina", "Together.").await, agreed(&app, "Bakari", "Together.").await];
    approve(&moderator, &ids).await;
    assert_eq!(names(&app).await.len(), 2);
    let before = app.rows.value(&format!("SELECT token FROM wall_entries WHERE pledge_id = '{}'", ids[0])).await;
    let hidden = decide(&moderator, "hidings", &[ids[0], Uuid::now_v7()]).await.expect(200);
    assert_eq!(hidden, json!({"hidden": [ids[0]]}));
    assert_eq!(names(&app).await, BTreeSet::from(["Bakari".to_owned()]));
    assert_eq!(app.rows.number("SELECT count(*) FROM wall_entries AS each WHERE each::text LIKE '%Amina%'").await, 0);
    assert_eq!(waiting(&moderator).await, [] as [Uuid; 0], "it was decided");
    let page = moderator.get(&format!("{OF_MODERATORS}/entries?state=hidden")).await.expect(200);
    assert_eq!(page["entries"].as_array().unwrap().len(), 1);
    assert_eq!((&page["entries"][0]["id"], &page["entries"][0]["name"]), (&json!(ids[0]), &Value::Null));
    // Shown again, it is another entry: what was reported before isn't this one.
    approve(&moderator, &ids[..1]).await;
    assert_eq!(names(&app).await.len(), 2);
    let after = app.rows.value(&format!("SELECT token FROM wall_entries WHERE pledge_id = '{}'", ids[0])).await;
    assert_ne!(before, after);
    assert_eq!(decide(&moderator, "approvals", &ids).await.expect(200), json!({"approved": []}), "both are shown");
    let record = on_record(&app).await;
    assert!(record.contains(&json!({"action": "wall.hide", "details": {"pledges": [ids[0]], "reason": "abuse"}})));
    counted(&app, 2).await;
    app.stop().await;
}

/// Whatever is decided about the wall, the totals don't change.
async fn counted(app: &TestApp, pledges: i64) {
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, pledges);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declined_waits_no_more_and_may_be_approved_after_all() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = [agreed(&app, "Amina", "Together.").await, agreed(&app, "Bakari", "Together.").await];
    assert_eq!(decide(&moderator, "declines", &ids).await.expect(200)["declined"].as_array().unwrap().len(), 2);
    assert_eq!(waiting(&moderator).await, [] as [Uuid; 0]);
    assert_eq!(names(&app).await, BTreeSet::new());
    let entries = moderator.get(&format!("{OF_MODERATORS}/entries?limit=1")).await.expect(200);
    assert_eq!((&entries["entries"][0]["id"], &entries["entries"][0]["state"]), (&json!(ids[1]), &json!("declined")));
    let next = entries["next_cursor"].as_str().unwrap();
    let rest = moderator.get(&format!("{OF_MODERATORS}/entries?limit=1&cursor={next}")).await.expect(200);
    assert_eq!((&rest["entries"][0]["id"], &rest["next_cursor"]), (&json!(ids[0]), &Value::Null));
    assert_eq!(decide(&moderator, "declines", &ids).await.expect(200), json!({"declined": []}));
    assert_eq!(decide(&moderator, "hidings", &ids).await.expect(200), json!({"hidden": []}), "it isn't shown");
    approve(&moderator, &ids[..1]).await;
    assert_eq!(decide(&moderator, "declines", &ids).await.expect(200), json!({"declined": []}), "it is shown");
    assert_eq!(names(&app).await, BTreeSet::from(["Amina".to_owned()]));
    counted(&app, 2).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_sees_or_approves_so_many_names_a_day() {
    let app = with_a_wall(&[]).await;
    let (admin, moderator) = (app.signed_in(Role::Admin).await, app.signed_in(Role::Moderator).await);
    let ids = [agreed(&app, "Amina", "Together.").await, agreed(&app, "Bakari", "Together.").await];
    app.rows
        .execute(
            "INSERT INTO wall_looks SELECT id, (now() AT TIME ZONE 'UTC')::date, 4999 FROM moderators WHERE role = 'admin'",
        )
        .await;
    let answer = admin.get(&format!("{OF_MODERATORS}/waiting")).await;
    answer.problem(429, "wall_quota_spent");
    assert!(!answer.header("retry-after").is_empty() && !answer.text().contains("Amina"));
    decide(&admin, "approvals", &ids).await.problem(429, "wall_quota_spent");
    assert_eq!(names(&app).await, BTreeSet::new(), "nothing of it is done");
    assert_eq!(on_record(&app).await, [] as [Value; 0]);
    // One is still allowed; and others have numbers of their own.
    admin.get(&format!("{OF_MODERATORS}/waiting?limit=1")).await.expect(200);
    decide(&admin, "approvals", &ids[..1]).await.problem(429, "wall_quota_spent");
    assert_eq!(waiting(&moderator).await.len(), 2);
    approve(&moderator, &ids).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_not_told_and_not_done() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let id = agreed(&app, "Amina", "Together.").await;
    crate::moderation::refuse_inserts_into(&app, "audit_log").await;
    // A 500 is in no document.
    let read = moderator.request(reqwest::Method::GET, &format!("{OF_MODERATORS}/waiting")).send().await.unwrap();
    assert_eq!(read.status(), 500);
    assert!(!read.text().await.unwrap().contains("Amina"));
    let request = moderator.request(reqwest::Method::POST, &format!("{OF_MODERATORS}/approvals"));
    assert_eq!(request.json(&json!({"ids": [id]})).send().await.unwrap().status(), 500);
    assert_eq!(
        app.rows.number("SELECT (SELECT count(*) FROM wall_entries) + (SELECT count(*) FROM wall_looks)").await,
        0
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_wall_that_is_turned_off_nothing_readable_is_left() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = [agreed(&app, "Amina", "Together.").await, agreed(&app, "Bakari", "Together.").await];
    approve(&moderator, &ids[..1]).await;
    decide(&moderator, "declines", &ids[1..]).await.expect(200);
    app.rows.execute("UPDATE campaigns SET goal = 7").await;
    assert_eq!(names(&app).await.len(), 1, "other settings leave it alone");
    turn(&app, false).await;
    app.client().get(super::WALL).await.problem(404, "not_found");
    assert_eq!(app.rows.list("SELECT state FROM wall_entries").await, ["declined"]);
    turn(&app, true).await;
    assert_eq!(names(&app).await, BTreeSet::new());
    assert_eq!(waiting(&moderator).await, ids[..1]);
    app.stop().await;
}
