//! Sends letters as the service does, for tests/mail/run: `post SMTP_URL FROM ADDRESS...` prints for each the id, and what came
//! of it.
#![expect(clippy::print_stdout, reason = "what the test reads")]

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Parser;
use pledges::{
    clock::Clock,
    config::{MailSettings, Mode},
    crypto::KeyRing,
    mail::{Address, Letter, Mailer},
};
use uuid::Uuid;

#[derive(Parser)]
struct Arguments {
    smtp_url: String,
    from: String,
    addresses: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = MailSettings {
        smtp_url: Some(arguments.smtp_url.into()),
        mail_from: Some(arguments.from),
        mail_connections: 1,
        mail_per_domain_per_minute: 0,
        mail_lease_ms: 120_000,
        mail_timeout_ms: 10_000,
        mail_first_retry_ms: 30_000,
    };
    let relay = settings.relay(Mode::Production)?.context("no mail server")?;
    let from = settings.from(Mode::Production)?;
    let timeout = Duration::from_secs(10);
    let ring = KeyRing::parse("0123456789abcdef0123456789ABCDEFxyz")?;
    let mailer = Mailer::smtp(&relay, from, "https://pledges.example", Clock::System, &ring, timeout)?;
    for address in &arguments.addresses {
        let id = Uuid::now_v7();
        let letter = Letter {
            to: Address::parse(address).map_err(|bad| anyhow!(bad))?,
            subject: "Подтвердите подпись – يرجى التأكيد".into(),
            // Lines that a mail server must not take for the end, and one that is too long for it.
            text: format!("Grüße an alle\n.\n..\nFrom here\n{}\n", "wort ".repeat(400)),
            html: "<p lang=\"ar\" dir=\"rtl\">شكرا</p>\n.\n".into(),
            language: "de-AT".into(),
        };
        match mailer.send(id, &letter).await {
            Ok(()) => println!("{id} sent"),
            Err(error) => println!("{id} {} {}", error.class(), error.failure()),
        }
    }
    mailer.close().await;
    Ok(())
}
