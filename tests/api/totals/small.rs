//! Rule 8: small numbers are published coarsely, all together and on a slow tick.

use diesel_async::SimpleAsyncConnection;
use pledges::accounts::Role;
use serde_json::{Value, json};

use super::{adds_up, count, countries, document};
use crate::support::{TestApp, client::Client, eventually};

/// Publishes by hand, re-reads by hand.
async fn slow() -> (TestApp, Client) {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    (app, client)
}

/// Takes out this many pledges of a country, as a moderator does.
async fn remove(app: &TestApp, moderator: &Client, country: &str, amount: usize) -> Value {
    let sql = format!("SELECT id FROM pledges WHERE country = '{country}' AND state = 'counted' LIMIT {amount}");
    let ids = app.rows.list(&sql).await;
    assert_eq!(ids.len(), amount);
    let removal = json!({"ids": ids, "reason": "bot", "note": "A wave."});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201)["removal"]["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_country_is_left_out_then_rounded_at_the_next_tick_then_live() {
    let (app, client) = slow().await;
    // One below the threshold is not shown at all, also after a re-reading.
    count(&app, &[("TV", 4)]).await;
    app.reread().await;
    let shown = document(&client).await;
    assert_eq!((countries(&shown), &shown["elsewhere"]), (vec![], &json!(4)));
    // Between two ticks nothing of it moves but the total.
    for (more, total) in [(1, 5), (3, 8), (91, 99), (1, 100), (30, 130)] {
        count(&app, &[("TV", more)]).await;
        app.publish().await;
        let shown = document(&client).await;
        adds_up(&shown);
        assert_eq!((countries(&shown), &shown["total"]), (vec![], &json!(total)));
    }
    // At the tick it has a hundred and more: from then on it is exact at once.
    app.reread().await;
    assert_eq!(countries(&document(&client).await), [("TV", 130)]);
    count(&app, &[("TV", 1)]).await;
    app.publish().await;
    assert_eq!(countries(&document(&client).await), [("TV", 131)]);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tick_rounds_down_to_a_multiple_of_the_threshold() {
    let (app, client) = slow().await;
    count(&app, &[("AT", 5), ("BE", 9), ("CH", 10), ("DE", 99), ("ES", 100), ("FR", 101), ("ZZ", 500)]).await;
    app.reread().await;
    let shown = document(&client).await;
    adds_up(&shown);
    let rounded = [("AT", 5), ("BE", 5), ("CH", 10), ("DE", 95), ("ES", 100), ("FR", 101)];
    assert_eq!(countries(&shown), rounded);
    assert_eq!((&shown["total"], &shown["elsewhere"]), (&json!(824), &json!(508)));
    // What is small at a tick stands still until the next one, whatever comes.
    count(&app, &[("AT", 6), ("BE", 1), ("CH", 4), ("DE", 1), ("FR", 1), ("GB", 60)]).await;
    app.publish().await;
    let shown = document(&client).await;
    adds_up(&shown);
    assert_eq!(countries(&shown), [("AT", 5), ("BE", 5), ("CH", 10), ("DE", 95), ("ES", 100), ("FR", 102)]);
    app.reread().await;
    let after = [("AT", 10), ("BE", 10), ("CH", 10), ("DE", 100), ("ES", 100), ("FR", 102), ("GB", 60)];
    assert_eq!(countries(&document(&client).await), after);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tick_comes_by_itself() {
    let app = TestApp::with(&["--look-every-ms", "20", "--reread-every-seconds", "1"]).await;
    let client = app.client();
    count(&app, &[("TV", 7)]).await;
    // New pledges all the time don't put it off.
    eventually("the small country is shown", async || {
        count(&app, &[("ZZ", 1)]).await;
        countries(&document(&client).await) == [("TV", 5)]
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_stand_on_the_clock() {
    let (app, client) = slow().await;
    // Every hour; the next one at least half an hour after the last.
    for (minutes, ticks) in [(29, false), (31, true)] {
        let last = format!("date_trunc('hour', now()) - interval '{minutes} minutes'");
        app.rows.execute(&format!("UPDATE campaign_totals SET reread_at = {last}")).await;
        count(&app, &[("TV", 7)]).await;
        app.publish().await;
        assert_eq!(countries(&document(&client).await).is_empty(), !ticks, "{minutes} minutes before the hour");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_over_does_not_give_the_rounding_away() {
    let (app, client) = slow().await;
    // Shown as 45 with nothing elsewhere, they would be exactly 45.
    count(&app, &[("TV", 45)]).await;
    app.reread().await;
    let shown = document(&client).await;
    assert_eq!((countries(&shown), &shown["elsewhere"]), (vec![("TV", 40)], &json!(5)));
    count(&app, &[("ZZ", 4)]).await;
    app.reread().await;
    let shown = document(&client).await;
    assert_eq!((countries(&shown), &shown["elsewhere"]), (vec![("TV", 45)], &json!(4)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_countries_are_in_the_total_and_elsewhere_only() {
    let (app, client) = slow().await;
    count(&app, &[("ZZ", 1_000)]).await;
    app.reread().await;
    let shown = document(&client).await;
    assert_eq!(countries(&shown), []);
    assert_eq!((&shown["total"], &shown["elsewhere"]), (&json!(1_000), &json!(1_000)));
    // Also where nothing is rounded.
    app.rows.execute("UPDATE campaigns SET threshold = 1").await;
    app.reread().await;
    count(&app, &[("ZZ", 1), ("VA", 1)]).await;
    app.publish().await;
    let shown = document(&client).await;
    assert_eq!(countries(&shown), [("VA", 1)]);
    assert_eq!((&shown["total"], &shown["elsewhere"]), (&json!(1_002), &json!(1_001)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_lowers_the_total_at_once_and_a_small_country_at_the_tick() {
    let (app, client) = slow().await;
    let moderator = app.signed_in(Role::Moderator).await;
    count(&app, &[("DE", 150), ("FR", 103), ("TV", 14), ("ZZ", 30)]).await;
    app.reread().await;
    assert_eq!(countries(&document(&client).await), [("DE", 150), ("FR", 103), ("TV", 10)]);
    let removal = remove(&app, &moderator, "DE", 10).await;
    remove(&app, &moderator, "FR", 4).await;
    remove(&app, &moderator, "TV", 6).await;
    app.publish().await;
    let shown = document(&client).await;
    adds_up(&shown);
    // The big one follows; one that fell below the limit stands still at what it last showed, like the small one.
    assert_eq!((countries(&shown), &shown["total"]), (vec![("DE", 140), ("FR", 103), ("TV", 10)], &json!(277)));
    let undo = format!("/v1/moderation/campaigns/defend/removals/{}/undo", removal.as_str().unwrap());
    moderator.post(&undo, &json!({"note": "They were people."})).await.expect(200);
    app.publish().await;
    assert_eq!(document(&client).await["total"], 287);
    app.reread().await;
    assert_eq!(countries(&document(&client).await), [("DE", 150), ("FR", 95), ("TV", 5)]);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_that_empty_a_shown_country_reread_everything_at_once() {
    let (app, client) = slow().await;
    let moderator = app.signed_in(Role::Moderator).await;
    count(&app, &[("TV", 22), ("VA", 7)]).await;
    app.reread().await;
    assert_eq!(countries(&document(&client).await), [("TV", 20), ("VA", 5)]);
    // Four are elsewhere: as long as they suffice, the country stands still.
    remove(&app, &moderator, "TV", 4).await;
    app.publish().await;
    let shown = document(&client).await;
    assert_eq!((countries(&shown), &shown["elsewhere"]), (vec![("TV", 20), ("VA", 5)], &json!(0)));
    remove(&app, &moderator, "TV", 1).await;
    app.publish().await;
    let shown = document(&client).await;
    adds_up(&shown);
    assert_eq!((countries(&shown), &shown["total"]), (vec![("TV", 15), ("VA", 5)], &json!(24)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_threshold_shows_at_the_next_publication() {
    let app = TestApp::start().await;
    let client = app.client();
    count(&app, &[("DE", 150), ("TV", 14), ("VA", 7)]).await;
    app.reread().await;
    let shown = [("DE", 150), ("TV", 10), ("VA", 5)];
    eventually("the first threshold is published", async || countries(&document(&client).await) == shown).await;
    for (threshold, shown) in [
        (10, vec![("DE", 150), ("TV", 10)]),
        (1, vec![("DE", 150), ("TV", 14), ("VA", 7)]),
        (3, vec![("DE", 150), ("TV", 12), ("VA", 6)]),
        (1000, vec![]),
        (5, vec![("DE", 150), ("TV", 10), ("VA", 5)]),
    ] {
        let before = document(&client).await;
        let mut connection = app.rows.database.open().await.unwrap();
        let read = pledges::campaigns::store::find(&mut connection, "defend").await.unwrap();
        let mut campaign = read.clone();
        campaign.threshold = threshold;
        campaign.goal = Some(1_000 + i64::from(threshold));
        pledges::campaigns::store::update(&mut connection, &read, &campaign, json!({})).await.unwrap();
        // By itself: the publisher notices.
        eventually("the new threshold is published", async || {
            let document = document(&client).await;
            adds_up(&document);
            document["threshold"] == threshold && countries(&document) == shown
        })
        .await;
        let after = document(&client).await;
        assert_eq!(after["goal"], 1_000 + threshold);
        assert!(after["version"].as_i64() > before["version"].as_i64());
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_that_changes_in_the_middle_of_a_tick_is_not_forgotten() {
    let (app, client) = slow().await;
    count(&app, &[("TV", 19), ("ZZ", 20)]).await;
    app.reread().await;
    assert_eq!(countries(&document(&client).await), [("TV", 15)]);
    count(&app, &[("TV", 7)]).await;
    // Somebody holds the country's row, so that the tick stops after it has read the threshold.
    let mut holder = app.rows.database.open().await.unwrap();
    holder.batch_execute("BEGIN; SELECT FROM country_totals WHERE country = 'TV' FOR UPDATE").await.unwrap();
    let change = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO country_totals%'";
        eventually("the tick waits for the row", async || app.rows.number(waiting).await == 1).await;
        let mut connection = app.rows.database.open().await.unwrap();
        let read = pledges::campaigns::store::find(&mut connection, "defend").await.unwrap();
        let mut campaign = read.clone();
        campaign.threshold = 10;
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            holder.batch_execute("COMMIT").await.unwrap();
        };
        let changed = pledges::campaigns::store::update(&mut connection, &read, &campaign, json!({}));
        let ((), changed) = tokio::join!(release, changed);
        changed.unwrap();
    };
    tokio::join!(app.reread(), change);
    app.publish().await;
    let shown = document(&client).await;
    adds_up(&shown);
    assert_eq!((&shown["threshold"], countries(&shown)), (&json!(10), vec![("TV", 20)]));
    app.stop().await;
}
