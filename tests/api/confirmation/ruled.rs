//! What moderators' rules have decided, confirming doesn't undo.

use pledges::{accounts::Role, gate::waves::CONFIRMED_CREDIT};
use serde_json::json;
use uuid::Uuid;

use super::{by_mail, confirm, is_well, mail_of, pledged, states};
use crate::{
    gate::{
        held::{odd, raise},
        rules::{add, rule},
    },
    support::{client::pledge, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_blocked_stays_held_when_it_confirms_and_what_is_allowed_is_not_held_later() {
    let app = by_mail().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    add(&app, &moderator, &rule("block", "domain", "spam.example")).await;
    add(&app, &moderator, &rule("allow", "domain", "school.example")).await;
    let mut mails = Vec::new();
    for email in ["a@spam.example", "a@school.example", "a@example.org"] {
        mails.push(mail_of(&app, async || drop(client.pledge(&odd(email)).await.expect(202))).await);
    }
    assert_eq!(states(&app).await, ["awaiting"; 3]);
    let ids = app.rows.list("SELECT id::text FROM pledges ORDER BY created_at, id").await;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(raise(&app, &ids[1..], 100 + CONFIRMED_CREDIT).await, 0, "what waits is not held yet");
    let mut told = Vec::new();
    for mail in mails {
        told.push(confirm(&app, &client, mail).await);
    }
    assert_eq!(told, [told[0]; 3], "all are told the same");
    assert_eq!(states(&app).await, ["held", "counted", "held"]);
    // A wave that is found when it counts already: on record with it, and no reason to hold it.
    assert_eq!(raise(&app, &ids[1..2], 900).await, 0);
    assert_eq!(states(&app).await, ["held", "counted", "held"]);
    assert_eq!(app.rows.number(&format!("SELECT score FROM pledges WHERE id = '{}'", ids[1])).await, 900);
    is_well(&app).await;
    app.stop().await;
}

/// A search that is kept alive decides behind the door: before the mailbox confirms, or just after.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_holds_stays_held_when_it_confirms_and_what_it_removes_never_counts() {
    let app = by_mail().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    for (kind, domain) in [("hold", "spam.example"), ("remove", "bots.example")] {
        let rule = json!({"kind": kind, "search": {"domain": domain}, "reason": "bot", "note": "A wave"});
        moderator.post("/v1/moderation/campaigns/defend/rules", &rule).await.expect(201);
    }
    let held = pledged(&app, "a@spam.example").await;
    // Whether it still gets its mail, is a matter of who comes first.
    client.pledge(&pledge("a@bots.example")).await.expect(202);
    eventually("the rules have decided", async || {
        app.rows.number("SELECT sum(hits)::bigint FROM search_rules").await == 2
    })
    .await;
    assert_eq!(states(&app).await, ["awaiting", "removed awaiting"]);
    confirm(&app, &client, held).await;
    assert_eq!(states(&app).await, ["held", "removed awaiting"]);
    is_well(&app).await;
    app.stop().await;
}
