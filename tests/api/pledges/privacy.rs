//! What a supporter says about themselves is nowhere in the database in clear.

use std::process::Command;

use pledges::accounts::Role;
use serde_json::json;

use super::{copies, post_with_key};
use crate::support::TestApp;

/// In the name, the address, its domain, the message, the header: each its own word.
const MARKERS: [&str; 5] = ["Zqnamemarker", "zqmailmarker", "zqdomainmarker", "Zqmessagemarker", "zqkeymarker"];

/// Where the pledge came from is kept in clear.
const IN_CLEAR: &str = "zqsourcemarker";

/// Pledges with every marker, sent in every way, once more, and taken out by a moderator; and some that are refused.
async fn pledge_with_markers(app: &TestApp) {
    let [name, mail, domain, message, key] = MARKERS;
    let client = app.client();
    let body = json!({"name": name, "email": format!("{mail}@{domain}.example"), "country": "DE", "message": message,
        "source": IN_CLEAR, "consents": [{"purpose": "updates", "version": 1}, {"purpose": "public", "version": 1}]});
    for _ in 0..2 {
        post_with_key(&client, "defend", key, &body).await.expect(201);
    }
    let email = format!("{mail}.2@{domain}.example");
    let form = [("name", name), ("email", email.as_str()), ("country", "DE"), ("message", message)];
    assert_eq!(client.pledge_form(&form).await.status, 303);
    assert_eq!(client.pledge_form(&form[..3]).await.status, 303);
    let mut refused = body.clone();
    refused["country"] = json!("XX");
    client.pledge(&refused).await.expect(422);
    super::campaign(app, "anonymous", json!({"fields": {"name": "optional", "email": "off", "message": "optional"}}))
        .await;
    let anonymous = json!({"name": name, "country": "DE", "message": message});
    post_with_key(&client, "anonymous", key, &anonymous).await.expect(201);
    let moderator = app.signed_in(Role::Moderator).await;
    let lookup = json!({"email": format!("{mail}@{domain}.example")});
    let found = moderator.post("/v1/moderation/campaigns/defend/pledges/lookup", &lookup).await.expect(200);
    let removal = json!({"ids": [found["pledges"][0]["id"]], "reason": "test", "note": "A trial."});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    // The markers did arrive: they are sealed in the copies.
    let copies = copies(app).await;
    assert_eq!(copies.len(), 3);
    assert!(copies.iter().all(|copy| copy.name.as_deref() == Some(name) && copy.message.as_deref() == Some(message)));
    assert_eq!(copies[0].email.as_deref(), Some(&*format!("z•••@{domain}.example")));
}

fn hex(text: &str) -> String {
    text.bytes().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_any_table_holds_a_name_an_address_or_a_message() {
    let app = TestApp::start().await;
    pledge_with_markers(&app).await;
    let tables = app
        .rows
        .list("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'")
        .await;
    assert!(tables.len() >= 10 && tables.contains(&"pledges".to_owned()), "{tables:?}");
    let mut rows = 0;
    for table in &tables {
        let texts = app.rows.list(&format!("SELECT lower(row::text) FROM {table} AS row")).await;
        rows += texts.len();
        for text in texts {
            for marker in MARKERS {
                let [clear, reversed] = [marker.to_lowercase(), marker.to_lowercase().chars().rev().collect()];
                for secret in [clear.clone(), reversed, hex(marker), hex(&clear)] {
                    assert!(!text.contains(&secret), "{table} holds {marker}: {text}");
                }
            }
        }
    }
    assert!(rows > 10, "{rows} rows were looked at");
    // The fingerprint is keyed: no plain hash of the address.
    for expression in
        ["sha256(convert_to(lower('zqmailmarker@zqdomainmarker.example'), 'UTF8'))", "sha256('zqkeymarker'::bytea)"]
    {
        let found = app.rows.number(&format!("SELECT count(*) FROM pledges WHERE replace(fingerprint::text, '-', '') = encode(substring({expression} FOR 16), 'hex')")).await;
        assert_eq!(found, 0);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_the_database_holds_a_name_an_address_or_a_message() {
    let app = TestApp::start().await;
    pledge_with_markers(&app).await;
    // A commit is in the log that is written ahead, or already in the tables; what the server says stands beside them.
    let data = app.rows.value("SELECT current_setting('data_directory')").await;
    let oid = app.rows.value("SELECT oid FROM pg_database WHERE datname = current_database()").await;
    let places = [format!("{data}/base/{oid}"), format!("{data}/pg_wal"), format!("{data}/log")];
    let grep = |pattern: &str| {
        let places = places.iter().filter(|place| std::path::Path::new(place).exists());
        let found = Command::new("grep").env("LC_ALL", "C").args(["-rlaiF", "--", pattern]).args(places).output();
        String::from_utf8(found.unwrap().stdout).unwrap()
    };
    assert_ne!(grep(IN_CLEAR), "", "the search finds what is kept in clear");
    for marker in MARKERS {
        assert_eq!(grep(marker), "", "{marker} is in a file in clear");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_are_sealed_differently_each_time() {
    let app = TestApp::start().await;
    let client = app.client();
    for index in 0..3 {
        client.pledge(&crate::support::client::pledge(&format!("a{index}@example.org"))).await.expect(201);
    }
    assert_eq!(app.rows.number("SELECT count(DISTINCT sealed_review) FROM pledges").await, 3);
    app.stop().await;
}
