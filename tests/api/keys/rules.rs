//! Rules that search, when one root secret follows another.

use pledges::accounts::Role;
use serde_json::json;

use super::{NEW_SECRET, restarted, ring};
use crate::{
    moderation::rules::{add, pledged, rules, until},
    support::{ROOT_SECRET, TestApp, eventually},
};

/// Pledges are tagged under the new secret from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_by_a_name_or_a_domain_goes_on_after_a_rotation() {
    let app = TestApp::start().await;
    let moderator = app.signed_in(Role::Moderator).await;
    add(&moderator, "hold", &json!({"domain": "Spam.example"})).await;
    add(&moderator, "hold", &json!({"name": "José García"})).await;
    pledged(&app, "DE", &["before@spam.example"]).await;
    until(&app, &["held"]).await;
    let app = restarted(app, &[NEW_SECRET, ROOT_SECRET]).await;
    pledged(&app, "DE", &["after@spam.example", "b@example.org"]).await;
    let named = json!({"name": "JOSÉ GARCÍA", "email": "c@example.org", "country": "DE"});
    app.client().pledge(&named).await.expect(201);
    until(&app, &["held", "held", "counted", "held"]).await;
    let moderator = app.signed_in(Role::Moderator).await;
    let shown: Vec<_> = rules(&moderator).await.into_iter().map(|rule| rule["search"].clone()).collect();
    assert_eq!(shown, [json!({"domain": "Spam.example"}), json!({"name": "José García"})]);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

/// In the middle of a rotation that wasn't staged.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_left_to_whoever_can_open_the_rules_and_goes_on_where_nobody_can() {
    let old = TestApp::start().await;
    let new = TestApp::on(old.url.clone(), &["--root-secret", &ring(&[NEW_SECRET, ROOT_SECRET])]).await;
    let (moderator, colleague) = (new.signed_in(Role::Moderator).await, old.signed_in(Role::Moderator).await);
    add(&moderator, "hold", &json!({"country": "KE"})).await;
    add(&colleague, "hold", &json!({"country": "FR"})).await;
    let newest = async || old.rows.value("SELECT state FROM pledges ORDER BY id DESC LIMIT 1").await;
    for number in 0..4 {
        pledged(&old, "KE", &[&format!("{number}@example.org")]).await;
        eventually("it is held", async || newest().await == "held").await;
    }
    new.stop().await;
    pledged(&old, "FR", &["f@example.org"]).await;
    old.searched().await;
    let waiting =
        "SELECT count(*) FROM search_rule_pledges JOIN pledges ON pledges.id = pledge_id WHERE country = 'FR'";
    assert_eq!((newest().await.as_str(), old.rows.number(waiting).await), ("counted", 1), "it is left to others");
    old.rows.execute("UPDATE search_rule_pledges SET at = at - interval '1 minute'").await;
    eventually("the other rule decides", async || newest().await == "held").await;
    // What was changed by that waits again, as briefly.
    let long = "SELECT count(*) FROM search_rule_pledges WHERE at < now() - interval '30 seconds'";
    assert_eq!(old.rows.number(long).await, 0, "nothing is stored up");
    assert_eq!(old.differences().await, [""; 0]);
    old.stop().await;
}
