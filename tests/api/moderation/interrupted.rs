//! Removals in the background that are interrupted, or that several instances could work on: nothing is taken twice, nothing left out.

use pledges::accounts::Role;
use serde_json::{Value, json};

use super::{
    REMOVALS, TOTALS,
    background::{slow_down, some_taken},
    by_search::{begun, details, get, mixed, remove_found, until},
    put, rows_of, undo,
};
use crate::support::{TestApp, client::Client, eventually};

/// Ends the transaction that the worker is in, as if its process had been killed.
async fn kill(app: &TestApp) {
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
         AND state = 'active' AND query ~ '^(WITH .*)?UPDATE .?pledges.? SET .?state'";
    eventually("the worker is killed at work", async || app.rows.number(kill).await > 0).await;
}

/// Triggers that execute `at_work()` put `values`, which are seen from inside, into the `columns` of a table of that name.
async fn note_at_work(app: &TestApp, columns: &str, values: &str) {
    app.rows.execute(&format!("CREATE TABLE at_work ({columns})")).await;
    let function = format!(
        "CREATE FUNCTION at_work() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
           $$ BEGIN INSERT INTO at_work {values}; RETURN NULL; END $$"
    );
    app.rows.execute(&function).await;
}

/// What must be true of a removal that is done, and of its log.
async fn assert_whole(app: &TestApp, client: &Client, removal: &str, expected: i64) {
    let of_it = format!("SELECT count(*) FROM pledges WHERE removal_id = '{removal}'");
    assert_eq!(app.rows.number(&of_it).await, expected);
    assert_eq!(get(client, removal).await["pledges"], expected);
    let ends = details(app, "removal.finish").await;
    assert_eq!(ends.len(), 1, "it ended once");
    let change: i64 = ends[0]["change"].as_object().unwrap().values().map(|by| by.as_i64().unwrap()).sum();
    let counted = format!("SELECT count(*) FROM pledges WHERE removal_id = '{removal}' AND state_before = 'counted'");
    assert_eq!(-change, app.rows.number(&counted).await);
    assert_eq!(app.rows.number("SELECT sum(pledges) FROM removal_counts").await, expected, "the quota is charged once");
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_goes_on_and_takes_nothing_twice() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let removable = mixed(&app, 3_500).await;
    let before = rows_of(&app, "pledges").await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({}), removable).await);
    kill(&app).await;
    some_taken(&client, &removal).await;
    kill(&app).await;
    until(&client, &removal, "done").await;
    assert_whole(&app, &client, &removal, removable).await;
    undo(&client, &removal).await.expect(202);
    kill(&app).await;
    eventually("some are back", async || get(&client, &removal).await["put_back"] != 0).await;
    kill(&app).await;
    assert_eq!(until(&client, &removal, "undone").await["put_back"], removable);
    assert_eq!(rows_of(&app, "pledges").await, before);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_removal_and_undo_go_on_where_they_were() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    // Of none of those that retention clears away when a service starts.
    let removable = 3_500;
    put(&app, "defend", 3_500).await;
    let states = "SELECT ROW(id, state, state_before, removal_id, country, created_at, counted_at)::text FROM pledges ORDER BY 1";
    let before = app.rows.list(states).await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({}), removable).await);
    some_taken(&client, &removal).await;
    let (url, token) = (app.url.clone(), client.token.clone());
    let restarted = async |app: TestApp| {
        app.stop().await;
        let app = TestApp::on(url.clone(), &[]).await;
        let mut client = app.client();
        client.token.clone_from(&token);
        (app, client)
    };
    let (app, client) = restarted(app).await;
    let halfway = get(&client, &removal).await;
    assert_eq!(halfway["state"], "running");
    until(&client, &removal, "done").await;
    assert_whole(&app, &client, &removal, removable).await;
    undo(&client, &removal).await.expect(202);
    eventually("some are back", async || get(&client, &removal).await["put_back"] != 0).await;
    let (app, client) = restarted(app).await;
    until(&client, &removal, "undone").await;
    assert_eq!(app.rows.list(states).await, before);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_the_work_and_do_none_of_it_twice() {
    let app = TestApp::start().await;
    let other = TestApp::on(app.url.clone(), &[]).await;
    let client = app.signed_in(Role::Moderator).await;
    let mut elsewhere = client.clone();
    elsewhere.base = other.client().base;
    put(&app, "defend", 4_500).await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({}), 4_500).await);
    // Each moment it is one worker's.
    let mut workers = Vec::new();
    while get(&elsewhere, &removal).await["state"] == "running" {
        workers.extend(app.rows.list("SELECT worker FROM removal_work WHERE worker IS NOT NULL").await);
    }
    workers.dedup();
    assert_eq!(workers.len(), 1, "the lease went to and fro");
    assert_whole(&app, &client, &removal, 4_500).await;
    // Its worker stops while the undo is under way: the other one takes over.
    undo(&elsewhere, &removal).await.expect(202);
    eventually("some are back", async || get(&client, &removal).await["put_back"] != 0).await;
    other.stop().await;
    assert_eq!(until(&client, &removal, "undone").await["put_back"], 4_500);
    assert_eq!(client.get(TOTALS).await.expect(200)["total"], 4_500);
    let list = client.get(REMOVALS).await.expect(200);
    assert_eq!(
        list["removals"].as_array().unwrap().iter().map(|one| &one["state"]).collect::<Vec<_>>(),
        [&Value::from("undone")]
    );
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_and_the_search_that_follows_have_one_connection_each() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 3_500).await;
    note_at_work(&app, "what text, pid int", "VALUES (TG_TABLE_NAME, pg_backend_pid())").await;
    for table in ["removals", "pledge_search"] {
        let trigger = format!(
            "CREATE TRIGGER at_work AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT \
             WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION at_work()"
        );
        app.rows.execute(&trigger).await;
    }
    let removal = begun(&remove_found(&client, json!({}), 3_500).await);
    until(&client, &removal, "done").await;
    app.rows.searched().await;
    undo(&client, &removal).await.expect(202);
    until(&client, &removal, "undone").await;
    app.rows.searched().await;
    // What a request does to a removal, it does through a connection of the pool: at its beginning and at the undo.
    let busy = "SELECT what || ' ' || count(*) FROM (SELECT what, pid FROM at_work GROUP BY what, pid HAVING count(*) > 3) AS busy \
         GROUP BY what ORDER BY what";
    assert_eq!(app.rows.list(busy).await, ["pledge_search 1", "removals 1"]);
    app.stop().await;
}

/// In another order they could wait for somebody who waits for them; and what is prepared once is planned for what the tables are now.
#[tokio::test(flavor = "multi_thread")]
async fn each_step_changes_rows_in_their_order_by_a_statement_that_is_prepared_once() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 3_500).await;
    let seen = "SELECT concat_ws(' ', current_setting('enable_bitmapscan'), current_setting('enable_hashjoin'), \
           current_setting('enable_mergejoin'), current_setting('plan_cache_mode')), \
         (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'UPDATE \"pledges\"%')";
    note_at_work(&app, "settings text, prepared int", seen).await;
    let trigger = "CREATE TRIGGER at_work AFTER UPDATE ON pledges FOR EACH STATEMENT EXECUTE FUNCTION at_work()";
    app.rows.execute(trigger).await;
    let removal = begun(&remove_found(&client, json!({}), 3_500).await);
    until(&client, &removal, "done").await;
    undo(&client, &removal).await.expect(202);
    until(&client, &removal, "undone").await;
    let seen = "SELECT DISTINCT settings || ' ' || prepared FROM at_work";
    assert_eq!(app.rows.list(seen).await, ["off off off force_custom_plan 1"]);
    assert!(app.rows.number("SELECT count(*) FROM at_work").await >= 8, "four steps each way");
    app.stop().await;
}

/// Quota, deltas and progress are sent together: when one of them meets somebody else's change, none is kept, and the step is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_deltas_or_progress_meet_a_conflict_is_made_again_as_a_whole() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 3_500).await;
    let before = rows_of(&app, "pledges").await;
    // Sequences are not rolled back: each first, third, fifth ... attempt fails.
    app.rows.execute("CREATE SEQUENCE attempts").await;
    app.rows
        .execute(
            "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
               IF nextval('attempts') % 2 = 1 THEN RAISE 'a conflict' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$",
        )
        .await;
    let conflicts = async |what: &str| {
        app.rows.execute("DROP TRIGGER IF EXISTS conflict ON count_deltas").await;
        app.rows.execute("SELECT setval('attempts', 1, false)").await;
        let trigger = format!("CREATE TRIGGER conflict AFTER {what} FOR EACH STATEMENT EXECUTE FUNCTION conflict()");
        app.rows.execute(&trigger).await;
    };
    let failed_at = "SELECT last_value FROM attempts";
    conflicts("INSERT ON count_deltas").await;
    let removal = begun(&remove_found(&client, json!({}), 3_500).await);
    until(&client, &removal, "done").await;
    assert_whole(&app, &client, &removal, 3_500).await;
    assert!(app.rows.number(failed_at).await >= 8, "four steps, each made twice");
    conflicts("UPDATE OF pledges ON removals").await;
    undo(&client, &removal).await.expect(202);
    until(&client, &removal, "undone").await;
    assert!(app.rows.number(failed_at).await >= 8, "four steps, each made twice");
    assert_eq!(get(&client, &removal).await["put_back"], 3_500);
    assert_eq!(rows_of(&app, "pledges").await, before);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}
