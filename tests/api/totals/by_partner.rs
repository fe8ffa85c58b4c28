//! Partners' numbers, where the campaign publishes them: rounded down, and all together.

use serde_json::{Value, json};

use crate::{
    partners::partner,
    support::{TestApp, client::Client, eventually},
};

const PATH: &str = "/v1/campaigns/defend/totals/partners";

/// Counted pledges of a partner (or of none), as ingest would store them.
async fn count(app: &TestApp, partner: Option<uuid::Uuid>, amount: i64) {
    let partner = partner.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    let sql = format!(
        "WITH counted AS (INSERT INTO pledges (id, campaign_id, country, state, fingerprint, counted_at, partner_id) \
           SELECT gen_random_uuid(), campaigns.id, 'DE', 'counted', gen_random_uuid(), now(), {partner}::uuid \
           FROM campaigns, generate_series(1, {amount}) WHERE slug = 'defend' RETURNING campaign_id, country, partner_id) \
         INSERT INTO count_deltas (campaign_id, countries, amounts, partners, partner_amounts) \
         SELECT campaign_id, ARRAY['DE'], ARRAY[count(*)], array_remove(ARRAY[partner_id], NULL), \
           CASE WHEN partner_id IS NULL THEN '{{}}' ELSE ARRAY[count(*)] END FROM counted GROUP BY campaign_id, partner_id"
    );
    app.rows.execute(&sql).await;
}

async fn publish_partners(app: &TestApp, whether: bool) {
    app.rows.execute(&format!("UPDATE campaigns SET publish_partners = {whether} WHERE slug = 'defend'")).await;
    app.service.handles.campaigns.renew().await.unwrap();
}

async fn shown(client: &Client) -> Value {
    client.get(PATH).await.expect(200)["partners"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_does_not_publish_partners_tells_nothing_of_them() {
    let app = TestApp::start().await;
    let client = app.client();
    let site = partner(&app, &["https://www.example.net"]).await;
    count(&app, Some(site.id), 50).await;
    app.reread().await;
    client.get(PATH).await.problem(404, "not_found");
    let page = client.get("/dashboard/defend").await;
    assert!(!page.text().contains("Human Rights House"));
    assert_eq!(client.get("/v1/campaigns/defend").await.expect(200)["publish_partners"], false);
    publish_partners(&app, true).await;
    assert_eq!(client.get("/v1/campaigns/defend").await.expect(200)["publish_partners"], true);
    let told = json!([{"name": "Human Rights House", "count": 45}]);
    assert_eq!(shown(&client).await, told, "less than the threshold must be left over");
    let page = client.get("/dashboard/defend").await;
    assert!(page.text().contains("<bdi>Human Rights House</bdi></th><td>45</td>"));
    client.get("/v1/campaigns/nothing/totals/partners").await.problem(404, "not_found");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_numbers_are_rounded_and_stand_still_until_the_tick() {
    let app = TestApp::start().await;
    let client = app.client();
    let (one, other) =
        (partner(&app, &["https://www.example.net"]).await.id, partner(&app, &["https://www.example.com"]).await.id);
    app.rows.execute(&format!("UPDATE partners SET name = 'Other' WHERE id = '{other}'")).await;
    publish_partners(&app, true).await;
    count(&app, Some(one), 1_234).await;
    count(&app, Some(other), 4).await;
    count(&app, None, 100).await;
    app.reread().await;
    let told = |count: i64| json!([{"name": "Human Rights House", "count": count}]);
    eventually("large numbers are rounded too", async || shown(&client).await == told(1_230)).await;
    count(&app, Some(one), 6).await;
    count(&app, Some(other), 2).await;
    app.publish().await;
    eventually("they are in the total", async || {
        client.get("/v1/campaigns/defend/totals").await.expect(200)["total"] == 1_346
    })
    .await;
    // Longer than a copy is served without a look.
    tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
    assert_eq!(shown(&client).await, told(1_230));
    app.reread().await;
    let both = json!([{"name": "Human Rights House", "count": 1_240}, {"name": "Other", "count": 5}]);
    eventually("all are renewed together", async || shown(&client).await == both).await;
    let headers = client.get(PATH).await;
    assert_eq!(headers.header("access-control-allow-origin"), "*");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
