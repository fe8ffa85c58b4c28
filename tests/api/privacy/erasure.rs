//! Erasure of one person: what is personal goes, the count is what the campaign promised, and nobody learns whether there was
//! somebody.

use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PERSONAL, command, doctor_is_well, held, pledges_of};
use crate::{
    accounts::told,
    support::{
        TestApp,
        client::{Answer, Client, pledge},
        program,
    },
};

const ERASURES: &str = "/v1/admin/erasures";

async fn erase(client: &Client, email: &str) -> Answer {
    client.post(ERASURES, &json!({"email": email})).await
}

/// State, the state before, and how much that is personal is left, of all pledges in the order they came in.
async fn states(app: &TestApp) -> Vec<String> {
    let personal = PERSONAL.join(", ");
    app.rows
        .list(&format!(
            "SELECT concat_ws(' ', state, state_before, num_nonnulls({personal}), erased_at IS NOT NULL) FROM pledges \
             ORDER BY created_at"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_erased_may_pledge_again_as_if_for_the_first_time() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["ann.lee@gmail.com"]).await;
    let id = app.rows.value("SELECT id FROM pledges").await;
    erase(&organiser, "annlee@gmail.com").await.expect(204);
    app.client().pledge(&pledge("annlee@gmail.com")).await.expect(201);
    assert_eq!(app.rows.value("SELECT concat_ws(' ', state, erased_at) FROM pledges").await, "counted");
    // Lists that were given out before still name her as gone.
    let departures = app.rows.list("SELECT concat_ws(' ', pledge_id, why) FROM departures").await;
    assert_eq!(departures, [format!("{id} erased")]);
    doctor_is_well(&app, 1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_leaves_nothing_behind_and_is_no_longer_counted() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["ann.lee@gmail.com", "bob@example.org"]).await;
    let fingerprint = app.rows.value("SELECT fingerprint FROM pledges ORDER BY created_at LIMIT 1").await;
    erase(&organiser, "A.N.N.Lee+x@googlemail.com").await.expect(204);
    assert_eq!(states(&app).await, ["withdrawn 0 t", "counted 9 f"]);
    let after =
        "SELECT concat_ws(' ', fingerprint, country, created_at = counted_at) FROM pledges WHERE erased_at IS NOT NULL";
    assert_eq!(
        app.rows.value(&format!("({after})")).await,
        format!("{fingerprint} DE t"),
        "so that the mailbox counts once"
    );
    doctor_is_well(&app, 1).await;
    app.publish().await;
    doctor_is_well(&app, 1).await;
    assert_eq!(app.client().get("/v1/campaigns/defend/totals").await.expect(200)["total"], 1);
    // Twice is once.
    let once = app.rows.list("SELECT row_to_json(each)::text FROM pledges AS each ORDER BY 1").await;
    erase(&organiser, "annlee@gmail.com").await.expect(204);
    assert_eq!(app.rows.list("SELECT row_to_json(each)::text FROM pledges AS each ORDER BY 1").await, once);
    doctor_is_well(&app, 1).await;
    // Moderators see that there is one, and nothing of it.
    let list = "/v1/moderation/campaigns/defend/pledges";
    let page = organiser.get(&format!("{list}?state=withdrawn")).await.expect(200);
    let shown = &page["pledges"][0];
    assert_eq!((&page["total"], &shown["state"], &shown["review"]), (&json!(1), &json!("withdrawn"), &Value::Null));
    assert_eq!((&shown["language"], &shown["source"]), (&Value::Null, &Value::Null));
    let total = async |query: &str| organiser.get(&format!("{list}?{query}")).await.expect(200)["total"].clone();
    for (query, expected) in [
        ("", 2),
        ("state=counted", 1),
        ("state=counted&from=2020-01-01T00:00:00Z", 1),
        ("state=counted&country=DE", 1),
        ("state=withdrawn&country=DE&to=2100-01-01T00:00:00Z", 1),
        ("state=removed", 0),
        ("country=DE", 2),
        ("language=fr&state=counted", 1),
    ] {
        assert_eq!(total(query).await, expected, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_campaign_keeps_the_count_the_pledge_goes_on_counting() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    command(&app, &["campaign", "set", "defend", "--erasure", "keep"]).await.expect(0);
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    let removal = remove_first(&app, &organiser).await;
    for email in ["ann@example.org", "bob@example.org"] {
        erase(&organiser, email).await.expect(204);
    }
    assert_eq!(states(&app).await, ["removed counted 0 t", "counted 0 t"]);
    doctor_is_well(&app, 1).await;
    undo(&organiser, &removal).await;
    assert_eq!(states(&app).await, ["counted 0 t", "counted 0 t"]);
    doctor_is_well(&app, 2).await;
    app.stop().await;
}

async fn remove_first(app: &TestApp, client: &Client) -> String {
    let ids = app.rows.list("SELECT id FROM pledges ORDER BY created_at LIMIT 1").await;
    let order = json!({"ids": ids, "reason": "test", "note": "A trial."});
    let answer = client.post("/v1/moderation/campaigns/defend/removals", &order).await.expect(201);
    answer["removal"]["id"].as_str().unwrap().to_owned()
}

async fn undo(client: &Client, removal: &str) {
    let path = format!("/v1/moderation/campaigns/defend/removals/{removal}/undo");
    client.post(&path, &json!({"note": "It was none."})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_removal_doesnt_bring_an_erased_person_back() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    let removal = remove_first(&app, &organiser).await;
    erase(&organiser, "ann@example.org").await.expect(204);
    assert_eq!(states(&app).await, ["removed withdrawn 0 t", "counted 9 f"]);
    doctor_is_well(&app, 1).await;
    undo(&organiser, &removal).await;
    assert_eq!(states(&app).await, ["withdrawn 0 t", "counted 9 f"]);
    doctor_is_well(&app, 1).await;
    // Taken out again and put back it is what it was.
    let removal = remove_first(&app, &organiser).await;
    undo(&organiser, &removal).await;
    assert_eq!(states(&app).await, ["withdrawn 0 t", "counted 9 f"]);
    doctor_is_well(&app, 1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn found_or_not_answer_work_and_record_are_the_same() {
    let app = TestApp::with(&["--look-every-ms", "60000"]).await;
    app.rows.campaign("other").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let organiser = app.signed_in(Role::Organiser).await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    remove_first(&app, &organiser).await;
    let mut answers = Vec::new();
    for email in ["ann@example.org", "bob@example.org", "bob@example.org", "nobody@example.org"] {
        let log = app.rows.number("SELECT count(*) FROM audit_log").await;
        let deltas = app.rows.number("SELECT count(*) FROM count_deltas").await;
        answers.push(told(&erase(&organiser, email).await));
        assert_eq!(app.rows.number("SELECT count(*) FROM audit_log").await, log + 1, "{email}");
        assert_eq!(app.rows.number("SELECT count(*) FROM count_deltas").await, deltas + 1, "{email}");
    }
    assert_eq!(answers[0].0, 204);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let entries = app
        .rows
        .list("SELECT concat_ws(' ', campaign_id, moderator_id, details) FROM audit_log WHERE action = 'erase'")
        .await;
    assert_eq!(entries.len(), 4);
    assert!(entries.iter().all(|entry| *entry == entries[0]), "{entries:?}");
    app.publish().await;
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organisers_reach_their_campaigns_and_admins_all() {
    let app = TestApp::start().await;
    app.rows.campaign("other").await;
    app.service.handles.campaigns.renew().await.unwrap();
    app.publish().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let admin = app.signed_in(Role::Admin).await;
    let pledge_everywhere = async |email: &str| {
        for slug in ["defend", "other"] {
            app.client().post(&format!("/v1/campaigns/{slug}/pledges"), &pledge(email)).await.expect(201);
        }
    };
    let erased = async || {
        app.rows
            .list("SELECT slug FROM pledges JOIN campaigns ON campaigns.id = campaign_id WHERE erased_at IS NOT NULL ORDER BY 1")
            .await
    };
    pledge_everywhere("ann@example.org").await;
    let body = |campaign: &str| json!({"email": "ann@example.org", "campaign": campaign});
    organiser.post(ERASURES, &body("other")).await.problem(404, "campaign_not_found");
    organiser.post(ERASURES, &body("unknown")).await.problem(404, "campaign_not_found");
    let denied = "SELECT count(*) FROM audit_log WHERE action = 'access.denied'";
    assert_eq!(app.rows.number(denied).await, 1);
    assert_eq!(erased().await, [""; 0]);
    erase(&organiser, "ann@example.org").await.expect(204);
    assert_eq!(erased().await, ["defend"]);
    pledge_everywhere("bob@example.org").await;
    admin.post(ERASURES, &json!({"email": "bob@example.org", "campaign": "other"})).await.expect(204);
    assert_eq!(erased().await, ["defend", "other"]);
    erase(&admin, "bob@example.org").await.expect(204);
    assert_eq!(erased().await, ["defend", "defend", "other"]);
    erase(&admin, "ann@example.org").await.expect(204);
    assert_eq!(erased().await, ["defend", "defend", "other", "other"]);
    assert_eq!(app.differences().await, [""; 0]);
    for (body, pointer, code) in [
        (json!({}), "/email", "required"),
        (json!({"email": "ann"}), "/email", "invalid_email"),
        (json!({"email": "ann@example.org", "campaign": 7}), "/campaign", "wrong_type"),
        (json!({"email": "ann@example.org", "all": true}), "/all", "unknown_field"),
    ] {
        organiser.post(ERASURES, &body).await.fields(&[(pointer, code)]);
    }
    let form = organiser.request(Method::POST, ERASURES).form(&[("email", "ann@example.org")]);
    organiser.send(form).await.problem(415, "unsupported_media_type");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_erases_by_an_address_that_is_no_argument() {
    let app = TestApp::start().await;
    pledges_of(&app, &["ann@example.org", "bob@example.org"]).await;
    let stdin = |arguments: &[&str]| {
        program::command_on(&app.url, app.var.path(), &[&["erase", "--email-file", "-"], arguments].concat())
    };
    let outputs = [
        program::run_with(stdin(&[]), "ann@example.org\n").await.expect(0).stdout,
        program::run_with(stdin(&["--campaign", "defend"]), " nobody@example.org ").await.expect(0).stdout,
    ];
    assert_eq!(outputs, ["whatever there was is erased\n"; 2]);
    assert_eq!(states(&app).await, ["withdrawn 0 t", "counted 9 f"]);
    let file = app.var.path().join("address");
    std::fs::write(&file, "BOB@example.org").unwrap();
    command(&app, &["erase", "--email-file", file.to_str().unwrap()]).await.expect(0);
    assert_eq!(states(&app).await, ["withdrawn 0 t", "withdrawn 0 t"]);
    std::fs::write(&file, "bob@example.org\nann@example.org").unwrap();
    let two = command(&app, &["erase", "--email-file", file.to_str().unwrap()]).await.expect(1);
    assert!(two.stderr.contains("invalid_email") && !two.stderr.contains("bob"), "{}", two.stderr);
    command(&app, &["erase", "bob@example.org"]).await.expect(2);
    let unknown = program::run_with(stdin(&["--campaign", "unknown"]), "ann@example.org").await.expect(1);
    assert!(unknown.stderr.contains("there is no campaign unknown"));
    let by =
        "SELECT count(*) FROM audit_log WHERE action = 'erase' AND moderator_id IS NULL AND campaign_id IS NOT NULL";
    assert_eq!(app.rows.number(by).await, 3);
    assert_eq!(held(&app, "erased_at").await, 2);
    doctor_is_well(&app, 0).await;
    app.stop().await;
}

/// security.md: confirm, remove and erase at once.
#[tokio::test(flavor = "multi_thread")]
async fn erasing_and_removing_at_once_leave_totals_that_equal_a_recount() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    let emails: Vec<String> = (0..24).map(|number| format!("p{number}@example.org")).collect();
    for email in &emails {
        app.client().pledge(&pledge(email)).await.expect(201);
    }
    let ids = app.rows.list("SELECT id FROM pledges").await;
    let order = json!({"ids": ids, "reason": "test", "note": "A trial."});
    let erasures = futures_util::future::join_all(emails.iter().map(|email| erase(&organiser, email)));
    let again = futures_util::future::join_all(emails.iter().rev().map(|email| erase(&organiser, email)));
    let removal = organiser.post("/v1/moderation/campaigns/defend/removals", &order);
    let (erasures, again, removal) = tokio::join!(erasures, again, removal);
    assert!(erasures.iter().chain(&again).all(|answer| answer.status == 204));
    undo(&organiser, removal.expect(201)["removal"]["id"].as_str().unwrap()).await;
    assert_eq!(
        app.rows.number("SELECT count(*) FROM pledges WHERE state = 'withdrawn' AND erased_at IS NOT NULL").await,
        24
    );
    doctor_is_well(&app, 0).await;
    app.stop().await;
}
