//! Mails: what is put into the outbox arrives, whatever fails on the way, and the address goes in time.

mod faults;
mod letters;
mod operators;
mod pacing;

use std::time::Duration;

use pledges::{
    clock::Clock,
    config::{MailSettings, Mode},
    db::{Database, DbError},
    mail::{
        Address, Composed, Composer, DATABASE_CONNECTIONS, Due, Kind, Letter, Mailer, Outbox, store, worker::Worker,
    },
    metrics::Metrics,
};
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{cluster, key_ring, rows::Rows, smtp::Server};

/// A fingerprint about which nothing is to be written.
const NOBODY: Uuid = Uuid::nil();

/// Writes letters that show what they were made of.
struct Writer;

impl Composer for Writer {
    async fn compose(&self, due: &Due, to: &Address) -> Result<Composed, DbError> {
        if due.fingerprint == NOBODY {
            return Ok(Composed::Nothing);
        }
        Ok(Composed::Letter(Box::new(Letter {
            to: to.clone(),
            subject: "Bitte bestätigen".into(),
            text: format!("Grüße: {}", due.kind.as_str()),
            html: format!("<p>Grüße: {}</p>", due.kind.as_str()),
            language: due.language.clone().unwrap_or_else(|| "de".into()),
        })))
    }
}

/// Quick to try again, in short leases.
fn settings() -> MailSettings {
    MailSettings {
        smtp_url: None,
        mail_from: Some("Pledges <pledges@example.org>".into()),
        mail_connections: 4,
        mail_per_domain_per_minute: 0,
        mail_lease_ms: 1_500,
        mail_timeout_ms: 600,
        mail_first_retry_ms: 50,
    }
}

/// An outbox on a database of its own.
struct Post {
    url: SecretString,
    rows: Rows,
    outbox: Outbox,
}

/// A worker under way. Dropped or killed, it ends as in a crash: where it stands.
struct Running {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    outbox: Outbox,
}

impl Post {
    async fn new() -> Self {
        let url = cluster::database().await;
        let rows = Rows::new(&url).await;
        Self { rows, url, outbox: Outbox::new(&key_ring(), &Metrics::default()) }
    }

    /// Puts mails into the outbox, one to each address.
    async fn put(&self, addresses: &[String]) -> Vec<Uuid> {
        self.put_about(addresses, Uuid::now_v7()).await
    }

    async fn put_about(&self, addresses: &[String], fingerprint: Uuid) -> Vec<Uuid> {
        let mut mails = Vec::new();
        for address in addresses {
            let to = Address::parse(address).unwrap();
            mails.push(self.outbox.mail(Uuid::now_v7(), fingerprint, Kind::Pledge, None, &to).unwrap());
        }
        store::insert(&mut self.rows.database.open().await.unwrap(), &mails).await.unwrap();
        mails.into_iter().map(|mail| mail.id).collect()
    }

    /// A worker with an outbox of its own, as another instance has.
    fn work(&self, server: &Server, settings: &MailSettings) -> Running {
        let url = format!("smtp://127.0.0.1:{}", server.port);
        let settings = MailSettings { smtp_url: Some(url.into()), ..settings.clone() };
        let relay = settings.relay(Mode::Production).unwrap().unwrap();
        let from = settings.from(Mode::Production).unwrap();
        let mailer =
            Mailer::smtp(&relay, from, "https://pledges.example:8443", Clock::System, &key_ring(), settings.timeout())
                .unwrap();
        let outbox = Outbox::new(&key_ring(), &Metrics::default());
        let database = Database::new(&self.url, DATABASE_CONNECTIONS).unwrap();
        let worker = Worker::new(database, outbox.clone(), mailer, Writer, &settings);
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn(worker.run(stop.clone()));
        Running { tasks, stop, outbox }
    }

    async fn waiting(&self) -> i64 {
        self.rows.number("SELECT count(*) FROM mail_outbox WHERE dead_at IS NULL").await
    }
}

impl Running {
    async fn stop(mut self) {
        self.stop.cancel();
        self.tasks.join_next().await.unwrap().unwrap();
    }

    /// As a crash would.
    async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

/// So many addresses of a domain.
fn addresses(domain: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("somebody.{number}@{domain}")).collect()
}

async fn until(what: &str, within: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !condition().await {
        assert!(began.elapsed() < within, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
