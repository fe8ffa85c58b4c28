//! Searches that are kept alive beside what people do: nothing that people undid, accepted or allowed is taken back, the log stays
//! readable, and rules end with the rights of whoever made them.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use pledges::{
    accounts::Role,
    moderation::rules::searches::store::forget,
    pledges::{recount::store::repair_counts, rules::APPLYING},
    totals::fold,
};
use serde_json::{Value, json};

use super::{
    REMOVALS,
    by_search::{PREVIEW, begun, details, remove_found, until as removal_until},
    put, removal_id, remove,
    rules::{RULES, add, pledged, rules, settled, states, until},
    undo,
};
use crate::support::{TestApp, client::Client, eventually};

const ACCEPT: &str = "/v1/moderation/campaigns/defend/acceptances";

async fn first_removal(client: &Client) -> String {
    client.get(REMOVALS).await.expect(200)["removals"][0]["id"].as_str().unwrap().to_owned()
}

/// Every test's database refuses what follows the log (`support/log_last.sql`); this one has all that a rule can do at once.
/// Else an applier and whoever accepts or removes by hand wait for each other, and all who append behind them.
#[tokio::test(flavor = "multi_thread")]
async fn rules_and_the_undo_of_what_they_did_lock_the_log_last() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "remove", &json!({"country": "KE"})).await;
    add(&client, "hold", &json!({"domain": "spam.example"})).await;
    pledged(&app, "KE", &["a@example.org", "b@spam.example"]).await;
    pledged(&app, "DE", &["c@spam.example"]).await;
    until(&app, &["removed", "removed", "held"]).await;
    undo(&client, &first_removal(&client).await).await.expect(200);
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "counted", "held"]);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_undo_has_put_back_no_other_rule_takes() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "remove", &json!({"country": "KE"})).await;
    add(&client, "hold", &json!({"domain": "spam.example"})).await;
    add(&client, "remove", &json!({"domain": "spam.example", "country": "KE"})).await;
    pledged(&app, "KE", &["a@spam.example"]).await;
    until(&app, &["removed"]).await;
    undo(&client, &first_removal(&client).await).await.expect(200);
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted"]);
    // And again when it changes.
    app.rows.execute("UPDATE pledges SET score = 10").await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted"]);
    // Others are taken as before.
    pledged(&app, "KE", &["b@spam.example"]).await;
    until(&app, &["counted", "removed"]).await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// The usual pair: a removal of what is there, and a rule by the same search for what comes.
#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_removal_by_hand_holds_beside_a_rule_by_the_same_search() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "remove", &json!({"country": "KE"})).await;
    // The rule is slower than the moderator.
    let mut slow = app.rows.database.open().await.unwrap();
    slow.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({APPLYING})")).await.unwrap();
    pledged(&app, "KE", &["a@example.org", "b@example.org"]).await;
    let removal = begun(&remove_found(&client, json!({"country": "KE"}), 2).await);
    removal_until(&client, &removal, "done").await;
    assert_eq!(states(&app).await, ["removed", "removed"]);
    undo(&client, &removal).await.expect(200);
    slow.batch_execute("COMMIT").await.unwrap();
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "counted"]);
    assert_eq!(rules(&client).await[0]["hits"], 0);
    assert_eq!(app.differences().await, [""; 0]);
    // What nobody needs any more is forgotten.
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges_put_back").await, 2);
    app.rows.execute("UPDATE pledges_put_back SET until = now()").await;
    forgotten(&app).await;
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges_put_back").await, 0);
    app.stop().await;
}

async fn forgotten(app: &TestApp) {
    eventually("rules that are over are forgotten", async || {
        forget(&mut app.rows.database.open().await.unwrap()).await.unwrap()
    })
    .await;
}

fn pledges_of(entries: &[Value]) -> i64 {
    entries.iter().map(|entry| entry["pledges"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_tells_the_log_once_a_minute_and_at_its_end() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let added = add(&client, "remove", &json!({"country": "KE"})).await;
    let removed = "SELECT count(*) FROM pledges WHERE state = 'removed'";
    for number in 1..=4 {
        pledged(&app, "KE", &[&format!("a{number}@example.org")]).await;
        eventually("it is removed", async || app.rows.number(removed).await == number).await;
    }
    assert_eq!(pledges_of(&details(&app, "rule.remove").await), 1, "the first is told at once");
    app.rows.execute("UPDATE search_rules SET told_at = told_at - interval '2 minutes'").await;
    eventually("the others are told", async || details(&app, "rule.remove").await.len() == 2).await;
    let told = details(&app, "rule.remove").await;
    assert_eq!((pledges_of(&told), &told[1]["change"], &told[1]["reason"]), (4, &json!({"KE": -3}), &json!("bot")));
    pledged(&app, "KE", &["b@example.org"]).await;
    eventually("it is removed", async || app.rows.number(removed).await == 5).await;
    assert_eq!(details(&app, "rule.remove").await.len(), 2);
    let path = format!("{RULES}/{}", added["id"].as_str().unwrap());
    assert_eq!(client.send(client.request(reqwest::Method::DELETE, &path)).await.status, 204);
    assert_eq!(pledges_of(&details(&app, "rule.remove").await), 5);
    // One that ends by itself.
    add(&client, "hold", &json!({"country": "FR"})).await;
    pledged(&app, "FR", &["c@example.org"]).await;
    settled(&app).await;
    pledged(&app, "FR", &["d@example.org"]).await;
    settled(&app).await;
    let past = "created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'";
    app.rows.execute(&format!("UPDATE search_rules SET {past}")).await;
    forgotten(&app).await;
    eventually("it is forgotten", async || app.rows.number("SELECT count(*) FROM search_rules").await == 0).await;
    assert_eq!(pledges_of(&details(&app, "pledge.hold").await), 2);
    app.stop().await;
}

/// Under attack rules write all the time, and that is when counts may need it.
#[tokio::test(flavor = "multi_thread")]
async fn counts_are_repaired_while_rules_have_something_to_do() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "hold", &json!({"country": "KE"})).await;
    settled(&app).await;
    app.rows.execute("UPDATE campaign_totals SET total = total + 1").await;
    // A repair that lasts.
    let mut folds = app.rows.database.open().await.unwrap();
    folds.batch_execute("BEGIN").await.unwrap();
    fold::store::lock(&mut folds).await.unwrap();
    let database = app.rows.database.clone();
    let mut repairs = tokio::task::JoinSet::new();
    repairs.spawn(async move { repair_counts(&mut database.open().await.unwrap()).await.map(|_| ()) });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
    eventually("it waits for whoever folds", async || app.rows.number(waits).await == 1).await;
    pledged(&app, "KE", &["a@example.org"]).await;
    eventually("the rule has something to do", async || {
        app.rows.number("SELECT count(*) FROM search_rule_pledges").await == 1
    })
    .await;
    // Long enough for some looks of whoever applies it.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    folds.batch_execute("COMMIT").await.unwrap();
    repairs.join_next().await.unwrap().unwrap().expect("nothing was written into the log meanwhile");
    until(&app, &["held"]).await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_or_an_acceptance_by_a_name_is_on_record_like_a_search() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let added = add(&client, "hold", &json!({"name": "Zqxname Doe", "country": "KE"})).await;
    let looks = details(&app, "pledge.search_name").await;
    assert_eq!((looks.len(), &looks[0]["rule"]), (1, &added["id"]));
    assert!(looks[0]["session"].is_string());
    let told = details(&app, "rule.add").await;
    assert_eq!((&told[0]["search"], &told[0]["days"]), (&json!({"country": "KE", "name": true}), &json!(30)));
    assert!(told[0]["expires_at"].is_string());
    let accept = |search: Value, expected: i64| json!({"search": search, "expected": expected, "note": "A school"});
    let by_name = json!({"name": "Zqxname Doe"});
    client.post(ACCEPT, &accept(by_name.clone(), 0)).await.expect(200);
    client.post(ACCEPT, &accept(by_name, 5_000)).await.problem(409, "preview_outdated");
    client.post(ACCEPT, &accept(json!({"country": "KE"}), 0)).await.expect(200);
    let looks = details(&app, "pledge.search_name").await;
    assert_eq!((looks.len(), &looks[1]["found"], &looks[2]["found"]), (3, &json!(0), &json!(0)));
    let log = app.rows.list("SELECT details::text FROM audit_log").await.join("\n");
    assert!(!log.to_lowercase().contains("zqx"), "{log}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_ends_with_the_rights_of_whoever_made_it() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    let loses = app.signed_in(Role::Moderator).await;
    let reset = app.signed_in(Role::Moderator).await;
    let keeps = app.signed_in(Role::Moderator).await;
    add(&loses, "remove", &json!({"country": "KE"})).await;
    let lost = app.rows.value("(SELECT made_by::text FROM search_rules)").await;
    let of_reset = add(&reset, "hold", &json!({"country": "KE"})).await["id"].as_str().unwrap().to_owned();
    add(&keeps, "hold", &json!({"country": "DE"})).await;
    app.rows.execute(&format!("DELETE FROM moderator_campaigns WHERE moderator_id = '{lost}'")).await;
    let account = app.rows.value(&format!("(SELECT made_by::text FROM search_rules WHERE id = '{of_reset}')")).await;
    admin.post(&format!("/v1/admin/accounts/{account}/reset"), &Value::Null).await.expect(201);
    pledged(&app, "KE", &["a@example.org"]).await;
    pledged(&app, "DE", &["b@example.org"]).await;
    until(&app, &["counted", "held"]).await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "held"]);
    // And nothing of it comes back with the account.
    forgotten(&app).await;
    let left = rules(&admin).await;
    assert_eq!((left.len(), &left[0]["search"]), (1, &json!({"country": "DE"})));
    let on_record = details(&app, "rule.delete").await;
    assert_eq!(on_record.iter().map(|entry| entry["why"].as_str().unwrap()).collect::<Vec<_>>(), ["account"; 2]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_allow_let_go_stays_where_a_rule_looks_at_scores_alone() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "remove", &json!({"score_from": 50})).await;
    pledged(&app, "DE", &["a@example.org", "b@example.org"]).await;
    settled(&app).await;
    let allowed =
        "signals = CASE WHEN id = (SELECT min(id::text)::uuid FROM pledges) THEN signals | 262144 ELSE signals END";
    app.rows.execute(&format!("UPDATE pledges SET score = 60, {allowed}")).await;
    until(&app, &["counted", "removed"]).await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "removed"]);
    // Who names a country means those too.
    add(&client, "remove", &json!({"score_from": 50, "country": "FR"})).await;
    pledged(&app, "FR", &["c@example.org"]).await;
    settled(&app).await;
    app.rows.execute("UPDATE pledges SET score = 60, signals = signals | 262144 WHERE country = 'FR'").await;
    until(&app, &["counted", "removed", "removed"]).await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_a_search_leaves_what_was_accepted_unless_it_asks_for_it() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 6).await;
    app.rows
        .execute("UPDATE pledges SET signals = 536870912 WHERE id IN (SELECT id FROM pledges ORDER BY id LIMIT 2)")
        .await;
    app.searched().await;
    assert_eq!(client.post(PREVIEW, &json!({"state": "counted"})).await.expect(200)["pledges"], 4);
    let removal = begun(&remove_found(&client, json!({"state": "counted"}), 4).await);
    assert_eq!(removal_until(&client, &removal, "done").await["pledges"], 4);
    let accepted = json!({"signals": ["accepted"]});
    assert_eq!(client.post(PREVIEW, &accepted).await.expect(200)["pledges"], 2);
    let removal = begun(&remove_found(&client, accepted, 2).await);
    assert_eq!(removal_until(&client, &removal, "done").await["pledges"], 2);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// Whoever sends bots that fit must not keep the moderator from removing by hand.
#[tokio::test(flavor = "multi_thread")]
async fn rules_leave_half_of_what_an_account_may_remove_to_the_person() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 3).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 4").await;
    let ruled = "SELECT state FROM pledges WHERE country = 'MC' ORDER BY id";
    add(&client, "remove", &json!({"country": "MC"})).await;
    for (email, expected) in [("a@example.org", "removed"), ("b@example.org", "removed"), ("c@example.org", "held")] {
        pledged(&app, "MC", &[email]).await;
        eventually("the rule has decided", async || {
            app.rows.list(ruled).await.last().is_some_and(|state| state == expected)
        })
        .await;
    }
    removal_id(&remove(&client, &ids[..2]).await);
    remove(&client, &ids[2..]).await.problem(429, "removal_quota_spent");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
