//! How the history is read: cached, by many at once, on several instances, and while the database is away.

use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use reqwest::Method;

use super::{PATH, at, count_at, history, last_total, slow, this_hour};
use crate::support::{TestApp, client::pledge, eventually};
use crate::totals::{count, decoded, document, get_with};

const QUERIES: [&str; 4] = ["", "?interval=day", "?country=DE", "?interval=hour&from=2026-01-01T00:00:00Z"];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_has_is_not_sent_again() {
    let (app, client) = slow().await;
    for (index, query) in QUERIES.into_iter().enumerate() {
        for path in [format!("{PATH}{query}"), format!("{PATH}.csv{query}")] {
            for coding in ["", "gzip", "br, gzip"] {
                // Between the two a new interval may begin.
                eventually("the same is not sent again", async || {
                    let first = get_with(&client, &path, &[("accept-encoding", coding)]).await;
                    let etag = first.header("etag").to_owned();
                    let again =
                        get_with(&client, &path, &[("accept-encoding", coding), ("if-none-match", &etag)]).await;
                    for name in
                        ["cache-control", "vary", "access-control-allow-origin", "access-control-expose-headers"]
                    {
                        assert_eq!(again.header(name), first.header(name), "{name} of a 304");
                    }
                    (again.status.as_u16(), again.body.len(), again.header("etag")) == (304, 0, &etag)
                })
                .await;
            }
            let etag = client.get(&path).await.header("etag").to_owned();
            client.pledge(&pledge(&format!("{}{index}@example.org", path.len()))).await.expect(201);
            app.reread().await;
            assert_eq!(get_with(&client, &path, &[("if-none-match", &etag)]).await.status, 200);
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_coding_says_the_same_and_every_site_may_read_it() {
    let (app, client) = slow().await;
    count(&app, &[("DE", 150)]).await;
    app.reread().await;
    for query in QUERIES {
        for path in [format!("{PATH}{query}"), format!("{PATH}.csv{query}")] {
            eventually("every coding says the same", async || {
                let plain = client.get(&path).await;
                let mut etags = vec![plain.header("etag").to_owned()];
                for accepted in ["gzip", "gzip, br", "identity"] {
                    let answer =
                        get_with(&client, &path, &[("accept-encoding", accepted), ("origin", "https://a.example")])
                            .await;
                    assert_eq!(answer.header("access-control-allow-origin"), "*");
                    assert_eq!(answer.header("vary"), "Accept-Encoding");
                    assert_eq!(answer.header("content-encoding").is_empty(), accepted == "identity", "{path}");
                    etags.push(answer.header("etag").to_owned());
                    if decoded(&answer) != plain.body {
                        return false;
                    }
                }
                assert!(etags[0] == etags[3] && etags[0] != etags[1], "one ETag for each coding: {etags:?}");
                true
            })
            .await;
        }
    }
    for (interval, age) in [("minute", 2), ("hour", 10), ("day", 60)] {
        let answer = client.get(&format!("{PATH}?interval={interval}")).await;
        assert!(answer.header("cache-control").starts_with(&format!("public, max-age={age}, stale-while-revalidate=")));
        let head = client.send(client.request(Method::HEAD, &format!("{PATH}?interval={interval}"))).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_in_the_history_at_once() {
    let (app, client) = slow().await;
    for round in 1..=8 {
        count(&app, &[("DE", round)]).await;
        app.publish().await;
        let total = document(&client).await["total"].as_i64().unwrap();
        for query in ["", "interval=minute", "interval=day&from=2026-01-01T00:00:00Z"] {
            assert_eq!(last_total(&history(&client, query).await), total);
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_one_loads() {
    let (app, client) = slow().await;
    count(&app, &[("DE", 3)]).await;
    app.publish().await;
    let mut holder = app.rows.database.open().await.unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE time_buckets IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let release = async {
        let loading = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE '%FROM time_buckets%'";
        eventually("somebody loads", async || app.rows.number(loading).await > 0).await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let loading = app.rows.number(loading).await;
        holder.batch_execute("COMMIT").await.unwrap();
        loading
    };
    let asked = join_all((0..60).map(|_| history(&client, "")));
    let (answers, loading) = tokio::join!(asked, release);
    assert_eq!(loading, 1);
    assert!(answers.iter().all(|answer| last_total(answer) == 3));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_while_the_database_is_away() {
    let (app, client) = slow().await;
    app.rows.campaign("never-asked").await;
    let now = this_hour(&app).await;
    count_at(&app, now - TimeDelta::hours(3), &[("DE", 150), ("TV", 14)]).await;
    app.reread().await;
    let before = [history(&client, "").await, history(&client, "country=TV").await];
    app.service.handles.database.close();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    // Not only what was asked for before: every part, every form.
    for query in ["interval=minute&from=2026-01-01T00:00:00Z", "interval=day", "country=DE&interval=day", "country=VA"]
    {
        history(&client, query).await;
        assert_eq!(client.get(&format!("{PATH}.csv?{query}")).await.status, 200);
    }
    assert_eq!([history(&client, "").await, history(&client, "country=TV").await], before);
    let refused = client.get("/v1/campaigns/never-asked/totals/history").await;
    refused.problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_tell_the_same() {
    let one = TestApp::start().await;
    let two = TestApp::on(one.url.clone(), &[]).await;
    let (first, second) = (one.client(), two.client());
    let now = this_hour(&one).await;
    count_at(&one, now - TimeDelta::hours(5), &[("DE", 150), ("TV", 14), ("ZZ", 9)]).await;
    one.reread().await;
    first.pledge(&pledge("first@example.org")).await.expect(201);
    second.pledge(&pledge("second@example.org")).await.expect(201);
    for query in ["", "interval=minute", "country=DE", "country=TV&interval=day"] {
        eventually("both tell the same", async || {
            let [one, two] = [history(&first, query).await, history(&second, query).await];
            one == two && [2, 175, 152, 10].contains(&last_total(&one)) && document(&first).await["total"] == 175
        })
        .await;
    }
    assert_eq!(at(&history(&second, "country=TV").await, now - TimeDelta::hours(5)), (10, 10));
    two.stop().await;
    one.stop().await;
}
