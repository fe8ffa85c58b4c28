//! The hold of a pledge that waits is decided when its mailbox confirms it, which speaks for the pledge.

use pledges::gate::waves::CONFIRMED_CREDIT;

use super::{by_mail, confirm, is_well, mail_of, states};
use crate::gate::held::{odd, raise};

#[tokio::test(flavor = "multi_thread")]
async fn confirming_outweighs_what_is_odd_but_not_what_is_certain() {
    let app = by_mail().await;
    let client = app.client();
    let mut mails = Vec::new();
    for email in ["a@example.org", "b@example.org"] {
        mails.push(mail_of(&app, async || drop(client.pledge(&odd(email)).await.expect(202))).await);
    }
    assert_eq!(states(&app).await, ["awaiting", "awaiting"]);
    let second = app.rows.value("SELECT id::text FROM pledges ORDER BY id DESC LIMIT 1").await;
    let raised = raise(&app, &[second.parse().unwrap()], 100 + CONFIRMED_CREDIT).await;
    assert_eq!((raised, states(&app).await), (0, vec!["awaiting".to_owned(); 2]), "what waits is not held yet");
    let told = [confirm(&app, &client, mails[0]).await, confirm(&app, &client, mails[1]).await];
    assert_eq!(told[0], told[1], "both are told the same");
    assert_eq!(states(&app).await, ["counted", "held"]);
    assert_eq!(confirm(&app, &client, mails[1]).await, told[1], "again");
    is_well(&app).await;
    app.stop().await;
}
