//! `pledges partner`: organisations whose sites collect pledges.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{campaign, output::say, session::Session};
use crate::{
    config::{Mode, Settings},
    db::DbError,
    mail::Seal,
    moderation::partners,
    partners::{
        GRACE_HOURS, Lane, Partner,
        flow::{Flag, Week, store as flow_store},
        keys,
        origins::OriginPattern,
        store::{self, Change, NewPartner},
        trials,
    },
    pledges::{mailbox::Email, trials::new_mailbox},
};

/// Organisations whose sites collect pledges.
#[derive(Subcommand)]
pub(super) enum PartnerCommand {
    /// Add a partner, and print the public keys for its pages.
    Add {
        /// Which campaign.
        slug: String,
        /// The organisation's name.
        name: String,
        /// Where its pages are: https://www.example.org, or https://*.example.org for every subdomain. May be given more than once.
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Pledges that its server may post in a minute.
        #[arg(long, default_value_t = Partner::USUAL_PER_MINUTE, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
        per_minute: i32,
    },
    /// List a campaign's partners, and how their forms do.
    List {
        /// Which campaign.
        slug: String,
    },
    /// Change a partner; what isn't named stays.
    Set(Set),
    /// Give a partner's server a (new) secret key, and print it this once.
    RotateKey {
        /// Which campaign.
        slug: String,
        /// The partner's id (partner list).
        partner: Uuid,
        /// The key for trials (sk_test_…) instead. The one before ends at once.
        #[arg(long)]
        test: bool,
        /// Hours for which the key before stays good; 0: it ends at once.
        #[arg(long, conflicts_with = "test", default_value_t = GRACE_HOURS, value_parser = clap::value_parser!(i32).range(0..=720))]
        grace_hours: i32,
    },
    /// Say where mails of a partner's trials go; the owner of the address is asked by mail first.
    TrialMailbox {
        /// Which campaign.
        slug: String,
        /// The partner's id (partner list).
        partner: Uuid,
        /// The address; without it: nowhere any more.
        email: Option<String>,
    },
    /// Take nothing more from a partner, neither from its pages nor from its server.
    Disable {
        /// Which campaign.
        slug: String,
        /// The partner's id (partner list).
        partner: Uuid,
    },
    /// Take from a partner again.
    Enable {
        /// Which campaign.
        slug: String,
        /// The partner's id (partner list).
        partner: Uuid,
    },
}

/// Change a partner; what isn't named stays.
#[derive(Args)]
pub(super) struct Set {
    /// Which campaign.
    slug: String,
    /// The partner's id (partner list).
    partner: Uuid,
    /// The organisation's name.
    #[arg(long)]
    name: Option<String>,
    /// Where its pages are: all of them, instead of those before.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Pledges that its server may post in a minute.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    per_minute: Option<i32>,
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &PartnerCommand) -> anyhow::Result<()> {
    match command {
        PartnerCommand::Add { slug, name, origins, per_minute } => add(session, slug, name, origins, *per_minute).await,
        PartnerCommand::List { slug } => list(session, slug).await,
        PartnerCommand::Set(set) => {
            let name = set.name.as_deref().map(read_name).transpose()?;
            let origins = (!set.origins.is_empty()).then(|| read_origins(session, &set.origins)).transpose()?;
            let changed = Change { name, origins, per_minute: set.per_minute, disabled: None };
            change(session, &set.slug, set.partner, &changed).await
        }
        PartnerCommand::RotateKey { slug, partner, test, grace_hours } => {
            let (lane, grace_hours) = if *test { (Lane::Test, 0) } else { (Lane::Live, *grace_hours) };
            rotate(session, slug, *partner, lane, grace_hours).await
        }
        PartnerCommand::TrialMailbox { slug, partner, email } => {
            trial_mailbox(session, settings, slug, *partner, email.as_deref()).await
        }
        PartnerCommand::Disable { slug, partner } => {
            change(session, slug, *partner, &Change { disabled: Some(true), ..Change::default() }).await
        }
        PartnerCommand::Enable { slug, partner } => {
            change(session, slug, *partner, &Change { disabled: Some(false), ..Change::default() }).await
        }
    }
}

fn read_name(name: &str) -> anyhow::Result<String> {
    partners::name(name).map_err(|_| anyhow::anyhow!("a name has 1 to {} characters on one line", Partner::NAME_CHARS))
}

fn read_origins(session: &Session, origins: &[String]) -> anyhow::Result<Vec<OriginPattern>> {
    if origins.len() > Partner::MOST_ORIGINS {
        bail!("a partner has {} origins at the most", Partner::MOST_ORIGINS);
    }
    let insecure = session.mode == Mode::Development;
    let read = origins.iter().map(|origin| {
        OriginPattern::parse(origin, insecure).map_err(|wrong| anyhow::anyhow!("the origin {origin} {wrong}"))
    });
    read.collect()
}

async fn add(session: &Session, slug: &str, name: &str, origins: &[String], per_minute: i32) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let new = NewPartner::new(campaign.id, read_name(name)?, read_origins(session, origins)?, per_minute)?;
    let id = partners::register(&mut *session.database.get().await?, &new, None).await?;
    say(&format!("added partner {id}\nsite key\t{}\ntest site key\t{}", new.site_key, new.test_site_key));
    if new.origins.is_empty() {
        say("no page may post with its site key yet: pledges partner set --origin");
    }
    Ok(())
}

async fn list(session: &Session, slug: &str) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    let (mut weeks, now) = flow_store::weeks(&mut connection, campaign.id).await?;
    let paused = store::paused_until(&mut connection, campaign.id).await?;
    for partner in store::list(&mut connection, campaign.id).await? {
        let week = Week::of(weeks.remove(&partner.id).unwrap_or_default(), now);
        let origins: Vec<String> = partner.origins.iter().map(ToString::to_string).collect();
        say(&format!(
            "{}\t{}\t{}\t{}\t{} taken, {} refused in 7 days\t{}",
            partner.id,
            partner.name,
            partner.site_key,
            if origins.is_empty() { "no origin".to_owned() } else { origins.join(" ") },
            week.accepted(),
            week.refused().values().sum::<i64>(),
            standing(&partner, &week, paused.get(&partner.id)),
        ));
    }
    Ok(())
}

fn standing(partner: &Partner, week: &Week, paused_until: Option<&DateTime<Utc>>) -> String {
    if partner.disabled_at.is_some() {
        return "disabled".to_owned();
    }
    let paused = paused_until.map(|until| format!("paused until {}", until.format("%F %R UTC")));
    let flags = week.flags(paused.is_some()).into_iter().map(|flag| {
        let words = match flag {
            Flag::Stopped => "HAS STOPPED: it came steadily, and nothing has come for longer than chance explains",
            Flag::Refused => "IS REFUSED: half of what comes or more and far less before, or all of it",
        };
        words.to_owned()
    });
    let words: Vec<String> = paused.into_iter().chain(flags).collect();
    if words.is_empty() { "well".to_owned() } else { words.join("; ") }
}

async fn change(session: &Session, slug: &str, partner: Uuid, change: &Change) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    match store::change(&mut connection, campaign.id, partner, change, None).await {
        Err(DbError::NotFound) => bail!("{slug} has no partner {partner}: pledges partner list {slug}"),
        changed => changed?,
    };
    say("changed; in force within two seconds");
    Ok(())
}

async fn rotate(session: &Session, slug: &str, partner: Uuid, lane: Lane, grace_hours: i32) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    let (secret, hash) = keys::new_secret(lane)?;
    match store::rotate(&mut connection, campaign.id, partner, (hash, lane), grace_hours, None).await {
        Err(DbError::NotFound) => bail!("{slug} has no partner {partner}: pledges partner list {slug}"),
        rotated => rotated?,
    }
    say(&format!(
        "secret key\t{secret}\nIt is shown this once. It belongs on the partner's server, never into a page."
    ));
    Ok(())
}

async fn trial_mailbox(
    session: &Session,
    settings: &Settings,
    slug: &str,
    partner: Uuid,
    email: Option<&str>,
) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let seal = Seal::new(&settings.key_ring()?);
    let email =
        email.map(Email::parse).transpose().map_err(|code| anyhow::anyhow!("the address: {}", code.meaning()))?;
    let new = email.map(|email| new_mailbox(&seal, campaign.id, partner, &email)).transpose()?;
    let mut connection = session.database.get().await?;
    match trials::store::set_mailbox(&mut connection, (campaign.id, partner), new.as_ref(), None).await {
        Err(DbError::NotFound) => bail!("{slug} has no partner {partner}: pledges partner list {slug}"),
        set => set?,
    }
    say(match new {
        Some(_) => "a mail is on its way; trials write there once its link is followed",
        None => "trials send no mail any more",
    });
    Ok(())
}
