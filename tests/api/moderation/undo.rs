//! Undo: exactly what the removal took out comes back, once.

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PLEDGES, REMOVALS, TOTALS, by_search::get, put, removal_id, remove, rows_of, undo};
use crate::support::{TestApp, client::pledge, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn undo_puts_the_rows_back_exactly_as_they_were() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    for email in ["ann@example.org", "bob@example.org"] {
        let mut body = pledge(email);
        body["message"] = json!("A message");
        body["consents"] = json!([{"purpose": "public", "version": 1}]);
        app.client().pledge(&body).await.expect(201);
    }
    put(&app, "defend", 20).await;
    let ids: Vec<Uuid> = app.rows.list("SELECT id FROM pledges").await.iter().map(|id| id.parse().unwrap()).collect();
    let before = rows_of(&app, "pledges").await;
    let exact = client.get(TOTALS).await.json();
    let removal = removal_id(&remove(&client, &ids[..15]).await);
    assert_ne!(rows_of(&app, "pledges").await, before);
    let note = "  They were a school class; SELECT '%_'  ";
    let undone = client.post(&format!("{REMOVALS}/{removal}/undo"), &json!({"note": note})).await.expect(200);
    let me = client.get("/v1/auth/me").await.json()["login"].clone();
    assert_eq!((&undone["undone_by"], &undone["undo_note"]), (&me, &json!(note.trim())));
    assert!(undone["undone_at"].is_string());
    assert_eq!(undone["pledges"], 15, "how many it took out stays on record");
    assert_eq!(rows_of(&app, "pledges").await, before, "counted_at, consents and review copies too");
    assert_eq!(client.get(TOTALS).await.json(), exact);
    assert_eq!(client.get(&format!("{PLEDGES}?removal={removal}")).await.expect(200)["total"], 0);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_leaves_other_removals_alone() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 6).await;
    let first = removal_id(&remove(&client, &ids[..3]).await);
    // The third is out already, so this removal has nothing to do with it.
    let second = removal_id(&remove(&client, &ids[2..5]).await);
    let of = |removal: &str| format!("SELECT row_to_json(p)::text FROM pledges AS p WHERE removal_id = '{removal}'");
    let others = app.rows.list(&of(&first)).await;
    undo(&client, &second).await.expect(200);
    assert_eq!(app.rows.list(&of(&first)).await, others);
    assert_eq!(client.get(TOTALS).await.json()["total"], 3);
    undo(&client, &first).await.expect(200);
    assert_eq!(client.get(TOTALS).await.json()["total"], 6);
    // What was put back can be taken out again, and the old removal doesn't claim it.
    let third = removal_id(&remove(&client, &ids[..3]).await);
    undo(&client, &first).await.problem(409, "already_undone");
    assert_eq!(client.get(TOTALS).await.json()["total"], 3);
    assert_eq!(client.get(&format!("{PLEDGES}?removal={third}")).await.json()["total"], 3);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_undone_once() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let colleague = app.signed_in(Role::Organiser).await;
    let ids = put(&app, "defend", 3).await;
    let removal = removal_id(&remove(&client, &ids).await);
    let undone = undo(&colleague, &removal).await.expect(200);
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    undo(&client, &removal).await.problem(409, "already_undone");
    undo(&colleague, &removal).await.problem(409, "already_undone");
    undo(&client, &Uuid::now_v7().to_string()).await.problem(404, "not_found");
    let after = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    assert_eq!(after, before);
    assert_ne!(undone["undone_by"], undone["moderator"]);
    assert_eq!(client.get(&format!("{REMOVALS}/{removal}")).await.expect(200), undone);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_without_a_proper_note_is_refused() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 1).await;
    let removal = removal_id(&remove(&client, &ids).await);
    let path = format!("{REMOVALS}/{removal}/undo");
    for (body, pointer, code) in [
        (json!({}), "/note", "required"),
        (json!({"note": ""}), "/note", "required"),
        (json!({"note": " \u{3000}\n"}), "/note", "required"),
        (json!({"note": "a\0"}), "/note", "invalid_text"),
        (json!({"note": "a".repeat(1001)}), "/note", "too_long"),
        (json!({"note": null}), "/note", "wrong_type"),
        (json!({"note": "x", "ids": ids}), "/ids", "unknown_field"),
    ] {
        client.post(&path, &body).await.fields(&[(pointer, code)]);
    }
    let bare = client.request(reqwest::Method::POST, &path).header("content-type", "text/plain").body("{}");
    client.send(bare).await.problem(415, "unsupported_media_type");
    assert_eq!(client.get(&format!("{REMOVALS}/{removal}")).await.expect(200)["undone_at"], Value::Null);
    app.stop().await;
}

/// Below, it stays one click.
#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_more_than_ten_thousand_asks_for_a_fresh_proof() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 4).await;
    let (large, small) = (remove(&client, &ids[..2]).await, remove(&client, &ids[2..]).await);
    let (large, small) = (removal_id(&large), removal_id(&small));
    // As if they had taken out as many.
    app.rows.execute(&format!("UPDATE removals SET pledges = 10001 WHERE id = '{large}'")).await;
    app.rows.execute(&format!("UPDATE removals SET pledges = 10000 WHERE id = '{small}'")).await;
    let proved = |minutes: i32| format!("UPDATE sessions SET proved_at = now() - interval '{minutes} minutes'");
    app.rows.execute(&proved(11)).await;
    undo(&client, &large).await.problem(403, "step_up_required");
    undo(&client, &small).await.expect(202);
    eventually("it is undone", async || get(&client, &small).await["state"] == "undone").await;
    assert_eq!(client.get(TOTALS).await.json()["total"], 2);
    app.rows.execute(&proved(0)).await;
    undo(&client, &large).await.expect(202);
    eventually("it is undone", async || get(&client, &large).await["state"] == "undone").await;
    assert_eq!(client.get(TOTALS).await.json()["total"], 4);
    app.stop().await;
}
