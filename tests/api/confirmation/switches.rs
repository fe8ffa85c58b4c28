//! Switches and pledges that wait: whatever is made or confirmed while all is held is held; and an address that was asked for only
//! to confirm it is given to nobody.

use pledges::{accounts::Role, sealing::recipients::Identity};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{by_mail, confirm, is_well, mail_of, pledged, press, states, totals};
use crate::{
    support::{
        TestApp,
        client::pledge,
        program::{command_on, run},
    },
    switches::{hours_pass, on},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_or_confirmed_while_all_is_held_is_held() {
    let app = by_mail().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    let before = pledged(&app, "before@example.org").await;
    let removed = pledged(&app, "removed@example.org").await;
    let id = app.rows.value("SELECT id FROM pledges ORDER BY id DESC LIMIT 1").await;
    let removal = json!({"ids": [id], "reason": "bot", "note": "Of the wave"});
    moderator.post("/v1/moderation/campaigns/defend/removals", &removal).await.expect(201);
    let usual = press(&client, &super::at(&app, "confirm", pledged(&app, "usual@example.org").await)).await;
    on(&app, &moderator, "hold_all").await;
    let meanwhile = pledged(&app, "meanwhile@example.org").await;
    let told = press(&client, &super::at(&app, "confirm", before)).await;
    assert_eq!((told.status, told.text()), (usual.status, usual.text()), "nobody is told");
    assert_eq!(confirm(&app, &client, removed).await, 303);
    hours_pass(&app).await;
    let after = pledged(&app, "after@example.org").await;
    assert_eq!((confirm(&app, &client, meanwhile).await, confirm(&app, &client, after).await), (303, 303));
    assert_eq!(states(&app).await, ["held", "removed held", "counted", "held", "counted"]);
    let signals = app.rows.list("SELECT (signals & 4096) / 4096 FROM pledges ORDER BY created_at, id").await;
    assert_eq!(signals, ["1", "1", "0", "1", "0"]);
    assert_eq!(totals(&app).await, (2, 2));
    let held = app.rows.list("SELECT id FROM pledges WHERE state = 'held'").await;
    let accept = json!({"ids": held, "note": "People"});
    moderator.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
    assert_eq!(totals(&app).await, (4, 4));
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_campaign_goes_on() {
    let app = by_mail().await;
    let moderator = app.signed_in(Role::Moderator).await;
    let mail = pledged(&app, "a@example.org").await;
    on(&app, &moderator, "hold_all").await;
    app.rows.campaign("other").await;
    app.rows
        .execute("UPDATE campaign_switches SET campaign_id = (SELECT id FROM campaigns WHERE slug = 'other')")
        .await;
    assert_eq!(confirm(&app, &app.client(), mail).await, 303);
    assert_eq!(states(&app).await, ["counted"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_asked_for_only_to_be_confirmed_is_given_to_nobody() {
    let app = TestApp::start().await;
    let identity = Identity::generate();
    app.rows.recipient("defend", &identity).await;
    let (client, organiser) = (app.client(), app.signed_in(Role::Organiser).await);
    let file = |name: &str| app.var.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("identity"), identity.file("2026-11-24T00:00:00Z").expose_secret()).unwrap();
    let mut opened = Vec::new();
    for ask in ["off", "optional"] {
        app.rows.execute(&format!("UPDATE campaigns SET email_field = '{ask}'")).await;
        app.service.handles.campaigns.renew().await.unwrap();
        on(&app, &organiser, "require_mail").await;
        let address = format!("{ask}@example.org");
        let mail = mail_of(&app, async || drop(client.pledge(&pledge(&address)).await.expect(202))).await;
        // It still counts when the switch is long off.
        hours_pass(&app).await;
        assert_eq!(confirm(&app, &client, mail).await, 303);
        let bundle = file(ask);
        run(command_on(&app.url, app.var.path(), &["export", "defend", "--out", &bundle])).await.expect(0);
        let open = ["open", "--identity", &file("identity"), "--format", "ndjson", &bundle];
        opened.push(run(command_on(&app.url, app.var.path(), &open)).await.expect(0).stdout);
    }
    assert!(opened[0].contains("Amina Okafor") && !opened[0].contains("off@example.org"), "{}", opened[0]);
    assert!(opened[1].contains("optional@example.org") && !opened[1].contains("off@example.org"), "{}", opened[1]);
    assert_eq!(totals(&app).await, (2, 2));
    is_well(&app).await;
    app.stop().await;
}
