//! `pledges mail`: mails that couldn't be sent. Never an address.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{output::say, session::Session};
use crate::mail::store;

/// Mails that are listed at the most.
const LISTED: u32 = 1_000;

/// Seconds that a mail may be due before something is wrong.
const LATE_AFTER: f64 = 600.0;

/// Mails.
#[derive(Subcommand)]
pub(super) enum Mail {
    /// Say how many mails wait, are due, and were given up.
    Status,
    /// List mails that were given up, the newest first, a thousand at the most.
    ///
    /// Each with its id, campaign, kind, the class of the failure, attempts, when it was written and given up, and whether it can
    /// be sent again: after 72 hours its address is gone.
    List,
    /// Have mails that were given up sent again by the running service.
    Retry(Retry),
}

/// Which mails are sent again.
#[derive(Args)]
pub(super) struct Retry {
    /// Their ids, see `pledges mail list`.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<Uuid>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(session: &Session, command: &Mail) -> anyhow::Result<()> {
    let mut connection = session.database.get().await?;
    match command {
        Mail::Status => {
            let figures = store::figures(&mut connection).await?;
            say(&format!("waiting\t{}\ndue\t{}\ngiven up\t{}", figures.waiting, figures.due, figures.dead));
        }
        Mail::List => {
            let time = |time: DateTime<Utc>| time.format("%F %T UTC").to_string();
            for mail in store::list_dead(&mut connection, LISTED).await? {
                say(&format!(
                    "{}\t{}\t{}\t{}\t{} attempts\twritten {}\tgiven up {}\t{}",
                    mail.id,
                    mail.campaign.as_deref().unwrap_or("-"),
                    mail.kind,
                    mail.failure.as_deref().unwrap_or("-"),
                    mail.attempts,
                    time(mail.created_at),
                    time(mail.dead_at),
                    if mail.has_address { "can be sent again" } else { "the address is gone" },
                ));
            }
        }
        Mail::Retry(retry) => {
            let ids = (!retry.all).then_some(retry.ids.as_slice());
            let again = store::retry(&mut connection, ids).await?;
            if ids.is_some_and(|ids| again < ids.len()) {
                bail!("{again} mails are sent again; the others were not given up, or their addresses are gone");
            }
            say(&format!("{again} mails are sent again"));
        }
    }
    Ok(())
}

/// For the doctor: says what is wrong with the outbox. Returns false when mails are late; that some are refused is usual.
pub(super) async fn check_up(session: &Session) -> anyhow::Result<bool> {
    let figures = store::figures(&mut *session.database.get().await?).await?;
    if figures.dead > 0 {
        say(&format!("{} mails were given up: pledges mail list", figures.dead));
    }
    let late = figures.oldest > LATE_AFTER;
    if late {
        say(&format!(
            "{} mails are due, the oldest for {:.0} minutes; is the service running, and the mail server?",
            figures.due,
            figures.oldest / 60.0
        ));
    }
    Ok(!late)
}
