//! Removals by a search: what it would take out, what it takes out, and what is refused.

use std::collections::BTreeMap;

use pledges::accounts::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PLEDGES, REMOVALS, TOTALS, put, removal_id, remove, rows_of, undo};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually,
};

pub const PREVIEW: &str = "/v1/moderation/campaigns/defend/removals/preview";

/// Pledges of four countries: some held, some awaiting, some removed, some withdrawn, most counted; and right counts. How many can be
/// removed.
pub async fn mixed(app: &TestApp, count: usize) -> i64 {
    put(app, "defend", count).await;
    app.rows
        .execute(
            "UPDATE pledges SET state = CASE WHEN n % 10 = 0 THEN 'held' WHEN n % 10 = 1 THEN 'awaiting' WHEN n % 50 = 2 THEN 'withdrawn' \
               ELSE 'counted' END, counted_at = CASE WHEN n % 10 > 1 THEN counted_at END, withdrawn_at = CASE WHEN n % 50 = 2 THEN now() END \
             FROM (SELECT id AS one, row_number() OVER (ORDER BY id) AS n FROM pledges) AS numbered WHERE id = one",
        )
        .await;
    app.rows.repair_counts().await;
    app.rows.number("SELECT count(*) FROM pledges WHERE state IN ('held', 'awaiting', 'counted')").await
}

pub async fn remove_found(client: &Client, search: Value, expected: i64) -> Answer {
    let order = json!({"search": search, "expected": expected, "reason": "bot", "note": "A wave"});
    client.post(REMOVALS, &order).await
}

/// The id of a removal that has begun.
#[track_caller]
pub fn begun(answer: &Answer) -> String {
    let body = answer.expect(202);
    let id = body["removal"]["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("{REMOVALS}/{id}"));
    assert_eq!(body["already_removed"], json!([]));
    id
}

pub async fn get(client: &Client, removal: &str) -> Value {
    client.get(&format!("{REMOVALS}/{removal}")).await.expect(200)
}

/// Waits until a removal is in this state, and returns it.
pub async fn until(client: &Client, removal: &str, state: &str) -> Value {
    let what = format!("the removal is {state}");
    eventually(&what, async || get(client, removal).await["state"] == state).await;
    get(client, removal).await
}

pub async fn details(app: &TestApp, action: &str) -> Vec<Value> {
    let sql = format!("SELECT details FROM audit_log WHERE action = '{action}' ORDER BY id");
    app.rows.list(&sql).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn sums(lines: &Value, key: &str) -> BTreeMap<String, i64> {
    let line = |line: &Value| (line[key].as_str().unwrap_or("none").to_owned(), line["count"].as_i64().unwrap());
    lines.as_array().unwrap().iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_exactly_what_would_go_and_changes_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    mixed(&app, 300).await;
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "audit_log").await);
    // First while the index knows hardly anything of it.
    for round in 0..2 {
        for (search, condition) in [
            (json!({}), "true"),
            (json!({"country": "DE"}), "country = 'DE'"),
            (json!({"country": "KE", "state": "held", "limit": 7}), "country = 'KE' AND state = 'held'"),
            (
                json!({"language": "en", "from": "2026-10-01T03:00:00Z"}),
                "language = 'en' AND created_at >= '2026-10-01T03:00:00Z'",
            ),
            (json!({"state": "withdrawn"}), "false"),
        ] {
            let preview = client.post(PREVIEW, &search).await.expect(200);
            let what = format!("{search} {round}");
            let fitting = format!("FROM pledges WHERE state IN ('held', 'awaiting', 'counted') AND {condition}");
            let count = app.rows.number(&format!("SELECT count(*) {fitting}")).await;
            assert_eq!(preview["pledges"], count, "{what}");
            for (lines, key, column) in [
                ("states", "state", "state"),
                ("countries", "country", "country"),
                ("partners", "partner", "coalesce(partner_id::text, 'none')"),
                (
                    "hours",
                    "hour",
                    "to_char(date_trunc('hour', created_at, 'UTC') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
                ),
            ] {
                let sql = format!("SELECT {column} || '=' || count(*) {fitting} GROUP BY {column}");
                let expected = app.rows.list(&sql).await;
                let expected = expected.iter().map(|line| line.split_once('=').unwrap());
                let expected: BTreeMap<_, i64> =
                    expected.map(|(key, count)| (key.to_owned(), count.parse().unwrap())).collect();
                assert_eq!(sums(&preview[lines], key), expected, "{what} {lines}");
            }
            let sample = preview["sample"].as_array().unwrap();
            assert_eq!(sample.len(), usize::try_from(count.min(20)).unwrap(), "{what}");
            let fits = app.rows.list(&format!("SELECT id {fitting}")).await;
            assert!(sample.iter().all(|pledge| fits.contains(&pledge["id"].as_str().unwrap().to_owned())), "{what}");
        }
        if round == 0 {
            app.searched().await;
        }
    }
    assert_eq!((rows_of(&app, "pledges").await, rows_of(&app, "audit_log").await), before);
    client.post(PREVIEW, &json!({"name": "Amina Okafor"})).await.expect(200);
    assert_eq!(details(&app, "pledge.search_name").await.len(), 1, "that a name was looked for is on record");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_fits_goes_in_the_background_and_undo_puts_the_same_rows_back() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let removable = mixed(&app, 3_000).await;
    let ids: Vec<Uuid> = app
        .rows
        .list("SELECT id FROM pledges WHERE state = 'counted' AND country = 'DE' LIMIT 5")
        .await
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    let before_that = rows_of(&app, "pledges").await;
    let earlier = removal_id(&remove(&client, &ids).await);
    app.searched().await;
    let (before, exact) = (rows_of(&app, "pledges").await, client.get(TOTALS).await.json());
    let answer = remove_found(&client, json!({}), removable - 5).await;
    let removal = begun(&answer);
    let done = until(&client, &removal, "done").await;
    assert_eq!((&done["pledges"], &done["expected"]), (&json!(removable - 5), &json!(removable - 5)));
    assert_eq!(
        (&done["put_back"], &done["undone_at"], &done["paused_because"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(client.get(TOTALS).await.json()["total"], 0);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state NOT IN ('removed', 'withdrawn')").await, 0);
    assert_eq!(get(&client, &earlier).await["pledges"], 5, "what was removed before stays with its removal");
    assert_eq!(app.differences().await, Vec::<String>::new());
    assert_eq!(rows_of(&app, "removal_work").await, Vec::<String>::new(), "the search is forgotten");
    let create = details(&app, "removal.create").await.pop().unwrap();
    assert_eq!((&create["removal"], &create["search"]), (&json!(removal), &json!({})));
    let counted = |exact: &Value| sums(&exact["countries"], "country");
    assert_eq!(create["before"], json!(counted(&exact)));
    let finish = details(&app, "removal.finish").await.pop().unwrap();
    let taken: BTreeMap<_, _> = counted(&exact).into_iter().map(|(country, count)| (country, -count)).collect();
    assert_eq!((&finish["change"], &finish["after"]), (&json!(taken), &json!({})));
    let answer = undo(&client, &removal).await;
    assert_eq!(answer.expect(202)["state"], "undoing");
    let undone = until(&client, &removal, "undone").await;
    assert_eq!((&undone["put_back"], &undone["undo_note"]), (&json!(removable - 5), &json!("They were people")));
    assert_eq!(rows_of(&app, "pledges").await, before, "the same rows, as they were");
    assert_eq!(client.get(TOTALS).await.json(), exact);
    let undone = details(&app, "removal.undone").await.pop().unwrap();
    assert_eq!((&undone["change"], &undone["after"]), (&json!(counted(&exact)), &json!(counted(&exact))));
    undo(&client, &removal).await.problem(409, "already_undone");
    undo(&client, &earlier).await.expect(200);
    assert_eq!(rows_of(&app, "pledges").await, before_that);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

/// Nothing depends on how far the index of the search is.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_index_does_not_know_or_knows_wrongly_is_taken_all_the_same() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 1_200).await;
    app.searched().await;
    // Nobody fills while this transaction has the lock.
    let mut filler = app.rows.database.open().await.unwrap();
    diesel_async::SimpleAsyncConnection::batch_execute(&mut filler, "SELECT pg_advisory_lock(x'736561726368'::bigint)")
        .await
        .unwrap();
    // Changed so that they fit only now, and not any more; and new ones.
    app.rows.execute("UPDATE pledges SET score = 130 WHERE country = 'FR'").await;
    app.rows.execute("UPDATE pledges SET score = 20 WHERE country = 'KE' AND language = 'en'").await;
    for number in 0..30 {
        app.client().pledge(&pledge(&format!("{number}@example.org"))).await.expect(201);
    }
    app.rows
        .execute("UPDATE pledges SET score = 200 WHERE country = 'DE' AND created_at > now() - interval '1 hour'")
        .await;
    let fitting = app.rows.list("SELECT id FROM pledges WHERE score >= 100 ORDER BY id").await;
    assert_eq!(fitting.len(), 330);
    assert_eq!(client.post(PREVIEW, &json!({"score_from": 100})).await.expect(200)["pledges"], 330);
    let removal = begun(&remove_found(&client, json!({"score_from": 100}), 330).await);
    until(&client, &removal, "done").await;
    assert_eq!(app.rows.list("SELECT id FROM pledges WHERE state = 'removed' ORDER BY id").await, fitting);
    drop(filler);
    app.searched().await;
    assert_eq!(client.get(&format!("{PLEDGES}?removal={removal}&limit=1")).await.json()["total"], 330);
    app.stop().await;
}

/// Each takes out just what the list finds.
#[tokio::test(flavor = "multi_thread")]
async fn every_filter_takes_what_the_list_of_it_shows() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Admin).await;
    mixed(&app, 400).await;
    let partner = Uuid::now_v7();
    app.rows
        .execute(&format!(
            "UPDATE pledges SET signals = CASE n % 3 WHEN 0 THEN 0 WHEN 1 THEN 2 + 4 ELSE 4 END, source_tag = 40 + n % 5, score = n % 4 * 50, \
               domain_tag = n % 3, name_tag = n % 11, shape_tag = -1 - n % 2, partner_id = CASE WHEN n % 7 = 0 THEN '{partner}'::uuid END \
             FROM (SELECT id AS one, row_number() OVER (ORDER BY id) AS n FROM pledges) AS numbered WHERE id = one"
        ))
        .await;
    app.rows.repair_counts().await;
    app.searched().await;
    for search in [
        json!({"state": "held", "country": "FR"}),
        json!({"state": "awaiting", "score_from": 60}),
        json!({"partner": partner, "language": "en"}),
        json!({"signals": ["disposable_mailbox"], "country": "DE"}),
        json!({"source_tag": "0000000000000029", "from": "2026-10-01T01:00:00Z", "to": "2026-10-01T05:00:00Z"}),
        json!({"shape_tag": "fffffffffffffffe", "score_from": 101}),
        json!({"state": "counted", "country": "ZZ"}),
    ] {
        let preview = client.post(PREVIEW, &search).await.expect(200);
        let mut listing = search.clone();
        listing["limit"] = json!(200);
        let listed = client.post(&format!("{PLEDGES}/search"), &listing).await.expect(200);
        let open = |pledge: &&Value| ["awaiting", "held", "counted"].contains(&pledge["state"].as_str().unwrap());
        let listed = listed["pledges"].as_array().unwrap().iter().filter(open);
        let mut expected: Vec<String> = listed.map(|pledge| pledge["id"].as_str().unwrap().to_owned()).collect();
        expected.sort();
        assert!(!expected.is_empty(), "{search}");
        assert_eq!(preview["pledges"], expected.len(), "{search}");
        let count = i64::try_from(expected.len()).unwrap();
        let removal = begun(&remove_found(&client, search.clone(), count).await);
        until(&client, &removal, "done").await;
        let taken =
            app.rows.list(&format!("SELECT id FROM pledges WHERE removal_id = '{removal}' ORDER BY id::text")).await;
        assert_eq!(taken, expected, "{search}");
    }
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_right_takes_nothing() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 400).await;
    let before = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    let order = |fields: Value| {
        let mut order = json!({"reason": "bot", "note": "A wave"});
        order.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        order
    };
    let id = Uuid::now_v7();
    for (fields, pointer, code) in [
        (json!({}), "/ids", "required"),
        (json!({"expected": 1}), "/ids", "required"),
        (json!({"search": {}}), "/expected", "required"),
        (json!({"search": {}, "expected": -1}), "/expected", "out_of_range"),
        (json!({"search": {}, "expected": null}), "/expected", "wrong_type"),
        (json!({"search": null, "expected": 1}), "/search", "wrong_type"),
        (json!({"search": [], "expected": 1}), "/search", "wrong_type"),
        (json!({"search": {}, "expected": 1, "ids": [id]}), "/search", "not_allowed"),
        (json!({"ids": [id], "expected": 1}), "/expected", "not_allowed"),
        (json!({"search": {"state": "asleep"}, "expected": 1}), "/search/state", "not_allowed"),
        (json!({"search": {"score_from": 1001}, "expected": 1}), "/search/score_from", "out_of_range"),
        (json!({"search": {"name": "\u{202e}"}, "expected": 1}), "/search/name", "bidi_override"),
        (json!({"search": {"mail": "x"}, "expected": 1}), "/search/mail", "unknown_field"),
    ] {
        client.post(REMOVALS, &order(fields)).await.fields(&[(pointer, code)]);
    }
    // 400 fit: previews of 285 and 532 are too far off.
    for expected in [0, 285, 532] {
        remove_found(&client, json!({}), expected).await.problem(409, "preview_outdated");
    }
    for search in [json!({"country": "NG"}), json!({"state": "removed"}), json!({"state": "withdrawn"})] {
        remove_found(&client, search, 0).await.problem(409, "nothing_to_remove");
    }
    // Very many want a fresh proof of who it is.
    let session = "UPDATE sessions SET proved_at = now() - interval '11 minutes'";
    app.rows.execute(session).await;
    remove_found(&client, json!({}), 10_001).await.problem(403, "step_up_required");
    remove_found(&client, json!({}), 10_000).await.problem(409, "preview_outdated");
    let after = (rows_of(&app, "pledges").await, rows_of(&app, "removals").await, rows_of(&app, "audit_log").await);
    assert_eq!(after, before);
    let done =
        removal_id(&remove(&client, &[app.rows.value("SELECT id FROM pledges LIMIT 1").await.parse().unwrap()]).await);
    for what in ["pause", "resume", "cancel"] {
        let nothing = &Value::Null;
        client.post(&format!("{REMOVALS}/{done}/{what}"), nothing).await.problem(409, "removal_not_under_way");
        client.post(&format!("{REMOVALS}/{id}/{what}"), nothing).await.problem(404, "not_found");
    }
    app.stop().await;
}
