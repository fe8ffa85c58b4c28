//! `pledges switch`: what is turned on for a campaign under attack.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::{campaign, output::say, session::Session};
use crate::{
    campaigns::switches::{
        MOST_HOURS, Switch, USUAL_HOURS,
        store::{self, Target},
    },
    db::DbError,
    moderation::switches,
};

/// What is turned on for a campaign under attack. Each switch ends by itself.
#[derive(Subcommand)]
pub(super) enum SwitchCommand {
    /// Switch on; one that is on already is on for these hours from now instead.
    On {
        #[command(flatten)]
        which: Which,
        /// Why. It is written to the audit log.
        #[arg(long)]
        reason: String,
        /// Hours after which it ends by itself.
        #[arg(long, default_value_t = USUAL_HOURS, value_parser = clap::value_parser!(i32).range(1..=i64::from(MOST_HOURS)))]
        hours: i32,
    },
    /// Switch off before it ends.
    Off {
        #[command(flatten)]
        which: Which,
    },
    /// List those that are on, and those that were in the last thirty days.
    List {
        /// Which campaign.
        slug: String,
    },
}

/// Which switch.
#[derive(Args)]
pub(super) struct Which {
    /// Which campaign.
    slug: String,
    /// Which switch.
    #[arg(value_enum)]
    switch: SwitchArgument,
    /// The partner's id (partner list), for pause_partner.
    #[arg(long, required_if_eq("switch", "pause_partner"))]
    partner: Option<Uuid>,
}

/// A switch, as an argument.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum SwitchArgument {
    /// Hold every new pledge, at once or when it is confirmed. Supporters are told nothing of it.
    HoldAll,
    /// Have pledges confirmed by mail, also where they would count at once.
    RequireMail,
    /// Ask for proofs of work, and let them cost more.
    RaiseProof,
    /// Take nothing from one partner.
    PausePartner,
}

impl From<SwitchArgument> for Switch {
    fn from(switch: SwitchArgument) -> Self {
        match switch {
            SwitchArgument::HoldAll => Self::HoldAll,
            SwitchArgument::RequireMail => Self::RequireMail,
            SwitchArgument::RaiseProof => Self::RaiseProof,
            SwitchArgument::PausePartner => Self::PausePartner,
        }
    }
}

pub(super) async fn run(session: &Session, command: &SwitchCommand) -> anyhow::Result<()> {
    match command {
        SwitchCommand::On { which, reason, hours } => on(session, which, reason, *hours).await,
        SwitchCommand::Off { which } => off(session, which).await,
        SwitchCommand::List { slug } => list(session, slug).await,
    }
}

async fn target(session: &Session, which: &Which) -> anyhow::Result<Target> {
    let switch = Switch::from(which.switch);
    if which.partner.is_some() && !switch.is_of_a_partner() {
        bail!("{} is of the whole campaign: --partner goes with pause_partner", switch.as_str());
    }
    Ok(Target { campaign: campaign::find(session, &which.slug).await?.id, switch, partner: which.partner })
}

fn no_partner(slug: &str) -> String {
    format!("{slug} has no such partner: pledges partner list {slug}")
}

async fn on(session: &Session, which: &Which, reason: &str, hours: i32) -> anyhow::Result<()> {
    let target = target(session, which).await?;
    let Ok(reason) = switches::reason(reason) else { bail!("a reason has 1 to 1,000 characters") };
    let mut connection = session.database.get().await?;
    if !switches::is_usable(&mut connection, target).await? {
        bail!(
            "the mail server has taken no mail for more than ten minutes, so nobody could confirm: pledges mail status"
        );
    }
    let standing = match store::on(&mut connection, target, hours, &reason, None).await {
        Err(DbError::NotFound) => bail!(no_partner(&which.slug)),
        standing => standing?,
    };
    say(&format!("{} is on until {}", standing.switch.as_str(), standing.ends_at.format("%F %R UTC")));
    Ok(())
}

async fn off(session: &Session, which: &Which) -> anyhow::Result<()> {
    let target = target(session, which).await?;
    let was_on = match store::off(&mut *session.database.get().await?, target, None).await {
        Err(DbError::NotFound) => bail!(no_partner(&which.slug)),
        was_on => was_on?,
    };
    say(&format!("{} is off{}", target.switch.as_str(), if was_on { "" } else { ", and was not on" }));
    Ok(())
}

async fn list(session: &Session, slug: &str) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    for standing in store::list(&mut *session.database.get().await?, campaign.id).await? {
        say(&format!(
            "{}\t{}\t{}\tsince {}\tuntil {}\t{}\t{}",
            standing.switch.as_str(),
            standing.partner.map_or_else(|| "-".to_owned(), |partner| partner.to_string()),
            if standing.is_on { "ON" } else { "over" },
            standing.on_at.format("%F %R UTC"),
            standing.ends_at.format("%F %R UTC"),
            standing.by.as_deref().unwrap_or("the operator"),
            standing.reason.replace('\n', " "),
        ));
    }
    Ok(())
}
