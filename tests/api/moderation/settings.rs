//! What moderators are told of a campaign beside its pledges: what decides what is held, and the names of its partners.

use pledges::{
    accounts::Role,
    campaigns::{self, Campaign, State},
    db::DbError,
};
use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, client::Client, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_what_decides_what_is_held_and_for_how_long() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    app.rows
        .execute(
            "UPDATE campaigns SET hold_at = 70, held_default = 'count', review_days = 9, record_days = 40, wall = true, goal = 7000",
        )
        .await;
    assert_eq!(
        moderator.get("/v1/moderation/campaigns/defend/settings").await.expect(200),
        json!({"hold_at": 70, "held_default": "count", "review_days": 9, "record_days": 40, "confirmation": "none",
            "proof": "off", "wall": true, "goal": 7_000, "publish_partners": false})
    );
    app.stop().await;
}

const SET: &str = "/v1/admin/campaigns/defend/settings";

/// What is on record of changes: who, and what.
const ON_RECORD: &str = "SELECT (SELECT login FROM moderators WHERE id = moderator_id) || ' ' || details::text FROM audit_log \
    WHERE action = 'campaign.set' ORDER BY number";

#[tokio::test(flavor = "multi_thread")]
async fn organisers_change_what_may_change_while_a_campaign_runs() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET goal = 5, hold_at = 100, publish_partners = false").await;
    let trials = "UPDATE campaigns SET test_of = (SELECT id FROM campaigns WHERE slug = 'defend'), state = 'draft' WHERE slug = 'trials'";
    app.rows.campaign("trials").await;
    app.rows.execute(trials).await;
    let organiser = app.signed_in(Role::Organiser).await;
    let set = async |body| organiser.send(organiser.request(Method::PATCH, SET).json(&body)).await;
    let wanted = json!({"hold_at": 60, "proof": "adaptive", "goal": 0, "publish_partners": true,
        "note": "Half of them were bots"});
    let now = set(wanted.clone()).await.expect(200);
    let asked = organiser.get("/v1/moderation/campaigns/defend/settings").await.expect(200);
    assert_eq!(now, asked, "the answer is what is stored");
    for (name, value) in wanted.as_object().unwrap().iter().filter(|(name, _)| *name != "note") {
        assert_eq!(&now[name], value, "{name}");
    }
    assert_eq!(app.rows.list("SELECT hold_at::text FROM campaigns WHERE slug = 'trials'").await, ["60"]);
    eventually("the public sees it", async || {
        let told = app.client().get("/v1/campaigns/defend").await.expect(200);
        told["goal"].is_null() && told["publish_partners"] == true && told["proof"] == "adaptive"
    })
    .await;
    // What it has already is no change, and what isn't named stays.
    set(json!({"hold_at": 60, "note": "Again"})).await.expect(200);
    let after = set(json!({"hold_at": 61, "goal": 0, "note": "A little more"})).await.expect(200);
    assert_eq!((&after["goal"], &after["proof"]), (&json!(0), &json!("adaptive")));
    let recorded: Vec<_> = app.rows.list(ON_RECORD).await.iter().map(|entry| parted(entry)).collect();
    let changes = json!([
        {"note": "Half of them were bots",
            "before": {"hold_at": 100, "proof": "off", "goal": 5, "publish_partners": false},
            "after": {"hold_at": 60, "proof": "adaptive", "goal": 0, "publish_partners": true}},
        {"note": "A little more", "before": {"hold_at": 60}, "after": {"hold_at": 61}},
    ]);
    assert_eq!(recorded.iter().map(|(_, details)| details.clone()).collect::<Vec<_>>(), *changes.as_array().unwrap());
    assert!(recorded.iter().all(|(login, _)| login == &recorded[0].0 && !login.is_empty()));
    app.stop().await;
}

fn parted(entry: &str) -> (String, serde_json::Value) {
    let (login, details) = entry.split_once(' ').expect("somebody did it");
    (login.to_owned(), serde_json::from_str(details).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_out_of_its_range_or_of_the_operators_changes_nothing() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let before = organiser.get("/v1/moderation/campaigns/defend/settings").await.expect(200);
    for (field, value, code) in [
        ("hold_at", json!(0), "out_of_range"),
        ("hold_at", json!(1001), "out_of_range"),
        ("goal", json!(-1), "out_of_range"),
        ("goal", json!(4_294_967_296_i64), "out_of_range"),
        ("proof", json!("never"), "not_allowed"),
        ("threshold", json!(1), "unknown_field"),
        ("confirmation", json!("none"), "unknown_field"),
        ("review_days", json!(1), "unknown_field"),
        ("held_default", json!("count"), "unknown_field"),
        ("wall", json!(false), "unknown_field"),
    ] {
        let body = json!({"publish_partners": true, field: value, "note": "To try"});
        let problem =
            organiser.send(organiser.request(Method::PATCH, SET).json(&body)).await.problem(422, "invalid_fields");
        let wrong = json!([{"pointer": format!("/{field}"), "code": code}]);
        assert_eq!(problem["errors"], wrong, "{field}: {value}");
    }
    for half in [json!({"publish_partners": true}), json!({"note": "What for?"})] {
        organiser.send(organiser.request(Method::PATCH, SET).json(&half)).await.problem(422, "invalid_fields");
    }
    assert_eq!(organiser.get("/v1/moderation/campaigns/defend/settings").await.expect(200), before);
    assert!(app.rows.list(ON_RECORD).await.is_empty());
    app.stop().await;
}

/// Each says only what they touched: neither undoes the other's change with what they saw before it. Of one setting the log tells every step.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_at_once_nothing_is_lost() {
    let app = TestApp::start().await;
    let (one, other) = (app.signed_in(Role::Organiser).await, app.signed_in(Role::Admin).await);
    let set = async |who: &Client, body| who.send(who.request(Method::PATCH, SET).json(&body)).await.expect(200);
    for round in 1..=10 {
        let change = |hold_at: i32, name: &str| json!({"hold_at": hold_at, name: round, "note": "At once"});
        let published = json!({"hold_at": 500 + round, "publish_partners": round % 2 == 1, "note": "At once"});
        tokio::join!(set(&one, change(100 + round, "goal")), set(&other, published));
        let now = one.get("/v1/moderation/campaigns/defend/settings").await.expect(200);
        assert_eq!((&now["goal"], &now["publish_partners"]), (&json!(round), &json!(round % 2 == 1)));
    }
    let recorded: Vec<_> = app.rows.list(ON_RECORD).await.iter().map(|entry| parted(entry).1).collect();
    assert_eq!(recorded.len(), 20);
    for pair in recorded.windows(2) {
        assert_eq!(pair[0]["after"]["hold_at"], pair[1]["before"]["hold_at"]);
    }
    app.stop().await;
}

/// The operator's command read the campaign before, and would write what it read.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_has_read_the_campaign_before_undoes_no_organisers_change() {
    let app = TestApp::start().await;
    let mut connection = app.rows.database.open().await.unwrap();
    let read = campaigns::store::find(&mut connection, "defend").await.unwrap();
    let organiser = app.signed_in(Role::Organiser).await;
    let body = json!({"hold_at": 77, "note": "Bots"});
    organiser.send(organiser.request(Method::PATCH, SET).json(&body)).await.expect(200);
    let closed = Campaign { state: State::Closed, ..read.clone() };
    let refused = campaigns::store::update(&mut connection, &read, &closed, json!({})).await;
    assert!(matches!(refused, Err(DbError::Conflict)), "{refused:?}");
    let read = campaigns::store::find(&mut connection, "defend").await.unwrap();
    let closed = Campaign { state: State::Closed, ..read.clone() };
    campaigns::store::update(&mut connection, &read, &closed, json!({})).await.unwrap();
    assert_eq!(app.rows.list("SELECT state || hold_at FROM campaigns").await, ["closed77"]);
    drop(connection);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_the_names_of_partners_and_nothing_else() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let (moderator, admin) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Admin).await);
    let partner = async |campaign: &str, name: &str| {
        let path = format!("/v1/admin/campaigns/{campaign}/partners");
        let added = admin.post(&path, &json!({"name": name, "origins": ["https://www.example.org"]})).await.expect(201);
        added["id"].as_str().unwrap().to_owned()
    };
    let (zebra, ant) = (partner("defend", "Zebra House").await, partner("defend", "Ant House").await);
    partner("other", "Somebody else's").await;
    let path = format!("/v1/admin/campaigns/defend/partners/{ant}");
    admin.send(admin.request(Method::PATCH, &path).json(&json!({"disabled": true}))).await.expect(200);
    assert_eq!(
        moderator.get("/v1/moderation/campaigns/defend/partners/names").await.expect(200),
        json!({"partners": [{"id": ant, "name": "Ant House"}, {"id": zebra, "name": "Zebra House"}]})
    );
    moderator.get("/v1/admin/campaigns/defend/partners").await.problem(403, "forbidden");
    app.stop().await;
}
