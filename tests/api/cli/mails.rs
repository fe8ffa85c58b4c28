//! What a campaign settles about its mails: whether they confirm, and words of its own in them.

use reqwest::Method;
use serde_json::json;

use super::{
    campaigns::{becomes, file, set, with_controller},
    is_refused, on, run,
};
use crate::support::{
    TestApp, eventually,
    program::{self, Ended},
};

/// What is said where pledges are counted at once.
const WARNING: &str = "whoever watches the total can tell whether an address had pledged before";

async fn kept(app: &TestApp) -> serde_json::Value {
    let text = app.rows.value("SELECT mail_texts FROM campaigns WHERE slug = 'rivers'").await;
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_words_its_mails_itself() {
    let app = TestApp::start().await;
    let mut campaign = with_controller();
    campaign["confirmation"] = json!("email");
    campaign["mail_texts"] = json!({"en": {"confirm_subject": "One click for the rivers: {campaign}"}});
    let path = file(&app, "rivers.json", &campaign.to_string());
    run(&app, &["campaign", "add", &path, "--open"]).await.expect(0);
    assert_eq!(kept(&app).await, campaign["mail_texts"]);
    let client = app.client();
    becomes(&client, "it is open", |campaign| campaign["state"] == "open").await;
    let body = json!({"email": "amina@example.org", "country": "DE", "language": "en"});
    client.post("/v1/campaigns/rivers/pledges", &body).await.expect(202);
    eventually("the mail is there, in the campaign's words", async || {
        let mails = std::fs::read_dir(app.var.path().join("mail")).into_iter().flatten();
        let texts = mails.filter_map(|mail| std::fs::read_to_string(mail.unwrap().path()).ok());
        texts.into_iter().any(|text| text.contains("Subject: One click for the rivers: Rivers"))
    })
    .await;

    // Languages in a file replace, others stay, and an empty one goes back to our words.
    let spanish = json!({"es": {"again_button": "Ver mi compromiso"}});
    let path = file(&app, "mails.json", &spanish.to_string());
    set(&app, &["--mail-texts", &path]).await;
    assert_eq!(kept(&app).await, json!({"en": campaign["mail_texts"]["en"], "es": spanish["es"]}));
    let path = file(&app, "mails.json", r#"{"en": {"access_button": "Go"}}"#);
    set(&app, &["--mail-texts", &path]).await;
    assert_eq!(kept(&app).await, json!({"en": {"access_button": "Go"}, "es": spanish["es"]}));
    let path = file(&app, "mails.json", r#"{"en": {}}"#);
    set(&app, &["--mail-texts", &path]).await;
    set(&app, &["--goal", "5"]).await;
    assert_eq!(kept(&app).await, spanish);
    let languages = "SELECT details -> 'mail_texts' FROM audit_log WHERE campaign_id = (SELECT id FROM campaigns WHERE \
        slug = 'rivers') AND action IN ('campaign.add', 'campaign.set') AND details ? 'mail_texts' ORDER BY id";
    let told = app.rows.list(languages).await;
    let expected = [r#"["en"]"#, r#"["en"]"#, r#"["en", "es"]"#, r#"["en", "es"]"#, r#"["es"]"#, r#"["es"]"#];
    assert_eq!(told[0], expected[0]);
    assert_eq!(told[told.len() - 4..], expected[2..], "which languages is on record: {told:?}");

    for (text, reason) in [
        (r#"{"es": {"again_button": ""}}"#, "es.again_button: the text is empty"),
        (r#"{"en": {"confirm_subject": "Confirm"}}"#, "{campaign} is missing"),
        (r#"{"en": {"confirm_text": "{campaign}: https://rivers.example"}}"#, "web address"),
        (r#"{"en": {"confirm_expires": "Never"}}"#, "no text of this name can be replaced"),
        (r#"{"tlh": {"again_button": "x"}}"#, "no letters in this language"),
        (r#"{"en": "x"}"#, "mails.json"),
        ("[]", "mails.json"),
    ] {
        let path = file(&app, "mails.json", text);
        is_refused(&app, &["campaign", "set", "rivers", "--mail-texts", &path], reason).await;
    }
    assert_eq!(kept(&app).await, spanish);
    let mut other = with_controller();
    other["slug"] = json!("seas");
    other["mail_texts"] = json!({"en": {"confirm_sbject": "x"}});
    let path = file(&app, "seas.json", &other.to_string());
    is_refused(&app, &["campaign", "add", &path], "mail_texts.en.confirm_sbject").await;
    // They are for mails only.
    let shown = client.send(client.request(Method::GET, "/v1/campaigns/rivers")).await;
    assert!(!shown.text().contains("Ver mi compromiso"));
    app.stop().await;
}

async fn live(app: &TestApp, arguments: &[&str]) -> Ended {
    let mut command = on(app, arguments);
    command.env("PLEDGES_MODE", "production");
    program::run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn production_says_what_comes_of_counting_at_once() {
    let app = TestApp::start().await;
    let path = file(&app, "rivers.json", &with_controller().to_string());
    let added = live(&app, &["campaign", "add", &path]).await.expect(0);
    assert!(added.stderr.contains(WARNING) && added.stderr.contains("rivers"), "{}", added.stderr);
    assert_eq!(added.stdout, "added rivers as a draft\n");
    let confirmation = async |value: &str| live(&app, &["campaign", "set", "rivers", "--confirmation", value]).await;
    assert!(!confirmation("email").await.expect(0).stderr.contains(WARNING));
    assert!(confirmation("none").await.expect(0).stderr.contains(WARNING));
    // Who changes something else isn't told again, and development needs no warning.
    let other = live(&app, &["campaign", "set", "rivers", "--goal", "5"]).await.expect(0);
    let trial = run(&app, &["campaign", "set", "rivers", "--confirmation", "none", "--open"]).await.expect(0);
    for quiet in [other, trial, run(&app, &["doctor"]).await] {
        assert!(!quiet.stderr.contains(WARNING), "{}", quiet.stderr);
    }
    // The doctor names the campaigns that are open, once each.
    let examined = live(&app, &["doctor"]).await;
    assert_eq!(examined.stderr.matches(WARNING).count(), 2, "{}", examined.stderr);
    app.rows.execute("UPDATE campaigns SET confirmation = 'email' WHERE slug = 'defend'").await;
    let examined = live(&app, &["doctor"]).await;
    assert_eq!(examined.stderr.matches(WARNING).count(), 1, "{}", examined.stderr);
    assert!(examined.stderr.contains("for rivers count"), "{}", examined.stderr);
    app.stop().await;
}
