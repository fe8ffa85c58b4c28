//! Switches of a campaign under attack: what each does, for whom, for how long, and that it is on record.

mod partners;
mod rights;

use std::time::{Duration, Instant};

use altcha::{Challenge, Payload, SolveChallengeOptions};
use base64::{Engine, engine::general_purpose::STANDARD};
use pledges::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client, pledge},
    eventually,
    program::{self, Ended},
};

pub const SWITCHES: &str = "/v1/admin/campaigns/defend/switches";
const CAMPAIGN: &str = "/v1/campaigns/defend";

/// Asks for a switch to be on.
pub async fn ask(client: &Client, switch: &str, body: &Value) -> Answer {
    client.send(client.request(Method::PUT, &format!("{SWITCHES}/{switch}")).json(body)).await
}

/// Takes over what is in the database now.
async fn renew(app: &TestApp) {
    app.service.handles.campaigns.renew().await.unwrap();
    app.service.handles.partners.renew().await.unwrap();
}

/// Switches on for six hours, known to the service when this returns.
pub async fn on(app: &TestApp, client: &Client, switch: &str) -> Value {
    let standing = ask(client, switch, &json!({"reason": "A wave of bots"})).await.expect(200);
    renew(app).await;
    standing
}

/// Lets the hours pass that everything is on for.
pub async fn hours_pass(app: &TestApp) {
    app.rows.execute("UPDATE campaign_switches SET on_at = now() - interval '6 hours', ends_at = now()").await;
    renew(app).await;
}

async fn states(app: &TestApp) -> Vec<String> {
    app.rows.list("SELECT state FROM pledges ORDER BY id").await
}

async fn audited(app: &TestApp) -> Vec<String> {
    let entry = "SELECT concat_ws(' ', action, login, details->>'switch', details->>'hours', details->>'reason', \
                   (details->>'until')::timestamptz > now()) \
                 FROM audit_log LEFT JOIN moderators ON moderators.id = moderator_id WHERE action LIKE 'switch.%' ORDER BY audit_log.id";
    app.rows.list(entry).await
}

/// Status and body without what differs from answer to answer.
fn face(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["id"].take();
    body["totals"].take();
    (answer.status.as_u16(), body)
}

async fn run(app: &TestApp, arguments: &[&str]) -> Ended {
    program::run(program::command_on(&app.url, app.var.path(), arguments)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_all_is_held_nobody_is_told_and_moderators_see_why() {
    let app = TestApp::start().await;
    let (client, moderator) = (app.client(), app.signed_in(Role::Moderator).await);
    let before = face(&client.pledge(&pledge("a@example.org")).await);
    let document = client.get(CAMPAIGN).await;
    on(&app, &moderator, "hold_all").await;
    assert_eq!(face(&client.pledge(&pledge("b@example.org")).await), before);
    let same = client.get(CAMPAIGN).await;
    assert_eq!(
        (same.text(), same.headers.get("cache-control")),
        (document.text(), document.headers.get("cache-control"))
    );
    assert_eq!(states(&app).await, ["counted", "held"]);
    let held = moderator.get("/v1/moderation/campaigns/defend/pledges?state=held").await.expect(200);
    let held = &held["pledges"][0];
    assert_eq!((&held["signals"], &held["score"]), (&json!(["switch"]), &json!(0)));
    let accept = json!({"ids": [held["id"]], "note": "Nothing odd"});
    moderator.post("/v1/moderation/campaigns/defend/acceptances", &accept).await.expect(200);
    let off = moderator.request(Method::DELETE, &format!("{SWITCHES}/hold_all"));
    assert_eq!(moderator.send(off).await.status, 204);
    renew(&app).await;
    client.pledge(&pledge("c@example.org")).await.expect(201);
    assert_eq!(states(&app).await, ["counted"; 3]);
    app.publish().await;
    assert_eq!(client.get("/v1/campaigns/defend/totals").await.expect(200)["total"], 3);
    assert_eq!(run(&app, &["doctor"]).await.expect(0).stdout, "all is well: 1 campaigns, 3 counted pledges\n");
    let login = app.rows.value("SELECT login FROM moderators").await;
    let expected = [format!("switch.on {login} hold_all 6 A wave of bots t"), format!("switch.off {login} hold_all")];
    assert_eq!(audited(&app).await, expected);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_ends_by_itself_and_stays_listed() {
    let app = TestApp::start().await;
    let (client, organiser) = (app.client(), app.signed_in(Role::Organiser).await);
    on(&app, &organiser, "hold_all").await;
    client.pledge(&pledge("a@example.org")).await.expect(201);
    hours_pass(&app).await;
    client.pledge(&pledge("b@example.org")).await.expect(201);
    assert_eq!(states(&app).await, ["held", "counted"]);
    let listed = organiser.get(SWITCHES).await.expect(200);
    let first = &listed["switches"][0];
    assert_eq!((&first["switch"], &first["on"], &first["partner"]), (&json!("hold_all"), &json!(false), &json!(null)));
    // Again, longer, for another reason; and again, which takes its place.
    ask(&organiser, "hold_all", &json!({"reason": "Again", "hours": 168})).await.expect(200);
    ask(&organiser, "hold_all", &json!({"reason": "For an hour", "hours": 1})).await.expect(200);
    let listed = organiser.get(SWITCHES).await.expect(200);
    let told: Vec<_> = listed["switches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["reason"].clone(), each["on"].clone()))
        .collect();
    let expected = [("For an hour", true), ("Again", false), ("A wave of bots", false)];
    assert_eq!(told, expected.map(|(reason, on)| (json!(reason), json!(on))));
    let hours = "SELECT extract(epoch FROM ends_at - on_at)::int / 3600 FROM campaign_switches WHERE off_at IS NULL";
    assert_eq!(app.rows.list(hours).await, ["1"]);
    // For the record for thirty days; then only the audit log has it.
    let mut connection = app.rows.database.open().await.unwrap();
    for (days, left) in [(29, 3), (31, 1)] {
        app.rows
            .execute(&format!(
                "UPDATE campaign_switches SET ends_at = now() - interval '{days} days' WHERE off_at IS NOT NULL"
            ))
            .await;
        pledges::campaigns::switches::store::forget(&mut connection).await.unwrap();
        assert_eq!(app.rows.number("SELECT count(*) FROM campaign_switches").await, left);
    }
    assert_eq!(audited(&app).await.len(), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_pledges_count_at_once_mail_can_be_required_for_a_while() {
    let app = TestApp::start().await;
    let (client, organiser) = (app.client(), app.signed_in(Role::Organiser).await);
    let anonymous = json!({"name": "Amina Okafor", "country": "DE"});
    for ask in ["off", "optional"] {
        app.rows.execute(&format!("UPDATE campaigns SET email_field = '{ask}'")).await;
        renew(&app).await;
        client.pledge(&anonymous).await.expect(201);
        let before = client.get(CAMPAIGN).await;
        assert_eq!(before.header("cache-control"), "public, max-age=5, stale-if-error=3600");
        on(&app, &organiser, "require_mail").await;
        let (mut expected, now) = (before.json(), client.get(CAMPAIGN).await.json());
        expected["confirmation"] = json!("email");
        expected["fields"]["email"] = json!("required");
        assert_eq!(now, expected, "what the form needs, and nothing of a switch");
        client.pledge(&anonymous).await.fields(&[("/email", "required")]);
        let form = client.pledge_form(&[("name", "Amina Okafor"), ("country", "DE")]).await;
        let page = client.get("/c/defend/en").await;
        for answer in [&form, &page] {
            let text = answer.text();
            let field = text.split('<').find(|tag| tag.contains("name=\"email\"")).unwrap();
            assert!(field.contains("required"), "{field}");
        }
        client.pledge(&pledge(&format!("{ask}@example.org"))).await.expect(202);
        hours_pass(&app).await;
        assert_eq!(client.get(CAMPAIGN).await.json(), before.json());
        client.pledge(&anonymous).await.expect(201);
    }
    assert_eq!(states(&app).await, ["counted", "awaiting", "counted"].repeat(2));
    assert_eq!(app.differences().await, [""; 0]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_not_required_where_none_leaves() {
    let app = TestApp::start().await;
    let organiser = app.signed_in(Role::Organiser).await;
    app.rows
        .execute(
            "INSERT INTO mail_outbox (id, campaign_id, fingerprint, kind, sealed, due_at, created_at) \
             SELECT gen_random_uuid(), id, gen_random_uuid(), 'pledge', '\\x00', now() + interval '1 hour', \
               now() - interval '11 minutes' FROM campaigns",
        )
        .await;
    // What an attack brings: mails wait for the pace of their domain, or its rest, and the mail server is well.
    let asked = async |reason: &str| ask(&organiser, "require_mail", &json!({ "reason": reason })).await;
    asked("They wait for their domain").await.expect(200);
    app.rows.execute("UPDATE mail_outbox SET failure = 'smtp_451'").await;
    asked("One mailbox is full").await.expect(200);
    for (since, worked) in [("9 minutes", "1 hour"), ("20 minutes", "1 minute")] {
        app.rows.execute("DELETE FROM mail_server").await;
        app.rows
            .execute(&format!(
                "INSERT INTO mail_server VALUES (true, now() - interval '{worked}', now() - interval '{since}')"
            ))
            .await;
        asked("It is not long away, or not for everybody").await.expect(200);
    }
    app.rows.execute("DELETE FROM campaign_switches").await;
    // The mail server is away; or every mail fails by a fault of ours.
    let away = "UPDATE mail_server SET worked_at = now() - interval '11 minutes', failing_since = now() - interval '11 minutes'";
    let ours = "UPDATE mail_server SET failing_since = NULL; UPDATE mail_outbox SET failure = 'key_missing'";
    for reason in [away, ours] {
        for statement in reason.split(';') {
            app.rows.execute(statement).await;
        }
        asked("A wave").await.problem(409, "no_mail");
    }
    let ended = run(&app, &["switch", "on", "defend", "require_mail", "--reason", "A wave"]).await.expect(1);
    assert!(ended.stderr.contains("pledges mail status"), "{}", ended.stderr);
    ask(&organiser, "hold_all", &json!({"reason": "A wave"})).await.expect(200);
    assert_eq!(app.rows.list("SELECT switch FROM campaign_switches").await, ["hold_all"]);
    app.stop().await;
}

fn solution(challenge: Challenge) -> String {
    let solution = altcha::solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    STANDARD.encode(serde_json::to_string(&Payload { challenge, solution }).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_cost_more_for_a_while_and_challenges_from_before_stay_good() {
    let app = TestApp::start().await;
    let (client, organiser) = (app.client(), app.signed_in(Role::Organiser).await);
    let challenge = async || {
        serde_json::from_value::<Challenge>(client.get("/v1/campaigns/defend/challenge").await.expect(200)).unwrap()
    };
    let with = |email: &str, proof: String| {
        let mut body = pledge(email);
        body["proof"] = json!(proof);
        body
    };
    for (rule, meanwhile) in [("off", "on"), ("on", "on"), ("adaptive", "adaptive")] {
        app.rows.execute(&format!("UPDATE campaigns SET proof = '{rule}'")).await;
        renew(&app).await;
        let from_before = challenge().await;
        assert_eq!(from_before.parameters.cost, 4);
        on(&app, &organiser, "raise_proof").await;
        assert_eq!(client.get(CAMPAIGN).await.json()["proof"], meanwhile);
        client.pledge(&pledge("a@example.org")).await.fields(&[("/proof", "required")]);
        client.pledge(&with(&format!("{rule}1@example.org"), solution(from_before))).await.expect(201);
        let dear = challenge().await;
        assert_eq!(dear.parameters.cost, 16);
        client.pledge(&with(&format!("{rule}2@example.org"), solution(dear))).await.expect(201);
        hours_pass(&app).await;
        assert_eq!(
            (client.get(CAMPAIGN).await.json()["proof"].clone(), challenge().await.parameters.cost),
            (json!(rule), 4)
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_goes_by_it_within_five_seconds() {
    let first = TestApp::start().await;
    let second = TestApp::on(first.url.clone(), &[]).await;
    let organiser = first.signed_in(Role::Organiser).await;
    let mut number = 0;
    for (method, expected) in [(Method::PUT, "held"), (Method::DELETE, "counted")] {
        let request = organiser.request(method, &format!("{SWITCHES}/hold_all")).json(&json!({"reason": "A wave"}));
        assert!(organiser.send(request).await.status.is_success());
        let since = Instant::now();
        for app in [&first, &second] {
            eventually("the switch is in force", async || {
                number += 1;
                app.client().pledge(&pledge(&format!("p{number}@example.org"))).await.expect(201);
                states(app).await.pop().unwrap() == expected
            })
            .await;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    }
    assert_eq!(first.differences().await, [""; 0]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_switches_at_the_command_line() {
    let app = TestApp::start().await;
    let switched = run(&app, &["switch", "on", "defend", "raise_proof", "--reason", "A wave", "--hours", "2"]).await;
    assert!(switched.expect(0).stdout.starts_with("raise_proof is on until 20"));
    let listed = run(&app, &["switch", "list", "defend"]).await.expect(0).stdout;
    assert!(
        listed.starts_with("raise_proof\t-\tON\tsince ") && listed.ends_with("\tthe operator\tA wave\n"),
        "{listed}"
    );
    let off = ["switch", "off", "defend", "raise_proof"];
    assert_eq!(run(&app, &off).await.expect(0).stdout, "raise_proof is off\n");
    assert_eq!(run(&app, &off).await.expect(0).stdout, "raise_proof is off, and was not on\n");
    assert!(run(&app, &["switch", "list", "defend"]).await.expect(0).stdout.contains("\tover\t"));
    for (arguments, code) in [
        (["hold_all", "--reason", ""].as_slice(), 1),
        (&["hold_all"], 2),
        (&["hold_all", "--reason", "x", "--hours", "169"], 2),
        (&["pause_partner", "--reason", "x"], 2),
        (&["hold_all", "--reason", "x", "--partner", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], 1),
        (&["pause_partner", "--reason", "x", "--partner", "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80"], 1),
    ] {
        run(&app, &[&["switch", "on", "defend"], arguments].concat()).await.expect(code);
    }
    assert_eq!(audited(&app).await, ["switch.on raise_proof 2 A wave t", "switch.off raise_proof"]);
    app.stop().await;
}
