//! `pledges campaign`: added from a file, changed, opened, closed.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::{is_refused, run};
use crate::support::{
    TestApp,
    client::{Client, pledge},
    eventually,
};

/// A file in the service's var directory.
pub(super) fn file(app: &TestApp, name: &str, text: &str) -> String {
    let path: PathBuf = app.var.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A campaign `rivers` as a file has it, with no controller and one consent text.
fn rivers() -> Value {
    let text = |title: &str| {
        json!({"title": title, "summary": "A summary.", "body": ["A paragraph."], "share": "Share",
            "privacy_notice": "What happens to your data."})
    };
    json!({
        "slug": "rivers",
        "default_language": "en",
        "confirmation": "none",
        "fields": {"name": "optional", "email": "required", "message": "off"},
        "consents": [{"purpose": "updates", "version": 1, "texts": {"en": "You may write to me."}}],
        "texts": {"en": text("Rivers"), "es": text("Ríos")},
    })
}

pub(super) fn with_controller() -> Value {
    let mut campaign = rivers();
    campaign["controller"] = json!({"name": "River Trust", "contact": "privacy@example.org"});
    campaign["proof"] = json!("off");
    campaign
}

pub(super) async fn set(app: &TestApp, arguments: &[&str]) {
    let ended = run(app, &[&["campaign", "set", "rivers"], arguments].concat()).await.expect(0);
    assert_eq!(ended.stdout, "changed rivers\n");
}

/// The campaign as the public sees it, once it says what is expected (the service reads settings about each second).
pub(super) async fn becomes(client: &Client, what: &str, expected: impl Fn(&Value) -> bool) {
    eventually(what, async || {
        let answer = client.get("/v1/campaigns/rivers").await;
        answer.status == 200 && expected(&answer.json())
    })
    .await;
}

async fn pledge_rivers(client: &Client, body: &Value) -> u16 {
    client.post("/v1/campaigns/rivers/pledges", body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_a_draft_until_it_is_opened_and_says_who_answers_for_the_data() {
    let app = TestApp::start().await;
    let client = app.client();
    let path = file(&app, "rivers.json", &rivers().to_string());
    let ended = run(&app, &["campaign", "add", &path]).await.expect(0);
    assert_eq!(ended.stdout, "added rivers as a draft\n");
    let list = run(&app, &["campaign", "list"]).await.expect(0).stdout;
    assert_eq!(
        list,
        "defend\topen\tar,en,fr\tconfirmation none\tproof off\nrivers\tdraft\ten,es\tconfirmation none\tproof adaptive\n"
    );
    client.get("/v1/campaigns/rivers").await.problem(404, "campaign_not_found");
    is_refused(&app, &["campaign", "add", &path], "rivers is there already").await;
    is_refused(&app, &["campaign", "set", "rivers", "--open"], "rivers has no controller").await;
    // Half a controller is none.
    run(&app, &["campaign", "set", "rivers", "--controller-name", "River Trust"]).await.expect(2);

    let controller = ["--controller-name", "River Trust", "--controller-contact", "privacy@example.org"];
    set(&app, &[&["--open", "--proof", "off"], controller.as_slice()].concat()).await;
    becomes(&client, "it is open", |campaign| {
        campaign["state"] == "open" && campaign["controller"]["name"] == "River Trust" && campaign["proof"] == "off"
    })
    .await;
    let body = json!({"email": "amina@example.org", "country": "DE"});
    assert_eq!(pledge_rivers(&client, &body).await, 201);
    assert_eq!(client.get("/c/rivers/es").await.status, 200);

    let closed = run(&app, &["campaign", "close", "rivers"]).await.expect(0);
    assert_eq!(closed.stdout, "closed rivers\n");
    becomes(&client, "it is closed", |campaign| campaign["state"] == "closed").await;
    client.post("/v1/campaigns/rivers/pledges", &body).await.problem(409, "campaign_closed");
    eventually("the pledge is published", async || {
        client.get("/v1/campaigns/rivers/totals").await.expect(200)["total"] == 1
    })
    .await;
    set(&app, &["--open"]).await;
    becomes(&client, "it is open again", |campaign| campaign["state"] == "open").await;
    let actions = "SELECT action FROM audit_log WHERE moderator_id IS NULL AND details ->> 'slug' IS DISTINCT FROM 'defend' \
        AND action LIKE 'campaign.%' ORDER BY id";
    let expected = ["campaign.add", "campaign.set", "campaign.set", "campaign.set"];
    assert_eq!(app.rows.list(actions).await, expected, "every change is on record");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_cannot_open_is_not_left_behind_by_add_open() {
    let app = TestApp::start().await;
    let path = file(&app, "rivers.json", &rivers().to_string());
    is_refused(&app, &["campaign", "add", &path, "--open"], "rivers has no controller").await;
    assert_eq!(app.rows.list("SELECT slug FROM campaigns").await, ["defend"]);
    // Mended, the same command succeeds.
    let path = file(&app, "rivers.json", &with_controller().to_string());
    let ended = run(&app, &["campaign", "add", &path, "--open"]).await.expect(0);
    assert_eq!(ended.stdout, "added rivers, open\n");
    becomes(&app.client(), "it is open", |campaign| campaign["state"] == "open").await;
    app.stop().await;
}

/// One change to the file, and where the message must point.
const MISTAKES: &[(&str, &str, &str)] = &[
    // What isn't JSON, or not of the right form.
    ("/goal", r#""many""#, "goal"),
    ("/goal", "-1", "goal"),
    ("/goal", "0", "goal"),
    ("/threshold", "0", "threshold"),
    ("/threshold", "1001", "threshold"),
    ("/publish_every_ms", "9", "publish_every_ms"),
    ("/publish_every_ms", "3600001", "publish_every_ms"),
    ("/treshold", "5", "treshold"),
    ("/state", r#""open""#, "state"),
    ("/slug", r#""Rivers!""#, "slug"),
    ("/slug", r#""r""#, "slug"),
    ("/slug", "null", "slug"),
    ("/fields/name", r#""maybe""#, "fields.name"),
    ("/fields/phone", r#""off""#, "fields"),
    ("/controller", r#"{"name": "", "contact": "x"}"#, "controller"),
    ("/controller", r#"{"name": "x"}"#, "controller"),
    ("/texts/en/title", r#""""#, "title"),
    ("/texts/en/title", "7", "texts.en.title"),
    ("/texts/es/summery", r#""x""#, "texts.es"),
    ("/texts", "{}", "texts"),
    ("/default_language", r#""fr""#, "default language"),
    ("/default_language", r#""not a language""#, "language"),
    (
        "/texts/not a language",
        r#"{"title": "x", "summary": "x", "body": [], "share": "x", "privacy_notice": "x"}"#,
        "language",
    ),
    ("/consents/0/version", "0", "version"),
    ("/consents/0/version", "40000", "consents[0].version"),
    ("/consents/0/purpose", r#""selling""#, "consents[0].purpose"),
    ("/consents/0/texts", r#"{"es": "x"}"#, "default language"),
    (
        "/consents",
        r#"[{"purpose": "updates", "version": 1, "texts": {"en": "x"}}, {"purpose": "updates", "version": 1, "texts": {"en": "y"}}]"#,
        "version",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_mistake_is_refused_and_told_where() {
    let app = TestApp::start().await;
    let mut wrong = Vec::new();
    for (pointer, value, place) in MISTAKES {
        let mut campaign = with_controller();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        campaign.pointer_mut(parent).unwrap()[name] = serde_json::from_str(value).unwrap();
        let path = file(&app, "mistake.json", &campaign.to_string());
        let ended = run(&app, &["campaign", "add", &path]).await;
        let told = ended.stderr.contains(&path) && ended.stderr.contains(place);
        if ended.code != Some(1) || !told || !ended.stdout.is_empty() {
            wrong.push(format!("{pointer} = {value}: {:?} {}{}", ended.code, ended.stdout, ended.stderr));
            app.rows.execute("DELETE FROM campaign_totals WHERE campaign_id IN (SELECT id FROM campaigns WHERE slug <> 'defend')").await;
            app.rows
                .execute("UPDATE campaigns SET slug = 'gone-' || substr(md5(id::text), 1, 8) WHERE slug <> 'defend'")
                .await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, text) in [
        ("empty.json", ""),
        ("torn.json", "{\"slug\": \"riv"),
        ("list.json", "[]"),
        ("more.json", &format!("{} x", with_controller())),
    ] {
        let path = file(&app, name, text);
        is_refused(&app, &["campaign", "add", &path], &path).await;
    }
    let missing = app.var.path().join("missing.json");
    is_refused(&app, &["campaign", "add", missing.to_str().unwrap()], "missing.json").await;
    assert_eq!(app.rows.list("SELECT slug FROM campaigns").await, ["defend"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_agreed_to_cannot_be_changed_only_added_to() {
    let app = TestApp::start().await;
    let client = app.client();
    let path = file(&app, "rivers.json", &with_controller().to_string());
    run(&app, &["campaign", "add", &path, "--open"]).await.expect(0);
    becomes(&client, "it is open", |campaign| campaign["state"] == "open").await;
    let consent = |version: u32, text: &str| {
        json!([{"purpose": "updates", "version": version, "texts": {"en": text}}]).to_string()
    };
    for (text, reason) in [
        (consent(1, "You may sell my address."), "consent updates version 1 is there already"),
        (consent(1, "You may write to me."), "consent updates version 1 is there already"),
        (consent(0, "x"), "version"),
        (json!([{"purpose": "updates", "version": 2, "texts": {"es": "x"}}]).to_string(), "lacks the default language"),
        (json!([{"purpose": "updates", "version": 2}]).to_string(), "texts"),
        ("{}".to_owned(), "consents.json"),
    ] {
        let path = file(&app, "consents.json", &text);
        is_refused(&app, &["campaign", "set", "rivers", "--consents", &path], reason).await;
    }
    let path = file(&app, "consents.json", &consent(2, "You may write to me twice a year."));
    set(&app, &["--consents", &path]).await;
    becomes(&client, "the new text is asked", |campaign| {
        campaign["consents"]
            == json!([{"purpose": "updates", "version": 2, "texts": {"en": "You may write to me twice a year."}}])
    })
    .await;
    // A form that was loaded before is still good, and both texts are kept.
    for (version, expected) in [(1, 201), (2, 201), (3, 422)] {
        let body = json!({"email": format!("{version}@example.org"), "country": "DE",
            "consents": [{"purpose": "updates", "version": version}]});
        assert_eq!(pledge_rivers(&client, &body).await, expected, "version {version}");
    }
    let kept = app.rows.value("SELECT consents FROM campaigns WHERE slug = 'rivers'").await;
    assert!(kept.contains("You may write to me.\"") && kept.contains("twice a year"), "{kept}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_one_by_one_and_the_rest_stays() {
    let app = TestApp::start().await;
    let client = app.client();
    let path = file(&app, "rivers.json", &with_controller().to_string());
    run(&app, &["campaign", "add", &path, "--open"]).await.expect(0);
    becomes(&client, "it is open", |campaign| campaign["state"] == "open").await;
    let before = client.get("/v1/campaigns/rivers").await.expect(200);
    set(&app, &["--goal", "500", "--threshold", "1", "--name", "required", "--message", "optional"]).await;
    let mut expected = before.clone();
    expected["goal"] = json!(500);
    expected["threshold"] = json!(1);
    expected["fields"] = json!({"name": "required", "email": "required", "message": "optional"});
    becomes(&client, "the settings are in force", |campaign| *campaign == expected).await;
    eventually("the totals say so too", async || {
        let totals = client.get("/v1/campaigns/rivers/totals").await.expect(200);
        totals["goal"] == 500 && totals["threshold"] == 1
    })
    .await;
    let french = json!({"fr": {"title": "Rivières", "summary": "x", "body": [], "share": "x", "privacy_notice": "x"}});
    let path = file(&app, "texts.json", &french.to_string());
    set(&app, &["--goal", "0", "--texts", &path]).await;
    becomes(&client, "there is no goal", |campaign| campaign["goal"].is_null()).await;
    let after = client.get("/v1/campaigns/rivers").await.expect(200);
    assert_eq!(after["texts"]["en"], before["texts"]["en"]);
    assert_eq!(after["texts"]["fr"]["title"], "Rivières");
    for (text, place) in
        [(r#"{"fr": {"title": ""}}"#, "fr"), ("[]", "texts.json"), (r#"{"fr": {"title": 1}}"#, "fr.title")]
    {
        let path = file(&app, "texts.json", text);
        is_refused(&app, &["campaign", "set", "rivers", "--texts", &path], place).await;
    }
    let too_long =
        json!({"fr": {"title": "x".repeat(121), "summary": "x", "body": [], "share": "x", "privacy_notice": "x"}});
    let path = file(&app, "texts.json", &too_long.to_string());
    is_refused(&app, &["campaign", "set", "rivers", "--texts", &path], "title").await;
    for wrong in [
        &["--threshold", "0"][..],
        &["--publish-every-ms", "9"],
        &["--threshold", "1001"],
        &["--goal", "-1"],
        &["--name", "maybe"],
    ] {
        run(&app, &[&["campaign", "set", "rivers"], wrong].concat()).await.expect(2);
    }
    for arguments in [&["campaign", "set", "seas", "--goal", "5"][..], &["campaign", "close", "seas"]] {
        is_refused(&app, arguments, "there is no campaign seas").await;
    }
    // Settings of one campaign are not those of another.
    assert_eq!(client.pledge(&pledge("amina@example.org")).await.status, 201);
    let page = client.send(client.request(Method::GET, "/c/rivers/fr")).await;
    assert!(page.text().contains("Rivières"));
    app.stop().await;
}
