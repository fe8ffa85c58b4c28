//! How many pledges an account may remove in a day.

use futures_util::future::join_all;
use pledges::accounts::Role;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
};

async fn pledges(app: &TestApp, count: u32) -> Vec<Value> {
    for number in 0..count {
        app.client().pledge(&pledge(&format!("p{number}@example.org"))).await.expect(201);
    }
    app.rows.list("SELECT id FROM pledges ORDER BY id").await.into_iter().map(Value::from).collect()
}

async fn remove(client: &Client, ids: &[Value]) -> Answer {
    let order = json!({"ids": ids, "reason": "bot", "note": "A wave"});
    client.post("/v1/moderation/campaigns/defend/removals", &order).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_quota_is_not_removed_until_the_next_day() {
    let app = TestApp::start().await;
    let ids = pledges(&app, 8).await;
    let client = app.signed_in(Role::Moderator).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 3").await;
    remove(&client, &ids[..2]).await.expect(201);
    let spent = remove(&client, &ids[2..4]).await;
    spent.problem(429, "removal_quota_spent");
    assert!((1..=86_401).contains(&spent.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'removed'").await, 2, "all or none");
    remove(&client, &ids[2..3]).await.expect(201);
    remove(&client, &ids[3..4]).await.problem(429, "removal_quota_spent");
    let long_ago =
        "INSERT INTO removal_counts (moderator_id, day, pledges) SELECT moderator_id, day - 40, 7 FROM removal_counts";
    app.rows.execute(long_ago).await;
    app.rows.execute("UPDATE removal_counts SET day = day - 1").await;
    // The first of a day forgets what is older than a month.
    remove(&client, &ids[3..4]).await.expect(201);
    // What was refused costs nothing, and neither does what was removed already.
    remove(&client, &ids[3..4]).await.problem(409, "nothing_to_remove");
    assert_eq!(app.rows.list("SELECT pledges FROM removal_counts ORDER BY day").await, ["3", "1"]);
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_at_once_share_the_quota_also_over_instances() {
    let app = TestApp::start().await;
    let other = TestApp::on(app.url.clone(), &[]).await;
    let ids = pledges(&app, 8).await;
    let client = app.signed_in(Role::Moderator).await;
    app.rows.execute("UPDATE moderators SET removals_per_day = 3").await;
    let tries = ids.chunks(1).enumerate().map(|(number, ids)| {
        let mut client = client.clone();
        if number % 2 == 0 {
            client.base = other.client().base;
        }
        async move { remove(&client, ids).await.status.as_u16() }
    });
    let mut statuses = join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 429, 429, 429, 429, 429]);
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE state = 'removed'").await, 3);
    other.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_have_200_000_a_day_unless_told_otherwise_and_admins_any_number() {
    let app = TestApp::start().await;
    let ids = pledges(&app, 5).await;
    let (moderator, admin) = (app.signed_in(Role::Organiser).await, app.signed_in(Role::Admin).await);
    app.rows
        .execute(
            "INSERT INTO removal_counts (moderator_id, day, pledges) \
             SELECT id, (now() AT TIME ZONE 'UTC')::date, 199999 FROM moderators",
        )
        .await;
    remove(&moderator, &ids[..2]).await.problem(429, "removal_quota_spent");
    remove(&moderator, &ids[..1]).await.expect(201);
    remove(&admin, &ids[1..4]).await.expect(201);
    app.rows.execute("UPDATE moderators SET removals_per_day = 200003").await;
    remove(&moderator, &ids[4..]).await.expect(201);
    remove(&admin, &ids[4..]).await.problem(409, "nothing_to_remove");
    app.stop().await;
}
