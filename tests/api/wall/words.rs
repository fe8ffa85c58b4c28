//! Moderators find pledges by what the wall shows of them, and what it doesn't show can't be found.

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{agreed, approve, counts_are_right, decide, turn, with_a_wall};
use crate::support::{client::Client, eventually};

const SEARCH: &str = "/v1/moderation/campaigns/defend/pledges/search";
const REMOVALS: &str = "/v1/moderation/campaigns/defend/removals";

/// Which pledges a search finds, all pages of two each; and how many the first one says.
async fn found(client: &Client, mut search: Value) -> (Vec<Uuid>, i64) {
    let (mut ids, mut total) = (Vec::new(), None);
    search["limit"] = 2.into();
    loop {
        let page = client.post(SEARCH, &search).await.expect(200);
        total = total.or(page["total"].as_i64());
        assert_eq!(page["search_lag_seconds"], 0);
        let pledges = page["pledges"].as_array().unwrap().iter();
        ids.extend(pledges.map(|pledge| pledge["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
        search["cursor"] = page["next_cursor"].clone();
        if search["cursor"].is_null() {
            return (ids, total.unwrap());
        }
    }
}

async fn by_text(client: &Client, text: &str) -> Vec<Uuid> {
    found(client, json!({ "text": text })).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_wall_shows_is_found_by_its_words_and_nothing_else_is() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mut ids = Vec::new();
    for (name, message) in [
        ("Amina Okafor", "Buy cheap WATCHES here"),
        ("Bakari", "Cheap talk? No: together."),
        ("陈伟", "我们支持人权捍卫者"),
        ("Chantal", "watches, cheap, cheap!"),
        ("Never approved", "cheap watches"),
    ] {
        ids.push(agreed(&app, name, message).await);
    }
    counts_are_right(&app).await;
    approve(&moderator, &ids[..4]).await;
    assert_eq!(found(&moderator, json!({"text": "CHEAP"})).await, (vec![ids[3], ids[1], ids[0]], 3));
    assert_eq!(by_text(&moderator, "cheap watches").await, [ids[3], ids[0]]);
    assert_eq!(by_text(&moderator, "okafor").await, [ids[0]]);
    assert_eq!(by_text(&moderator, "人权").await, [ids[2]]);
    for nothing in ["watch", "cheap cars", "never", "权人"] {
        assert_eq!(by_text(&moderator, nothing).await, [] as [Uuid; 0], "{nothing}");
    }
    // Together with what else a search knows.
    let both = json!({"text": "cheap", "country": "KE", "name": "Bakari"});
    assert_eq!(found(&moderator, both).await, (vec![ids[1]], 1));
    assert_eq!(found(&moderator, json!({"text": "cheap", "country": "BR"})).await, (vec![], 0));
    assert_eq!(found(&moderator, json!({"text": "cheap", "to": "2026-01-01T00:00:00Z"})).await, (vec![], 0));
    // What is taken off can't be found by it any more, and isn't kept.
    decide(&moderator, "hidings", &ids[3..4]).await.expect(200);
    assert_eq!(by_text(&moderator, "cheap").await, [ids[1], ids[0]]);
    let kept = "SELECT count(DISTINCT pledge_id) FROM wall_words";
    assert_eq!(app.rows.number(kept).await, 3);
    app.rows.execute(&format!("UPDATE pledges SET consent_public = NULL WHERE id = '{}'", ids[0])).await;
    assert_eq!((by_text(&moderator, "cheap").await, app.rows.number(kept).await), (vec![ids[1]], 2));
    approve(&moderator, &ids[3..4]).await;
    assert_eq!(by_text(&moderator, "cheap").await, [ids[3], ids[1]]);
    turn(&app, false).await;
    assert_eq!(by_text(&moderator, "cheap").await, [] as [Uuid; 0]);
    assert_eq!(app.rows.number("SELECT count(*) FROM wall_words").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_words_takes_what_was_shown_and_its_undo_brings_it_back() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mut ids = Vec::new();
    for place in 0..5 {
        ids.push(agreed(&app, "Amina", if place < 3 { "Cheap watches" } else { "Together" }).await);
    }
    counts_are_right(&app).await;
    approve(&moderator, &ids).await;
    let order = json!({"search": {"text": "watches"}, "expected": 3, "reason": "spam", "note": "Advertising"});
    let preview = moderator.post(&format!("{REMOVALS}/preview"), &json!({"text": "watches"})).await;
    assert_eq!(preview.expect(200)["pledges"], 3);
    let begun = moderator.post(REMOVALS, &order).await.expect(202);
    let removal = format!("{REMOVALS}/{}", begun["removal"]["id"].as_str().unwrap());
    eventually("it is done", async || moderator.get(&removal).await.expect(200)["state"] == "done").await;
    let removed = "SELECT id FROM pledges WHERE state = 'removed' ORDER BY id";
    assert_eq!(app.rows.list(removed).await, ids[..3].iter().map(Uuid::to_string).collect::<Vec<_>>());
    assert_eq!(by_text(&moderator, "watches").await, [] as [Uuid; 0]);
    let told =
        app.rows.value("SELECT details -> 'search' FROM audit_log WHERE action = 'removal.create' LIMIT 1").await;
    assert_eq!(told, r#"{"text": true}"#, "the log isn't told the words");
    moderator.post(&format!("{removal}/undo"), &json!({"note": "They are people"})).await;
    eventually("they are back", async || app.rows.list(removed).await.is_empty()).await;
    assert_eq!(by_text(&moderator, "watches").await, [] as [Uuid; 0], "not on the wall");
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_without_words_or_with_too_many_is_refused() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let many = (0..21).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    for (text, code) in
        [("", "invalid_text"), (" ?! ", "invalid_text"), (&"a".repeat(201), "too_long"), (&many, "too_many")]
    {
        moderator.post(SEARCH, &json!({ "text": text })).await.fields(&[("/text", code)]);
    }
    app.stop().await;
}
