//! What moderators block is held, and answered like any other; what they allow isn't held.

use std::collections::BTreeMap;

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{face, held::odd};
use crate::{
    moderation::by_search::details,
    partners::partner,
    support::{
        TestApp,
        client::{Answer, Client, pledge},
        eventually,
    },
};

const RULES: &str = "/v1/moderation/campaigns/defend/rules";

pub fn rule(kind: &str, subject: &str, value: &str) -> Value {
    json!({"kind": kind, "subject": subject, "value": value, "note": "Because"})
}

/// Adds a rule, known to the service when this returns.
pub async fn add(app: &TestApp, moderator: &Client, rule: &Value) -> Value {
    let added = moderator.post(RULES, rule).await.expect(201);
    app.service.handles.rules.renew().await.unwrap();
    added
}

async fn delete(app: &TestApp, moderator: &Client, id: &Value) -> Answer {
    let path = format!("{RULES}/{}", id.as_str().unwrap());
    let deleted = moderator.send(moderator.request(Method::DELETE, &path)).await;
    app.service.handles.rules.renew().await.unwrap();
    deleted
}

/// State and signals of each pledge, in the order in which they came.
async fn states(app: &TestApp, moderator: &Client) -> Vec<(String, Vec<String>)> {
    let listed = moderator.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut states: Vec<_> = listed["pledges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (text(&each["state"]), each["signals"].as_array().unwrap().iter().map(text).collect()))
        .collect();
    states.reverse();
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, i64::try_from(states.len()).unwrap());
    states
}

fn state(state: &str, signals: &[&str]) -> (String, Vec<String>) {
    (state.to_owned(), signals.iter().map(|signal| (*signal).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_domain_is_held_an_allowed_one_is_not_and_a_block_goes_first() {
    let app = TestApp::start().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    let plain = face(&client.pledge(&pledge("a@example.org")).await);
    let block = add(&app, &moderator, &rule("block", "domain", "Spam.example")).await;
    assert_eq!((&block["value"], &block["kind"], &block["hits"]), (&json!("spam.example"), &json!("block"), &json!(0)));
    add(&app, &moderator, &rule("allow", "domain", "school.example")).await;
    for email in ["a@spam.example", "b@mail.spam.example"] {
        assert_eq!(face(&client.pledge(&pledge(email)).await), plain, "{email}");
    }
    for email in ["a@school.example", "b@notspam.example"] {
        assert_eq!(face(&client.pledge(&odd(email)).await), plain, "{email}");
    }
    let mut expected = vec![
        state("counted", &[]),
        state("held", &["blocked"]),
        state("held", &["blocked"]),
        state("counted", &["honeypot", "gibberish_name", "allowed"]),
        state("held", &["honeypot", "gibberish_name"]),
    ];
    assert_eq!(states(&app, &moderator).await, expected);
    // Blocked and allowed.
    add(&app, &moderator, &rule("block", "name", "*qwer*")).await;
    let both = json!({"name": "My QWERTY", "email": "c@school.example", "country": "DE"});
    assert_eq!(face(&client.pledge(&both).await), plain);
    expected.push(state("held", &["blocked"]));
    let last = states(&app, &moderator).await.pop().unwrap();
    assert_eq!(last.0, "held");
    assert!(last.1.contains(&"blocked".to_owned()) && !last.1.contains(&"allowed".to_owned()), "{last:?}");
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 2);
    // Deleted, with another one in its place: what it held stays held, and what comes counts.
    let path = format!("{RULES}/{}", block["id"].as_str().unwrap());
    assert_eq!(moderator.send(moderator.request(Method::DELETE, &path)).await.status, 204);
    add(&app, &moderator, &rule("block", "domain", "other.example")).await;
    delete(&app, &moderator, &block["id"]).await.problem(404, "not_found");
    client.pledge(&pledge("d@spam.example")).await.expect(201);
    assert_eq!(states(&app, &moderator).await[1].0, "held");
    assert_eq!(states(&app, &moderator).await.pop().unwrap(), state("counted", &[]));
    client.pledge(&pledge("d@other.example")).await.expect(201);
    assert_eq!(states(&app, &moderator).await.pop().unwrap(), state("held", &["blocked"]));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_and_a_partner_are_blocked_by_what_moderators_see_of_them() {
    let app = TestApp::start().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    client.pledge(&pledge("a@example.org")).await.expect(201);
    let listed = moderator.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    let tag = listed["pledges"][0]["source_tag"].as_str().unwrap();
    let added = add(&app, &moderator, &rule("block", "source", &tag.to_uppercase())).await;
    assert_eq!(added["value"], tag);
    let ends = "SELECT (expires_at = date_trunc('day', now(), 'UTC') + interval '1 day')::text FROM gate_rules";
    assert_eq!(app.rows.list(ends).await, ["true"], "with its day, when tags change");
    client.pledge(&pledge("b@example.org")).await.expect(201);
    let site = partner(&app, &[]).await;
    let server = |email: &str| {
        let request = client.request(Method::POST, "/v1/campaigns/defend/pledges").bearer_auth(&site.secret);
        client.send(request.json(&pledge(email)))
    };
    server("c@example.org").await.expect(201);
    add(&app, &moderator, &rule("block", "partner", &site.id.to_string())).await;
    server("d@example.org").await.expect(201);
    let expected =
        [state("counted", &[]), state("held", &["blocked"]), state("counted", &[]), state("held", &["blocked"])];
    assert_eq!(states(&app, &moderator).await, expected);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_in_force_on_every_instance_within_seconds_counts_its_hits_and_ends() {
    let one = TestApp::start().await;
    let two = TestApp::on(one.url.clone(), &[]).await;
    let moderator = one.signed_in(Role::Moderator).await;
    let id = moderator.post(RULES, &rule("block", "domain", "spam.example")).await.expect(201)["id"].clone();
    let mut number = 0;
    let mut pledged = async |app: &TestApp| {
        number += 1;
        app.client().pledge(&pledge(&format!("p{number}@spam.example"))).await.expect(201);
        app.rows.value("SELECT state FROM pledges ORDER BY id DESC LIMIT 1").await
    };
    for app in [&one, &two] {
        let began = std::time::Instant::now();
        eventually("it holds", async || pledged(app).await == "held").await;
        assert!(began.elapsed().as_secs() < 5);
    }
    let held = one.rows.number("SELECT count(*) FROM pledges WHERE state = 'held'").await;
    eventually("hits are written down", async || {
        let listed = moderator.get(RULES).await.expect(200);
        let rule = &listed["rules"][0];
        rule["hits"] == held && rule["last_hit_at"].is_string()
    })
    .await;
    let days = "SELECT extract(epoch FROM expires_at - created_at)::int / 86400 FROM gate_rules";
    assert_eq!(one.rows.list(days).await, ["30"]);
    // It ends by itself.
    let past = "created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'";
    one.rows.execute(&format!("UPDATE gate_rules SET {past}")).await;
    for app in [&one, &two] {
        eventually("it is over", async || pledged(app).await == "counted").await;
    }
    assert_eq!(moderator.get(RULES).await.expect(200), json!({"rules": []}));
    delete(&one, &moderator, &id).await.problem(404, "not_found");
    two.stop().await;
    one.stop().await;
}

/// An allow is an open door: it doesn't outlive the rights of whoever opened it. What holds stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_allow_asks_for_a_fresh_proof_and_goes_with_the_rights_of_whoever_made_it() {
    let app = TestApp::start().await;
    let (client, stale) = (app.client(), app.signed_in(Role::Moderator).await);
    app.rows.execute("UPDATE sessions SET proved_at = now() - interval '11 minutes'").await;
    stale.post(RULES, &rule("allow", "domain", "school.example")).await.problem(403, "step_up_required");
    add(&app, &stale, &rule("block", "domain", "spam.example")).await;
    let admin = app.signed_in(Role::Admin).await;
    let pledged = async |body: &Value| {
        app.service.handles.rules.renew().await.unwrap();
        client.pledge(body).await.expect(201);
        app.rows.value("SELECT state FROM pledges ORDER BY id DESC LIMIT 1").await
    };
    let listed = async |id: &Value| {
        let rules = admin.get(RULES).await.expect(200)["rules"].as_array().unwrap().clone();
        rules.iter().any(|rule| rule["id"] == *id)
    };
    for way in ["closed", "campaign", "reset"] {
        let maker = app.signed_in(Role::Moderator).await;
        let allow = add(&app, &maker, &rule("allow", "domain", &format!("{way}.example"))).await;
        let block = add(&app, &maker, &rule("block", "domain", &format!("not-{way}.example"))).await;
        let id = allow["id"].as_str().unwrap();
        let account = app.rows.value(&format!("SELECT made_by FROM gate_rules WHERE id = '{id}'")).await;
        assert_eq!(pledged(&odd(&format!("a@{way}.example"))).await, "counted", "{way}");
        let of_account = |sql: &str| format!("{sql} = '{account}'");
        match way {
            "closed" => app.rows.execute(&of_account("UPDATE moderators SET disabled_at = now() WHERE id")).await,
            "campaign" => app.rows.execute(&of_account("DELETE FROM moderator_campaigns WHERE moderator_id")).await,
            _ => drop(admin.post(&format!("/v1/admin/accounts/{account}/reset"), &Value::Null).await.expect(201)),
        }
        assert_eq!(pledged(&odd(&format!("b@{way}.example"))).await, "held", "{way}");
        assert_eq!(pledged(&pledge(&format!("b@not-{way}.example"))).await, "held", "{way}: blocks stay");
        assert_eq!((listed(&allow["id"]).await, listed(&block["id"]).await), (false, true), "{way}");
        if way == "closed" {
            // What the operator made is nobody's.
            app.rows.execute(&format!("UPDATE gate_rules SET made_by = NULL WHERE id = '{id}'")).await;
            assert_eq!(pledged(&odd("c@closed.example")).await, "counted");
            app.rows.execute(&format!("UPDATE gate_rules SET made_by = '{account}' WHERE id = '{id}'")).await;
            assert_eq!(pledged(&odd("d@closed.example")).await, "held");
            app.rows.execute("UPDATE moderators SET disabled_at = NULL").await;
            assert_eq!(pledged(&odd("e@closed.example")).await, "counted", "opened again");
        }
    }
    // For good: it isn't known for ever that an account was reset.
    pledges::pledges::rules::store::forget(&mut app.rows.database.open().await.unwrap()).await.unwrap();
    let left = app.rows.list("SELECT kind || count(*) FROM gate_rules GROUP BY kind ORDER BY kind").await;
    assert_eq!(left, ["allow1", "block4"]);
    let gone = details(&app, "rule.delete").await;
    assert_eq!(gone.iter().map(|entry| entry["why"].as_str().unwrap()).collect::<Vec<_>>(), ["account"; 2]);
    app.stop().await;
}

/// A name that is blocked is somebody's, perhaps.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_says_is_readable_nowhere_but_for_moderators() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let new = json!({"kind": "block", "subject": "name", "value": "zqxname *", "note": "Zqxnote says zqxname"});
    let added = add(&app, &moderator, &new).await;
    delete(&app, &moderator, &added["id"]).await;
    add(&app, &moderator, &new).await;
    let listed = moderator.get(RULES).await.expect(200);
    assert_eq!((&listed["rules"][0]["value"], &listed["rules"][0]["note"]), (&new["value"], &new["note"]));
    for table in ["gate_rules", "audit_log"] {
        let all = app.rows.list(&format!("SELECT {table}::text FROM {table}")).await.join("\n");
        let hexed = "encode('zqx', 'hex')";
        assert!(!all.to_lowercase().contains("zqx"), "{table}: {all}");
        let found = format!("SELECT count(*) FROM {table} WHERE {table}::text LIKE '%' || {hexed} || '%'");
        assert_eq!(app.rows.number(&found).await, 0, "{table}");
    }
    let on_record =
        app.rows.list("SELECT action || ' ' || details FROM audit_log WHERE action LIKE 'rule.%' ORDER BY id");
    let on_record = on_record.await;
    assert_eq!(on_record.len(), 3);
    let id = added["id"].as_str().unwrap();
    let told: Value = serde_json::from_str(on_record[0].strip_prefix("rule.add ").unwrap()).unwrap();
    assert!(told["expires_at"].is_string());
    let ends = &told["expires_at"];
    assert_eq!(told, json!({"kind": "block", "rule": id, "subject": "name", "days": 30, "expires_at": ends}));
    assert_eq!(
        on_record[1],
        format!(r#"rule.delete {{"hits": 0, "kind": "block", "rule": "{id}", "subject": "name"}}"#)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_is_told_field_by_field() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let other = Uuid::now_v7().to_string();
    let wrong: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::from([
        ("domain", vec![("", "required"), ("localhost", "invalid_domain"), ("a b.example", "invalid_domain")]),
        ("source", vec![("12", "invalid_source_tag"), ("xyzzy", "invalid_source_tag")]),
        (
            "name",
            vec![("*a*", "too_short"), ("a*b*c*d*e*f*g*h*i*j", "invalid_pattern"), ("a\u{202e}b", "bidi_override")],
        ),
        ("partner", vec![("x", "unknown_partner"), (&other, "unknown_partner")]),
    ]);
    for (subject, values) in wrong {
        for (value, code) in values {
            moderator.post(RULES, &rule("block", subject, value)).await.fields(&[("/value", code)]);
        }
    }
    let with = |field: &str, value: Value| {
        let mut body = rule("block", "name", "Jane *");
        body[field] = value;
        body
    };
    for (field, value, code) in [
        ("kind", json!("refuse"), "not_allowed"),
        ("subject", json!("country"), "not_allowed"),
        ("note", json!(""), "required"),
        ("days", json!(0), "out_of_range"),
        ("days", json!(367), "out_of_range"),
        ("hits", json!(1), "unknown_field"),
    ] {
        moderator.post(RULES, &with(field, value)).await.fields(&[(&format!("/{field}"), code)]);
    }
    app.rows
        .execute(
            "INSERT INTO gate_rules (id, campaign_id, kind, subject, sealed, expires_at) SELECT gen_random_uuid(), id, 'block', \
               'name', '\\x00', now() + interval '1 day' FROM campaigns, generate_series(1, 500) WHERE slug = 'defend'",
        )
        .await;
    moderator.post(RULES, &rule("block", "name", "Jane *")).await.problem(409, "too_many_rules");
    // What doesn't open is shown, does nothing, and keeps nobody from pledging.
    app.service.handles.rules.renew().await.unwrap();
    assert_eq!(moderator.get(RULES).await.expect(200)["rules"][499]["value"], json!(null));
    app.client().pledge(&pledge("a@example.org")).await.expect(201);
    assert_eq!(states(&app, &moderator).await, [state("counted", &[])]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_one_campaign_are_nobody_elses() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let other = async || app.client().get("/v1/campaigns/other").await.status == 200;
    eventually("the other campaign is known", other).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let added = add(&app, &moderator, &rule("block", "domain", "spam.example")).await;
    let id = added["id"].as_str().unwrap();
    let mut stranger = app.client();
    stranger.login(&app.rows.moderator(Role::Organiser, &["other"]).await).await;
    stranger.get(RULES).await.problem(404, "campaign_not_found");
    stranger.post(RULES, &rule("allow", "domain", "spam.example")).await.problem(404, "campaign_not_found");
    delete(&app, &stranger, &added["id"]).await.problem(404, "campaign_not_found");
    let theirs = format!("/v1/moderation/campaigns/other/rules/{id}");
    stranger.send(stranger.request(Method::DELETE, &theirs)).await.problem(404, "not_found");
    assert_eq!(stranger.get("/v1/moderation/campaigns/other/rules").await.expect(200), json!({"rules": []}));
    let pledged = app.client().post("/v1/campaigns/other/pledges", &pledge("a@spam.example")).await;
    pledged.expect(201);
    assert_eq!(app.rows.value("SELECT state FROM pledges").await, "counted");
    app.stop().await;
}
