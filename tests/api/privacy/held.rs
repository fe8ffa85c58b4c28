//! What is held until nobody can judge it any more: it gets the campaign's default, and who runs the campaign is warned before.

use pledges::{accounts::Role, privacy::retention::Limit};
use reqwest::Method;
use serde_json::{Value, json};

use super::{command, doctor_is_well, due, in_days, preview, quiet, run, turn};
use crate::{
    gate::held::{odd, raise},
    support::{
        TestApp,
        client::{Client, pledge},
        eventually,
        program::{Running, VarDir},
    },
};

const MODERATION: &str = "/v1/moderation/campaigns/defend";

async fn states(app: &TestApp) -> Vec<String> {
    app.rows.list("SELECT concat_ws(' ', state, state_before) FROM pledges ORDER BY id").await
}

async fn audited(app: &TestApp) -> Vec<String> {
    app.rows
        .list(
            "SELECT concat_ws(' ', details->>'pledges', details->>'default', moderator_id) FROM audit_log \
             WHERE action = 'held.default' ORDER BY id",
        )
        .await
}

/// A service with one pledge that counts and two that are held.
async fn with_held() -> TestApp {
    let app = quiet().await;
    app.client().pledge(&pledge("a@example.org")).await.expect(201);
    for email in ["b@example.org", "c@example.org"] {
        app.client().pledge(&odd(email)).await.expect(201);
    }
    assert_eq!(states(&app).await, ["counted", "held", "held"]);
    app
}

async fn undo(client: &Client, id: &Value) {
    let path = format!("{MODERATION}/removals/{}/undo", id.as_str().unwrap());
    client.post(&path, &json!({"note": "They are people"})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_judged_is_removed_with_its_review_copy_and_can_be_brought_back() {
    let app = with_held().await;
    let moderator = app.signed_in(Role::Moderator).await;
    assert_eq!(run(&app, in_days(29)).await, []);
    let gone = [due("defend", Limit::Held, 2), due("defend", Limit::ReviewCopies, 3)];
    assert_eq!(preview(&app, in_days(30)).await, gone);
    assert_eq!(states(&app).await, ["counted", "held", "held"]);
    assert_eq!(run(&app, in_days(30)).await, gone);
    assert_eq!(states(&app).await, ["counted", "removed held", "removed held"]);
    assert_eq!(audited(&app).await, ["2 remove"]);
    assert_eq!(app.rows.list("SELECT changed FROM retention_runs WHERE what = 'held'").await, ["2"]);
    let removals = moderator.get(&format!("{MODERATION}/removals")).await.expect(200);
    let removal = &removals["removals"][0];
    assert_eq!(
        (&removal["moderator"], &removal["pledges"], &removal["reason"]),
        (&json!(null), &json!(2), &json!("other"))
    );
    doctor_is_well(&app, 1).await;
    // Whoever brings them back decides; the default isn't applied a second time.
    undo(&moderator, &removal["id"]).await;
    assert_eq!(states(&app).await, ["counted", "held", "held"]);
    assert_eq!(run(&app, in_days(30)).await, []);
    let held = moderator.get(&format!("{MODERATION}/pledges?state=held")).await.expect(200);
    assert_eq!(held["pledges"][0]["signals"], json!(["honeypot", "gibberish_name", "unreviewed"]));
    let accept = json!({"ids": [held["pledges"][0]["id"]], "note": "I asked her"});
    moderator.post(&format!("{MODERATION}/acceptances"), &accept).await.expect(200);
    assert_eq!(states(&app).await, ["counted", "held", "counted"]);
    doctor_is_well(&app, 2).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_may_have_them_counted_instead() {
    let app = with_held().await;
    let mut body = odd("d@example.org");
    body["country"] = json!("KE");
    app.client().pledge(&body).await.expect(201);
    app.rows.execute("UPDATE pledges SET confirmed_at = now() WHERE country = 'KE'").await;
    // Later than the others, by a day.
    app.rows.execute("UPDATE pledges SET created_at = created_at + interval '1 day' WHERE country = 'KE'").await;
    assert_eq!(command(&app, &["campaign", "set", "defend", "--held-default", "keep"]).await.code, Some(2));
    command(&app, &["campaign", "set", "defend", "--held-default", "count"]).await.expect(0);
    let set = "SELECT details->>'held_default' FROM audit_log WHERE action = 'campaign.set'";
    assert_eq!(app.rows.list(set).await, ["count"]);
    let as_of = in_days(30).to_rfc3339();
    let dry = command(&app, &["retention", "--dry-run", "--as-of", &as_of]).await.expect(0).stdout;
    assert!(
        dry.contains("defend: 2 held pledges that nobody has judged would get the campaign's held_default\n"),
        "{dry}"
    );
    assert_eq!(run(&app, in_days(30)).await[0], due("defend", Limit::Held, 2));
    assert_eq!(states(&app).await, ["counted", "counted", "counted", "held"]);
    doctor_is_well(&app, 3).await;
    assert_eq!(run(&app, in_days(31)).await[0], due("defend", Limit::Held, 1));
    assert_eq!(audited(&app).await, ["2 count", "1 count"]);
    app.publish().await;
    let totals = app.client().get("/v1/campaigns/defend/totals").await.expect(200);
    assert_eq!((&totals["total"], &totals["confirmed"]), (&json!(4), &json!(1)));
    doctor_is_well(&app, 4).await;
    // A wave that is seen later doesn't take them back: nobody could judge them any more.
    let ids: Vec<_> = app.rows.list("SELECT id FROM pledges ORDER BY id").await;
    let ids: Vec<_> = ids.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(raise(&app, &ids[1..], 900).await, 0);
    app.stop().await;
}

/// What is removed at the end of the window is brought back later, and what comes back as held is settled at once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_held_that_nobody_can_judge() {
    let app = with_held().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ids = app.rows.list("SELECT id FROM pledges WHERE state = 'held' ORDER BY id").await;
    let order = json!({"ids": [ids[0]], "reason": "bot", "note": "One of many"});
    let removed = moderator.post(&format!("{MODERATION}/removals"), &order).await.expect(201);
    let accept = json!({"ids": [ids[1]], "note": "I know her"});
    moderator.post(&format!("{MODERATION}/acceptances"), &accept).await.expect(200);
    assert_eq!(run(&app, in_days(30)).await, [due("defend", Limit::ReviewCopies, 3)]);
    undo(&moderator, &removed["removal"]["id"]).await;
    assert_eq!(run(&app, in_days(30)).await, [due("defend", Limit::Held, 1)]);
    assert_eq!(states(&app).await, ["counted", "removed held", "counted"]);
    // Held later than its copy was kept: by hand, as a confirmation after months of silence would.
    app.rows.execute("UPDATE pledges SET state = 'held', state_before = NULL, removal_id = NULL, signals = 0 WHERE state = 'removed'").await;
    assert_eq!(run(&app, in_days(30)).await, [due("defend", Limit::Held, 1)]);
    doctor_is_well(&app, 2).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_of_a_campaign_all_that_is_held_is_settled() {
    let app = with_held().await;
    command(&app, &["campaign", "set", "defend", "--review-days", "365"]).await.expect(0);
    command(&app, &["campaign", "close", "defend"]).await.expect(0);
    assert_eq!(run(&app, in_days(29)).await, []);
    assert_eq!(preview(&app, in_days(31)).await[0], due("defend", Limit::Held, 2));
    assert_eq!(run(&app, in_days(31)).await[0], due("defend", Limit::Held, 2));
    assert_eq!(states(&app).await, ["counted", "removed held", "removed held"]);
    assert_eq!(app.rows.list("SELECT signals FROM pledges").await, ["0"; 3], "nothing personal");
    let moderator = app.signed_in(Role::Moderator).await;
    let removals = moderator.get(&format!("{MODERATION}/removals")).await.expect(200);
    undo(&moderator, &removals["removals"][0]["id"]).await;
    // By the job, which doesn't look at rows again that it has cleared.
    let again = turn(&app, in_days(31)).await.unwrap();
    assert_eq!(again[0], due("defend", Limit::Held, 2), "nothing is left to judge them by");
    doctor_is_well(&app, 1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_are_settled_in_steps_each_with_its_removal() {
    let app = quiet().await;
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, created_at) \
             SELECT (lpad(to_hex((extract(epoch FROM now() - interval '31 days') * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid, \
               id, 'DE', 'held', gen_random_uuid(), now() - interval '31 days' FROM campaigns, generate_series(1, 2500) AS n",
        )
        .await;
    assert_eq!(run(&app, in_days(0)).await, [due("defend", Limit::Held, 2_500)]);
    assert_eq!(audited(&app).await, ["1000 remove", "1000 remove", "500 remove"]);
    assert_eq!(app.rows.list("SELECT pledges FROM removals ORDER BY id").await, ["1000", "1000", "500"]);
    assert_eq!(app.rows.list("SELECT changed FROM retention_runs WHERE what = 'held'").await, ["2500"]);
    doctor_is_well(&app, 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_the_campaign_is_warned_seven_days_before() {
    let app = with_held().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let ends = async |query: &str| {
        moderator.get(&format!("{MODERATION}/pledges{query}")).await.expect(200)["held_ends"].clone()
    };
    let warning = "held pledges are removed within seven days";
    assert_eq!(ends("?state=held").await, json!(null));
    assert!(!command(&app, &["doctor"]).await.expect(0).stderr.contains(warning));
    // Ids carry the time too.
    let made = async |age: &str, which: &str| {
        let set = format!(
            "UPDATE pledges SET created_at = now() - interval '{age}', id = (lpad(to_hex((extract(epoch FROM now() - interval '{age}') * 1000)::bigint), \
               12, '0') || right(replace(id::text, '-', ''), 20))::uuid WHERE {which}"
        );
        app.rows.execute(&set).await;
    };
    made("22 days 23 hours", "true").await;
    assert_eq!(ends("?state=held").await, json!(null));
    made("23 days 1 hour", "true").await;
    made("0", "id = (SELECT max(id::text)::uuid FROM pledges WHERE state = 'held')").await;
    let told = ends("?state=held&country=FR").await;
    assert_eq!((&told["default"], &told["pledges"]), (&json!("remove"), &json!(1)));
    let first: chrono::DateTime<chrono::Utc> = told["first_at"].as_str().unwrap().parse().unwrap();
    assert!((in_days(7) - first).num_minutes().abs_diff(60) <= 1, "{first}");
    assert_eq!((ends("?state=counted").await, ends("").await), (json!(null), json!(null)));
    let told = command(&app, &["doctor"]).await.expect(0).stderr;
    assert!(told.contains(&format!("defend: 1 {warning}, the first 20")), "{told}");
    // The running service says it in its log and figures, at a start and then every ten minutes.
    let var = VarDir::new();
    let service = Running::on(&app.url, var.path(), &[]).await;
    eventually("it is in the figures", async || {
        let text = service.client().send(service.client().request(Method::GET, "/metrics")).await.text();
        text.lines().any(|line| line == "pledges_held_ending 1")
    })
    .await;
    let log = service.log();
    let line = log.lines().find(|line| line.contains(warning)).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("WARN") && line.contains("campaign=defend") && line.contains("count=1"), "{line}");
    service.terminate().await;
    app.stop().await;
}
