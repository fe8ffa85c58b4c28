//! Searches that are kept alive: what comes and fits is held or removed within seconds, exactly that, and it can be undone.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{REMOVALS, TOTALS, by_search::details, look_up, undo};
use crate::support::{
    TestApp,
    client::{Client, pledge},
    eventually,
};

pub const RULES: &str = "/v1/moderation/campaigns/defend/rules";

fn rule(kind: &str, search: &Value) -> Value {
    json!({"kind": kind, "search": search, "reason": "bot", "note": "A wave"})
}

pub async fn add(client: &Client, kind: &str, search: &Value) -> Value {
    client.post(RULES, &rule(kind, search)).await.expect(201)
}

/// The rules of the campaign, as they stand now.
pub async fn rules(client: &Client) -> Vec<Value> {
    client.get(RULES).await.expect(200)["rules"].as_array().unwrap().clone()
}

fn from(country: &str, email: &str) -> Value {
    let mut body = pledge(email);
    body["country"] = json!(country);
    body
}

pub async fn pledged(app: &TestApp, country: &str, emails: &[&str]) {
    for email in emails {
        app.client().pledge(&from(country, email)).await.expect(201);
    }
}

pub async fn states(app: &TestApp) -> Vec<String> {
    app.rows.list("SELECT state FROM pledges ORDER BY id").await
}

pub async fn until(app: &TestApp, expected: &[&str]) {
    eventually(&format!("the pledges are {expected:?}"), async || states(app).await == expected).await;
}

/// Nothing is left that rules could still be held against.
pub async fn settled(app: &TestApp) {
    app.searched().await;
    eventually("rules have been applied", async || {
        app.rows
            .number("SELECT (SELECT count(*) FROM search_changes) + (SELECT count(*) FROM search_rule_pledges)")
            .await
            == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_and_comes_later_is_removed_as_one_removal_of_the_day_and_undo_ends_the_rule() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    pledged(&app, "KE", &["before@example.org"]).await;
    settled(&app).await;
    let added = add(&client, "remove", &json!({"country": "KE", "state": "counted"})).await;
    assert_eq!(
        (&added["kind"], &added["subject"], &added["reason"]),
        (&json!("remove"), &json!("search"), &json!("bot"))
    );
    assert_eq!(added["search"], json!({"country": "KE", "state": "counted"}));
    pledged(&app, "KE", &["one@example.org"]).await;
    until(&app, &["counted", "removed"]).await;
    pledged(&app, "DE", &["other@example.org"]).await;
    pledged(&app, "KE", &["two@example.org"]).await;
    until(&app, &["counted", "removed", "counted", "removed"]).await;
    settled(&app).await;
    let listed = client.get(REMOVALS).await.expect(200)["removals"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1, "one for all of the day");
    let removal = &listed[0];
    assert_eq!((&removal["rule"], &removal["pledges"], &removal["state"]), (&added["id"], &json!(2), &json!("done")));
    assert_eq!(removal["moderator"], client.get("/v1/auth/me").await.json()["login"]);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 2);
    assert_eq!(app.differences().await, [""; 0]);
    assert_eq!(rules(&client).await[0]["hits"], 2);
    // Undone: just those are back, and stay.
    undo(&client, removal["id"].as_str().unwrap()).await.expect(200);
    assert!(rules(&client).await.is_empty());
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted"; 4]);
    assert_eq!(details(&app, "rule.delete").await[0]["undone"], removal["id"]);
    let counted =
        details(&app, "rule.remove").await.iter().map(|entry| entry["pledges"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(counted, 2, "each is on record");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_takes_what_counts_out_of_the_totals_and_what_was_accepted_stays() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    add(&client, "hold", &json!({"domain": "spam.example"})).await;
    pledged(&app, "DE", &["a@spam.example", "b@example.org"]).await;
    until(&app, &["held", "counted"]).await;
    settled(&app).await;
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 1);
    assert_eq!(app.differences().await, [""; 0]);
    let found = look_up(&client, "a@spam.example").await;
    assert_eq!(found[0]["signals"], json!(["blocked"]));
    let accept = json!({"ids": [found[0]["id"]], "note": "A school"});
    client.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "counted"]);
    assert_eq!(rules(&client).await[0]["hits"], 1);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// Who may remove one more removes one more; the others wait.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_may_not_remove_any_more_is_held() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 1").await;
    add(&client, "remove", &json!({"country": "KE"})).await;
    pledged(&app, "KE", &["a@example.org"]).await;
    until(&app, &["removed"]).await;
    pledged(&app, "KE", &["b@example.org"]).await;
    until(&app, &["removed", "held"]).await;
    assert_eq!(
        app.rows.number("SELECT sum(pledges)::bigint FROM removal_counts").await,
        1,
        "what failed costs nothing"
    );
    assert_eq!(rules(&client).await[0]["hits"], 2);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// A score that rises is a change: the rule is held against it, if the pledge came after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_that_changes_is_looked_at_again_one_from_before_the_rule_never() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    pledged(&app, "DE", &["before@example.org"]).await;
    settled(&app).await;
    add(&client, "remove", &json!({"score_from": 50})).await;
    pledged(&app, "DE", &["after@example.org"]).await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "counted"]);
    app.rows.execute("UPDATE pledges SET score = 60").await;
    until(&app, &["counted", "removed"]).await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_ended_or_whose_account_is_closed_takes_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let admin = app.signed_in(Role::Admin).await;
    let first = add(&client, "remove", &json!({"country": "KE"})).await;
    let path = format!("{RULES}/{}", first["id"].as_str().unwrap());
    assert_eq!(client.send(client.request(Method::DELETE, &path)).await.status, 204);
    client.send(client.request(Method::DELETE, &path)).await.problem(404, "not_found");
    pledged(&app, "KE", &["a@example.org"]).await;
    settled(&app).await;
    let second = add(&client, "remove", &json!({"country": "KE"})).await;
    let maker = format!("SELECT made_by FROM search_rules WHERE id = '{}'", second["id"].as_str().unwrap());
    app.rows.execute(&format!("UPDATE moderators SET disabled_at = now() WHERE id = ({maker})")).await;
    pledged(&app, "KE", &["b@example.org"]).await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["counted", "counted"]);
    let past = "created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'";
    app.rows.execute(&format!("UPDATE search_rules SET {past}")).await;
    assert!(rules(&admin).await.is_empty());
    app.stop().await;
}

/// One list, oldest first.
#[tokio::test(flavor = "multi_thread")]
async fn people_see_one_list_and_nobody_else_reads_a_word_of_it() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let block = json!({"kind": "block", "subject": "domain", "value": "spam.example", "note": "Because"});
    client.post(RULES, &block).await.expect(201);
    let mut new = rule("hold", &json!({"name": "Zqxname Doe", "domain": "zqxdomain.example"}));
    new["note"] = json!("Zqxnote");
    new["days"] = json!(3);
    client.post(RULES, &new).await.expect(201);
    let listed = rules(&client).await;
    let kinds: Vec<&Value> = listed.iter().map(|rule| &rule["kind"]).collect();
    assert_eq!(kinds, ["block", "hold"]);
    assert_eq!((&listed[1]["search"], &listed[1]["note"]), (&new["search"], &new["note"]));
    let days = "SELECT extract(epoch FROM expires_at - created_at)::int / 86400 FROM search_rules";
    assert_eq!(app.rows.list(days).await, ["3"]);
    for table in ["search_rules", "audit_log"] {
        let all = app.rows.list(&format!("SELECT {table}::text FROM {table}")).await.join("\n");
        assert!(!all.to_lowercase().contains("zqx"), "{table}: {all}");
        let hexed = format!("SELECT count(*) FROM {table} WHERE {table}::text LIKE '%' || encode('zqx', 'hex') || '%'");
        assert_eq!(app.rows.number(&hexed).await, 0, "{table}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_is_told() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let removal = Uuid::now_v7();
    for (search, pointer, code) in [
        (json!({}), "/search", "required"),
        (json!({"state": "held"}), "/search", "required"),
        (json!({"score_from": 0}), "/search", "required"),
        (json!({"country": "KE", "state": "removed"}), "/search/state", "not_allowed"),
        (json!({"country": "KE", "removal": removal}), "/search/removal", "not_allowed"),
        (json!({"country": "KE", "to": "2027-01-01T00:00:00Z"}), "/search/to", "not_allowed"),
        // What comes is on no wall yet.
        (json!({"country": "KE", "text": "cheap watches"}), "/search/text", "not_allowed"),
        (json!({"name": ""}), "/search/name", "required"),
        (json!({"name": "Jane Doe", "name_tag": "00c5f16d0e7c3a9b"}), "/search/name_tag", "not_allowed"),
    ] {
        client.post(RULES, &rule("hold", &search)).await.fields(&[(pointer, code)]);
    }
    let with = |field: &str, value: Value| {
        let mut body = rule("remove", &json!({"country": "KE"}));
        body[field] = value;
        body
    };
    for (body, pointer, code) in [
        (with("days", json!(31)), "/days", "out_of_range"),
        (with("subject", json!("domain")), "/subject", "not_allowed"),
        (with("value", json!("spam.example")), "/value", "not_allowed"),
        (json!({"kind": "hold", "reason": "bot", "note": "A wave"}), "/search", "required"),
        (json!({"kind": "hold", "search": {"country": "KE"}, "note": "A wave"}), "/reason", "required"),
        (json!({"kind": "block", "value": "spam.example", "note": "A wave"}), "/subject", "required"),
        (json!({"kind": "block", "subject": "domain", "note": "A wave"}), "/value", "required"),
        (with("kind", json!("allow")), "/search", "not_allowed"),
    ] {
        client.post(RULES, &body).await.fields(&[(pointer, code)]);
    }
    // Fifty, and no more.
    app.rows
        .execute(
            "INSERT INTO search_rules (id, campaign_id, effect, reason, sealed, made_by, created_at, expires_at) \
             SELECT gen_random_uuid(), campaigns.id, 'hold', 'bot', '', moderators.id, now(), now() + interval '1 hour' \
             FROM campaigns, moderators, generate_series(1, 50) WHERE slug = 'defend'",
        )
        .await;
    client.post(RULES, &rule("hold", &json!({"country": "KE"}))).await.problem(409, "too_many_rules");
    app.stop().await;
}
