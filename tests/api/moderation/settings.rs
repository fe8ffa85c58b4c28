//! What moderators are told of a campaign beside its pledges: what decides what is held, and the names of its partners.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_what_decides_what_is_held_and_for_how_long() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    app.rows
        .execute(
            "UPDATE campaigns SET hold_at = 70, held_default = 'count', review_days = 9, record_days = 40, wall = true",
        )
        .await;
    assert_eq!(
        moderator.get("/v1/moderation/campaigns/defend/settings").await.expect(200),
        json!({"hold_at": 70, "held_default": "count", "review_days": 9, "record_days": 40, "confirmation": "none",
            "proof": "off", "wall": true})
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_the_names_of_partners_and_nothing_else() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let (moderator, admin) = (app.signed_in(Role::Moderator).await, app.signed_in(Role::Admin).await);
    let partner = async |campaign: &str, name: &str| {
        let path = format!("/v1/admin/campaigns/{campaign}/partners");
        let added = admin.post(&path, &json!({"name": name, "origins": ["https://www.example.org"]})).await.expect(201);
        added["id"].as_str().unwrap().to_owned()
    };
    let (zebra, ant) = (partner("defend", "Zebra House").await, partner("defend", "Ant House").await);
    partner("other", "Somebody else's").await;
    let path = format!("/v1/admin/campaigns/defend/partners/{ant}");
    admin.send(admin.request(Method::PATCH, &path).json(&json!({"disabled": true}))).await.expect(200);
    assert_eq!(
        moderator.get("/v1/moderation/campaigns/defend/partners/names").await.expect(200),
        json!({"partners": [{"id": ant, "name": "Ant House"}, {"id": zebra, "name": "Zebra House"}]})
    );
    moderator.get("/v1/admin/campaigns/defend/partners").await.problem(403, "forbidden");
    app.stop().await;
}
