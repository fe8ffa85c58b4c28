//! What every test stands on: a database of its own, a running service, clients that check every answer against the
//! document.

pub mod client;
pub mod cluster;
pub mod document;
pub mod events;
pub mod program;
pub mod queries;
pub mod rows;
pub mod service_role;
pub mod smtp;

use std::time::Duration;

use clap::Parser;
use pledges::{
    app::Service,
    clock::Clock,
    config::{ServeSettings, Settings},
    crypto::KeyRing,
};
use secrecy::SecretString;

use client::Client;
use rows::Rows;

/// A running service on a database of its own.
pub struct TestApp {
    /// In a box: it is large, and every test holds one across its waits.
    pub service: Box<Service>,
    pub url: SecretString,
    pub rows: Rows,
    pub var: tempfile::TempDir,
}

#[derive(Parser)]
#[command(args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    serve: ServeSettings,
}

/// The root secret of every test.
pub const ROOT_SECRET: &str = "3f9c1b7e5a2d4860c1e8f7a6b5d493021f0e9d8c7b6a5948";

/// What `serve` needs in production beside the root secret. At the mail server nobody listens.
pub const PRODUCTION: &[&str] = &[
    "--mode",
    "production",
    "--public-url",
    "https://pledges.example.org",
    "--smtp-url",
    "smtp://127.0.0.1:1",
    "--mail-from",
    "pledges@example.org",
];

/// The same as a ring.
pub fn key_ring() -> KeyRing {
    KeyRing::parse(ROOT_SECRET).unwrap()
}

impl TestApp {
    /// With one open campaign, `defend`, that asks for name and e-mail and may have a message.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same, with more arguments for `serve`.
    pub async fn with(arguments: &[&str]) -> Self {
        let url = cluster::database().await;
        Self::on(url, arguments).await
    }

    /// A service on the database at `url`, as the role of production; several may share one.
    pub async fn on(url: SecretString, arguments: &[&str]) -> Self {
        Self::at(Clock::System, url, arguments).await
    }

    /// The same by another clock.
    pub async fn at(clock: Clock, url: SecretString, arguments: &[&str]) -> Self {
        let var = tempfile::tempdir().unwrap();
        let mut all = vec!["test", "--bind", "127.0.0.1:0", "--root-secret", ROOT_SECRET, "--look-every-ms", "30"];
        all.extend(["--workers", "2", "--logins-per-minute", "10000", "--reread-every-seconds", "3600"]);
        all.extend(["--shutdown-seconds", "5"]);
        let var_dir = var.path().to_str().unwrap().to_owned();
        all.extend(["--var-dir", &var_dir]);
        all.extend(arguments);
        let Arguments { settings, serve } = Arguments::parse_from(all);
        let rows = Rows::new(&url).await;
        pledges::db::migrate(&rows.database).await.unwrap();
        if rows.number("SELECT count(*) FROM campaigns WHERE slug = 'defend'").await == 0 {
            rows.campaign("defend").await;
        }
        let as_role = service_role::of(&url).await;
        let service = Box::pin(Service::start(&settings, &serve, &as_role, clock)).await.unwrap();
        Self { service: Box::new(service), url, rows, var }
    }

    /// A client that isn't signed in.
    pub fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.service.address))
    }

    /// Somebody with this role, for the campaign `defend`, signed in.
    pub async fn signed_in(&self, role: pledges::accounts::Role) -> Client {
        let login = self.rows.moderator(role, &["defend"]).await;
        let mut client = self.client();
        client.login(&login).await;
        client
    }

    /// Folds, re-reads the rounded values, and publishes.
    pub async fn reread(&self) {
        self.rows.execute("UPDATE campaign_totals SET reread_at = 'epoch'").await;
        eventually("everything is re-read", async || {
            self.service.handles.totals.publish().await.unwrap();
            self.rows.number("SELECT count(*) FROM campaign_totals WHERE reread_at = 'epoch'").await == 0
        })
        .await;
        self.publish().await;
    }

    /// Folds and publishes.
    pub async fn publish(&self) {
        // The service's own publisher may be at it, and then ours has nothing to do yet.
        eventually("everything is folded", async || {
            self.service.handles.totals.publish().await.unwrap();
            self.rows.number("SELECT count(*) FROM count_deltas").await == 0
        })
        .await;
        self.service.handles.totals.publish().await.unwrap();
    }

    /// Waits until moderators' search knows all pledges as they are.
    pub async fn searched(&self) {
        self.rows.searched().await;
    }

    /// What `pledges doctor` would complain of.
    pub async fn differences(&self) -> Vec<String> {
        self.rows.differences().await
    }

    pub async fn stop(self) {
        self.service.stop().await;
    }
}

/// Asks again and again until `condition` holds; fails after ten seconds. For waiting, not for timing.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never happened: {what}");
}

/// Tells a figure to whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stdout, reason = "it is asked for")]
pub fn tell(text: &str) {
    println!("{text}");
}
