//! A pledge is seen, changed and taken back by whoever has the link.

use reqwest::Method;
use serde_json::json;

use super::{LINKS, at, by_mail, confirm, is_well, mails, open, pledged, press, sent, states, totals};
use crate::support::client::pledge;

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_sees_it_and_changes_what_is_agreed_to() {
    let app = by_mail().await;
    let client = app.client();
    let body = json!({"name": "Amina Okafor", "email": "amina@example.org", "country": "NG", "message": "With you.",
        "consents": [{"purpose": "updates", "version": 1}, {"purpose": "public", "version": 1}]});
    let mail = super::mail_of(&app, async || {
        client.pledge(&body).await.expect(202);
    })
    .await;
    confirm(&app, &client, mail).await;
    let own = at(&app, "my-pledge", mail);
    let page = open(&client, &own).await;
    assert_eq!(page.status, 200);
    for shown in ["Amina Okafor", "With you.", "a•••@example.org", "Nigeria"] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    assert!(!page.text().contains("amina@example.org"));

    let consents = async || {
        app.rows
            .value(
                "SELECT concat_ws(' ', coalesce(consent_updates, 0), coalesce(consent_partner, 0), \
             coalesce(consent_public, 0)) FROM pledges",
            )
            .await
    };
    assert_eq!(press(&client, &format!("{own}/hide")).await.status, 200);
    assert_eq!(consents().await, "1 0 0");
    let save = async |fields: &[(&str, &str)]| {
        let request = client.request(Method::POST, &format!("{own}/consents")).header("accept", "text/html");
        client.send(request.form(fields)).await.status.as_u16()
    };
    let public = [("consent_public", "on"), ("consent_public_version", "1"), ("consent_updates_version", "1")];
    assert_eq!(save(&public).await, 200);
    assert_eq!(consents().await, "0 0 1");
    // A version that was never shown; one for the partner, for whom nothing was sealed.
    assert_eq!(save(&[("consent_public", "on"), ("consent_public_version", "7")]).await, 422);
    assert_eq!(save(&[("state", "counted")]).await, 422);
    assert_eq!(consents().await, "0 0 1");
    assert_eq!(totals(&app).await, (1, 1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_sees_what_a_link_is_about_to_confirm() {
    let app = by_mail().await;
    let client = app.client();
    let mut links = Vec::new();
    for message in ["Sent first.", "Sent last."] {
        let body = json!({"name": "Amina Okafor", "email": "amina@example.org", "country": "NG", "message": message});
        links.push(
            super::mail_of(&app, async || {
                client.pledge(&body).await.expect(202);
            })
            .await,
        );
    }
    let shown = ["Amina Okafor", "Sent last.", "a•••@example.org", "Nigeria"];
    for mail in &links {
        let page = open(&client, &at(&app, "confirm", *mail)).await;
        assert_eq!(page.status, 200);
        for shown in shown {
            assert!(page.text().contains(shown), "{shown}: {}", page.text());
        }
        assert!(!page.text().contains("Sent first.") && !page.text().contains("amina@example.org"));
    }
    // Whoever only knows the address sees nothing of it.
    let form = [("email", "amina@example.org"), ("code", "AAAAAA")];
    let request = client.request(Method::POST, "/c/defend/en/code").header("accept", "text/html").form(&form);
    let refused = client.send(request).await;
    assert_eq!(refused.status, 422);
    for page in [open(&client, "/c/defend/en/code").await, refused] {
        assert!(shown.iter().all(|shown| !page.text().contains(shown)), "{}", page.text());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_is_not_counted_and_the_mailbox_may_pledge_again() {
    let app = by_mail().await;
    let client = app.client();
    let first = pledged(&app, "amina@example.org").await;
    confirm(&app, &client, first).await;
    let id = app.rows.value("SELECT id FROM pledges").await;
    let withdraw = format!("{}/withdraw", at(&app, "my-pledge", first));
    assert_eq!(open(&client, &withdraw).await.status, 200);
    assert_eq!(totals(&app).await, (1, 1));
    for _ in 0..2 {
        assert_eq!(press(&client, &withdraw).await.status, 200);
        assert_eq!((states(&app).await, totals(&app).await), (vec!["withdrawn".into()], (0, 0)));
    }
    assert_eq!(confirm(&app, &client, first).await, 410, "taken back is not confirmed by an old link");
    assert_eq!(open(&client, &at(&app, "my-pledge", first)).await.status, 200);

    let second = pledged(&app, "amina@example.org").await;
    assert_eq!(states(&app).await, ["awaiting"]);
    assert_eq!(app.rows.value("SELECT count(*) FROM pledges").await, "1", "the same row");
    assert_ne!(app.rows.value("SELECT id FROM pledges").await, id);
    assert_eq!(
        app.rows.list("SELECT concat_ws(' ', pledge_id, why) FROM departures").await,
        [format!("{id} withdrawn")]
    );
    assert_eq!(open(&client, &at(&app, "my-pledge", first)).await.status, 410, "the old link was the old pledge's");
    assert_eq!(confirm(&app, &client, second).await, 303);
    assert_eq!(totals(&app).await, (1, 1));
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_leaves_nothing_personal() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    confirm(&app, &client, mail).await;
    // One mail still waits, with the address in it.
    app.rows.execute("UPDATE campaigns SET state = 'open'").await;
    assert_eq!(press(&client, &format!("{}/erase", at(&app, "my-pledge", mail))).await.status, 200);
    let left =
        "SELECT concat_ws(' ', state, num_nonnulls(sealed_record, sealed_review, language, source)) FROM pledges";
    assert_eq!(app.rows.value(left).await, "withdrawn 0");
    assert_eq!(totals(&app).await, (0, 0));
    let page = open(&client, &at(&app, "my-pledge", mail)).await;
    assert!(!page.text().contains("Amina"));
    // Of a campaign that keeps the count, the count stays; what was never confirmed goes all the same.
    app.rows.execute("UPDATE campaigns SET erasure = 'keep'").await;
    app.service.handles.campaigns.renew().await.unwrap();
    for (email, confirmed, state) in [("bea@example.org", true, "counted"), ("cleo@example.org", false, "withdrawn")] {
        let mail = pledged(&app, email).await;
        if confirmed {
            confirm(&app, &client, mail).await;
        }
        assert_eq!(press(&client, &format!("{}/erase", at(&app, "my-pledge", mail))).await.status, 200);
        assert_eq!(states(&app).await.last().unwrap(), state);
    }
    assert_eq!(totals(&app).await, (1, 1));
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_pledged_is_left_in_peace() {
    let app = by_mail().await;
    let client = app.client();
    let mail = pledged(&app, "amina@example.org").await;
    assert_eq!(press(&client, &format!("{}/not-me", at(&app, "my-pledge", mail))).await.status, 200);
    assert_eq!(states(&app).await, ["withdrawn"]);
    let before = mails(&app);
    for _ in 0..3 {
        client.pledge(&pledge("amina@example.org")).await.expect(202);
        client.post(LINKS, &json!({"email": "amina@example.org"})).await.expect(202);
    }
    assert_eq!(sent(&app, &before).await.len(), 0);
    assert_eq!((states(&app).await, totals(&app).await), (vec!["withdrawn".into()], (0, 0)));
    assert_eq!(confirm(&app, &client, mail).await, 410);
    // Nor is anything offered that can't be.
    for place in ["confirm", "my-pledge"] {
        let page = open(&client, &at(&app, place, mail)).await;
        assert!(!page.text().contains("Pledge again") && !page.text().contains("pledge again"), "{}", page.text());
    }
    is_well(&app).await;
    app.stop().await;
}
