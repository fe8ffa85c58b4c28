//! Who follows the totals while the database is away: is served from memory, and told that nobody can look for more.

use chrono::{DateTime, Utc};

use super::{Private, is_well_again};
use crate::support::{
    TestApp,
    client::pledge,
    events::{Event, Events},
};

async fn heartbeat(events: &mut Events) -> Event {
    loop {
        let event = events.next().await.expect("the stream ended");
        if event.kind == "heartbeat" {
            return event;
        }
    }
}

fn checked_at(heartbeat: &Event) -> DateTime<Utc> {
    heartbeat.data["checked_at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_while_the_database_is_away_and_say_so() {
    let private = Private::start().await;
    let app = TestApp::on(private.postgres.url().into(), &["--heartbeat-every-ms", "20"]).await;
    let client = app.client();
    client.pledge(&pledge("before@example.org")).await.expect(201);
    app.publish().await;
    let totals = client.get("/v1/campaigns/defend/totals").await.expect(200);
    let mut early = client.follow("defend", &[]).await;
    assert_eq!(early.next().await.unwrap().data, totals);

    let var = private.stop_immediately().await;
    let mut late = client.follow("defend", &[]).await;
    assert_eq!(late.next().await.unwrap().data, totals, "from memory");
    let standing = heartbeat(&mut late).await;
    assert_eq!((&standing.data["version"], &standing.data["as_of"]), (&totals["version"], &totals["as_of"]));
    for _ in 0..10 {
        // Time for the publisher to try, and to fail.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(heartbeat(&mut late).await.data, standing.data, "checked_at stands still");
    }

    let private = Private::start_again(var).await;
    is_well_again(&client, "after@example.org").await;
    for events in [&mut early, &mut late] {
        let change = events.news().await;
        assert_eq!((change.kind.as_str(), &change.data["previous_version"]), ("change", &totals["version"]));
        assert_eq!(change.data["total"], 2);
        assert!(checked_at(&heartbeat(events).await) > checked_at(&standing));
    }
    app.stop().await;
    private.postgres.stop().await.unwrap();
}
