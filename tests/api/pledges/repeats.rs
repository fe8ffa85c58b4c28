//! A mailbox counts once, and nobody can tell from the answers whether it had pledged before.

use futures_util::future::join_all;
use pledges::accounts::Role;
use serde_json::json;

use super::{copies, face, stored};
use crate::support::{TestApp, client::pledge};

/// 64 ways to write one mailbox: mixed case, dots, plus tags, both names of the provider.
fn spellings() -> Vec<String> {
    let spell = |variant: usize| {
        let mut local = String::new();
        for (at, letter) in "annlee".chars().enumerate() {
            if at > 0 && variant >> at & 1 == 1 {
                local.push('.');
            }
            local.push(if (variant + at).is_multiple_of(3) { letter.to_ascii_uppercase() } else { letter });
        }
        let tag = ["", "+x", "+Together.We-Defend", "+a+b"][variant % 4];
        let domain = ["gmail.com", "GMail.com", "googlemail.com", "GOOGLEMAIL.COM"][variant / 4 % 4];
        format!("{local}{tag}@{domain}")
    };
    (0..64).map(spell).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_posts_at_once_of_one_mailbox_are_one_pledge_with_indistinguishable_answers() {
    // Published by hand, so that the document in the answers stands still.
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    app.client().pledge(&pledge("somebody.else@example.org")).await.expect(201);
    app.publish().await;
    let spellings = spellings();
    assert_eq!(spellings.iter().collect::<std::collections::HashSet<_>>().len(), 64);
    let posts = spellings.iter().map(|email| {
        let client = app.client();
        async move { client.pledge(&pledge(email)).await }
    });
    let answers = join_all(posts).await;
    let faces: Vec<_> = answers.iter().map(face).collect();
    assert_eq!(faces[0].0, 201);
    assert_eq!(faces[0].2["totals"]["total"], 1);
    for (face, email) in faces.iter().zip(&spellings) {
        assert_eq!(face, &faces[0], "{email} is answered differently");
    }
    let ids: std::collections::HashSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 64, "receipts that repeat would tell");
    // Somebody who is new for sure gets the same answer.
    assert_eq!(face(&app.client().pledge(&pledge("new@example.org")).await), faces[0]);
    assert_eq!(stored(&app).await, 3);
    app.publish().await;
    let after = app.client().get("/v1/campaigns/defend/totals").await.expect(200);
    assert_eq!(after["total"], 3);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_pledge_changes_nothing_of_the_first() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    let mut first = pledge("Ann@Bücher.example");
    first["message"] = json!("First.");
    let answered = face(&client.pledge(&first).await);
    let row = "SELECT string_agg(pledges::text, ';') FROM pledges";
    let before = app.rows.value(row).await;
    let mut second = pledge("ANN@xn--bcher-kva.example");
    second["country"] = json!("FR");
    second["message"] = json!("Second.");
    second["name"] = json!("Somebody else");
    second["source"] = json!("elsewhere");
    second["consents"] = json!([{"purpose": "updates", "version": 1}]);
    assert_eq!(face(&client.pledge(&second).await), answered);
    assert_eq!(app.rows.value(row).await, before);
    assert_eq!(copies(&app).await[0].message.as_deref(), Some("First."));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn different_mailboxes_and_campaigns_are_counted_each() {
    let app = TestApp::start().await;
    super::campaign(&app, "another", json!({})).await;
    let client = app.client();
    // Only what a provider is known to ignore is ignored.
    for email in ["a.b@example.org", "ab@example.org", "ab+x@example.org", "ab@example.com", "ab@gmail.com.example.org"]
    {
        client.pledge(&pledge(email)).await.expect(201);
    }
    assert_eq!(stored(&app).await, 5);
    client.post("/v1/campaigns/another/pledges", &pledge("ab@example.org")).await.expect(201);
    assert_eq!(stored(&app).await, 6);
    let fingerprints = app.rows.number("SELECT count(DISTINCT fingerprint) FROM pledges").await;
    assert_eq!(fingerprints, 6, "one mailbox has another fingerprint in each campaign");
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_mailbox_stays_removed_and_is_answered_like_any_other() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    let client = app.client();
    for email in ["spam@example.org", "honest@example.org"] {
        client.pledge(&pledge(email)).await.expect(201);
    }
    let moderator = app.signed_in(Role::Moderator).await;
    let found = moderator
        .post("/v1/moderation/campaigns/defend/pledges/lookup", &json!({"email": "SPAM@example.org"}))
        .await
        .expect(200);
    let id = found["pledges"][0]["id"].clone();
    let removal = json!({"ids": [id], "reason": "spam", "note": "One of a wave."});
    let removal = moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    app.publish().await;
    let before = app.rows.value("SELECT string_agg(pledges::text, ';' ORDER BY id) FROM pledges").await;
    let removed = face(&client.pledge(&pledge("spam@example.org")).await);
    assert_eq!(removed.0, 201);
    assert_eq!(removed, face(&client.pledge(&pledge("honest@example.org")).await), "counted before");
    assert_eq!(removed, face(&client.pledge(&pledge("new@example.org")).await), "new");
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 2);
    let after = app
        .rows
        .value("SELECT string_agg(p::text, ';' ORDER BY id) FROM (SELECT * FROM pledges ORDER BY id LIMIT 2) AS p")
        .await;
    assert_eq!(after, before, "it stays as the moderator left it");
    // Undone, it counts again, once.
    let id = removal["removal"]["id"].as_str().unwrap();
    let undo = format!("/v1/moderation/campaigns/defend/removals/{id}/undo");
    moderator.post(&undo, &json!({"note": "By mistake."})).await.expect(200);
    client.pledge(&pledge("spam@example.org")).await.expect(201);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 3);
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}
