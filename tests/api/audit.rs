//! The audit log as a chain: without gaps whoever writes, and whatever is done to it behind the service's back is found.

mod months;
mod roles;
mod tampering;
mod upgrade;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use pledges::{
    accounts::Role,
    audit::{
        Entry,
        store::record,
        verify::{Expected, Verdict, verify},
    },
    db::DbError,
};
use serde_json::{Value, json};

use crate::{
    moderation::REMOVALS,
    support::{TestApp, client::pledge, program, rows::Rows},
};

/// Appends an entry of the operator's.
async fn append(rows: &Rows, number: usize) {
    let mut connection = rows.database.open().await.unwrap();
    let entry = Entry { moderator: None, campaign: None, action: "test.append", details: json!({ "entry": number }) };
    record(&mut connection, entry).await.unwrap();
}

/// What the check says.
async fn verdict(rows: &Rows, expected: &[Expected]) -> Verdict {
    verify(&mut rows.database.open_direct().await.unwrap(), false, expected).await.unwrap()
}

async fn is_well(rows: &Rows) -> Verdict {
    let verdict = verdict(rows, &[]).await;
    assert_eq!(verdict.wrong, None);
    verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_at_once_makes_one_chain_without_gaps() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Admin, &[]).await;
    join_all((0..64).map(async |number| match number % 2 {
        0 => append(&app.rows, number).await,
        _ => app.client().login(&login).await,
    }))
    .await;
    let entries = app.rows.number("SELECT count(*) FROM audit_log").await;
    assert!(entries >= 64);
    let verdict = is_well(&app.rows).await;
    assert_eq!((verdict.checked, verdict.number), (entries, entries));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_is_rolled_back_leaves_no_gap() {
    let app = TestApp::start().await;
    append(&app.rows, 1).await;
    let before = is_well(&app.rows).await;
    let mut connection = app.rows.database.open().await.unwrap();
    let undone: Result<(), DbError> = connection
        .transaction(async |connection| {
            let entry = Entry { moderator: None, campaign: None, action: "test.undone", details: json!({}) };
            record(connection, entry).await?;
            Err(DbError::NotFound)
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(is_well(&app.rows).await, before);
    append(&app.rows, 2).await;
    assert_eq!(is_well(&app.rows).await.number, before.number + 1);
    app.stop().await;
}

/// Who has the end of the log must wait for nobody, or two wait for each other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_appends_has_locked_the_account_before_the_end_of_the_log() {
    let app = TestApp::start().await;
    let login = app.rows.moderator(Role::Moderator, &["defend"]).await;
    let account = app.rows.value(&format!("SELECT id FROM moderators WHERE login = '{login}'")).await;
    let mut holds = app.rows.database.open().await.unwrap();
    holds.batch_execute(&format!("BEGIN; SELECT FROM moderators WHERE id = '{account}' FOR UPDATE")).await.unwrap();
    let database = app.rows.database.clone();
    let moderator = Some(account.parse().unwrap());
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move {
        let mut connection = database.open().await.unwrap();
        let entry = Entry { moderator, campaign: None, action: "test.waits", details: json!({}) };
        record(&mut connection, entry).await
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    crate::support::eventually("it waits for the account", async || app.rows.number(waits).await == 1).await;
    // The one that is waited for appends too.
    let entry = Entry { moderator, campaign: None, action: "test.first", details: json!({}) };
    record(&mut holds, entry).await.unwrap();
    holds.batch_execute("COMMIT").await.unwrap();
    waiting.join_next().await.unwrap().unwrap().unwrap();
    let actions = "SELECT action FROM audit_log WHERE action LIKE 'test.%' ORDER BY number";
    assert_eq!(app.rows.list(actions).await, ["test.first", "test.waits"]);
    is_well(&app.rows).await;
    app.stop().await;
}

/// All databases of the tests are like that: see `support/log_last.sql`.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_behind_an_entry_in_its_transaction() {
    let app = TestApp::start().await;
    let mut connection = app.rows.database.open().await.unwrap();
    let entry = Entry { moderator: None, campaign: None, action: "test.first", details: json!({}) };
    let behind: Result<(), DbError> = connection
        .transaction(async |connection| {
            record(connection, entry).await?;
            Ok(connection.batch_execute("UPDATE campaigns SET state = state").await?)
        })
        .await;
    assert!(behind.is_err(), "or the rest says nothing");
    // Nor behind one that was written in a savepoint.
    let entry = Entry { moderator: None, campaign: None, action: "test.second", details: json!({}) };
    let behind: Result<(), DbError> = connection
        .transaction(async |connection| {
            connection.transaction(async |connection| record(connection, entry).await).await?;
            Ok(connection.batch_execute("UPDATE campaigns SET state = state").await?)
        })
        .await;
    assert!(behind.is_err());
    let admin = app.signed_in(Role::Admin).await;
    app.client().pledge(&pledge("ann@example.org")).await.expect(201);
    let order = json!({"ids": [app.rows.value("SELECT id FROM pledges").await], "reason": "test", "note": "A test"});
    let removal = admin.post(REMOVALS, &order).await.expect(201)["removal"]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("{REMOVALS}/{removal}/undo"), &json!({"note": "A person"})).await.expect(200);
    app.rows.execute("UPDATE campaign_totals SET total = total + 1").await;
    app.rows.repair_counts().await;
    admin.post("/v1/auth/logout", &Value::Null).await.expect(204);
    is_well(&app.rows).await;
    app.stop().await;
}

/// The database computes the hashes, and the service computes them by other code.
#[tokio::test(flavor = "multi_thread")]
async fn odd_details_are_hashed_alike_on_both_sides() {
    let app = TestApp::start().await;
    let odd = [
        json!({}),
        json!({"b": 1, "a": [1.50, 1e30, -0.0, null, true], "ключ": "значение \u{1f600}", "": "\"\\\n\t\u{1}"}),
        json!([[], {}, "\u{2028}"]),
        json!("only a text"),
    ];
    for details in odd {
        let mut connection = app.rows.database.open().await.unwrap();
        record(&mut connection, Entry { moderator: None, campaign: None, action: "test.odd", details }).await.unwrap();
    }
    is_well(&app.rows).await;
    app.stop().await;
}

/// What a program that knows nothing of the service computes from an export.
fn recomputed(lines: &str) -> (bool, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/recompute.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading all.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn others_compute_the_chain_from_an_export() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    for number in 0..5 {
        append(&app.rows, number).await;
    }
    let export = admin.get("/v1/admin/audit/export").await;
    assert_eq!((export.status.as_u16(), export.header("content-type")), (200, "application/x-ndjson"));
    // Who read it is the last that is read.
    let last: Value = serde_json::from_str(export.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["action"], &last["details"]), (&json!("audit.export"), &json!("{\"after\": 0}")));
    assert!(last["moderator"].is_string());
    let note = is_well(&app.rows).await.note();
    assert_eq!(recomputed(&export.text()), (true, note.clone()));
    let rest = admin.get("/v1/admin/audit/export?after=3").await.text();
    assert_eq!(
        rest.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].clone()),
        Some(json!(4))
    );
    let after = is_well(&app.rows).await.note();
    assert_ne!(after, note, "that was one more");
    assert_eq!(recomputed(&rest), (true, after));
    assert!(!recomputed(&export.text().replace("test.append", "test.appenD")).0);
    // The command writes the same.
    let written = program::run(program::command_on(&app.url, app.var.path(), &["audit", "export"])).await.expect(0);
    let last = rest.lines().last().unwrap();
    assert_eq!(written.stdout.trim_end(), [export.text().trim_end(), last].join("\n"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_filtered_by_who_what_and_when() {
    let app = TestApp::start().await;
    let admin = app.signed_in(Role::Admin).await;
    append(&app.rows, 1).await;
    let other = app.signed_in(Role::Organiser).await;
    let login = other.get("/v1/auth/me").await.json()["login"].as_str().unwrap().to_owned();
    let found = async |query: &str| {
        let page = admin.get(&format!("/v1/admin/audit?{query}")).await.expect(200);
        page["entries"].as_array().unwrap().clone()
    };
    let by_login = found(&format!("login={login}")).await;
    assert!(!by_login.is_empty() && by_login.iter().all(|entry| entry["login"] == login.as_str()));
    assert_eq!(found("action=test.append").await.len(), 1);
    assert_eq!(found(&format!("action=test.append&login={login}")).await.len(), 0);
    assert_eq!(found("from=2999-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(found("to=2000-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(found("from=2000-01-01T00:00:00Z&to=2999-01-01T00:00:00Z").await, found("").await);
    admin.get("/v1/admin/audit?login=A%00").await.problem(422, "invalid_query");
    app.stop().await;
}
