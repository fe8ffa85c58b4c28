//! What looks like a bot's is held: answered like any other, counted once a moderator has accepted it.

use pledges::{
    accounts::Role,
    gate::{signals::Signals, waves::Raise},
    pledges::waves::store,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{face, set};
use crate::support::{TestApp, client::pledge};

const PLEDGES: &str = "/v1/moderation/campaigns/defend/pledges";

/// Somebody who fills in the field that nobody sees, with a name that is none.
pub fn odd(email: &str) -> Value {
    json!({"name": "asdfghjkl", "email": email, "country": "DE", "website": "https://x.example"})
}

pub async fn raise(app: &TestApp, ids: &[Uuid], score: i16) -> usize {
    let campaign = app.service.handles.campaigns.find("defend").unwrap();
    let raises: Vec<_> = ids.iter().map(|id| Raise { id: *id, score, signals: Signals::from_bits(1 << 20) }).collect();
    let mut connection = app.rows.database.open().await.unwrap();
    store::raise(&mut connection, &campaign, &raises).await.unwrap()
}

async fn ids(app: &TestApp) -> Vec<Uuid> {
    let ids = app.rows.list("SELECT id::text FROM pledges ORDER BY id").await;
    ids.into_iter().map(|id| id.parse().unwrap()).collect()
}

async fn states(app: &TestApp) -> Vec<String> {
    app.rows.list("SELECT state FROM pledges ORDER BY id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_pledge_is_answered_alike_and_counts_when_it_is_accepted() {
    let app = TestApp::start().await;
    let client = app.client();
    let plain = face(&client.pledge(&pledge("a@example.org")).await);
    assert_eq!(face(&client.pledge(&odd("b@example.org")).await), plain);
    assert_eq!(face(&client.pledge(&odd("b@example.org")).await), plain);
    assert_eq!(states(&app).await, ["counted", "held"]);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 1);
    assert_eq!(app.differences().await, [""; 0]);
    let moderator = app.signed_in(Role::Moderator).await;
    let listed = moderator.get(&format!("{PLEDGES}?state=held")).await.expect(200);
    assert_eq!((&listed["total"], &listed["pledges"][0]["score"]), (&json!(1), &json!(150)));
    assert_eq!(listed["pledges"][0]["signals"], json!(["honeypot", "gibberish_name"]));
    let id = &listed["pledges"][0]["id"];
    let accept = json!({"ids": [id, Uuid::now_v7()], "note": "I know her"});
    let path = "/v1/moderation/campaigns/defend/acceptances";
    let acceptance = moderator.post(path, &accept).await.expect(200);
    assert_eq!((&acceptance["accepted"], &acceptance["left"]), (&json!([id]), &json!(0)));
    let nothing = json!({"acceptance": null, "accepted": [], "left": 0});
    assert_eq!(moderator.post(path, &accept).await.expect(200), nothing);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 2);
    assert_eq!(app.differences().await, [""; 0]);
    // What was accepted stays, whatever is found later.
    assert_eq!(raise(&app, &[id.as_str().unwrap().parse().unwrap()], 900).await, 0);
    assert_eq!(states(&app).await, ["counted", "counted"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_decides_from_which_score_on_it_holds() {
    let app = TestApp::start().await;
    set(&app, "hold_at = 151").await;
    app.client().pledge(&odd("a@example.org")).await.expect(201);
    set(&app, "hold_at = 150").await;
    app.client().pledge(&odd("b@example.org")).await.expect(201);
    assert_eq!(states(&app).await, ["counted", "held"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_comes_later_takes_out_exactly_those_and_can_be_undone() {
    let app = TestApp::start().await;
    for number in 0..6 {
        app.client().pledge(&pledge(&format!("w{number}@example.org"))).await.expect(201);
    }
    app.publish().await;
    let all = ids(&app).await;
    assert_eq!(raise(&app, &all[..3], 99).await, 0, "below the limit only the score changes");
    assert_eq!(raise(&app, &all[1..4], 120).await, 3);
    assert_eq!(raise(&app, &all[1..4], 110).await, 0);
    let on_record = "SELECT string_agg(details->>'pledges', ',') FROM audit_log WHERE action = 'pledge.hold'";
    assert_eq!(app.rows.value(&format!("({on_record})")).await, "3");
    assert_eq!(states(&app).await, ["counted", "held", "held", "held", "counted", "counted"]);
    let scores = app.rows.list("SELECT score::text FROM pledges ORDER BY id").await;
    assert_eq!(scores, ["99", "120", "120", "120", "0", "0"], "a score never falls");
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    assert_eq!(app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"], 3);
    let before = app.rows.list("SELECT counted_at::text FROM pledges ORDER BY id").await;
    let moderator = app.signed_in(Role::Moderator).await;
    let removal = json!({"ids": all[1..5], "reason": "bot", "note": "A wave"});
    let removed = moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    assert_eq!(removed["removal"]["pledges"], 4);
    let undo = format!("/v1/moderation/campaigns/defend/removals/{}/undo", removed["removal"]["id"].as_str().unwrap());
    moderator.post(&undo, &json!({"note": "No wave"})).await.expect(200);
    assert_eq!(states(&app).await, ["counted", "held", "held", "held", "counted", "counted"]);
    let accept = json!({"ids": all[1..4], "note": "No wave"});
    moderator.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
    assert_eq!(app.rows.list("SELECT counted_at::text FROM pledges ORDER BY id").await, before);
    app.publish().await;
    assert_eq!(app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"], 6);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// What looked odd about somebody goes with the rest of what is personal; that a moderator accepted it, stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_score_is_told_to_who_asks_and_goes_with_who_is_erased() {
    let app = TestApp::start().await;
    for email in ["a@example.org", "b@example.org", "c@example.org"] {
        app.client().pledge(&odd(email)).await.expect(201);
    }
    let all = ids(&app).await;
    let admin = app.signed_in(Role::Admin).await;
    let accept = json!({"ids": all[..1], "note": "I know her"});
    admin.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
    let told = admin.post("/v1/admin/access", &json!({"email": "b@example.org"})).await.expect(200);
    let held = &told["held"][0];
    assert_eq!((&held["state"], &held["score"]), (&json!("held"), &json!(150)));
    assert_eq!(held["signals"], json!(["honeypot", "gibberish_name"]));
    for email in ["a@example.org", "b@example.org"] {
        admin.post("/v1/admin/erasures", &json!({"email": email})).await;
    }
    assert_eq!(raise(&app, &all, 300).await, 0);
    let kept = app.rows.list("SELECT score || ' ' || signals FROM pledges ORDER BY id").await;
    assert_eq!(kept, ["0 536870912", "0 0", "300 1048593"]);
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
