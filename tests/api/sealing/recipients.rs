//! Whom a campaign is sealed for: added, tested, used, removed.

use std::{fs, process::Command};

use pledges::{accounts::Role, campaigns::recipients::code, sealing::recipients::Identity};
use serde_json::json;

use super::{epoch, id, sealed};
use crate::accounts::phone::Phone;
use crate::support::{PRODUCTION, TestApp, client::pledge, cluster, eventually, program};

fn on(app: &TestApp, arguments: &[&str]) -> Command {
    let mut all = vec!["--mode", "production", "--root-secret", crate::support::ROOT_SECRET];
    all.extend(arguments);
    program::command_on(&app.url, app.var.path(), &all)
}

/// What a production campaign goes through before its first pledge; the code that is found in the test record.
async fn tested(app: &TestApp, identity: &Identity) -> String {
    let key = identity.recipient().to_string();
    program::run(on(app, &["recipient", "add", "defend", &key, "--label", "in the safe"])).await.expect(0);
    let file = app.var.path().join(format!("{key}.json"));
    let out = file.to_str().unwrap();
    program::run(on(app, &["recipient", "test", "defend", "--out", out])).await.expect(0);
    // Offline: no setting, no database.
    let secret = app.var.path().join(format!("{key}.txt"));
    fs::write(&secret, secrecy::ExposeSecret::expose_secret(&identity.file("now"))).unwrap();
    let open = ["open", "--check", "--identity", secret.to_str().unwrap(), out];
    let opened = program::run(program::command(app.var.path(), &open)).await.expect(0).stdout;
    let other = app.var.path().join("other.txt");
    fs::write(&other, secrecy::ExposeSecret::expose_secret(&Identity::generate().file("now"))).unwrap();
    let open = ["open", "--check", "--identity", other.to_str().unwrap(), out];
    let refused = program::run(program::command(app.var.path(), &open)).await.expect(1);
    assert!(refused.stderr.contains("no test record"), "{}", refused.stderr);
    assert!(opened.starts_with(&format!("{key} works.")), "{opened}");
    opened.split_whitespace().last().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_production_campaign_takes_pledges_only_when_somebody_can_open_them() {
    let app = TestApp::on(cluster::database().await, PRODUCTION).await;
    // Refused, not let through unsealed (rule 7).
    app.client().pledge(&pledge("ada@example.org")).await.problem(503, "unavailable");
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges").await, 0);
    let ill = program::run(on(&app, &["doctor"])).await.expect(1);
    assert!(ill.stdout.contains("defend takes no pledges"), "{}", ill.stdout);
    app.rows.execute("UPDATE campaigns SET state = 'draft'").await;
    let open = &["campaign", "set", "defend", "--open"];
    let refused = program::run(on(&app, open)).await.expect(1);
    assert!(refused.stderr.contains("nobody can open"), "{}", refused.stderr);
    let identity = Identity::generate();
    let found = tested(&app, &identity).await;
    let refused = program::run(on(&app, open)).await.expect(1);
    assert!(refused.stderr.contains("never seen to open"), "{}", refused.stderr);
    let refused =
        program::run(on(&app, &["recipient", "confirm", "defend", "0000-0000-0000-0000-0000"])).await.expect(1);
    assert!(refused.stderr.contains("no test record"), "{}", refused.stderr);
    program::run(on(&app, &["recipient", "confirm", "defend", &found.to_uppercase()])).await.expect(0);
    program::run(on(&app, &["recipient", "confirm", "defend", &found])).await.expect(1);
    program::run(on(&app, open)).await.expect(0);
    let client = app.client();
    eventually("it takes pledges", async || client.pledge(&pledge("ada@example.org")).await.status == 201).await;
    let record = sealed(&app.rows, "sealed_record").await;
    let key = epoch(&app.rows, &record, &identity).await.unwrap();
    assert!(key.open(id(&app.rows, "SELECT id FROM pledges").await, &record).is_ok());
    let well = program::run(on(&app, &["doctor"])).await.expect(0);
    assert!(well.stdout.contains("in the safe): opened a test record 20"), "{}", well.stdout);
    // The last one stays while the campaign is open.
    let public = identity.recipient().to_string();
    let refused = program::run(on(&app, &["recipient", "remove", "defend", &public])).await.expect(1);
    assert!(refused.stderr.contains("without it"), "{}", refused.stderr);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_recipient_opens_what_comes_after_its_test() {
    let app = TestApp::on(cluster::database().await, PRODUCTION).await;
    let [first, second] = [Identity::generate(), Identity::generate()];
    let found = tested(&app, &first).await;
    program::run(on(&app, &["recipient", "confirm", "defend", &found])).await.expect(0);
    let client = app.client();
    eventually("it takes pledges", async || client.pledge(&pledge("ada@example.org")).await.status == 201).await;
    // Added, and not tested: nothing is sealed for it.
    let found = tested(&app, &second).await;
    assert_eq!(app.rows.number("SELECT count(*) FROM sealing_epochs").await, 1);
    program::run(on(&app, &["recipient", "confirm", "defend", &found])).await.expect(0);
    let mut number = 0;
    eventually("both can open", async || {
        number += 1;
        client.pledge(&pledge(&format!("ada{number}@example.org"))).await.expect(201);
        app.rows.number("SELECT count(*) FROM sealing_epochs WHERE cardinality(recipients) = 2").await > 0
    })
    .await;
    let public = first.recipient().to_string();
    program::run(on(&app, &["recipient", "remove", "defend", &public])).await.expect(0);
    let listed = program::run(on(&app, &["recipient", "list", "defend"])).await.expect(0).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("removed 20") && listed.contains("opened a test record 20"), "{listed}");
    // Everything is on record, and admins see it.
    let admin = app.signed_in(Role::Admin).await;
    Phone::set_up(&admin).await;
    let log = admin.get("/v1/admin/announcements").await.expect(200);
    let actions: Vec<&str> =
        log["announcements"].as_array().unwrap().iter().filter_map(|entry| entry["action"].as_str()).collect();
    for action in ["recipient.add", "recipient.check", "recipient.remove"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    let organiser = app.signed_in(Role::Organiser).await;
    let shown = organiser.get("/v1/moderation/campaigns/defend/recipients").await.expect(200);
    assert_eq!(shown["recipients"][0]["public_key"], public);
    assert!(shown["recipients"][0]["removed_at"].is_string() && shown["recipients"][1]["checked_at"].is_string());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_key_or_nonsense_is_refused_and_not_repeated() {
    let app = TestApp::start().await;
    let secret = Identity::generate();
    let file = secret.file("now");
    let secret = secrecy::ExposeSecret::expose_secret(&file).lines().last().unwrap().to_owned();
    for wrong in [secret.as_str(), "age1nonsense", "ssh-ed25519 AAAA"] {
        let refused = program::run(on(&app, &["recipient", "add", "defend", wrong, "--label", "x"])).await.expect(1);
        assert!(!refused.stderr.contains(wrong) && refused.stderr.contains("age1"), "{}", refused.stderr);
    }
    assert_eq!(app.rows.number("SELECT count(*) FROM recipients").await, 0);
    assert_eq!(code("ABCD 1234"), "abcd-1234");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_partner_may_have_is_sealed_for_it_as_well() {
    use pledges::{
        campaigns,
        clock::Clock,
        pledges::{
            sealing::{Keys, Sealing},
            store,
            submission::Submission,
        },
        sealing::{Audience, Epochs},
    };
    use uuid::Uuid;

    let rows = crate::support::rows::Rows::new(&cluster::database().await).await;
    let consents = json!([{"purpose": "partner", "version": 1, "texts": {"en": "The partner may write."}}]);
    rows.campaign_with("defend", json!({ "consents": consents })).await;
    let mut connection = rows.database.open().await.unwrap();
    let mut campaign = campaigns::store::find(&mut connection, "defend").await.unwrap();
    let (partner, organisers, partners) = (Uuid::now_v7(), Identity::generate(), Identity::generate());
    for (partner, identity) in [(None, &organisers), (Some(partner), &partners)] {
        campaign.recipients.push((Audience { campaign: campaign.id, partner }, identity.recipient()));
    }
    let epochs = Epochs::new(rows.database.clone(), Clock::System, None);
    let sealing = Sealing::new(crate::support::key_ring());
    for (email, agrees) in [("yes@example.org", true), ("no@example.org", false)] {
        let mut body = pledge(email);
        if agrees {
            body["consents"] = json!([{"purpose": "partner", "version": 1}]);
        }
        let submission: Submission = serde_json::from_value(body).unwrap();
        let checked = submission.check(&campaign).unwrap();
        let keys = Keys::current(&epochs, &campaign, Some(partner)).await.unwrap();
        let row = sealing.prepare(Uuid::now_v7(), &campaign, &checked, None, &keys).unwrap();
        assert_eq!((row.partner, row.sealed_for_partner.is_some()), (Some(partner), agrees));
        store::insert(&mut connection, &[&row]).await.unwrap();
        if let Some(record) = &row.sealed_for_partner {
            let opened = epoch(&rows, record, &partners).await.unwrap().open(row.id, record).unwrap();
            assert_eq!(opened.email.as_deref(), Some(email));
            assert!(epoch(&rows, &row.sealed_record, &partners).await.is_err(), "the organiser's is not the partner's");
            assert!(epoch(&rows, record, &organisers).await.is_err());
        }
    }
    assert_eq!(rows.number("SELECT count(*) FROM pledges WHERE sealed_for_partner IS NOT NULL").await, 1);
}
