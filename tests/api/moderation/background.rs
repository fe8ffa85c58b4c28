//! Removals in the background, while pledges come, moderators work and supporters leave: totals equal a recount at every moment.

use std::time::Duration;

use diesel::{QueryableByName, sql_types::BigInt};
use diesel_async::SimpleAsyncConnection;
use futures_util::future::join;
use pledges::{
    accounts::Role,
    moderation::{corrections, removals::walk},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    REMOVALS, TOTALS,
    by_search::{begun, details, get, mixed, remove_found, until},
    put, removal_id, remove, rows_of, undo,
};
use crate::support::{
    TestApp,
    client::{Client, pledge},
    eventually,
};

/// From now on a transaction of the worker takes a second or so.
pub async fn slow_down(app: &TestApp) {
    let function = "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(0.0003); RETURN NEW; END $$";
    app.rows.execute(function).await;
    let trigger = "CREATE TRIGGER slowly BEFORE UPDATE ON pledges FOR EACH ROW \
         WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION slowly()";
    app.rows.execute(trigger).await;
}

pub async fn turn(client: &Client, removal: &str, what: &str) -> Value {
    client.post(&format!("{REMOVALS}/{removal}/{what}"), &Value::Null).await.expect(200)
}

/// Waits until a removal has taken something.
pub async fn some_taken(client: &Client, removal: &str) {
    eventually("some are taken", async || get(client, removal).await["pledges"] != 0).await;
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What the public is told to be taken out is what removals keep out of the totals, in one snapshot.
async fn assert_corrections(app: &TestApp) {
    let mut connection = app.rows.database.open().await.unwrap();
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let told = corrections::store::list(&mut connection, "defend").await.unwrap();
    let told = serde_json::to_value(told).unwrap();
    let told: i64 = told.as_array().unwrap().iter().map(|line| line["count"].as_i64().unwrap()).sum();
    let sql = "SELECT count(*) AS count FROM pledges WHERE state_before = 'counted'";
    let out: Count = diesel_async::RunQueryDsl::get_result(diesel::sql_query(sql), &mut connection).await.unwrap();
    assert_eq!(told, out.count);
}

/// Two at once would take both processors of a small machine from pledges that come.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_and_the_search_that_follows_take_turns() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Organiser).await;
    let removable = mixed(&app, 3_000).await;
    app.searched().await;
    // Somebody else's.
    let others = app.service.handles.moderation.turns().next().await;
    let removal = begun(&remove_found(&client, json!({}), removable).await);
    app.client().pledge(&pledge("meanwhile@example.org")).await.expect(201);
    let known = "SELECT count(*) FROM pledges JOIN pledge_search USING (id) WHERE pledges.created_at > now() - interval '1 minute'";
    // Each looks twice a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(get(&client, &removal).await["pledges"], 0);
    assert_eq!(app.rows.number(known).await, 0);
    drop(others);
    until(&client, &removal, "done").await;
    eventually("the search has followed", async || app.rows.number(known).await == 1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_and_corrections_are_right_at_every_moment() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Organiser).await;
    let removable = mixed(&app, 4_000).await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({"to": "2026-11-01T00:00:00Z"}), removable).await);
    let meanwhile = async {
        let mut number = 0;
        while get(&client, &removal).await["state"] == "running" {
            app.client().pledge(&pledge(&format!("{number}@example.org"))).await.expect(201);
            let open = "state IN ('counted', 'held') AND created_at < '2026-11-01'";
            let one = app.rows.list(&format!("SELECT id FROM pledges WHERE {open} ORDER BY random() LIMIT 2")).await;
            let one: Vec<Uuid> = one.iter().map(|id| id.parse().unwrap()).collect();
            if one.is_empty() {
                continue;
            }
            let accept = json!({"ids": one, "note": "A person"});
            client.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
            let answer = remove(&client, &one).await;
            if answer.status == 201 && number % 2 == 0 {
                undo(&client, &removal_id(&answer)).await.expect(200);
            }
            let gone = json!({"email": format!("{}@example.org", number / 2)});
            client.post("/v1/admin/erasures", &gone).await.expect(204);
            number += 1;
        }
        number
    };
    let watch = async {
        let mut samples = 0;
        while get(&client, &removal).await["state"] == "running" {
            assert_eq!(app.differences().await, Vec::<String>::new());
            assert_corrections(&app).await;
            samples += 1;
        }
        samples
    };
    let (acts, samples) = tokio::time::timeout(Duration::from_secs(120), join(meanwhile, watch)).await.unwrap();
    assert!(acts > 3 && samples > 3, "{acts} acts, {samples} samples: no contest");
    let done = get(&client, &removal).await;
    let of_it = format!("SELECT count(*) FROM pledges WHERE removal_id = '{removal}'");
    assert_eq!(done["pledges"], app.rows.number(&of_it).await);
    let left =
        "SELECT count(*) FROM pledges WHERE state IN ('awaiting', 'held', 'counted') AND created_at < '2026-11-01'";
    // Only what was put back behind its back is left.
    assert!(app.rows.number(left).await <= i64::from(acts) * 2);
    let undoing = undo(&client, &removal).await.expect(202);
    assert_eq!((&undoing["state"], &undoing["undone_at"]), (&json!("undoing"), &Value::Null));
    undo(&client, &removal).await.problem(409, "removal_under_way");
    while get(&client, &removal).await["state"] == "undoing" {
        assert_eq!(app.differences().await, Vec::<String>::new());
        assert_corrections(&app).await;
    }
    assert_eq!(get(&client, &removal).await["put_back"], done["pledges"]);
    assert_eq!(app.rows.number(&of_it).await, 0);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_and_cancelled_removals_take_nothing_more() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let ids = put(&app, "defend", 5_000).await;
    app.searched().await;
    let before = rows_of(&app, "pledges").await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({"country": "DE"}), 1_250).await);
    until(&client, &removal, "done").await;
    let removal = begun(&remove_found(&client, json!({}), 3_750).await);
    some_taken(&client, &removal).await;
    let paused = turn(&client, &removal, "pause").await;
    assert_eq!((&paused["state"], &paused["paused_because"]), (&json!("paused"), &json!("moderator")));
    assert_eq!(turn(&client, &removal, "pause").await, paused, "said twice");
    let taken = paused["pledges"].as_i64().unwrap();
    assert!((1..3_750).contains(&taken));
    undo(&client, &removal).await.problem(409, "removal_under_way");
    // A pledge that comes now isn't taken when it goes on, and neither is one that was there and has been withdrawn.
    app.client().pledge(&pledge("new@example.org")).await.expect(201);
    let gone =
        app.rows.value("SELECT id FROM pledges WHERE state = 'counted' AND country = 'FR' ORDER BY id LIMIT 1").await;
    app.rows
        .execute(&format!("UPDATE pledges SET state = 'withdrawn', withdrawn_at = now() WHERE id = '{gone}'"))
        .await;
    app.rows.repair_counts().await;
    // The worker goes on with others.
    let other = begun(
        &remove_found(&client, json!({"country": "KE", "state": "counted", "to": "2026-10-01T12:00:00Z"}), 100).await,
    );
    let other = until(&client, &other, "done").await["pledges"].as_i64().unwrap();
    assert_eq!(get(&client, &removal).await["pledges"], taken);
    turn(&client, &removal, "resume").await;
    let done = until(&client, &removal, "done").await;
    assert_eq!(done["pledges"].as_i64().unwrap(), 3_750 - 1 - other);
    assert_eq!(
        app.rows.list("SELECT state FROM pledges WHERE state <> 'removed' ORDER BY state").await,
        ["counted", "withdrawn"]
    );
    undo(&client, &removal).await.expect(202);
    until(&client, &removal, "undone").await;
    assert_eq!(app.rows.value(&format!("SELECT state FROM pledges WHERE id = '{gone}'")).await, "withdrawn");
    // One that is cancelled keeps what it did, and can be undone.
    let rest = app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await;
    let cancelled = begun(&remove_found(&client, json!({}), rest).await);
    some_taken(&client, &cancelled).await;
    let ended = turn(&client, &cancelled, "cancel").await;
    assert_eq!(ended["state"], "cancelled");
    client.post(&format!("{REMOVALS}/{cancelled}/resume"), &Value::Null).await.problem(409, "removal_not_under_way");
    let small = removal_id(
        &remove(
            &client,
            &[app.rows.value("SELECT id FROM pledges WHERE state = 'counted' LIMIT 1").await.parse().unwrap()],
        )
        .await,
    );
    undo(&client, &small).await.expect(200);
    assert_eq!(get(&client, &cancelled).await, ended);
    assert_eq!(app.differences().await, Vec::<String>::new());
    let log: Vec<_> = ["removal.pause", "removal.resume", "removal.cancel"].into_iter().collect();
    for action in log {
        let of_it = details(&app, action).await;
        assert!(!of_it.is_empty() && of_it.iter().all(|entry| entry["removal"].is_string()), "{action}");
    }
    let entry = details(&app, "removal.cancel").await.pop().unwrap();
    let sum: i64 = entry["change"].as_object().unwrap().values().map(|by| by.as_i64().unwrap()).sum();
    assert_eq!(-sum, ended["pledges"].as_i64().unwrap());
    assert_eq!(ids.len(), before.len());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_pauses_when_its_account_may_remove_no_more_and_goes_on_for_another() {
    let app = TestApp::start().await;
    let (client, admin) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Admin).await);
    put(&app, "defend", 2_500).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 1500 WHERE role = 'moderator'").await;
    let removal = begun(&remove_found(&client, json!({}), 2_500).await);
    let paused = until(&client, &removal, "paused").await;
    assert_eq!((&paused["paused_because"], &paused["pledges"]), (&json!("quota"), &json!(1_500)));
    assert_eq!(client.get(TOTALS).await.json()["total"], 1_000);
    turn(&admin, &removal, "resume").await;
    assert_eq!(until(&client, &removal, "done").await["pledges"], 2_500);
    assert_eq!(app.rows.list("SELECT pledges FROM removal_counts ORDER BY pledges").await, ["1000", "1500"]);
    assert_eq!(details(&app, "removal.pause").await, [json!({"removal": removal, "because": "quota"})]);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

/// What came after a removal began is left alone, also where an account may remove only a part of what a step finds. It goes from the
/// newest ids down, a thousand a step, and the last ones of the quota are the oldest of a step: these are among them.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_ones_of_a_quota_were_there_when_the_removal_began() {
    let app = TestApp::start().await;
    let (client, admin) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Admin).await);
    put(&app, "defend", 2_500).await;
    let later = "UPDATE pledges SET created_at = now() + interval '1 hour' WHERE id IN (SELECT id FROM pledges ORDER BY id OFFSET 600 LIMIT 50)";
    app.rows.execute(later).await;
    app.searched().await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 1500 WHERE role = 'moderator'").await;
    let removal = begun(&remove_found(&client, json!({}), 2_500).await);
    let paused = until(&client, &removal, "paused").await;
    assert_eq!((&paused["paused_because"], &paused["pledges"]), (&json!("quota"), &json!(1_500)));
    turn(&admin, &removal, "resume").await;
    assert_eq!(until(&client, &removal, "done").await["pledges"], 2_450);
    assert_eq!(
        app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted' AND created_at > now()").await,
        50
    );
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

/// The worker goes on when it can't, so nobody would see that it never can.
#[tokio::test(flavor = "multi_thread")]
async fn what_will_be_removed_can_be_read_ahead() {
    let app = TestApp::start().await;
    let ids = put(&app, "defend", 60).await;
    let mut connection = app.rows.database.open().await.unwrap();
    walk::store::read_ahead(&mut connection, &ids).await.unwrap();
    app.stop().await;
}

/// The last pledge that an account may remove is no reason to pause, nor is a candidate that doesn't fit.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_of_just_what_its_account_may_remove_is_done() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    put(&app, "defend", 2_500).await;
    let here = app.rows.number("SELECT count(*) FROM pledges WHERE country = 'FR'").await;
    assert!((1..2_500).contains(&here));
    app.rows.execute(&format!("UPDATE moderators SET removals_per_day = {here}")).await;
    let removal = begun(&remove_found(&client, json!({"country": "FR"}), here).await);
    assert_eq!(until(&client, &removal, "done").await["pledges"], here);
    assert_eq!(app.rows.list("SELECT pledges FROM removal_counts").await, [here.to_string()]);
    assert_eq!(details(&app, "removal.pause").await, Vec::<Value>::new());
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

/// Perhaps somebody else has begun it.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_stops_when_its_account_loses_the_campaign_or_is_reset_and_an_undo_goes_on() {
    let app = TestApp::start().await;
    let client = app.signed_in(Role::Moderator).await;
    let (colleague, third) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Moderator).await);
    let admin = app.signed_in(Role::Admin).await;
    put(&app, "defend", 8_000).await;
    app.searched().await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({}), 8_000).await);
    some_taken(&client, &removal).await;
    let account = async || app.rows.value("SELECT moderator_id FROM removal_work").await;
    let lose = format!("DELETE FROM moderator_campaigns WHERE moderator_id = '{}'", account().await);
    app.rows.execute(&lose).await;
    let paused = until(&admin, &removal, "paused").await;
    assert_eq!(paused["paused_because"], "account");
    // Whoever takes it over is asked for what comes after that.
    turn(&colleague, &removal, "resume").await;
    eventually("it goes on", async || get(&admin, &removal).await["pledges"] != paused["pledges"]).await;
    let reset = format!("/v1/admin/accounts/{}/reset", account().await);
    admin.post(&reset, &Value::Null).await.expect(201);
    let paused = until(&admin, &removal, "paused").await;
    assert_eq!(paused["paused_because"], "account");
    assert!(paused["pledges"].as_i64().unwrap() < 8_000);
    assert_eq!(details(&app, "removal.pause").await, vec![json!({"removal": removal, "because": "account"}); 2]);
    turn(&admin, &removal, "cancel").await;
    undo(&third, &removal).await.expect(202);
    let close = format!("UPDATE moderators SET disabled_at = now() WHERE id = '{}'", account().await);
    app.rows.execute(&close).await;
    app.rows.execute("DROP TRIGGER slowly ON pledges").await;
    until(&admin, &removal, "undone").await;
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'counted'").await, 8_000);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_stops_with_its_account_and_one_that_is_paused_for_too_long_ends() {
    let app = TestApp::start().await;
    let (client, colleague) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Moderator).await);
    put(&app, "defend", 2_500).await;
    app.searched().await;
    slow_down(&app).await;
    let removal = begun(&remove_found(&client, json!({}), 2_500).await);
    some_taken(&client, &removal).await;
    app.rows.execute("UPDATE moderators SET disabled_at = now() WHERE id = (SELECT moderator_id FROM removals)").await;
    let paused = until(&colleague, &removal, "paused").await;
    assert_eq!(paused["paused_because"], "account");
    // Each worker looks for those as it starts.
    app.rows.execute("UPDATE removal_work SET paused_at = now() - interval '6 days'").await;
    let second = TestApp::on(app.url.clone(), &[]).await;
    let small = begun(&remove_found(&colleague, json!({"country": "FR", "to": "2026-10-01T06:00:00Z"}), 90).await);
    until(&colleague, &small, "done").await;
    assert_eq!(get(&colleague, &removal).await["state"], "paused");
    app.rows.execute("UPDATE removal_work SET paused_at = now() - interval '8 days'").await;
    let third = TestApp::on(app.url.clone(), &[]).await;
    assert_eq!(until(&colleague, &removal, "cancelled").await["pledges"], paused["pledges"]);
    assert_eq!(rows_of(&app, "removal_work").await, Vec::<String>::new(), "the search is forgotten");
    assert_eq!(app.differences().await, Vec::<String>::new());
    for app in [third, second, app] {
        app.stop().await;
    }
}
