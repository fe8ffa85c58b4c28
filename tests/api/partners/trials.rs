//! Trials: what comes with a key for trials goes through everything, counts nowhere, and is gone after a day.

use std::{collections::BTreeSet, path::PathBuf};

use chrono::TimeDelta;
use pledges::{
    accounts::Role,
    clock::Clock,
    pledges::links::Links,
    privacy::retention::{self, Due, Limit, Order},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Registered, partner};
use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually, key_ring,
};

const PLEDGES: &str = "/v1/campaigns/defend/pledges";

async fn from_server(client: &Client, key: &str, email: &str) -> Answer {
    client.send(client.request(Method::POST, PLEDGES).bearer_auth(key).json(&pledge(email))).await
}

/// Pledges of the campaign, and of its trials.
async fn rows(app: &TestApp) -> (i64, i64) {
    let of = "SELECT count(*) FROM pledges JOIN campaigns ON campaigns.id = campaign_id AND test_of IS";
    (app.rows.number(&format!("{of} NULL")).await, app.rows.number(&format!("{of} NOT NULL")).await)
}

async fn total(app: &TestApp) -> i64 {
    app.publish().await;
    app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_goes_through_everything_and_counts_nowhere() {
    let app = TestApp::start().await;
    let (site, client) = (partner(&app, &["https://www.example.net"]).await, app.client());
    // From a page, from a form, from a server, many at once; one of them again.
    let mut body = pledge("page@example.org");
    body["site_key"] = json!(site.test_site_key);
    let from_page = client.request(Method::POST, PLEDGES).header("origin", "https://www.example.net").json(&body);
    from_page.try_clone().map(|again| client.send(again)).unwrap().await.expect(201);
    client.send(from_page).await.expect(201);
    let form = [("name", "Amina"), ("email", "form@example.org"), ("country", "KE"), ("site_key", &site.test_site_key)];
    assert_eq!(client.pledge_form(&form).await.status, 303);
    from_server(&client, &site.test_secret, "server@example.org").await.expect(201);
    let batch = json!({"pledges": [pledge("one@example.org"), pledge("two@example.org"), {"country": "XX"}]});
    let batch = client.request(Method::POST, &format!("{PLEDGES}/batches")).bearer_auth(&site.test_secret).json(&batch);
    let results = client.send(batch).await.expect(200)["results"].clone();
    let statuses: Vec<_> = results.as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, ["recorded", "recorded", "refused"]);

    assert_eq!((rows(&app).await, total(&app).await), ((0, 5), 0));
    assert_eq!(
        app.rows
            .number("SELECT count(*) FROM partner_totals JOIN campaigns ON id = campaign_id WHERE test_of IS NULL")
            .await,
        0
    );
    let moderator = app.signed_in(Role::Moderator).await;
    for path in ["pledges", "totals"] {
        let seen = moderator.get(&format!("/v1/moderation/campaigns/defend/{path}")).await;
        assert!(!seen.text().contains("KE"), "{}", seen.text());
    }
    let listed = client.get("/v1/campaigns").await.expect(200);
    assert_eq!(
        listed["campaigns"].as_array().unwrap().iter().filter(|one| one["slug"] != "other").count(),
        1,
        "{listed}"
    );
    let place = app.rows.value("SELECT slug FROM campaigns WHERE test_of IS NOT NULL").await;
    client.get(&format!("/v1/campaigns/{place}")).await.problem(404, "campaign_not_found");
    let admin = app.signed_in(Role::Admin).await;
    admin.get(&format!("/v1/moderation/campaigns/{place}/totals")).await.problem(404, "campaign_not_found");
    assert_eq!(app.differences().await, [""; 0]);

    // The partner sees them; and of its real ones nothing new.
    let status = async |key: &str| {
        client.send(client.request(Method::GET, "/v1/partner/status").bearer_auth(key)).await.expect(200)
    };
    assert_eq!(status(&site.test_secret).await["states"], json!({"counted": 5}));
    assert_eq!(status(&site.secret).await["states"], json!({}));

    // A mailbox that was tried with pledges as if it had not been.
    from_server(&client, &site.secret, "page@example.org").await.expect(201);
    assert_eq!((rows(&app).await, total(&app).await), ((1, 5), 1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_gone_after_a_day_and_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let (site, client) = (partner(&app, &[]).await, app.client());
    from_server(&client, &site.test_secret, "a@example.org").await.expect(201);
    from_server(&client, &site.secret, "a@example.org").await.expect(201);
    app.publish().await;
    let run = async |hours| {
        let order = Order {
            as_of: Some(Clock::System.now() + TimeDelta::hours(hours)),
            every_row: false,
            vacuum_at_once: false,
        };
        let due = retention::preview(&app.rows.database, order.as_of).await.unwrap();
        let done = retention::run(&app.rows.database, order).await.unwrap().unwrap();
        assert_eq!(due, done);
        done
    };
    assert_eq!((run(23).await, rows(&app).await), (vec![], (1, 1)));
    let place = app.rows.value("SELECT slug FROM campaigns WHERE test_of IS NOT NULL").await;
    assert_eq!(run(25).await, [Due { campaign: Some(place), limit: Limit::Trials, count: 1 }]);
    assert_eq!((rows(&app).await, total(&app).await), ((1, 0), 1));
    let counters =
        "SELECT sum(counted) FROM partner_totals JOIN campaigns ON id = campaign_id WHERE test_of IS NOT NULL";
    assert_eq!(app.rows.number(counters).await, 0);
    run(27).await;
    let keys =
        "SELECT count(*) FROM sealing_epochs JOIN campaigns ON campaigns.id = campaign_id WHERE test_of IS NOT NULL";
    assert_eq!(app.rows.number(keys).await, 0);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// The mails that are files, by their id.
async fn mails(app: &TestApp) -> BTreeSet<Uuid> {
    eventually("the outbox is empty", async || app.rows.number("SELECT count(*) FROM mail_outbox").await == 0).await;
    let files = std::fs::read_dir(app.var.path().join("mail")).into_iter().flatten();
    let id = |path: PathBuf| path.file_stem()?.to_str()?.parse().ok();
    files.filter_map(|file| id(file.unwrap().path())).collect()
}

fn text(app: &TestApp, mail: Uuid) -> String {
    std::fs::read_to_string(app.var.path().join(format!("mail/{mail}.eml"))).unwrap().replace("=\r\n", "")
}

fn link(campaign: Uuid, mail: Uuid) -> String {
    Links::new(key_ring()).token(campaign, mail).text()
}

async fn page(client: &Client, method: Method, path: &str) -> Answer {
    let request = client.request(method.clone(), path).header("accept", "text/html");
    client.send(if method == Method::POST { request.form(&[("x", "y")]) } else { request }).await
}

async fn name_mailbox(app: &TestApp, site: &Registered, email: Value) -> Answer {
    let organiser = app.signed_in(Role::Organiser).await;
    let path = format!("/v1/admin/campaigns/defend/partners/{}/trial-mailbox", site.id);
    organiser.send(organiser.request(Method::PUT, &path).json(&json!({ "email": email }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_writes_to_the_address_that_agreed_and_never_to_the_one_typed() {
    let app = TestApp::start().await;
    app.rows.execute("UPDATE campaigns SET confirmation = 'email'").await;
    let (site, client) = (partner(&app, &[]).await, app.client());
    let campaign = app.service.handles.campaigns.find("defend").unwrap().id;
    let place = app.service.handles.campaigns.trials_of(campaign).unwrap().id;

    from_server(&client, &site.test_secret, "a@example.org").await.expect(202);
    assert!(mails(&app).await.is_empty(), "nobody was named");
    assert_eq!(name_mailbox(&app, &site, json!("web@example.net")).await.status, 204);
    let [asking] = mails(&app).await.into_iter().collect::<Vec<_>>()[..] else { panic!("one mail asks") };
    let asked = link(campaign, asking);
    let letter = text(&app, asking);
    assert!(letter.contains("To: web@example.net") && letter.contains(&format!("/trial-mailbox/{asked}")), "{letter}");
    app.service.handles.partners.renew().await.unwrap();
    from_server(&client, &site.test_secret, "b@example.org").await.expect(202);
    assert_eq!(mails(&app).await.len(), 1, "its owner hasn't agreed");

    // A scanner looks; then its owner agrees.
    let path = format!("/trial-mailbox/{asked}");
    for _ in 0..3 {
        let shown = page(&client, Method::GET, &path).await;
        assert!(shown.status == 200 && shown.text().contains("Human Rights House"), "{}", shown.text());
        assert_eq!((shown.header("cache-control"), shown.header("referrer-policy")), ("no-store", "no-referrer"));
    }
    let verified = "SELECT count(*) FROM partners WHERE trial_mailbox_verified_at IS NOT NULL";
    assert_eq!(app.rows.number(verified).await, 0);
    let other = link(place, asking);
    assert_eq!(page(&client, Method::POST, &format!("/trial-mailbox/{other}")).await.status, 404);
    for _ in 0..2 {
        assert_eq!(page(&client, Method::POST, &path).await.status, 303);
    }
    assert_eq!(app.rows.number(verified).await, 1);

    app.service.handles.partners.renew().await.unwrap();
    from_server(&client, &site.test_secret, "c@example.org").await.expect(202);
    let all = mails(&app).await;
    let [trial] = all.iter().filter(|mail| **mail != asking).copied().collect::<Vec<_>>()[..] else {
        panic!("{all:?}")
    };
    let letter = text(&app, trial);
    assert!(letter.contains("To: web@example.net") && letter.contains("Subject: [TEST] "), "{letter}");
    assert!(!letter.contains("c@example.org"));
    assert_eq!(page(&client, Method::POST, &format!("/confirm/{}", link(place, trial))).await.status, 303);
    assert_eq!(page(&client, Method::GET, &format!("/my-pledge/{}", link(place, trial))).await.status, 200);
    let confirmed = "SELECT count(*) FROM pledges WHERE state = 'counted' AND confirmed_at IS NOT NULL";
    assert_eq!((app.rows.number(confirmed).await, total(&app).await), (1, 0));
    assert_eq!(app.differences().await, [""; 0]);

    // Another address is named: the first one's link agrees to nothing any more, and nothing is sent meanwhile.
    assert_eq!(name_mailbox(&app, &site, json!("other@example.net")).await.status, 204);
    mails(&app).await;
    assert_eq!(page(&client, Method::POST, &path).await.status, 404);
    assert_eq!(app.rows.number(verified).await, 0);
    assert_eq!(name_mailbox(&app, &site, json!(null)).await.status, 204);
    assert_eq!(app.rows.number("SELECT count(*) FROM partners WHERE trial_mailbox IS NOT NULL").await, 0);
    name_mailbox(&app, &site, json!("nonsense")).await.fields(&[("/email", "invalid_email")]);
    app.stop().await;
}

/// An address that somebody mistyped belongs to a stranger: it is kept no longer than the link that asks.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_owner_does_not_agree_is_forgotten_and_every_one_at_the_campaign_s_end() {
    let app = TestApp::start().await;
    let (silent, agreed) = (partner(&app, &[]).await, partner(&app, &[]).await);
    let client = app.client();
    for (site, email) in [(&silent, "typo@example.net"), (&agreed, "web@example.net")] {
        assert_eq!(name_mailbox(&app, site, json!(email)).await.status, 204);
    }
    let sent = mails(&app).await;
    let asking = sent.iter().find(|mail| text(&app, **mail).contains("To: web@example.net")).unwrap();
    let campaign = app.service.handles.campaigns.find("defend").unwrap().id;
    let agree = format!("/trial-mailbox/{}", link(campaign, *asking));
    assert_eq!(page(&client, Method::POST, &agree).await.status, 303);
    let run = async |time: TimeDelta| {
        let order = Order { as_of: Some(Clock::System.now() + time), every_row: false, vacuum_at_once: false };
        let due = retention::preview(&app.rows.database, order.as_of).await.unwrap();
        let done = retention::run(&app.rows.database, order).await.unwrap().unwrap();
        let of_mailboxes = |due: Vec<Due>| {
            due.into_iter().filter(|due| due.limit == Limit::TrialMailboxes).map(|due| due.count).sum::<i64>()
        };
        let count = of_mailboxes(done);
        assert_eq!(of_mailboxes(due), count);
        count
    };
    let left = "SELECT id FROM partners WHERE trial_mailbox IS NOT NULL ORDER BY id";
    let ids = [silent.id.to_string(), agreed.id.to_string()];
    assert_eq!((run(TimeDelta::days(7) - TimeDelta::minutes(5)).await, app.rows.list(left).await), (0, ids.to_vec()));
    assert_eq!((run(TimeDelta::days(7)).await, app.rows.list(left).await), (1, ids[1..].to_vec()));
    assert_eq!(run(TimeDelta::days(29)).await, 0, "who agreed gets them for as long as there are trials");
    app.rows.execute("UPDATE campaigns SET state = 'closed', closed_at = now() WHERE slug = 'defend'").await;
    assert_eq!((run(TimeDelta::days(31)).await, app.rows.list(left).await), (1, vec![]));
    assert_eq!(app.rows.list("SELECT what FROM retention_runs WHERE what = 'trial_mailboxes'").await.len(), 2);
    app.stop().await;
}

/// The salt of its trials goes with its own, and nobody misses anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_has_partners_ends_like_any_other() {
    let app = TestApp::start().await;
    let (site, client) = (partner(&app, &[]).await, app.client());
    from_server(&client, &site.test_secret, "a@example.org").await.expect(201);
    from_server(&client, &site.secret, "a@example.org").await.expect(201);
    app.publish().await;
    app.rows.execute("UPDATE campaigns SET created_at = now() - interval '60 days'").await;
    app.rows
        .execute("UPDATE campaigns SET state = 'closed', closed_at = now() - interval '31 days' WHERE test_of IS NULL")
        .await;
    let now = Order { as_of: None, every_row: false, vacuum_at_once: false };
    let done = retention::run(&app.rows.database, now).await.unwrap().unwrap();
    assert!(done.iter().any(|due| due.limit == Limit::Keys), "{done:?}");
    assert_eq!(app.rows.list("SELECT DISTINCT salt IS NULL FROM campaigns").await, ["true"], "that of trials, too");
    app.rows.execute("UPDATE campaigns SET salt_destroyed_at = now() - interval '2 days'").await;
    retention::run(&app.rows.database, now).await.unwrap().unwrap();
    let mut connection = app.rows.database.open().await.unwrap();
    let checkup = retention::proof::store::check_up(&mut connection).await.unwrap();
    assert_eq!((checkup.overdue, checkup.left_over), (Vec::<String>::new(), 0));
    app.stop().await;
}
