//! Acceptances: on record, of one decision however many calls it took, and taken back exactly.

use std::collections::BTreeSet;

use chrono::DateTime;
use pledges::{accounts::Role, pledges::waves::store};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    TOTALS,
    by_search::details,
    put,
    queue::{ACCEPT, QUEUE, SAMPLING, accept_found, held, sums},
    removal_id, remove, rows_of, undo,
};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
};

async fn accept(client: &Client, ids: &[Uuid]) -> Answer {
    client.post(ACCEPT, &json!({"ids": ids, "note": "A school class"})).await
}

/// The id of the acceptance that an answer tells of.
#[track_caller]
fn acceptance(answer: &Answer) -> String {
    answer.expect(200)["acceptance"].as_str().unwrap().to_owned()
}

async fn undo_acceptance(client: &Client, acceptance: &str) -> Answer {
    client.post(&format!("{ACCEPT}/{acceptance}/undo"), &json!({"note": "A wave after all"})).await
}

async fn acceptances(client: &Client) -> Vec<Value> {
    client.get(ACCEPT).await.expect(200)["acceptances"].as_array().unwrap().clone()
}

async fn total(client: &Client) -> Value {
    client.get(TOTALS).await.expect(200)["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_holds_exactly_those_again_that_were_accepted() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = held(&app, 12).await;
    // Some were counted before they were held: the time stays, and is no matter of the acceptance.
    app.rows.execute("UPDATE pledges SET counted_at = created_at").await;
    let before = rows_of(&app, "pledges").await;
    let others = acceptance(&accept(&client, &ids[8..]).await);
    let with_others = rows_of(&app, "pledges").await;
    let mistaken = acceptance(&accept(&client, &ids[..5]).await);
    assert_eq!(total(&client).await, 9);
    // Who is accepted already isn't accepted again.
    let nothing = accept(&client, &ids[..5]).await.expect(200);
    assert_eq!((&nothing["acceptance"], &nothing["accepted"]), (&Value::Null, &json!([])));

    let undone = undo_acceptance(&client, &mistaken).await.expect(200);
    assert_eq!((&undone["left"], &undone["acceptance"]["held_again"]), (&json!(0), &json!(5)));
    assert_eq!(rows_of(&app, "pledges").await, with_others);
    assert_eq!((total(&client).await, &client.get(QUEUE).await.expect(200)["held"]), (json!(4), &json!(8)));
    undo_acceptance(&client, &mistaken).await.problem(409, "already_undone");
    undo_acceptance(&client, &others).await.expect(200);
    assert_eq!(rows_of(&app, "pledges").await, before);

    let me = client.get("/v1/auth/me").await.json()["login"].clone();
    let [newest, oldest] = &acceptances(&client).await[..] else { panic!("two were made") };
    assert_eq!((&newest["id"], &oldest["id"]), (&json!(mistaken), &json!(others)));
    for (field, expected) in [
        ("moderator", me.clone()),
        ("note", json!("A school class")),
        ("by_search", json!(false)),
        ("pledges", json!(5)),
        ("undone_by", me),
        ("undo_note", json!("A wave after all")),
    ] {
        assert_eq!(newest[field], expected, "{field}");
    }
    let (made, taken_back) = (details(&app, "pledge.accept").await, details(&app, "pledge.accept_undo").await);
    let sum = |change: &Value| change.as_object().unwrap().values().map(|by| by.as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum(&made[1]["change"]), sum(&made[1]["after"])), (5, 9));
    assert_eq!((sum(&taken_back[0]["change"]), sum(&taken_back[0]["after"])), (-5, 4));
    assert_eq!((&made[1]["acceptance"], &taken_back[0]["acceptance"]), (&json!(mistaken), &json!(mistaken)));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_decision_accepts_in_several_calls_is_one_acceptance() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    held(&app, 1_010).await;
    let first = accept_found(&client, json!({}), 1_010).await;
    let id = acceptance(&first);
    let more = json!({"search": {}, "expected": first.json()["left"], "acceptance": id, "note": "A school"});
    let somebody = app.signed_in(Role::Moderator).await;
    somebody.post(ACCEPT, &more).await.problem(404, "not_found");
    let second = client.post(ACCEPT, &more).await;
    assert_eq!((acceptance(&second), &second.json()["left"]), (id.clone(), &json!(0)));
    let made = acceptances(&client).await;
    assert_eq!((made.len(), &made[0]["pledges"], &made[0]["by_search"]), (1, &json!(1_010), &json!(true)));
    // Nobody has looked at each.
    let told = client.get(SAMPLING).await.expect(200);
    assert!(sums(&told, &Value::Null, "accepted_unseen") > 0);
    assert_eq!(sums(&told, &Value::Null, "accepted"), 0);

    let undone = undo_acceptance(&somebody, &id).await.expect(200);
    assert_eq!((&undone["left"], total(&client).await), (&json!(10), json!(10)));
    assert_eq!(app.differences().await, [""; 0]);
    let ended = json!({"search": {}, "expected": 1_000, "acceptance": id, "note": "A school"});
    client.post(ACCEPT, &ended).await.problem(409, "already_undone");
    let undone = undo_acceptance(&somebody, &id).await.expect(200);
    assert_eq!((&undone["left"], total(&client).await), (&json!(0), json!(0)));
    assert_eq!(undone["acceptance"]["held_again"], 1_010);
    undo_acceptance(&client, &id).await.problem(409, "already_undone");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_become_of_a_pledge_since_is_not_undone_with_its_acceptance() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    let ids = held(&app, 3).await;
    let ann: Uuid = app.rows.value("SELECT id FROM pledges WHERE sealed_review <> ''").await.parse().unwrap();
    let mistaken = acceptance(&accept(&client, &[ids[0], ids[1], ids[2], ann]).await);
    let removal = removal_id(&remove(&client, &ids[..1]).await);
    let leave = "UPDATE pledges SET state = 'withdrawn', withdrawn_at = now()";
    app.rows.execute(&format!("{leave} WHERE id IN ('{}', '{ann}')", ids[1])).await;
    app.rows.repair_counts().await;
    // Who pledges again isn't who was accepted.
    app.client().pledge(&pledge("ann@example.org")).await;
    let undone = undo_acceptance(&client, &mistaken).await.expect(200);
    assert_eq!((&undone["left"], &undone["acceptance"]["held_again"]), (&json!(0), &json!(1)));
    let state = async |id| app.rows.value(&format!("SELECT state FROM pledges WHERE id = '{id}'")).await;
    assert_eq!([state(ids[0]).await, state(ids[1]).await, state(ids[2]).await], ["removed", "withdrawn", "held"]);
    assert_eq!(app.rows.list("SELECT state FROM pledges WHERE sealed_review <> ''").await, ["counted"]);
    undo(&client, &removal).await.expect(200);
    assert_eq!(state(ids[0]).await, "held", "not counted, as if it had never been accepted");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_accepts_no_more_in_a_day_than_it_may_remove_and_very_many_want_a_fresh_check() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = held(&app, 20).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 6").await;
    remove(&client, &ids[..2]).await.expect(201);
    accept(&client, &ids[2..7]).await.problem(429, "removal_quota_spent");
    let id = acceptance(&accept(&client, &ids[2..6]).await);
    remove(&client, &ids[6..7]).await.problem(429, "removal_quota_spent");
    assert_eq!(total(&client).await, 4);

    app.rows.execute("UPDATE moderators SET removals_per_day = NULL").await;
    app.rows.execute("UPDATE acceptances SET pledges = 10000").await;
    app.rows.execute("UPDATE sessions SET proved_at = now() - interval '11 minutes'").await;
    let more = json!({"ids": [ids[7]], "acceptance": id, "note": "And one"});
    client.post(ACCEPT, &more).await.problem(403, "step_up_required");
    assert_eq!(total(&client).await, 4, "nothing has changed");
    app.rows.execute("UPDATE acceptances SET pledges = 10001").await;
    undo_acceptance(&client, &id).await.problem(403, "step_up_required");
    app.rows.execute("UPDATE sessions SET proved_at = now()").await;
    client.post(ACCEPT, &more).await.expect(200);
    undo_acceptance(&client, &id).await.expect(200);
    assert_eq!(total(&client).await, 0);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// What the look for waves asks for: of the last day, and of each pledge what it is now.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_for_waves_learns_who_is_gone_accepted_or_confirmed() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Organiser).await;
    let old = put(&app, "defend", 2).await;
    for number in 0..6 {
        app.client().pledge(&pledge(&format!("{number}@example.org"))).await.expect(201);
    }
    let ids = app.rows.list("SELECT id FROM pledges ORDER BY id DESC LIMIT 6").await;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
    app.rows.execute("UPDATE pledges SET state = 'held', counted_at = NULL").await;
    accept(&client, &[ids[0], ids[1], old[0], old[1]]).await.expect(200);
    // One that has gone on for days.
    app.rows.execute("UPDATE acceptances SET created_at = now() - interval '3 days'").await;
    remove(&client, &[ids[1], ids[2], old[0]]).await.expect(201);
    app.rows.execute(&format!("UPDATE pledges SET state = 'withdrawn' WHERE id = '{}'", ids[3])).await;
    app.rows.execute(&format!("UPDATE pledges SET confirmed_at = now() WHERE id = '{}'", ids[4])).await;
    let campaign = app.rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
    let mut connection = app.rows.database.open().await.unwrap();
    let gone = store::gone(&mut connection, campaign, Uuid::nil()).await.unwrap();
    assert_eq!(BTreeSet::from_iter(gone), BTreeSet::from([ids[1], ids[2], ids[3]]));
    assert_eq!(store::gone(&mut connection, campaign, ids[2]).await.unwrap().len(), 2, "from the oldest that is known");
    assert_eq!(store::accepted(&mut connection, campaign, Uuid::nil()).await.unwrap(), [ids[0]]);
    let mut confirmed = async |asked| store::confirmed(&mut connection, campaign, Uuid::nil(), asked).await.unwrap();
    let soon = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
    assert_eq!([confirmed(None).await, confirmed(Some(soon)).await], [vec![ids[4]], vec![]]);
    app.stop().await;
}
