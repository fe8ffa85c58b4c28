//! `pledges campaign`.

mod arguments;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde_json::{Value, json};
use validator::Validate;

use self::arguments::{AskArgument, ConfirmationArgument, ErasureArgument, ProofArgument};
use super::{
    input::{read, refuse},
    output::{complain, say},
    session::Session,
};
use crate::{
    campaigns::{
        self, State,
        held_default::HeldDefault,
        recipients,
        settings::{
            Confirmation, Consent, Controller, Erasure, NewCampaign, ProofRule, Purpose, Texts, is_language, told,
        },
        store,
    },
    config::{Mode, Settings},
    crypto,
    db::DbError,
    mail::letters::{self, Overrides},
    pledges::mailbox::MailboxRules,
};

/// Campaigns.
#[derive(Subcommand)]
pub(super) enum Campaign {
    /// Add a campaign, as a draft that the public doesn't see.
    Add {
        /// JSON file with slug, default_language, fields, texts, and if wanted goal, threshold, controller, consents, retention,
        /// confirmation, proof, hold_at, held_default, publish_partners, wall, mail_texts.
        /// docs/campaigns.md explains it.
        file: PathBuf,
        /// Open it at once.
        #[arg(long)]
        open: bool,
    },
    /// List every campaign.
    List,
    /// Change a campaign's settings; what isn't named stays.
    Set(Set),
    /// Take no more pledges. It stays visible.
    Close {
        /// Which campaign.
        slug: String,
    },
}

/// Change a campaign's settings.
#[derive(Args)]
pub(super) struct Set {
    /// Which campaign.
    slug: String,
    /// Open it to the public (again).
    #[arg(long)]
    open: bool,
    /// How many pledges it hopes for; 0: show none.
    #[arg(long)]
    goal: Option<u32>,
    /// Publish small numbers rounded down to a multiple of this; 1: exactly.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    threshold: Option<u16>,
    /// Milliseconds between two published totals, at the least.
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..=3_600_000))]
    publish_every_ms: Option<u32>,
    /// Days after which the review copy of a pledge is cleared. What is cleared doesn't come back.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3650))]
    review_days: Option<u16>,
    /// Days after closing at which everything personal is cleared, and the campaign can't be opened again.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3650))]
    record_days: Option<u16>,
    /// What becomes of the count when somebody is erased.
    #[arg(long, value_enum)]
    erasure: Option<ErasureArgument>,
    /// Whether a pledge counts once its mailbox has confirmed it, or at once. Pledges that wait go on waiting.
    #[arg(long, value_enum)]
    confirmation: Option<ConfirmationArgument>,
    /// Hold pledges from this score on (docs/signals.md says what adds to it).
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..=1000))]
    hold_at: Option<i16>,
    /// What becomes of pledges that are still held after review_days.
    #[arg(long, value_parser = PossibleValuesParser::new(["count", "remove"]))]
    held_default: Option<String>,
    /// Whether everybody may see how many pledges came by which partner: the names, and numbers rounded down.
    #[arg(long)]
    publish_partners: Option<bool>,
    /// Whether everybody may see names and messages of supporters who agree to it, once a moderator has approved each. Turned off,
    /// everything that was approved must be approved anew, as long as its review copy is kept.
    #[arg(long)]
    wall: Option<bool>,
    /// Whether a pledge needs a proof of work.
    #[arg(long, value_enum)]
    proof: Option<ProofArgument>,
    /// Whether the form asks for a name.
    #[arg(long, value_enum)]
    name: Option<AskArgument>,
    /// Whether the form asks for an e-mail address.
    #[arg(long, value_enum)]
    email: Option<AskArgument>,
    /// Whether the form asks for a message.
    #[arg(long, value_enum)]
    message: Option<AskArgument>,
    /// JSON file with texts by language; languages that are not in it stay.
    #[arg(long)]
    texts: Option<PathBuf>,
    /// JSON file with a list of consent texts to add. A version that is there can't be changed: people agreed to it.
    #[arg(long)]
    consents: Option<PathBuf>,
    /// JSON file with a campaign's own words for the mails by language; languages that are not in it stay, and an empty one
    /// brings the usual words back.
    #[arg(long)]
    mail_texts: Option<PathBuf>,
    /// Who answers for the data.
    #[arg(long, requires = "controller_contact")]
    controller_name: Option<String>,
    /// How to reach them.
    #[arg(long, requires = "controller_name")]
    controller_contact: Option<String>,
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &Campaign) -> anyhow::Result<()> {
    match command {
        Campaign::Add { file, open } => {
            let new: NewCampaign = read(file)?;
            refuse(file, &new.mistakes())?;
            if *open && session.mode == Mode::Production {
                bail!("a campaign opens when its recipients have been tested: add it, then `pledges recipient --help`");
            }
            if *open && new.controller.is_none() {
                bail!("{} has no controller: supporters must know who answers for their data", new.slug);
            }
            let campaign = add(session, settings, &new).await?;
            warn_of_confirmation(session, &campaign);
            warn_of_wall(&campaign);
            if *open {
                open_campaign(session, campaign.clone()).await?;
            }
            say(&format!("added {}{}", campaign.slug, if *open { ", open" } else { " as a draft" }));
        }
        Campaign::List => {
            let mut connection = session.database.get().await?;
            for campaign in store::list(&mut connection).await? {
                let languages: Vec<_> = campaign.texts.keys().map(String::as_str).collect();
                let (state, confirmation) = (campaign.state.as_str(), campaign.confirmation.as_str());
                let (languages, proof) = (languages.join(","), campaign.proof.as_str());
                say(&format!("{}\t{state}\t{languages}\tconfirmation {confirmation}\tproof {proof}", campaign.slug));
            }
        }
        Campaign::Set(set) => {
            change(session, set).await?;
            say(&format!("changed {}", set.slug));
        }
        Campaign::Close { slug } => {
            let read = find(session, slug).await?;
            let campaign = campaigns::Campaign { state: State::Closed, ..read.clone() };
            write(session, &read, &campaign, json!({ "state": "closed" })).await?;
            say(&format!("closed {slug}"));
        }
    }
    Ok(())
}

/// Adds and opens the demo campaign; None when it is there already.
pub(super) async fn add_demo(session: &Session, settings: &Settings) -> anyhow::Result<Option<campaigns::Campaign>> {
    let new: NewCampaign = serde_json::from_str(include_str!("demo/campaign.json")).context("the demo campaign")?;
    let mut connection = session.database.get().await?;
    if store::find(&mut connection, &new.slug).await.is_ok() {
        return Ok(None);
    }
    drop(connection);
    let campaign = add(session, settings, &new).await?;
    open_campaign(session, campaign.clone()).await?;
    Ok(Some(campaign))
}

pub(super) async fn add(
    session: &Session,
    settings: &Settings,
    new: &NewCampaign,
) -> anyhow::Result<campaigns::Campaign> {
    let (salt, root) = (crypto::random_bytes()?, settings.key_ring()?.current().id());
    let mut connection = session.database.get().await?;
    match store::add(&mut connection, new, MailboxRules::CURRENT.number(), &salt, root).await {
        Err(DbError::Constraint("campaigns_slug_key")) => bail!("{} is there already", new.slug),
        added => added?,
    };
    Ok(store::find(&mut connection, &new.slug).await?)
}

/// In production, what comes of counting pledges at once is said wherever somebody decides it.
pub(super) fn warn_of_confirmation(session: &Session, campaign: &campaigns::Campaign) {
    if session.mode == Mode::Production && campaign.confirmation == Confirmation::None {
        complain(&format!(
            "warning: pledges for {} count without being confirmed by mail: whoever watches the total can tell whether an \
             address had pledged before",
            campaign.slug
        ));
    }
}

/// Says why nothing can be approved for a wall, where nothing can.
fn warn_of_wall(campaign: &campaigns::Campaign) {
    let slug = &campaign.slug;
    if campaign.wall && campaign.confirmation == Confirmation::None {
        complain(&format!(
            "warning: only what is confirmed by mail can be shown on the wall, and pledges for {slug} aren't"
        ));
    }
    if campaign.wall && !campaign.consents.iter().any(|consent| consent.purpose == Purpose::Public) {
        complain(&format!("warning: nobody can agree to be shown on the wall: {slug} has no consent \"public\""));
    }
}

pub(super) async fn find(session: &Session, slug: &str) -> anyhow::Result<campaigns::Campaign> {
    let mut connection = session.database.get().await?;
    store::find(&mut connection, slug).await.with_context(|| format!("there is no campaign {slug}"))
}

/// A campaign opens only when it says who answers for the data: supporters must know before they pledge.
pub(super) async fn open_campaign(session: &Session, read: campaigns::Campaign) -> anyhow::Result<()> {
    check_openable(session, &read).await?;
    let campaign = campaigns::Campaign { state: State::Open, ..read.clone() };
    write(session, &read, &campaign, json!({ "state": "open" })).await
}

/// Writes what was changed of a campaign since it was read.
async fn write(
    session: &Session,
    read: &campaigns::Campaign,
    campaign: &campaigns::Campaign,
    what: Value,
) -> anyhow::Result<()> {
    let mut connection = session.database.get().await?;
    match store::update(&mut connection, read, campaign, what).await {
        Err(DbError::Conflict) => bail!("{}: somebody changed its settings just now: do it again", campaign.slug),
        written => Ok(written?),
    }
}

async fn check_openable(session: &Session, campaign: &campaigns::Campaign) -> anyhow::Result<()> {
    if session.mode == Mode::Production {
        let mut connection = session.database.get().await?;
        let listed = recipients::store::list(&mut connection, campaign.id).await?;
        recipients::sealable(&listed).map_err(|problem| anyhow::anyhow!("{}: {problem}", campaign.slug))?;
    }
    if campaign.controller.is_none() {
        bail!("{} has no controller: supporters must know who answers for their data", campaign.slug);
    }
    if campaign.salt.is_none() {
        bail!(
            "the retention of {} has ended and its salt is destroyed: a mailbox could count twice. Add a new campaign",
            campaign.slug
        );
    }
    Ok(())
}

/// What is set by a word or a number.
fn apply(campaign: &mut campaigns::Campaign, set: &Set) -> anyhow::Result<()> {
    if let Some(goal) = set.goal {
        campaign.goal = (goal > 0).then_some(goal.into());
    }
    if let Some(threshold) = set.threshold {
        campaign.threshold = threshold.into();
    }
    if let Some(every) = set.publish_every_ms {
        campaign.publish_every_ms = i32::try_from(every)?;
    }
    let retention = &mut campaign.retention;
    retention.review_days = set.review_days.map_or(retention.review_days, i32::from);
    retention.record_days = set.record_days.map_or(retention.record_days, i32::from);
    match set.erasure {
        Some(ErasureArgument::Keep) => retention.erasure = Erasure::Keep,
        Some(ErasureArgument::Withdraw) => retention.erasure = Erasure::Withdraw,
        None => {}
    }
    match set.confirmation {
        Some(ConfirmationArgument::Email) => campaign.confirmation = Confirmation::Email,
        Some(ConfirmationArgument::None) => campaign.confirmation = Confirmation::None,
        None => {}
    }
    campaign.hold_at = set.hold_at.unwrap_or(campaign.hold_at);
    let held_default = set.held_default.as_deref().and_then(HeldDefault::parse);
    campaign.retention.held_default = held_default.unwrap_or(campaign.retention.held_default);
    campaign.publish_partners = set.publish_partners.unwrap_or(campaign.publish_partners);
    campaign.wall = set.wall.unwrap_or(campaign.wall);
    campaign.proof = set.proof.map_or(campaign.proof, ProofRule::from);
    let fields = &mut campaign.fields;
    for (argument, field) in
        [(set.name, &mut fields.name), (set.email, &mut fields.email), (set.message, &mut fields.message)]
    {
        if let Some(ask) = argument {
            *field = ask.into();
        }
    }
    Ok(())
}

async fn change(session: &Session, set: &Set) -> anyhow::Result<()> {
    let before = find(session, &set.slug).await?;
    let mut campaign = before.clone();
    apply(&mut campaign, set)?;
    campaign.confirmation.fits(&campaign.fields).map_err(|problem| anyhow::anyhow!("{}: {problem}", set.slug))?;
    if let Some(file) = &set.texts {
        let texts: BTreeMap<String, Texts> = read(file)?;
        let mut mistakes: Vec<String> =
            texts.iter().flat_map(|(language, texts)| told(&format!("{language}."), &texts.validate())).collect();
        let odd = texts.keys().filter(|tag| !is_language(tag));
        mistakes.extend(odd.map(|tag| format!("{tag}: a language is a BCP 47 tag, such as en or pt-BR")));
        refuse(file, &mistakes)?;
        campaign.texts.extend(texts);
    }
    if let Some(file) = &set.consents {
        add_consents(&mut campaign, file, read(file)?)?;
    }
    if let Some(file) = &set.mail_texts {
        let mail_texts: Overrides = read(file)?;
        refuse(file, &letters::check(&mail_texts))?;
        campaign.mail_texts.0.extend(mail_texts.0);
        campaign.mail_texts.0.retain(|_, texts| !texts.is_empty());
        refuse(file, &letters::check(&campaign.mail_texts))?;
    }
    if let Some((name, contact)) = set.controller_name.clone().zip(set.controller_contact.clone()) {
        let controller = Controller { name, contact };
        refuse(Path::new("controller"), &told("", &controller.validate()))?;
        campaign.controller = Some(controller);
    }
    if set.open {
        check_openable(session, &campaign).await?;
        campaign.state = State::Open;
    }
    let what = json!({
        "state": campaign.state.as_str(), "goal": campaign.goal, "threshold": campaign.threshold,
        "publish_every_ms": campaign.publish_every_ms, "fields": campaign.fields, "languages": campaign.texts.keys().collect::<Vec<_>>(),
        "review_days": campaign.retention.review_days, "record_days": campaign.retention.record_days,
        "erasure": campaign.retention.erasure, "confirmation": campaign.confirmation, "proof": campaign.proof,
        "hold_at": campaign.hold_at, "held_default": campaign.retention.held_default,
        "publish_partners": campaign.publish_partners, "wall": campaign.wall,
        "mail_texts": campaign.mail_texts.0.keys().collect::<Vec<_>>(),
    });
    write(session, &before, &campaign, what).await?;
    if set.open || set.confirmation.is_some() {
        warn_of_confirmation(session, &campaign);
    }
    if set.wall.is_some() || set.confirmation.is_some() {
        warn_of_wall(&campaign);
    }
    Ok(())
}

fn add_consents(campaign: &mut campaigns::Campaign, file: &Path, new: Vec<Consent>) -> anyhow::Result<()> {
    for consent in new {
        refuse(file, &told("", &consent.validate()))?;
        if !consent.texts.contains_key(&campaign.default_language) {
            bail!("consent {} version {} lacks the default language", consent.purpose.as_str(), consent.version);
        }
        if campaign.has_consent(consent.purpose, consent.version) {
            bail!("consent {} version {} is there already", consent.purpose.as_str(), consent.version);
        }
        campaign.consents.push(consent);
    }
    Ok(())
}
