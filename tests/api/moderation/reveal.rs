//! Seeing what is masked: a few at a time, with a reason, on record.

use diesel_async::SimpleAsyncConnection;
use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::PLEDGES;
use crate::support::{TestApp, client::pledge};

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_a_few_unmasked_and_it_is_on_record() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    for email in ["ann@example.org", "bob@example.org"] {
        app.client().pledge(&pledge(email)).await.expect(201);
    }
    let listed = client.get(PLEDGES).await.expect(200);
    let name = pledge("x@example.org")["name"].clone();
    let ids: Vec<Value> = listed["pledges"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert!(!listed.to_string().contains(name.as_str().unwrap()), "masked without a reason");
    let reveal = format!("{PLEDGES}/reveal");
    let order = json!({"ids": [ids[1], Uuid::now_v7(), ids[0]], "note": "One name, two addresses"});
    let seen = client.post(&reveal, &order).await.expect(200);
    assert_eq!(
        seen["pledges"],
        json!([
            {"id": ids[1], "name": name, "email": "a•••@example.org", "message": null},
            {"id": ids[0], "name": name, "email": "b•••@example.org", "message": null},
        ])
    );
    let log = app.rows.value("SELECT details FROM audit_log WHERE action = 'pledge.reveal'").await;
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!((&log["note"], &log["pledges"]), (&order["note"], &order["ids"]));
    assert!(!log.to_string().contains(name.as_str().unwrap()));
    // What is gone is left out.
    app.rows.execute("UPDATE pledges SET sealed_review = NULL").await;
    assert_eq!(client.post(&reveal, &order).await.expect(200)["pledges"], json!([]));
    // Nobody is seen unrecorded.
    let mut connection = app.rows.database.open().await.unwrap();
    let refuses = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN RAISE 'canceling statement due to a test'; END $$; \
        CREATE TRIGGER refuse BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse()";
    connection.batch_execute(refuses).await.unwrap();
    client.post(&reveal, &order).await.problem(503, "unavailable");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_without_a_reason_and_not_many_at_once() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let reveal = format!("{PLEDGES}/reveal");
    let many: Vec<Uuid> = (0..101).map(|_| Uuid::now_v7()).collect();
    for (body, field, code) in [
        (json!({"ids": many, "note": "To see"}), "/ids", "too_many"),
        (json!({"ids": [], "note": "To see"}), "/ids", "required"),
        (json!({"ids": many[..1], "note": " "}), "/note", "required"),
        (json!({"ids": many[..1]}), "/note", "required"),
    ] {
        client.post(&reveal, &body).await.fields(&[(field, code)]);
    }
    client.post(&reveal, &json!({"ids": many[..100], "note": "To see"})).await.expect(200);
    assert_eq!(app.rows.number("SELECT count(*) FROM audit_log WHERE action = 'pledge.reveal'").await, 1);
    app.stop().await;
}
