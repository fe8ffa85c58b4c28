//! Moderators at work: what they see of a pledge, and what they don't.

mod acceptances;
mod at_once;
mod audit;
mod background;
pub mod by_search;
mod clusters;
pub mod filler;
mod filters;
mod interrupted;
mod previews;
mod queue;
mod removals;
mod reveal;
pub mod rules;
mod rules_and_people;
mod search;
mod settings;
mod undo;

use chrono::{DateTime, TimeDelta, Utc};
use pledges::{
    accounts::Role,
    pledges::{NewPledge, Seen, store, submission::Consents},
};
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
};

const PLEDGES: &str = "/v1/moderation/campaigns/defend/pledges";
const LOOK_UP: &str = "/v1/moderation/campaigns/defend/pledges/lookup";
pub const REMOVALS: &str = "/v1/moderation/campaigns/defend/removals";
const TOTALS: &str = "/v1/moderation/campaigns/defend/totals";

/// The time at which the pledges of [`put`] begin; one comes a minute.
fn begin() -> DateTime<Utc> {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

fn countries(of: usize) -> &'static str {
    ["DE", "FR", "KE", "ZZ"][of % 4]
}

fn languages(of: usize) -> Option<&'static str> {
    [Some("en"), Some("pt-BR"), None][of % 3]
}

/// Stores so many pledges behind the service's back, one a minute since [`begin`], of all countries and languages.
pub async fn put(app: &TestApp, slug: &str, count: usize) -> Vec<Uuid> {
    let campaign = app.rows.value(&format!("SELECT id FROM campaigns WHERE slug = '{slug}'")).await.parse().unwrap();
    let row = |number: usize| {
        let at = begin() + TimeDelta::minutes(number.try_into().unwrap());
        let pledge = NewPledge {
            id: Uuid::new_v7(Timestamp::from_unix(NoContext, at.timestamp().try_into().unwrap(), 0)),
            campaign,
            country: countries(number).parse().unwrap(),
            partner: None,
            fingerprint: Uuid::new_v4(),
            request_digest: None,
            consents: Consents::default(),
            sealed_review: Vec::new(),
            sealed_record: Vec::new(),
            sealed_for_partner: None,
            language: languages(number).map(str::to_owned),
            source: None,
            awaiting: false,
            mail: None,
            seen: Seen::default(),
            proof: None,
        };
        (pledge, at)
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    let mut connection = app.rows.database.open().await.unwrap();
    store::insert_at(&mut connection, &rows).await.unwrap();
    rows.into_iter().map(|(pledge, _)| pledge.id).collect()
}

/// Removes pledges of the campaign `defend`.
async fn remove(client: &Client, ids: &[Uuid]) -> Answer {
    client.post(REMOVALS, &json!({"ids": ids, "reason": "bot", "note": "A bot wave"})).await
}

pub async fn undo(client: &Client, removal: &str) -> Answer {
    client.post(&format!("{REMOVALS}/{removal}/undo"), &json!({"note": "They were people"})).await
}

/// The id of the removal that an answer tells of.
#[track_caller]
fn removal_id(answer: &Answer) -> String {
    answer.expect(201)["removal"]["id"].as_str().unwrap().to_owned()
}

/// Every row of a table, whole.
async fn rows_of(app: &TestApp, table: &str) -> Vec<String> {
    app.rows.list(&format!("SELECT row_to_json(each)::text FROM {table} AS each ORDER BY 1")).await
}

/// What PostgreSQL says when it refuses a statement.
async fn refusal(app: &TestApp, sql: &str) -> String {
    let mut connection = app.rows.database.open().await.unwrap();
    diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut connection).await.unwrap_err().to_string()
}

/// From now on nothing can be written into this table.
pub async fn refuse_inserts_into(app: &TestApp, table: &str) {
    let function = "CREATE OR REPLACE FUNCTION broken_on_purpose() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'broken on purpose'; END $$";
    app.rows.execute(function).await;
    let trigger = format!(
        "CREATE TRIGGER broken_on_purpose BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION broken_on_purpose()"
    );
    app.rows.execute(&trigger).await;
}

async fn look_up(client: &Client, email: &str) -> Vec<Value> {
    client.post(LOOK_UP, &json!({"email": email})).await.expect(200)["pledges"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_the_message_exactly_and_of_name_and_address_only_the_shape() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let message = "=1+1; <img src=x onerror=alert(1)> \"quoted\" %_'\\ 100%\nمرحبا 👩‍👩‍👧 e\u{301}";
    let mut body = pledge("Amina.Okafor@Example.org");
    body["message"] = json!(message);
    body["language"] = json!("PT-br");
    body["source"] = json!("page-1");
    body["consents"] = json!([{"purpose": "updates", "version": 1}]);
    app.client().pledge(&body).await.expect(201);
    let answer = client.get(PLEDGES).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    for secret in ["Amina", "Okafor", "amina", "mina.Oka"] {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    let page = answer.expect(200);
    let found = &page["pledges"][0];
    let review =
        json!({"name": "A•••• O••••", "email": "A•••@example.org", "message": message.replace("e\u{301}", "é")});
    assert_eq!(found["review"], review);
    assert_eq!(found["consents"], json!({"updates": 1, "partner": null, "public": null}));
    assert_eq!((&found["language"], &found["source"]), (&json!("pt-BR"), &json!("page-1")));
    assert_eq!((&found["state"], &found["country"]), (&json!("counted"), &json!("DE")));
    assert_eq!((&found["counted_at"], &found["removal_id"]), (&found["created_at"], &Value::Null));
    assert_eq!((&page["total"], &page["next_cursor"]), (&json!(1), &Value::Null));
    let hidden: Vec<&String> = found.as_object().unwrap().keys().filter(|key| key.contains("finger")).collect();
    assert!(hidden.is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_copy_opens_in_its_own_row_only() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    for email in ["ann@example.org", "bob@example.org"] {
        app.client().pledge(&pledge(email)).await.expect(201);
    }
    let review = async |email: &str| look_up(&client, email).await[0]["review"].clone();
    assert_eq!(review("ann@example.org").await["email"], "a•••@example.org");
    app.rows
        .execute(
            "UPDATE pledges SET sealed_review = (SELECT sealed_review FROM pledges AS other \
             WHERE other.id <> pledges.id) WHERE id = (SELECT max(id::text)::uuid FROM pledges)",
        )
        .await;
    assert_eq!(review("bob@example.org").await, Value::Null, "Ann's copy opened in Bob's row");
    assert_eq!(review("ann@example.org").await["email"], "a•••@example.org");
    app.rows.execute("UPDATE pledges SET sealed_review = overlay(sealed_review PLACING '\\x00' FROM 40)").await;
    assert_eq!(review("ann@example.org").await, Value::Null, "a damaged copy opened");
    app.rows.execute("UPDATE pledges SET sealed_review = NULL").await;
    assert_eq!(review("ann@example.org").await, Value::Null);
    assert_eq!(client.get(PLEDGES).await.expect(200)["total"], 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_is_found_by_any_spelling_of_its_address() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let client = app.signed_in(Role::Moderator).await;
    let admin = app.signed_in(Role::Admin).await;
    app.client().pledge(&pledge("Ann.Lee+x@GMail.com")).await.expect(201);
    app.client().pledge(&pledge("ann@Bücher.example")).await.expect(201);
    app.client().pledge(&pledge("axb@example.org")).await.expect(201);
    for spelling in ["annlee@googlemail.com", " ANN.LEE@gmail.com ", "a.n.n.l.e.e+y+z@gmail.com"] {
        assert_eq!(look_up(&client, spelling).await[0]["review"]["email"], "A•••@gmail.com", "{spelling}");
    }
    assert_eq!(look_up(&client, "Ann@xn--bcher-kva.example").await.len(), 1);
    // None of these is a pattern.
    for none in ["annlee@gmail.co", "a_b@example.org", "a%@example.org", "%@example.org", "a'--@example.org"] {
        assert_eq!(look_up(&client, none).await, Vec::<Value>::new(), "{none}");
    }
    let elsewhere = "/v1/moderation/campaigns/other/pledges/lookup";
    let found = admin.post(elsewhere, &json!({"email": "annlee@gmail.com"})).await.expect(200);
    assert_eq!(found["pledges"], json!([]), "the pledge of one campaign was found in another");
    for (email, code) in [
        ("", "required"),
        ("ann", "invalid_email"),
        ("ann@localhost", "invalid_email"),
        ("ann@example.org\0", "invalid_email"),
        ("ann@example.org\r\nBcc: x@example.org", "invalid_email"),
    ] {
        client.post(LOOK_UP, &json!({"email": email})).await.fields(&[("/email", code)]);
    }
    client.post(LOOK_UP, &json!({"mail": "x"})).await.fields(&[("/mail", "unknown_field")]);
    client.post(LOOK_UP, &json!({"email": ["x"]})).await.fields(&[("/email", "wrong_type")]);
    let id = look_up(&client, "annlee@gmail.com").await[0]["id"].as_str().unwrap().parse().unwrap();
    removal_id(&remove(&client, &[id]).await);
    assert_eq!(look_up(&client, "annlee@gmail.com").await[0]["state"], "removed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_see_exact_totals() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    assert_eq!(client.get(TOTALS).await.expect(200), json!({"total": 0, "countries": []}));
    put(&app, "defend", 7).await;
    let exact = [("DE", 2), ("FR", 2), ("KE", 2), ("ZZ", 1)];
    let exact: Vec<_> = exact.iter().map(|(country, count)| json!({"country": country, "count": count})).collect();
    // Before and after the deltas are folded.
    for _ in 0..2 {
        let answer = client.get(TOTALS).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.expect(200), json!({"total": 7, "countries": exact}));
        app.publish().await;
    }
    app.stop().await;
}
