//! Records for the organiser: sealed with every pledge, opened by nobody who has the server and the database alone.

mod recipients;

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use pledges::{
    clock::{Clock, FixedClock},
    crypto::{CryptoError, RootSecret},
    db::Database,
    sealing::{
        Audience, Epochs, NoEpoch, ReviewCopies, development,
        recipients::{self as keys, Identity, Recipient},
        record::{Epoch, Record, epoch_of},
    },
};
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use crate::support::{ROOT_SECRET, TestApp, client::pledge, cluster, key_ring, rows::Rows};

/// A sealed value of the only pledge in the database.
async fn sealed(rows: &Rows, column: &str) -> Vec<u8> {
    let text = rows.value(&format!("SELECT encode({column}, 'base64') FROM pledges")).await;
    STANDARD.decode(text.replace('\n', "")).unwrap()
}

async fn id(rows: &Rows, what: &str) -> Uuid {
    rows.value(what).await.parse().unwrap()
}

/// The epoch of a record, opened by an identity.
async fn epoch(rows: &Rows, record: &[u8], identity: &Identity) -> Result<Epoch, CryptoError> {
    let epoch = epoch_of(record).unwrap();
    let text =
        rows.value(&format!("SELECT encode(wrapped_key, 'base64') FROM sealing_epochs WHERE id = '{epoch}'")).await;
    let wrapped = STANDARD.decode(text.replace('\n', "")).unwrap();
    let campaign = id(rows, &format!("SELECT campaign_id FROM sealing_epochs WHERE id = '{epoch}'")).await;
    Epoch::unwrap(epoch, campaign, &wrapped, std::slice::from_ref(identity))
}

fn development_identity(app: &TestApp) -> Identity {
    let text = fs::read_to_string(app.var.path().join(development::FILE)).unwrap();
    Identity::parse_file(&text).unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organiser_opens_what_a_supporter_gave_and_nobody_else() {
    let app = TestApp::start().await;
    let mut body = pledge("ada@example.org");
    body["message"] = json!("I stand with you.");
    body["consents"] = json!([{"purpose": "updates", "version": 1}]);
    app.client().pledge(&body).await.expect(201);
    let record = sealed(&app.rows, "sealed_record").await;
    let pledge = id(&app.rows, "SELECT id FROM pledges").await;
    let epoch_key = epoch(&app.rows, &record, &development_identity(&app)).await.unwrap();
    let mut expected = Record::default();
    expected.name = Some(body["name"].as_str().unwrap().to_owned());
    expected.email = Some("ada@example.org".into());
    expected.message = Some("I stand with you.".into());
    expected.updates = Some(1);
    assert_eq!(epoch_key.open(pledge, &record), Ok(expected));
    assert_eq!(epoch(&app.rows, &record, &Identity::generate()).await.unwrap_err(), CryptoError::DoesNotOpen);
    // No partner, no record for one.
    assert_eq!(app.rows.number("SELECT count(*) FROM pledges WHERE sealed_for_partner IS NOT NULL").await, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_and_every_key_of_the_server_open_no_record() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ada@example.org")).await.expect(201);
    let (record, review) = (sealed(&app.rows, "sealed_record").await, sealed(&app.rows, "sealed_review").await);
    let (pledge, campaign) =
        (id(&app.rows, "SELECT id FROM pledges").await, id(&app.rows, "SELECT id FROM campaigns").await);
    let url = app.url.clone();
    app.stop().await;
    // All that a thief finds: the dump, with every value in it, and the root secret.
    let dump = Command::new("pg_dump").args(["--data-only", "--inserts", url.expose_secret()]).output().unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    let hex: Vec<String> = record.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(dump.contains(&hex.concat()), "the dump has the record");
    let root = RootSecret::new(ROOT_SECRET.as_bytes()).unwrap();
    let salt = dump.lines().find(|line| line.contains("INTO public.campaigns")).unwrap();
    let values: Vec<Vec<u8>> = salt
        .split("'\\x")
        .skip(1)
        .map(|part| part.split('\'').next().unwrap())
        .map(|text| (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect())
        .collect();
    assert!(values.iter().any(|value| value.len() == 32), "the salt is among them");
    let purposes =
        ["fingerprint v1", "request digest v1", "review copy v1", "access token v1", "cursor v1", "record v1", ""];
    let salts = values.iter().map(Vec::as_slice).chain([&[][..], campaign.as_bytes(), pledge.as_bytes()]);
    let keys: Vec<_> = salts.flat_map(|salt| purposes.map(|purpose| root.derive(purpose, salt))).collect();
    let places = [
        [b"pledges record v1".as_slice(), campaign.as_bytes(), pledge.as_bytes()].concat(),
        [b"pledges review copy v1".as_slice(), campaign.as_bytes(), pledge.as_bytes()].concat(),
    ];
    let opens = |sealed: &[u8]| {
        keys.iter().any(|key| places.iter().any(|place| (0..32).any(|at| key.open(&sealed[at..], place).is_ok())))
    };
    assert!(opens(&review), "the same attempts open a review copy, so they are made rightly");
    assert!(!opens(&record));
    assert!(ReviewCopies::new(&key_ring()).open(campaign, pledge, &record).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_row_is_refused() {
    let app = TestApp::start().await;
    app.client().pledge(&pledge("ada@example.org")).await.expect(201);
    let (record, one) = (sealed(&app.rows, "sealed_record").await, id(&app.rows, "SELECT id FROM pledges").await);
    app.client().pledge(&pledge("eve@example.org")).await.expect(201);
    let other = id(&app.rows, &format!("SELECT id FROM pledges WHERE id <> '{one}'")).await;
    let key = epoch(&app.rows, &record, &development_identity(&app)).await.unwrap();
    assert!(key.open(one, &record).is_ok());
    assert_eq!(key.open(other, &record), Err(CryptoError::DoesNotOpen));
    // And for a moderator's review copy.
    app.rows
        .execute(&format!(
            "UPDATE pledges SET sealed_review = (SELECT sealed_review FROM pledges WHERE id = '{one}') WHERE id = '{other}'"
        ))
        .await;
    let page = app.signed_in(pledges::accounts::Role::Moderator).await;
    let page = page.get("/v1/moderation/campaigns/defend/pledges").await.expect(200);
    let shown = page["pledges"].as_array().unwrap().iter().find(|row| row["id"] == other.to_string()).unwrap().clone();
    assert_ne!(shown["email"], json!("a•••@example.org"), "{shown}");
    app.stop().await;
}

fn audience(campaign: Uuid) -> Audience {
    Audience { campaign, partner: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_lasts_until_the_full_hour_and_its_key_is_forgotten() {
    let rows = Rows::new(&cluster::database().await).await;
    rows.campaign("defend").await;
    let campaign = id(&rows, "SELECT id FROM campaigns").await;
    let clock = FixedClock::at(DateTime::<Utc>::from_timestamp(1_795_000_000, 0).unwrap());
    let to_the_hour = 3_600 - 1_795_000_000 % 3_600;
    let recipient = Identity::generate().recipient();
    let epochs = Epochs::new(rows.database.clone(), Clock::Fixed(clock.clone()), None);
    let current = async |recipients: &[Recipient]| epochs.current(audience(campaign), recipients).await;
    let first = current(std::slice::from_ref(&recipient)).await.unwrap();
    clock.advance(TimeDelta::seconds(to_the_hour - 1));
    assert_eq!(current(std::slice::from_ref(&recipient)).await.unwrap().id, first.id);
    epochs.wipe();
    assert_eq!(std::sync::Arc::strong_count(&first), 2, "still in use");
    clock.advance(TimeDelta::seconds(1));
    epochs.wipe();
    assert_eq!(std::sync::Arc::strong_count(&first), 1, "nobody else has its key");
    let second = current(std::slice::from_ref(&recipient)).await.unwrap();
    assert_ne!(second.id, first.id);
    // Other recipients, another epoch, at once.
    let both = [recipient.clone(), Identity::generate().recipient()];
    let third = current(&both).await.unwrap();
    assert_ne!(third.id, second.id);
    assert_eq!(rows.number("SELECT count(*) FROM sealing_epochs").await, 3);
    let stored = rows.list("SELECT unnest(recipients) FROM sealing_epochs ORDER BY id DESC LIMIT 2").await;
    assert_eq!(stored, both.each_ref().map(Recipient::to_string));
    // Another instance, or this one after a restart, has keys of its own.
    let other = Epochs::new(rows.database.clone(), Clock::Fixed(clock), None);
    assert_ne!(other.current(audience(campaign), &both).await.unwrap().id, third.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_come_at_once_begin_one_epoch() {
    let rows = Rows::new(&cluster::database().await).await;
    rows.campaign("defend").await;
    let campaign = id(&rows, "SELECT id FROM campaigns").await;
    let epochs = Epochs::new(rows.database.clone(), Clock::System, Some(Identity::generate().recipient()));
    let all = futures_util::future::join_all((0..100).map(|_| epochs.current(audience(campaign), &[]))).await;
    let ids: std::collections::BTreeSet<Uuid> = all.into_iter().map(|epoch| epoch.unwrap().id).collect();
    // The hour may end meanwhile.
    assert!(ids.len() <= 2, "{ids:?}");
    assert_eq!(rows.number("SELECT count(*) FROM sealing_epochs").await, i64::try_from(ids.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_that_is_stored_nothing_is_sealed() {
    let rows = Rows::new(&cluster::database().await).await;
    let nobody = Epochs::new(rows.database.clone(), Clock::System, None);
    let campaign = Uuid::now_v7();
    assert!(matches!(nobody.current(audience(campaign), &[]).await, Err(NoEpoch::NoRecipient)));
    // A campaign that isn't there: the key can't be stored, so it must not be used.
    let recipients = [Identity::generate().recipient()];
    assert!(matches!(nobody.current(audience(campaign), &recipients).await, Err(NoEpoch::Database(_))));
    // The development recipient is the organiser's; partners have none.
    let development = Epochs::new(rows.database.clone(), Clock::System, Some(Identity::generate().recipient()));
    let partner = Audience { campaign, partner: Some(Uuid::now_v7()) };
    assert!(matches!(development.current(partner, &[]).await, Err(NoEpoch::NoRecipient)));
    let gone: Database = Database::new(&"postgres://nobody@127.0.0.1:1/nothing".into(), 2).unwrap();
    let gone = Epochs::new(gone, Clock::System, None);
    assert!(matches!(gone.current(audience(campaign), &recipients).await, Err(NoEpoch::Database(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_key_tells_nothing_of_its_recipients() {
    // An age file names its recipients by a fresh share of a key each time: the list beside it is ours.
    let recipient = Identity::generate().recipient();
    let wrapped = keys::wrap(b"text", std::slice::from_ref(&recipient)).unwrap();
    let text = String::from_utf8_lossy(&wrapped);
    assert!(text.starts_with("age-encryption.org/v1\n") && !text.contains(&recipient.to_string()), "{text}");
}
