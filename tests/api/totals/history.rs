//! How the totals grew, as a dashboard draws it: every interval once, sums that add up, the past corrected.

mod countries;
mod reading;
mod wrong;

use chrono::{DateTime, TimeDelta, Utc};
use pledges::accounts::Role;
use serde_json::{Value, json};

use super::document;
use crate::support::{
    TestApp,
    client::{Client, pledge},
};

const PATH: &str = "/v1/campaigns/defend/totals/history";

/// The beginning of the hour that is under way, by the database's clock.
async fn this_hour(app: &TestApp) -> DateTime<Utc> {
    app.rows.value("SELECT extract(epoch FROM date_trunc('hour', now()))::bigint").await.parse().map(hour).unwrap()
}

fn hour(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// Pledges that were counted at a moment in the past, as ingest would have stored them then.
async fn count_at(app: &TestApp, at: DateTime<Utc>, countries: &[(&str, i64)]) {
    for (country, amount) in countries {
        let at = at.to_rfc3339();
        let sql = format!(
            "WITH counted AS (INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at) \
               SELECT gen_random_uuid(), campaigns.id, '{country}', 'counted', \
                 gen_random_uuid(), '{at}' \
               FROM campaigns, generate_series(1, {amount}) WHERE slug = 'defend' RETURNING campaign_id, country) \
             INSERT INTO count_deltas (campaign_id, countries, amounts, minute) \
             SELECT campaign_id, ARRAY[country], ARRAY[count(*)], date_trunc('minute', '{at}'::timestamptz) \
             FROM counted GROUP BY campaign_id, country"
        );
        app.rows.execute(&sql).await;
    }
}

/// The history that a query asks for. It must hold together.
async fn history(client: &Client, query: &str) -> Value {
    let body = client.get(&format!("{PATH}?{query}")).await.expect(200);
    holds_together(&body);
    body
}

/// Fails unless no interval is missing and each total is the one before and the count.
#[track_caller]
fn holds_together(body: &Value) {
    let length = match body["interval"].as_str().unwrap() {
        "minute" => TimeDelta::minutes(1),
        "hour" => TimeDelta::hours(1),
        _ => TimeDelta::days(1),
    };
    let (mut at, points) = (moment(&body["from"]), points(body));
    let mut before = points.first().map_or(0, |(_, count, total)| total - count);
    for (begins, count, total) in &points {
        assert_eq!((*begins, before + count), (at, *total), "{body}");
        at += length;
        before = *total;
    }
    assert_eq!(at, moment(&body["to"]), "{body}");
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn points(body: &Value) -> Vec<(DateTime<Utc>, i64, i64)> {
    let number = |point: &Value, name: &str| point[name].as_i64().unwrap();
    let points = body["points"].as_array().unwrap().iter();
    points.map(|point| (moment(&point["at"]), number(point, "count"), number(point, "total"))).collect()
}

/// Count and total of the interval that begins then.
#[track_caller]
fn at(body: &Value, begins: DateTime<Utc>) -> (i64, i64) {
    let all = points(body);
    let found = all.iter().find(|(at, ..)| *at == begins).unwrap_or_else(|| panic!("nothing at {begins}: {body}"));
    (found.1, found.2)
}

fn last_total(body: &Value) -> i64 {
    points(body).last().unwrap().2
}

/// Publishes and re-reads by hand.
async fn slow() -> (TestApp, Client) {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    (app, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_is_in_the_minute_the_hour_and_the_day_in_which_it_was_counted() {
    let (app, client) = slow().await;
    for interval in ["minute", "hour", "day"] {
        let empty = history(&client, &format!("interval={interval}")).await;
        assert_eq!((last_total(&empty), &empty["campaign"]), (0, &json!("defend")));
        assert_eq!(
            (&empty["interval"], &empty["threshold"], empty.get("country")),
            (&json!(interval), &json!(5), None)
        );
    }
    for index in 0..3 {
        client.pledge(&pledge(&format!("supporter{index}@example.org"))).await.expect(201);
    }
    app.publish().await;
    let published = document(&client).await;
    for (query, interval) in
        [("interval=minute", "minute"), ("interval=hour", "hour"), ("interval=day", "day"), ("", "hour")]
    {
        let body = history(&client, query).await;
        assert_eq!((&body["interval"], last_total(&body)), (&json!(interval), 3));
        assert_eq!((&body["as_of"], &published["total"]), (&published["as_of"], &json!(3)));
        let sql =
            format!("SELECT extract(epoch FROM date_trunc('{interval}', min(counted_at), 'UTC'))::bigint FROM pledges");
        let began = hour(app.rows.number(&sql).await);
        assert!(at(&body, began).0 >= 1, "{body}");
    }
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_happened_there_are_zeros() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    let back = |hours: i64, minutes: i64| now - TimeDelta::hours(hours) + TimeDelta::minutes(minutes);
    count_at(&app, back(75, 7), &[("DE", 4)]).await;
    count_at(&app, back(30, 0), &[("FR", 2), ("ZZ", 1)]).await;
    count_at(&app, back(30, 59), &[("DE", 10)]).await;
    count_at(&app, back(2, 30), &[("DE", 5)]).await;
    app.publish().await;
    let hours = history(&client, "interval=hour").await;
    // The series begins with the first pledge, though the campaign is younger.
    assert_eq!(moment(&hours["from"]), back(75, 0));
    assert_eq!(
        [75, 74, 31, 30, 29, 3, 2, 1, 0].map(|hours_ago| at(&hours, back(hours_ago, 0))),
        [(4, 4), (0, 4), (0, 4), (13, 17), (0, 17), (0, 17), (5, 22), (0, 22), (0, 22)]
    );
    let minutes = history(&client, "interval=minute&from=2000-01-01T00:00:00Z").await;
    let within = [(30, 0), (30, 1), (30, 59), (2, 30), (0, 0)].map(|(hours, minutes)| back(hours, minutes));
    assert_eq!(within.map(|minute| at(&minutes, minute)), [(3, 7), (0, 7), (10, 17), (5, 22), (0, 22)]);
    assert!([2_880, 2_881].contains(&points(&minutes).len()), "48 hours");
    let days = history(&client, "interval=day").await;
    let of = |day: DateTime<Utc>| {
        let hours = points(&hours).into_iter().filter(|(at, ..)| at.date_naive() == day.date_naive());
        hours.map(|(_, count, _)| count).sum::<i64>()
    };
    assert!(points(&days).iter().all(|(day, count, _)| *count == of(*day)), "{days}");
    assert_eq!((last_total(&days), points(&days).iter().map(|(_, count, _)| count).sum()), (22, 22));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_corrects_the_past_and_an_undo_restores_it() {
    let (app, client) = slow().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let now = this_hour(&app).await;
    let (wave, minute) = (now - TimeDelta::hours(9), now - TimeDelta::hours(9) + TimeDelta::minutes(13));
    count_at(&app, now - TimeDelta::hours(20), &[("DE", 23), ("ZZ", 7)]).await;
    count_at(&app, minute, &[("FR", 40)]).await;
    count_at(&app, now - TimeDelta::hours(1), &[("DE", 3)]).await;
    app.reread().await;
    let told = async || {
        let (hours, minutes) = (history(&client, "").await, history(&client, "interval=minute").await);
        let france = history(&client, "country=FR").await;
        (at(&hours, wave), last_total(&hours), at(&minutes, minute), last_total(&minutes), at(&france, wave))
    };
    let before = told().await;
    assert_eq!(before, ((40, 70), 73, (40, 70), 73, (40, 40)));
    let ids = app.rows.list("SELECT id FROM pledges WHERE country = 'FR' LIMIT 27").await;
    let removal = json!({"ids": ids, "reason": "bot", "note": "A wave."});
    let removals = "/v1/moderation/campaigns/defend/removals";
    let removal = moderator.post(removals, &removal).await.expect(201)["removal"]["id"].clone();
    app.reread().await;
    assert_eq!(told().await, ((13, 43), 46, (13, 43), 46, (10, 10)));
    let undo = format!("{removals}/{}/undo", removal.as_str().unwrap());
    moderator.post(&undo, &json!({"note": "They were people."})).await.expect(200);
    app.reread().await;
    assert_eq!(told().await, before);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_the_same_part_of_the_whole() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    for hours in [70, 50, 49, 30, 7, 3, 1] {
        count_at(&app, now - TimeDelta::minutes(60 * hours - hours), &[("DE", hours), ("ZZ", 2)]).await;
    }
    app.reread().await;
    for query in ["interval=hour", "interval=day", "interval=hour&country=DE"] {
        let whole = history(&client, query).await;
        let (from, to) = (now - TimeDelta::minutes(50 * 60 + 20), now - TimeDelta::minutes(3 * 60 - 20));
        let part = history(&client, &format!("{query}&from={}&to={}", seconds(from), seconds(to))).await;
        assert!(moment(&part["from"]) <= from && moment(&part["to"]) >= to);
        let inside = |(at, ..): &(DateTime<Utc>, i64, i64)| *at >= moment(&part["from"]) && *at < moment(&part["to"]);
        let expected: Vec<_> = points(&whole).into_iter().filter(inside).collect();
        assert_eq!(points(&part), expected);
    }
    let future = history(&client, "from=2100-01-01T00:00:00Z").await;
    assert_eq!((&future["points"], &future["from"]), (&json!([]), &future["to"]));
    app.stop().await;
}

/// As it stands in a query.
fn seconds(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_the_same() {
    let (app, client) = slow().await;
    let now = this_hour(&app).await;
    count_at(&app, now - TimeDelta::hours(3), &[("DE", 150), ("VA", 9)]).await;
    app.reread().await;
    for query in
        ["", "interval=day", "country=DE", "country=va&interval=day", "interval=minute&from=2026-01-01T00:00:00Z"]
    {
        let table = client.get(&format!("{PATH}.csv?{query}")).await;
        assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
        let mut lines = vec!["at,count,total".to_owned()];
        for (at, count, total) in points(&history(&client, query).await) {
            lines.push(format!("{},{count},{total}", seconds(at)));
        }
        assert_eq!(table.text(), lines.join("\r\n") + "\r\n", "{query}");
    }
    app.stop().await;
}
