//! Removals: pledges out of totals and lists at once, with a reason, whole or not at all.

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PLEDGES, REMOVALS, TOTALS, put, refuse_inserts_into, removal_id, remove, rows_of, undo};
use crate::{
    accounts::told,
    support::{TestApp, client::pledge, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn removed_pledges_leave_totals_and_lists_at_once() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 8).await;
    app.reread().await;
    let counted = async || client.get(&format!("{PLEDGES}?state=counted")).await.expect(200)["total"].clone();
    let published = async || app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"].clone();
    assert_eq!((counted().await, published().await), (json!(8), json!(8)));
    let note = "  Same message from 40 sources '; DROP TABLE pledges; -- %_\n<b>👩‍👩‍👧</b>  ";
    let answer = client.post(REMOVALS, &json!({"ids": &ids[..3], "reason": "spam", "note": note})).await;
    let body = answer.expect(201);
    let removal = &body["removal"];
    let id = removal["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("{REMOVALS}/{id}"));
    let me = client.get("/v1/auth/me").await.json()["login"].clone();
    assert_eq!(removal["moderator"], me);
    assert_eq!((&removal["reason"], &removal["pledges"]), (&json!("spam"), &json!(3)));
    assert_eq!(removal["note"], note.trim(), "the note isn't kept as written");
    assert!(["undone_at", "undone_by", "undo_note"].iter().all(|field| removal[field].is_null()));
    assert_eq!((&body["already_removed"], &body["not_found"]), (&json!([]), &json!([])));
    assert_eq!(counted().await, 5);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 5);
    eventually("the public total follows", async || published().await == 5).await;
    let removed = client.get(&format!("{PLEDGES}?removal={id}")).await.expect(200);
    for pledge in removed["pledges"].as_array().unwrap() {
        assert_eq!((&pledge["state"], &pledge["removal_id"]), (&json!("removed"), &json!(id)));
        assert!(pledge["counted_at"].is_string(), "the time at which it was counted is kept");
    }
    assert_eq!(client.get(&format!("{REMOVALS}/{id}")).await.expect(200), *removal);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_removed_already_or_not_there_are_named() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 4).await;
    removal_id(&remove(&client, &ids[..2]).await);
    let unknown = Uuid::now_v7();
    // Named twice, one is still one.
    let answer = remove(&client, &[ids[2], unknown, ids[1], ids[2], unknown]).await;
    let body = answer.expect(201);
    assert_eq!(body["removal"]["pledges"], 1);
    assert_eq!((&body["already_removed"], &body["not_found"]), (&json!([ids[1]]), &json!([unknown])));
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    remove(&client, &ids[..3]).await.problem(409, "nothing_to_remove");
    remove(&client, &[ids[0], unknown]).await.problem(409, "nothing_to_remove");
    remove(&client, &[unknown, Uuid::nil(), Uuid::max()]).await.problem(404, "pledges_not_found");
    let after = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    assert_eq!(after, before);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledges_of_another_campaign_are_not_found() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let client = app.signed_in(Role::Moderator).await;
    let admin = app.signed_in(Role::Admin).await;
    let (ours, theirs) = (put(&app, "defend", 3).await, put(&app, "other", 3).await);
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await);
    // Neither through one's own campaign, nor as an admin through the wrong one.
    let unknown = remove(&client, &[Uuid::now_v7()]).await;
    assert_eq!(told(&remove(&client, &theirs).await), told(&unknown));
    remove(&admin, &theirs).await.problem(404, "pledges_not_found");
    let elsewhere = "/v1/moderation/campaigns/other/removals";
    let order = json!({"ids": theirs, "reason": "bot", "note": "Not mine"});
    client.post(elsewhere, &order).await.problem(404, "campaign_not_found");
    assert_eq!((rows_of(&app, "pledges").await, rows_of(&app, "removals").await), before);
    // A mixed order takes out what is here, and says of the others only that they are not.
    let body = remove(&client, &[ours[0], theirs[0]]).await.expect(201);
    assert_eq!((&body["removal"]["pledges"], &body["not_found"]), (&json!(1), &json!([theirs[0]])));
    // A removal of another campaign can't be seen or undone through one's own.
    let theirs = removal_id(&admin.post(elsewhere, &order).await);
    for client in [&client, &admin] {
        client.get(&format!("{REMOVALS}/{theirs}")).await.problem(404, "not_found");
        undo(client, &theirs).await.problem(404, "not_found");
        let listed = client.get(REMOVALS).await.expect(200);
        assert_eq!(listed["removals"].as_array().unwrap().len(), 1);
    }
    client.get(&format!("{elsewhere}/{theirs}")).await.problem(404, "campaign_not_found");
    client.post(&format!("{elsewhere}/{theirs}/undo"), &json!({"note": "x"})).await.problem(404, "campaign_not_found");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'removed'").await, 4);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_right_is_refused_by_field() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 1).await;
    let good = json!({"ids": ids, "reason": "bot", "note": "A note"});
    let before = rows_of(&app, "pledges").await;
    let too_many: Vec<Uuid> = (0..1001).map(|_| Uuid::now_v7()).collect();
    for (field, value, pointer, code) in [
        ("ids", json!([]), "/ids", "required"),
        ("ids", json!(too_many), "/ids", "too_many"),
        ("ids", json!(ids[0]), "/ids", "wrong_type"),
        ("ids", json!([ids[0], "all"]), "/ids/1", "wrong_type"),
        ("ids", json!([ids[0], 7]), "/ids/1", "wrong_type"),
        ("ids", Value::Null, "/ids", "wrong_type"),
        ("reason", json!("boredom"), "/reason", "not_allowed"),
        ("reason", json!("Bot"), "/reason", "not_allowed"),
        ("reason", json!(""), "/reason", "not_allowed"),
        ("note", json!(""), "/note", "required"),
        ("note", json!(" \n\t "), "/note", "required"),
        ("note", json!("a\0b"), "/note", "invalid_text"),
        ("note", json!("a\u{7}b"), "/note", "invalid_text"),
        ("note", json!("a\u{202e}b"), "/note", "bidi_override"),
        ("note", json!("é".repeat(1001)), "/note", "too_long"),
        ("note", json!(7), "/note", "wrong_type"),
        ("state", json!("removed"), "/state", "unknown_field"),
        ("moderator_id", json!(Uuid::nil()), "/moderator_id", "unknown_field"),
    ] {
        let mut order = good.clone();
        order[field] = value;
        client.post(REMOVALS, &order).await.fields(&[(pointer, code)]);
    }
    for field in ["ids", "reason", "note"] {
        let mut order = good.clone();
        order.as_object_mut().unwrap().remove(field);
        client.post(REMOVALS, &order).await.fields(&[(&format!("/{field}"), "required")]);
    }
    let many: Vec<Uuid> = (0..2000).map(|_| Uuid::now_v7()).collect();
    remove(&client, &many).await.problem(413, "payload_too_large");
    assert_eq!(rows_of(&app, "pledges").await, before);
    assert_eq!(rows_of(&app, "removals").await, Vec::<String>::new());
    // The limits themselves are taken.
    let mut order = good.clone();
    order["note"] = json!("é".repeat(1000));
    let mut ids = too_many[..999].to_vec();
    ids.extend(good["ids"][0].as_str().unwrap().parse::<Uuid>());
    order["ids"] = json!(ids);
    assert_eq!(client.post(REMOVALS, &order).await.expect(201)["not_found"].as_array().unwrap().len(), 999);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pledges_go_in_one_removal() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 1000).await;
    let answer = remove(&client, &ids).await;
    assert_eq!(answer.expect(201)["removal"]["pledges"], 1000);
    assert_eq!(client.get(TOTALS).await.expect(200), json!({"total": 0, "countries": []}));
    undo(&client, &removal_id(&answer)).await.expect(200);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 1000);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_of_a_removed_pledge_stays_taken() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let first = app.client().pledge(&pledge("ann@example.org")).await;
    let id = super::look_up(&client, "ann@example.org").await[0]["id"].as_str().unwrap().parse().unwrap();
    let removal = removal_id(&remove(&client, &[id]).await);
    let again = app.client().pledge(&pledge("Ann@Example.org")).await;
    assert_eq!((again.status, again.json().as_object().unwrap().len()), (first.status, 2));
    assert_eq!(client.get(PLEDGES).await.expect(200)["total"], 1);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 0);
    undo(&client, &removal).await.expect(200);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_are_listed_newest_first_a_page_at_a_time() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let mut made = Vec::new();
    for id in put(&app, "defend", 5).await {
        made.insert(0, removal_id(&remove(&client, &[id]).await));
    }
    undo(&client, &made[1]).await.expect(200);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{REMOVALS}?limit=2{cursor}")).await.expect(200);
        seen.extend(page["removals"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let ids: Vec<_> = seen.iter().map(|removal| removal["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, made);
    assert!(seen.iter().enumerate().all(|(at, removal)| removal["undone_at"].is_string() == (at == 1)));
    app.stop().await;
}

/// Rule 6, and rule 2: rows, removal, delta and audit entry come together or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_cannot_be_recorded_does_not_happen() {
    for table in ["audit_log", "count_deltas", "removals"] {
        let app = TestApp::start().await;
        let client = app.signed_in(Role::Moderator).await;
        let ids = put(&app, "defend", 6).await;
        let standing = removal_id(&remove(&client, &ids[..2]).await);
        app.publish().await;
        refuse_inserts_into(&app, table).await;
        let tables = ["pledges", "removals", "audit_log", "country_totals", "count_deltas"];
        let state = async || {
            let mut state = Vec::new();
            for table in tables {
                state.push(rows_of(&app, table).await);
            }
            state
        };
        let before = state().await;
        let order = json!({"ids": &ids[2..], "reason": "bot", "note": "Never"});
        let mut attempts = vec![(REMOVALS.to_owned(), order)];
        if table != "removals" {
            attempts.push((format!("{REMOVALS}/{standing}/undo"), json!({"note": "Never"})));
        }
        for (path, body) in attempts {
            // Not through the checking client: a defect's answer stands in no operation of the document.
            let response = client.request(reqwest::Method::POST, &path).json(&body).send().await.unwrap();
            assert!([500, 503].contains(&response.status().as_u16()), "{table}: {}", response.status());
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let text = response.text().await.unwrap();
            assert!(!text.contains("broken on purpose"), "the cause is told: {text}");
            assert_eq!(state().await, before, "{table}: {path} left something behind");
        }
        assert_eq!(app.differences().await, Vec::<String>::new());
        app.stop().await;
    }
}
