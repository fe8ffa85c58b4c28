//! What takes somebody off the wall: in the transaction of whatever does it, and for good until somebody approves again.

use std::collections::BTreeSet;

use pledges::{
    accounts::Role,
    clock::Clock,
    pledges::{
        leave::{Leave, store as leaving},
        own,
        submission::Consents,
    },
    privacy::retention,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{agreed, approve, counts_are_right, names, waiting, with_a_wall};
use crate::support::{TestApp, program};

const REMOVALS: &str = "/v1/moderation/campaigns/defend/removals";

async fn entries(app: &TestApp) -> i64 {
    app.rows.number("SELECT count(*) FROM wall_entries").await
}

async fn leave(app: &TestApp, id: Uuid, how: Leave) {
    let campaign = app.service.handles.campaigns.find("defend").unwrap();
    let fingerprint = app.rows.value(&format!("SELECT fingerprint FROM pledges WHERE id = '{id}'")).await;
    let who = leaving::Who { fingerprint: fingerprint.parse().unwrap(), pledge: Some(id) };
    let mut connection = app.rows.database.open().await.unwrap();
    leaving::leave(&mut connection, &campaign, who, how).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_what_it_stands_for_takes_an_entry_off_at_once() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ways: [(&str, &str); 6] = [
        ("consent_public", "consent_public = NULL"),
        ("held", "state = 'held', counted_at = NULL"),
        ("withdrawn", "state = 'withdrawn', withdrawn_at = now()"),
        ("unconfirmed", "confirmed_at = NULL"),
        ("another pledge", "id = gen_random_uuid()"),
        ("removed", "removed by a moderator"),
    ];
    for (name, set) in ways {
        let ids = [agreed(&app, name, "Together.").await, agreed(&app, "Stays", "Together.").await];
        counts_are_right(&app).await;
        approve(&moderator, &ids).await;
        if name == "removed" {
            moderator.post(REMOVALS, &json!({"ids": ids[..1], "reason": "bot", "note": "A bot"})).await.expect(201);
        } else {
            app.rows.execute(&format!("UPDATE pledges SET {set} WHERE id = '{}'", ids[0])).await;
        }
        assert_eq!(entries(&app).await, 1, "{name}");
        assert_eq!(names(&app).await, BTreeSet::from(["Stays".to_owned()]), "{name}");
        // What doesn't end it leaves it alone.
        app.rows.execute("UPDATE pledges SET consent_public = 1, score = 7, sealed_review = NULL").await;
        assert_eq!(entries(&app).await, 1, "{name}");
        app.rows.execute(&format!("DELETE FROM pledges WHERE id = '{}'", ids[1])).await;
        assert_eq!(entries(&app).await, 0, "{name}: deleted");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn supporters_take_themselves_off() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mut ids = Vec::new();
    for name in ["Changed their mind", "Withdrew", "Erased", "Was not me", "Stays"] {
        ids.push(agreed(&app, name, "Together.").await);
    }
    counts_are_right(&app).await;
    approve(&moderator, &ids).await;
    let mut connection = app.rows.database.open().await.unwrap();
    own::store::change_consents(&mut connection, ids[0], Consents::default()).await.unwrap();
    assert_eq!(entries(&app).await, 4);
    for (id, how) in [(ids[1], Leave::Withdraw), (ids[2], Leave::Erase), (ids[3], Leave::NotMe)] {
        leave(&app, id, how).await;
    }
    assert_eq!(entries(&app).await, 1);
    assert_eq!(names(&app).await, BTreeSet::from(["Stays".to_owned()]));
    // Who agrees again waits again.
    let public = Consents { public: Some(1), ..Consents::default() };
    own::store::change_consents(&mut connection, ids[0], public).await.unwrap();
    assert_eq!(names(&app).await.len(), 1);
    assert_eq!(waiting(&moderator).await, ids[..1]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_takes_entries_off_with_it_or_not_at_all_and_its_undo_brings_none_back() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = [agreed(&app, "Amina", "Together.").await, agreed(&app, "Bakari", "Together.").await];
    counts_are_right(&app).await;
    approve(&moderator, &ids).await;
    let removal = json!({"ids": ids, "reason": "bot", "note": "A wave"});
    let removed = moderator.post(REMOVALS, &removal).await.expect(201);
    assert_eq!(entries(&app).await, 0);
    assert_eq!(waiting(&moderator).await, [] as [Uuid; 0]);
    let id = removed["removal"]["id"].as_str().unwrap();
    moderator.post(&format!("{REMOVALS}/{id}/undo"), &json!({"note": "They were people"})).await.expect(200);
    assert_eq!(names(&app).await, BTreeSet::new());
    assert_eq!(waiting(&moderator).await, ids, "somebody looks again");
    assert_eq!(app.differences().await, [""; 0]);
    approve(&moderator, &ids).await;
    crate::moderation::refuse_inserts_into(&app, "audit_log").await;
    let request = moderator.request(reqwest::Method::POST, REMOVALS).json(&removal);
    assert_eq!(request.send().await.unwrap().status(), 500);
    assert_eq!(entries(&app).await, 2, "nothing was removed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_the_review_copy_and_ends_with_the_campaign() {
    let app = with_a_wall(&[]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let id = agreed(&app, "Amina Okafor", "Together.").await;
    counts_are_right(&app).await;
    approve(&moderator, &[id]).await;
    let in_days = |days| Some(Clock::System.now() + chrono::TimeDelta::days(days));
    retention::run_by_hand(&app.rows.database, in_days(31)).await.unwrap();
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE sealed_review IS NULL").await, 1);
    assert_eq!(names(&app).await.len(), 1);
    let command = program::command_on(&app.url, app.var.path(), &["campaign", "close", "defend"]);
    program::run(command).await.expect(0);
    assert_eq!(names(&app).await.len(), 1, "a closed campaign is still shown");
    retention::run_by_hand(&app.rows.database, in_days(31)).await.unwrap();
    assert_eq!(entries(&app).await, 0);
    assert_eq!(names(&app).await, BTreeSet::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_what_is_held_of_them_is_told_what_is_shown() {
    let app = with_a_wall(&[]).await;
    let (organiser, moderator) = (app.signed_in(Role::Organiser).await, app.signed_in(Role::Moderator).await);
    let body = json!({"name": "Amina Okafor", "email": "amina@example.org", "country": "KE", "message": "Together.",
        "consents": [{"purpose": "public", "version": 1}]});
    app.client().pledge(&body).await.expect(201);
    app.rows.execute("UPDATE pledges SET confirmed_at = counted_at").await;
    let held = async || {
        let told = organiser.post("/v1/admin/access", &json!({"email": "amina@example.org"})).await.expect(200);
        told["held"][0]["on_wall"].clone()
    };
    assert_eq!(held().await, Value::Null);
    let id = app.rows.value("SELECT id FROM pledges").await.parse().unwrap();
    approve(&moderator, &[id]).await;
    let day = app.rows.value("SELECT day FROM wall_entries").await;
    let shown = json!({"state": "shown", "name": "Amina Okafor", "message": "Together.", "day": day});
    assert_eq!(held().await, shown);
    app.stop().await;
}
