//! What moderators take out is told to everybody: when, how many, what kind; and nothing more.

use pledges::accounts::Role;
use serde_json::{Value, json};

use super::count;
use crate::support::{TestApp, client::Client, eventually};

const PATH: &str = "/v1/campaigns/defend/totals/corrections";
const REMOVALS: &str = "/v1/moderation/campaigns/defend/removals";

async fn corrections(client: &Client) -> Value {
    client.get(PATH).await.expect(200)["corrections"].clone()
}

/// Takes out so many pledges of a state; gives the removal's id.
async fn remove(app: &TestApp, moderator: &Client, (state, amount): (&str, usize), reason: &str) -> String {
    let ids = app.rows.list(&format!("SELECT id FROM pledges WHERE state = '{state}' LIMIT {amount}")).await;
    assert_eq!(ids.len(), amount);
    let removal = json!({"ids": ids, "reason": reason, "note": "A secret of the moderators"});
    let answer = moderator.post(REMOVALS, &removal).await.expect(201);
    answer["removal"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_is_told_by_day_and_kind_and_what_is_put_back_no_more() {
    let app = TestApp::start().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    assert_eq!(corrections(&client).await, json!([]));
    count(&app, &[("DE", 20), ("FR", 20)]).await;
    // Held ones were in no total.
    app.rows.execute("UPDATE pledges SET state = 'held', counted_at = NULL WHERE country = 'FR'").await;
    let bots = remove(&app, &moderator, ("counted", 7), "bot").await;
    remove(&app, &moderator, ("counted", 2), "spam").await;
    remove(&app, &moderator, ("counted", 3), "bot").await;
    remove(&app, &moderator, ("held", 5), "abuse").await;
    let today = app.rows.value("SELECT (now() AT TIME ZONE 'UTC')::date").await;
    let line = |count: i64, reason: &str| json!({"day": today, "count": count, "reason": reason});
    let told = json!([line(10, "bot"), line(2, "spam")]);
    eventually("both kinds are told", async || corrections(&client).await == told).await;
    let answer = client.get(PATH).await;
    for hidden in ["secret", "moderator", "DE", &bots] {
        assert!(!answer.text().contains(hidden), "{hidden} is told");
    }
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let undo = json!({"note": "They were people"});
    moderator.post(&format!("{REMOVALS}/{bots}/undo"), &undo).await.expect(200);
    let told = json!([line(3, "bot"), line(2, "spam")]);
    eventually("what was put back is gone", async || corrections(&client).await == told).await;
    app.rows.execute("UPDATE removals SET created_at = created_at - interval '3 days' WHERE reason = 'spam'").await;
    let before = app.rows.value("SELECT (now() AT TIME ZONE 'UTC')::date - 3").await;
    let told = json!([line(3, "bot"), {"day": before, "count": 2, "reason": "spam"}]);
    eventually("the newest day is first", async || corrections(&client).await == told).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_public_campaigns_have_corrections() {
    let app = TestApp::start().await;
    app.client().get("/v1/campaigns/nothing/totals/corrections").await.problem(404, "campaign_not_found");
    app.client().get("/v1/campaigns/%00/totals/corrections").await.problem(404, "campaign_not_found");
    app.stop().await;
}
