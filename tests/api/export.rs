//! The organiser's list: given out sealed, opened where the identity is.

mod age;
mod bundles;
mod endpoint;
mod gone;
mod lists;
mod partners;

use std::{collections::BTreeMap, fmt::Write as _, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use pledges::sealing::{
    recipients::{Identity, Recipient},
    record::{Epoch, Record},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::support::{
    cluster,
    program::{Ended, VarDir, command_on, run},
    rows::Rows,
};

/// A database with the campaign `defend`, whose organiser has an identity, and a directory for files.
struct World {
    url: SecretString,
    rows: Rows,
    campaign: Uuid,
    identity: Identity,
    epoch: Epoch,
    files: VarDir,
}

/// Somebody who pledged.
#[derive(Clone)]
struct Person {
    name: Option<&'static str>,
    email: Option<&'static str>,
    message: Option<&'static str>,
    country: &'static str,
    language: Option<&'static str>,
    source: Option<&'static str>,
    /// Updates, partner, public: what the row says.
    consents: [Option<i16>; 3],
    /// The same, as it was when pledging.
    consents_then: [Option<i16>; 3],
    at: &'static str,
    partner: Option<Uuid>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            name: Some("Amina Okafor"),
            email: Some("amina@example.org"),
            message: None,
            country: "NG",
            language: Some("en"),
            source: None,
            consents: [Some(1), None, None],
            consents_then: [Some(1), None, None],
            at: "2026-11-01T10:00:00Z",
            partner: None,
        }
    }
}

impl Person {
    fn named(name: &'static str) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    fn record(&self) -> Record {
        let mut record = Record::default();
        record.name = self.name.map(Into::into);
        record.email = self.email.map(Into::into);
        record.message = self.message.map(Into::into);
        [record.updates, record.partner, record.public] = self.consents_then;
        record
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn quoted<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "NULL".into(), |value| format!("'{}'", value.to_string().replace('\'', "''")))
}

impl World {
    async fn new() -> Self {
        let url = cluster::database().await;
        let rows = Rows::new(&url).await;
        rows.campaign("defend").await;
        Self::on(url, rows).await
    }

    async fn on(url: SecretString, rows: Rows) -> Self {
        let campaign = rows.value("SELECT id FROM campaigns WHERE slug = 'defend'").await.parse().unwrap();
        let identity = Identity::generate();
        rows.recipient("defend", &identity).await;
        let epoch = Epoch::begin(campaign).unwrap();
        let world = Self { url, rows, campaign, identity, epoch, files: VarDir::new() };
        world.put_epoch(&world.epoch, None, &[world.identity.recipient()]).await;
        world.write_identity("identity", &world.identity);
        world
    }

    fn write_identity(&self, file: &str, identity: &Identity) {
        std::fs::write(self.files.file(file), identity.file("2026-11-24T00:00:00Z").expose_secret()).unwrap();
    }

    async fn put_epoch(&self, epoch: &Epoch, partner: Option<Uuid>, recipients: &[Recipient]) {
        let keys: Vec<String> = recipients.iter().map(|recipient| format!("'{recipient}'")).collect();
        self.rows
            .execute(&format!(
                "INSERT INTO sealing_epochs (id, campaign_id, partner_id, wrapped_key, recipients) \
                 VALUES ('{}', '{}', {}, '\\x{}', ARRAY[{}])",
                epoch.id,
                epoch.campaign,
                quoted(partner),
                hex(&epoch.wrapped(recipients).unwrap()),
                keys.join(", ")
            ))
            .await;
    }

    /// Stores a pledge, sealed in the world's epoch.
    async fn put(&self, person: &Person) -> Uuid {
        self.put_in(person, &self.epoch).await
    }

    async fn put_in(&self, person: &Person, epoch: &Epoch) -> Uuid {
        let id = Uuid::now_v7();
        let sealed = epoch.seal(id, &person.record()).unwrap();
        let [updates, partner, public] =
            person.consents.map(|version| version.map_or("NULL".into(), |version| version.to_string()));
        self.rows
            .execute(&format!(
                "INSERT INTO pledges (id, campaign_id, country, state, fingerprint, language, source, consent_updates, \
                   consent_partner, consent_public, created_at, counted_at, partner_id, sealed_record) \
                 VALUES ('{id}', '{}', '{}', 'counted', gen_random_uuid(), {}, {}, {updates}, {partner}, {public}, \
                   '{at}', '{at}', {}, '\\x{}')",
                self.campaign,
                person.country,
                quoted(person.language),
                quoted(person.source),
                quoted(person.partner),
                hex(&sealed),
                at = person.at,
            ))
            .await;
        id
    }

    fn path(&self, file: &str) -> String {
        self.files.file(file).to_str().unwrap().to_owned()
    }

    /// Runs `pledges export defend --out FILE` with more arguments.
    async fn export_to(&self, file: &str, more: &[&str]) -> Ended {
        let out = self.path(file);
        let arguments = [&["export", "defend", "--out", &out], more].concat();
        run(command_on(&self.url, &self.files.file("var"), &arguments)).await
    }

    /// Exports, and fails unless that went well.
    async fn export(&self, file: &str) -> Ended {
        self.export_to(file, &[]).await.expect(0)
    }

    /// Runs `pledges open` on a bundle, as on a machine that has nothing but the program.
    async fn open(&self, file: &str, more: &[&str]) -> Ended {
        let (identity, bundle) = (self.path("identity"), self.path(file));
        run(offline(&[&["open", "--identity", &identity, &bundle], more].concat())).await
    }

    /// What is in a bundle, as a program reads it; fails unless all is well.
    async fn opened(&self, file: &str) -> Vec<serde_json::Value> {
        let ended = self.open(file, &["--format", "ndjson"]).await.expect(0);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The ids in a bundle and, with why, those that are gone.
    async fn ids(&self, file: &str) -> (Vec<Uuid>, BTreeMap<Uuid, String>) {
        let list = self.path("gone.csv");
        let _ = std::fs::remove_file(&list);
        let ended = self.open(file, &["--gone", &list]).await.expect(0);
        let first = |row: &Vec<String>| row[0].parse().unwrap();
        let listed = table(&ended.stdout).iter().map(first).collect();
        let gone = table(&std::fs::read_to_string(&list).unwrap());
        (listed, gone.iter().map(|row| (first(row), row[2].clone())).collect())
    }
}

/// The program with nothing around it: no settings, no database, and a directory that must stay empty.
fn offline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pledges"));
    command.env_clear().args(arguments);
    command
}

/// The rows of a CSV, without its head.
fn table(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn mode(path: &PathBuf) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
