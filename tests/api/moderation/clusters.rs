//! What stands out: found by the watch over waves, told with the search that finds it, and by mail to whoever wants to know.

use std::collections::BTreeSet;

use pledges::{accounts::Role, moderation::clusters::alerts::Alerts};
use serde_json::{Value, json};

use super::{
    by_search::{begun, details, remove_found, until},
    undo,
};
use crate::{
    cli::run,
    support::{TestApp, client::Client, eventually},
};

const CLUSTERS: &str = "/v1/moderation/campaigns/defend/clusters";
const HELD: &str = "/v1/moderation/campaigns/defend/held/clusters";
const PREVIEW: &str = "/v1/moderation/campaigns/defend/removals/preview";
const SEARCH: &str = "/v1/moderation/campaigns/defend/pledges/search";

/// The shape of the bots' names and mailboxes: 77.
const SHAPE: &str = "000000000000004d";

/// A service that looks again and again.
async fn service() -> TestApp {
    TestApp::with(&["--waves-every-seconds", "1"]).await
}

/// A hundred minutes of people, eight in each, then a thousand bots of forty sources within ten minutes, all made alike; until half an hour ago.
async fn attacked(app: &TestApp) {
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, created_at, counted_at, source_tag, domain_tag, name_tag, \
               shape_tag, signals) \
             SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid, campaigns.id, 'DE', \
               'counted', gen_random_uuid(), at, at, CASE WHEN n < 800 THEN n ELSE -1 - n % 40 END, 1, n, \
               CASE WHEN n < 800 THEN n % 9 ELSE 77 END, CASE WHEN n < 800 THEN 0 ELSE 2048 END \
             FROM campaigns, generate_series(0, 1799) AS n, \
               LATERAL (SELECT now() - interval '150 minutes' + CASE WHEN n < 800 THEN n / 8.0 ELSE 100 + (n - 800) / 100.0 END \
                 * interval '1 minute' AS at) AS times WHERE slug = 'defend'",
        )
        .await;
    app.rows.repair_counts().await;
    app.searched().await;
}

fn clusters(told: &Value) -> &Vec<Value> {
    told["clusters"].as_array().unwrap()
}

fn named<'a>(told: &'a Value, common: &str, value: &str) -> Option<&'a Value> {
    clusters(told).iter().find(|cluster| cluster["common"] == common && cluster["value"] == value)
}

/// Waits until the bots' shape stands out, or no more, and returns what is told then.
async fn shape_stands_out(client: &Client, does: bool) -> Value {
    let told = async || client.get(CLUSTERS).await.expect(200);
    eventually("a look", async || {
        let told = told().await;
        !told["as_of"].is_null() && named(&told, "shape_tag", SHAPE).is_some() == does
    })
    .await;
    told().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_out_comes_with_its_reasons_and_the_search_that_finds_it() {
    let app = service().await;
    let client = app.signed_in(Role::Moderator).await;
    attacked(&app).await;
    let told = shape_stands_out(&client, true).await;
    assert_eq!(told["compared"], 1_800);
    let shape = named(&told, "shape_tag", SHAPE).unwrap();
    let numbers = ["pledges", "compared", "confirmed", "confirmed_share"].map(|field| shape[field].as_f64().unwrap());
    assert_eq!(numbers.map(|number| number.to_string()), ["1000", "1000", "0", "0"]);
    let trend: Vec<i64> = shape["trend"].as_array().unwrap().iter().map(|count| count.as_i64().unwrap()).collect();
    assert_eq!((trend.len(), trend.iter().sum::<i64>()), (24, 1_000));
    assert_eq!(shape["reasons"][0]["why"], "wave");
    let scores: Vec<i64> = clusters(&told).iter().map(|cluster| cluster["score"].as_i64().unwrap()).collect();
    assert!(scores.is_sorted_by(|one, next| one >= next) && scores.iter().all(|score| *score >= 200), "{scores:?}");
    let kinds: BTreeSet<&str> = clusters(&told).iter().map(|cluster| cluster["common"].as_str().unwrap()).collect();
    assert!(["shape_tag", "source_tag", "minute", "signal"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    // While the wave is being held, signals are being added.
    eventually("each search finds its cluster", async || {
        let told = client.get(CLUSTERS).await.expect(200);
        app.searched().await;
        for cluster in clusters(&told) {
            let preview = client.post(PREVIEW, &cluster["search"]).await.expect(200);
            if preview["pledges"] != cluster["pledges"] {
                return false;
            }
        }
        true
    })
    .await;
    let page = client.post(SEARCH, &shape["search"]).await.expect(200);
    assert_eq!(page["total"], 1_000);
    let from = shape["search"]["from"].as_str().unwrap();
    let link = format!("/moderation/#/c/defend/search?shape_tag={SHAPE}&from={from}");
    assert_eq!(shape["link"], link);
    // The queue of what is held tells its clusters in the same words.
    eventually("the wave is held", async || {
        app.rows.number("SELECT count(*) FROM pledges WHERE state = 'held'").await > 900
    })
    .await;
    app.searched().await;
    let held = client.get(HELD).await.expect(200);
    let shape = named(&held, "shape_tag", SHAPE).unwrap();
    assert_eq!(shape["search"], json!({"state": "held", "shape_tag": SHAPE}));
    let preview = client.post(PREVIEW, &shape["search"]).await.expect(200);
    assert_eq!(preview["pledges"], shape["pledges"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_stands_out_no_more_until_it_is_undone() {
    let app = service().await;
    let client = app.signed_in(Role::Moderator).await;
    attacked(&app).await;
    let told = shape_stands_out(&client, true).await;
    let shape = named(&told, "shape_tag", SHAPE).unwrap();
    let removal = begun(&remove_found(&client, shape["search"].clone(), 1_000).await);
    until(&client, &removal, "done").await;
    let told = shape_stands_out(&client, false).await;
    assert_eq!(clusters(&told), &Vec::<Value>::new(), "nobody honest stands out");
    undo(&client, &removal).await.expect(200);
    let told = shape_stands_out(&client, true).await;
    assert_eq!(named(&told, "shape_tag", SHAPE).unwrap()["pledges"], 1_000);
    assert_eq!(app.differences().await, [""; 0]);
    // Nobody looks at a campaign that is closed, and its tags go.
    app.rows.execute("UPDATE campaigns SET state = 'closed', closed_at = now()").await;
    app.service.handles.campaigns.renew().await.unwrap();
    eventually("the clusters go", async || app.rows.number("SELECT count(*) FROM clusters").await == 0).await;
    let told = client.get(CLUSTERS).await.expect(200);
    assert_eq!((&told["as_of"], &told["compared"]), (&Value::Null, &json!(0)));
    app.stop().await;
}

/// The mails so far.
fn mails(app: &TestApp) -> Vec<String> {
    let files = std::fs::read_dir(app.var.path().join("mail")).into_iter().flatten();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "eml"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pledges_than_people_are_on_top_and_told_by_mail_once_an_hour() {
    let app = service().await;
    let client = app.signed_in(Role::Moderator).await;
    for (address, score) in [("ada@example.org", "1000"), ("li@example.org", "200")] {
        run(&app, &["alert", "add", "defend", address, "--score-from", score]).await.expect(0);
    }
    app.rows
        .execute(
            "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, created_at, counted_at) \
             SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid, campaigns.id, 'VA', \
               'counted', gen_random_uuid(), at, at FROM campaigns, generate_series(1, 3000) AS n, \
               LATERAL (SELECT now() - interval '3 days' + n * interval '1 second' AS at) AS times WHERE slug = 'defend'",
        )
        .await;
    app.rows.repair_counts().await;
    app.searched().await;
    attacked(&app).await;
    eventually("it is on top", async || {
        let told = client.get(CLUSTERS).await.expect(200);
        clusters(&told).first().is_some_and(|top| top["value"] == "VA" && top["score"] == 1000)
    })
    .await;
    let told = client.get(CLUSTERS).await.expect(200);
    let top = &clusters(&told)[0];
    assert_eq!((&top["common"], &top["pledges"], &top["compared"]), (&json!("country"), &json!(3_000), &json!(0)));
    let reason = &top["reasons"][0];
    assert_eq!((&reason["why"], &reason["seen"]), (&json!("many_from_country"), &json!(3_000)));
    assert_eq!(top["search"], json!({"country": "VA"}));
    assert_eq!(client.post(PREVIEW, &top["search"]).await.expect(200)["pledges"], 3_000);
    let to = |address: &str| mails(&app).iter().filter(|mail| mail.contains(&format!("To: {address}"))).count();
    eventually("the mails", async || to("ada@example.org") == 1 && to("li@example.org") >= 1).await;
    let letter = mails(&app).into_iter().find(|mail| mail.contains("To: ada")).unwrap();
    let letter = letter.replace("=\r\n", "").replace("=\n", "");
    assert!(letter.contains("/moderation/#/c/defend/clusters"), "{letter}");
    assert!(!letter.contains("3000") && !letter.contains("VA<"), "what stands out is not told by mail");
    // Nothing new within the hour, and nothing at all within five minutes.
    let mut alerts = Alerts::new(app.rows.database.clone(), app.service.handles.outbox.clone());
    assert_eq!(alerts.work().await.unwrap(), 0);
    let ada = "mailbox_id = (SELECT id FROM alert_mailboxes WHERE score_from = 1000)";
    app.rows.execute(&format!("UPDATE cluster_alerts SET value = 'NR' WHERE {ada}")).await;
    assert_eq!(alerts.work().await.unwrap(), 0);
    app.rows.execute(&format!("UPDATE cluster_alerts SET alerted_at = now() - interval '6 minutes' WHERE {ada}")).await;
    eventually("another cluster, five minutes later", async || to("ada@example.org") == 2).await;
    app.rows
        .execute(&format!("UPDATE cluster_alerts SET alerted_at = now() - interval '59 minutes' WHERE {ada}"))
        .await;
    assert_eq!(alerts.work().await.unwrap(), 0);
    app.rows
        .execute(&format!("UPDATE cluster_alerts SET alerted_at = now() - interval '61 minutes' WHERE {ada}"))
        .await;
    eventually("the same, an hour later", async || to("ada@example.org") == 3).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_names_and_forgets_who_is_told() {
    let app = TestApp::start().await;
    let added = run(&app, &["alert", "add", "defend", "ada@example.org"]).await.expect(0).stdout;
    let id = added.strip_prefix("added ").unwrap().split(':').next().unwrap().to_owned();
    let listed = run(&app, &["alert", "list", "defend"]).await.expect(0).stdout;
    assert_eq!(listed, format!("{id}\tfrom 500\tada@example.org\n"));
    let stored = app.rows.value("SELECT encode(sealed, 'escape') FROM alert_mailboxes").await;
    assert!(!stored.contains("ada"), "{stored}");
    assert!(run(&app, &["keys", "list"]).await.expect(0).stdout.contains("\tmails: 1"));
    for wrong in [["alert", "add", "defend", "nobody"], ["alert", "add", "nowhere", "ada@example.org"]] {
        run(&app, &wrong).await.expect(1);
    }
    run(&app, &["alert", "add", "defend", "a@example.org", "--score-from", "199"]).await.expect(2);
    for number in 1..10 {
        run(&app, &["alert", "add", "defend", &format!("p{number}@example.org")]).await.expect(0);
    }
    let eleventh = run(&app, &["alert", "add", "defend", "one@example.org"]).await.expect(1);
    assert!(eleventh.stderr.contains("10 addresses, and no more"), "{}", eleventh.stderr);
    run(&app, &["alert", "remove", "defend", &id]).await.expect(0);
    run(&app, &["alert", "remove", "defend", &id]).await.expect(1);
    assert_eq!(app.rows.number("SELECT count(*) FROM alert_mailboxes").await, 9);
    assert_eq!(details(&app, "alert.add").await.len(), 10);
    assert_eq!(details(&app, "alert.remove").await, [json!({"mailbox": id})]);
    // The retention of its campaign is theirs too.
    app.rows
        .execute("UPDATE campaigns SET salt = NULL, salt_destroyed_at = now(), state = 'closed', closed_at = now()")
        .await;
    let mut alerts = Alerts::new(app.rows.database.clone(), app.service.handles.outbox.clone());
    alerts.work().await.unwrap();
    eventually("they go", async || app.rows.number("SELECT count(*) FROM alert_mailboxes").await == 0).await;
    app.stop().await;
}
