//! Rule 8 for the history: a country's is as coarse as the published documents, and stands still with them.

use chrono::TimeDelta;
use pledges::accounts::Role;
use serde_json::json;

use super::{at, count_at, history, last_total, points, slow, this_hour};
use crate::support::{TestApp, eventually};
use crate::totals::{count, countries, document};

#[tokio::test(flavor = "multi_thread")]
async fn a_small_country_is_rounded_at_the_end_of_each_hour() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    let back = |hours| now - TimeDelta::hours(hours);
    for (hours, amount) in [(6, 4), (5, 3), (4, 2), (3, 1), (2, 88), (1, 5)] {
        count_at(&app, back(hours), &[("TV", amount), ("ZZ", 20)]).await;
    }
    app.reread().await;
    let tuvalu = history(&client, "country=TV").await;
    // 4, 7, 9, 10, 98 and 103.
    let shown = [(0, 0), (5, 5), (0, 5), (5, 10), (85, 95), (8, 103), (0, 103)];
    assert_eq!([6, 5, 4, 3, 2, 1, 0].map(|hours| at(&tuvalu, back(hours))), shown);
    assert_eq!(tuvalu["country"], "TV");
    assert_eq!(history(&client, "country=tv").await, tuvalu);
    let days = history(&client, "country=TV&interval=day").await;
    assert_eq!(last_total(&days), 103);
    let unknown = history(&client, "country=NZ").await;
    assert!(points(&unknown).iter().all(|(_, count, total)| (*count, *total) == (0, 0)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_rereadings_only_the_last_point_changes_as_the_document_does() {
    let (app, client) = slow().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let now = this_hour(&app).await;
    let back = |hours| now - TimeDelta::hours(hours);
    count_at(&app, back(5), &[("DE", 150), ("TV", 14), ("ZZ", 40)]).await;
    count_at(&app, back(2), &[("DE", 20), ("TV", 7), ("VA", 3)]).await;
    app.reread().await;
    let all = async || {
        let mut all = Vec::new();
        for country in ["DE", "TV", "VA"] {
            all.push(history(&client, &format!("country={country}")).await);
        }
        all
    };
    let before = all().await;
    assert_eq!(before.iter().map(last_total).collect::<Vec<_>>(), [170, 20, 0]);
    // More now, more in hours that have ended, and less in the first of them.
    count(&app, &[("DE", 3), ("TV", 8), ("VA", 9)]).await;
    count_at(&app, back(2), &[("DE", 4), ("TV", 30), ("VA", 5)]).await;
    let ids = app.rows.list(&format!("SELECT id FROM pledges WHERE counted_at = '{}' LIMIT 9", back(5))).await;
    let removal = json!({"ids": ids, "reason": "bot", "note": "A wave."});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.publish().await;
    let published = document(&client).await;
    let after = all().await;
    // Whoever reads the stored counts only now sees nothing newer.
    let late = TestApp::on(app.url.clone(), &["--look-every-ms", "60000"]).await;
    for body in &after {
        let country = body["country"].as_str().unwrap();
        assert_eq!(history(&late.client(), &format!("country={country}")).await, *body);
    }
    late.stop().await;
    for (before, after) in before.iter().zip(&after) {
        let earlier = |body| points(body).into_iter().take_while(|(at, ..)| *at < now).collect::<Vec<_>>();
        assert_eq!(earlier(before), earlier(after), "{}", before["country"]);
        let country = after["country"].as_str().unwrap();
        let shown = countries(&published).into_iter().find(|(each, _)| *each == country);
        assert_eq!(last_total(after), shown.map_or(0, |(_, count)| count), "{country}");
        assert_eq!(after["as_of"], published["as_of"]);
    }
    // The campaign's own series is exact and live.
    assert_eq!(at(&history(&client, "").await, back(2)).0, 69);
    app.reread().await;
    let tuvalu = history(&client, "country=TV").await;
    assert!(at(&tuvalu, back(2)).1 > at(&before[1], back(2)).1);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_ended_after_the_rereading_shows_what_the_rereading_saw() {
    let (app, client) = slow().await;
    let last_hour = this_hour(&app).await - TimeDelta::hours(1);
    count_at(&app, last_hour, &[("TV", 7), ("ZZ", 30)]).await;
    app.reread().await;
    count_at(&app, last_hour + TimeDelta::minutes(58), &[("TV", 6), ("ZZ", 30)]).await;
    app.publish().await;
    assert_eq!(at(&history(&client, "").await, last_hour), (73, 73));
    assert_eq!(at(&history(&client, "country=TV").await, last_hour), (5, 5));
    app.reread().await;
    assert_eq!(at(&history(&client, "country=TV").await, last_hour), (10, 10));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_over_does_not_give_the_rounding_away_at_any_hour() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    let back = |hours| now - TimeDelta::hours(hours);
    // Shown as 20 and 5, then as 15 and 10: from the fall, DE would have had exactly 20.
    count_at(&app, back(4), &[("DE", 20), ("VA", 9)]).await;
    count_at(&app, back(3), &[("VA", 1)]).await;
    app.reread().await;
    let of = async |country: &str| history(&client, &format!("country={country}")).await;
    let (germany, vatican) = (of("DE").await, of("VA").await);
    assert_eq!([4, 3, 0].map(|hours| at(&germany, back(hours)).1), [15, 15, 15]);
    assert_eq!([4, 3, 0].map(|hours| at(&vatican, back(hours)).1), [5, 10, 10]);
    assert_eq!(countries(&document(&client).await), [("DE", 15), ("VA", 10)]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_country_that_becomes_small_is_rounded_from_the_next_rereading_on() {
    let (app, client) = slow().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let now = this_hour(&app).await;
    count_at(&app, now - TimeDelta::hours(3), &[("FR", 103), ("ZZ", 30)]).await;
    app.reread().await;
    let ids = app.rows.list("SELECT id FROM pledges WHERE country = 'FR' LIMIT 5").await;
    let removal = json!({"ids": ids, "reason": "bot", "note": "A wave."});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.publish().await;
    let of_france = async || history(&client, "country=FR").await;
    assert_eq!((at(&of_france().await, now - TimeDelta::hours(3)).1, last_total(&of_france().await)), (103, 103));
    app.reread().await;
    assert_eq!((at(&of_france().await, now - TimeDelta::hours(3)).1, last_total(&of_france().await)), (95, 95));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_threshold_one_a_country_is_exact() {
    let (app, client) = slow().await;
    app.rows.execute("UPDATE campaigns SET threshold = 1").await;
    let now = this_hour(&app).await;
    count_at(&app, now - TimeDelta::hours(2), &[("VA", 3), ("ZZ", 2)]).await;
    app.reread().await;
    count(&app, &[("VA", 1)]).await;
    app.publish().await;
    let vatican = history(&client, "country=VA").await;
    assert_eq!((at(&vatican, now - TimeDelta::hours(2)), last_total(&vatican)), ((3, 3), 4));
    assert_eq!(vatican["threshold"], 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_threshold_rounds_the_past_too() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    count_at(&app, now - TimeDelta::hours(2), &[("VA", 19), ("ZZ", 30)]).await;
    app.reread().await;
    assert_eq!(at(&history(&client, "country=VA").await, now - TimeDelta::hours(2)).1, 15);
    let mut connection = app.rows.database.open().await.unwrap();
    let read = pledges::campaigns::store::find(&mut connection, "defend").await.unwrap();
    let mut campaign = read.clone();
    campaign.threshold = 10;
    pledges::campaigns::store::update(&mut connection, &read, &campaign, json!({})).await.unwrap();
    eventually("the past is rounded anew", async || {
        app.service.handles.totals.publish().await.unwrap();
        let vatican = history(&client, "country=VA").await;
        at(&vatican, now - TimeDelta::hours(2)).1 == 10 && vatican["threshold"] == 10
    })
    .await;
    app.stop().await;
}
