//! One partner of which nothing is taken for a while.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::{ask, hours_pass, renew};
use crate::{
    partners::partner,
    support::{TestApp, client::pledge},
};

const PAGE: &str = "https://www.example.net";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_from_a_paused_partner_until_the_end_and_others_go_on() {
    let app = TestApp::start().await;
    let (client, organiser) = (app.client(), app.signed_in(Role::Organiser).await);
    let (paused, other) = (partner(&app, &[PAGE]).await, partner(&app, &[PAGE]).await);
    let page = async |site_key: &str, email: &str| {
        let mut body = pledge(email);
        body["site_key"] = json!(site_key);
        client
            .send(client.request(Method::POST, "/v1/campaigns/defend/pledges").header("origin", PAGE).json(&body))
            .await
    };
    let server = async |path: &str, body| {
        client.send(client.request(Method::POST, path).bearer_auth(&paused.secret).json(&body)).await
    };
    page(&paused.site_key, "a@example.org").await.expect(201);
    ask(
        &organiser,
        &format!("pause_partner?partner={}", paused.id),
        &json!({"reason": "Bots on its page", "hours": 2}),
    )
    .await
    .expect(200);
    renew(&app).await;
    let challenge = format!("/v1/campaigns/defend/challenge?site_key={}", paused.site_key);
    let refused = [
        page(&paused.site_key, "b@example.org").await,
        server("/v1/campaigns/defend/pledges", pledge("c@example.org")).await,
        server("/v1/campaigns/defend/pledges/batches", json!({"pledges": [pledge("d@example.org")]})).await,
        client.send(client.request(Method::GET, &challenge).header("origin", PAGE)).await,
    ];
    for answer in &refused {
        answer.problem(503, "partner_paused");
        let seconds: u32 = answer.header("retry-after").parse().unwrap();
        assert!((7_100..=7_200).contains(&seconds), "{seconds}");
    }
    assert_eq!(refused[0].header("access-control-allow-origin"), PAGE, "its script can read why");
    page(&other.site_key, "e@example.org").await.expect(201);
    client.pledge(&pledge("f@example.org")).await.expect(201);
    // Another one of the same campaign beside it.
    ask(&organiser, &format!("pause_partner?partner={}", other.id), &json!({"reason": "This one too"}))
        .await
        .expect(200);
    renew(&app).await;
    page(&other.site_key, "g@example.org").await.problem(503, "partner_paused");
    let off = format!("{}/pause_partner?partner={}", super::SWITCHES, other.id);
    assert_eq!(organiser.send(organiser.request(Method::DELETE, &off)).await.status, 204);
    renew(&app).await;
    page(&other.site_key, "g@example.org").await.expect(201);
    page(&paused.site_key, "b@example.org").await.problem(503, "partner_paused");
    hours_pass(&app).await;
    page(&paused.site_key, "b@example.org").await.expect(201);
    let entry =
        "SELECT concat_ws(' ', action, details->>'partner') FROM audit_log WHERE action LIKE 'switch.%' ORDER BY id";
    let expected = [("on", paused.id), ("on", other.id), ("off", other.id)];
    assert_eq!(app.rows.list(entry).await, expected.map(|(what, id)| format!("switch.{what} {id}")));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_partners_sees_which_is_paused_and_is_not_told_that_it_has_stopped() {
    let app = TestApp::start().await;
    let (client, organiser, site) = (app.client(), app.signed_in(Role::Organiser).await, partner(&app, &[PAGE]).await);
    app.rows
        .execute(&format!(
            "INSERT INTO partner_hours SELECT '{}', date_trunc('hour', now()) - ago * interval '1 hour', false, 'accepted', \
               30, now() - ago * interval '1 hour' FROM generate_series(4, 30) AS ago",
            site.id
        ))
        .await;
    let path = "/v1/admin/campaigns/defend/partners";
    let looks = async || {
        let entry = organiser.get(path).await.expect(200)["partners"][0].clone();
        let status = client.request(Method::GET, "/v1/partner/status").bearer_auth(&site.secret);
        let own = client.send(status).await.expect(200)["flags"].clone();
        let listed = super::run(&app, &["partner", "list", "defend"]).await.expect(0).stdout;
        assert_eq!(own, entry["flags"]);
        (entry["partner"]["paused_until"].clone(), entry["flags"].clone(), listed)
    };
    let (until, flags, listed) = looks().await;
    assert_eq!((until, flags), (json!(null), json!(["stopped"])));
    assert!(listed.contains("\tHAS STOPPED") && !listed.contains("paused"), "{listed}");
    let pause = format!("pause_partner?partner={}", site.id);
    let standing = ask(&organiser, &pause, &json!({"reason": "Bots on its page"})).await.expect(200);
    renew(&app).await;
    let (until, flags, listed) = looks().await;
    assert_eq!((&until, flags), (&standing["until"], json!([])));
    assert!(listed.contains("\tpaused until 20") && !listed.contains("STOPPED"), "{listed}");
    let change = organiser.request(Method::PATCH, &format!("{path}/{}", site.id)).json(&json!({"name": "Another"}));
    assert_eq!(organiser.send(change).await.expect(200)["paused_until"], until);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_names_a_partner_of_the_campaign_and_nothing_else_does() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    let (admin, site) = (app.signed_in(Role::Admin).await, partner(&app, &[]).await);
    let body = json!({"reason": "Bots"});
    let missing = |answer: crate::support::client::Answer, code: &str| {
        let problem = answer.problem(422, "invalid_query");
        assert_eq!(problem["errors"], json!([{"pointer": "/partner", "code": code}]));
    };
    missing(ask(&admin, "pause_partner", &body).await, "required");
    missing(ask(&admin, &format!("hold_all?partner={}", site.id), &body).await, "not_allowed");
    missing(ask(&admin, "pause_partner?partner=x", &body).await, "wrong_type");
    let elsewhere = format!("/v1/admin/campaigns/other/switches/pause_partner?partner={}", site.id);
    for method in [Method::PUT, Method::DELETE] {
        admin.send(admin.request(method, &elsewhere).json(&body)).await.problem(404, "not_found");
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM campaign_switches").await, 0);
    app.stop().await;
}
