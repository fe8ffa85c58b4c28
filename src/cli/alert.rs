//! `pledges alert`: who is written to when something stands out among a campaign's pledges.

use anyhow::bail;
use clap::Subcommand;
use uuid::Uuid;

use super::{campaign, output::say, session::Session};
use crate::{
    config::Settings,
    db::DbError,
    gate::waves::clusters::TOLD_FROM,
    mail::{Address, Seal},
    moderation::clusters::{
        alerts::USUAL_SCORE,
        store::{MAILBOXES, Mailbox, add_mailbox, mailboxes, remove_mailbox},
    },
};

/// In place of an address.
const CLOSED: &str = "(its root secret is not listed: nobody is written to)";

/// Mails about what stands out among a campaign's pledges: once an hour at the most about the same thing.
#[derive(Subcommand)]
pub(super) enum AlertCommand {
    /// Name an address that alerts go to.
    Add {
        /// Which campaign.
        slug: String,
        /// The address, of somebody who moderates.
        address: String,
        /// Score of a cluster from which on (docs/signals.md). 1000: only more pledges from a country than it has people.
        #[arg(long, default_value_t = USUAL_SCORE, value_parser = clap::value_parser!(i16).range(i64::from(TOLD_FROM)..=1000))]
        score_from: i16,
    },
    /// List the addresses that a campaign's alerts go to.
    List {
        /// Which campaign.
        slug: String,
    },
    /// Forget an address.
    Remove {
        /// Which campaign.
        slug: String,
        /// The address's id (alert list).
        id: Uuid,
    },
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &AlertCommand) -> anyhow::Result<()> {
    let seal = Seal::new(&settings.key_ring()?);
    match command {
        AlertCommand::Add { slug, address, score_from } => {
            let campaign = campaign::find(session, slug).await?;
            let Ok(address) = Address::parse(address) else { bail!("no address that mail can be sent to") };
            let id = Uuid::now_v7();
            let new = Mailbox { id, sealed: seal.seal(id, &address)?, score_from: *score_from };
            let mut connection = session.database.get().await?;
            if !add_mailbox(&mut connection, campaign.id, &new).await? {
                bail!("{slug} has {MAILBOXES} addresses, and no more: pledges alert remove");
            }
            say(&format!(
                "added {id}: it is written to when something stands out with a score of {score_from} or more"
            ));
        }
        AlertCommand::List { slug } => {
            let campaign = campaign::find(session, slug).await?;
            let mut connection = session.database.get().await?;
            for mailbox in mailboxes(&mut connection, campaign.id).await? {
                let address = seal.open(mailbox.id, &mailbox.sealed);
                let address = address.as_ref().map_or(CLOSED, Address::as_str);
                say(&format!("{}\tfrom {}\t{address}", mailbox.id, mailbox.score_from));
            }
        }
        AlertCommand::Remove { slug, id } => {
            let campaign = campaign::find(session, slug).await?;
            let mut connection = session.database.get().await?;
            match remove_mailbox(&mut connection, campaign.id, *id).await {
                Err(DbError::NotFound) => bail!("{slug} has no address {id}: pledges alert list {slug}"),
                removed => removed?,
            }
            say("forgotten");
        }
    }
    Ok(())
}
