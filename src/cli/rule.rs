//! `pledges rule`: blocks and allows of a campaign; and its searches that are kept alive, which only moderators make.

use anyhow::bail;
use clap::{Subcommand, builder::PossibleValuesParser};
use uuid::Uuid;

use super::{campaign, output::say, session::Session};
use crate::{
    config::Settings,
    db::DbError,
    gate::rules::{Kind, MOST, Subject},
    http::FieldCode,
    moderation::rules::searches,
    partners,
    pledges::{
        rules::{MOST_DAYS, Rule, Rules, USUAL_DAYS, Value, store},
        text::{Lines, clean_text, within},
    },
};

/// In place of what a rule is held against.
const CLOSED: &str = "(its root secret is not listed: not in force)";

/// Characters of a note, as in the API.
const NOTE_CHARS: usize = 1_000;

/// Blocks hold what fits them; allows keep from being held what fits them and no block.
#[derive(Subcommand)]
pub(super) enum RuleCommand {
    /// Add a block or an allow.
    Add {
        /// Which campaign.
        slug: String,
        /// What it does.
        #[arg(value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
        kind: String,
        /// What it looks at: the mailbox's domain, the tag of the source, the name, or the partner.
        #[arg(value_parser = PossibleValuesParser::new(Subject::ALL.map(Subject::as_str)))]
        subject: String,
        /// What it is held against: a domain (with everything under it), a tag of today, the whole name with * for any text, or a
        /// partner's id.
        value: String,
        /// Why. Deleted with the rule.
        #[arg(long)]
        note: String,
        /// Days for which it is in force; that of a source ends with the day (UTC).
        #[arg(long, default_value_t = USUAL_DAYS, value_parser = clap::value_parser!(i32).range(1..=i64::from(MOST_DAYS)))]
        days: i32,
    },
    /// List a campaign's rules, and how often each decided.
    List {
        /// Which campaign.
        slug: String,
    },
    /// Delete a rule. What it has held stays held, what it has removed stays removed.
    Remove {
        /// Which campaign.
        slug: String,
        /// The rule's id (rule list).
        rule: Uuid,
    },
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &RuleCommand) -> anyhow::Result<()> {
    let rules = Rules::new(session.database.clone(), &settings.key_ring()?);
    match command {
        RuleCommand::Add { slug, kind, subject, value, note, days } => {
            let (Some(kind), Some(subject)) = (Kind::parse(kind), Subject::parse(subject)) else {
                bail!("there is no such rule");
            };
            let note = clean_text(note, Lines::One).and_then(|note| within(note, NOTE_CHARS));
            let note = note.map_err(|code| anyhow::anyhow!("the note: {}", code.meaning()))?;
            add(session, &rules, slug, (kind, subject, value), &note, *days).await
        }
        RuleCommand::List { slug } => list(session, &rules, slug).await,
        RuleCommand::Remove { slug, rule } => remove(session, slug, *rule).await,
    }
}

async fn add(
    session: &Session,
    rules: &Rules,
    slug: &str,
    (kind, subject, value): (Kind, Subject, &str),
    note: &str,
    days: i32,
) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let value = Value::parse(subject, value).map_err(|code| wrong(subject, code))?;
    let mut connection = session.database.get().await?;
    if let Some(partner) = value.partner().filter(|_| subject == Subject::Partner) {
        match partners::store::find(&mut connection, campaign.id, partner).await {
            Err(DbError::NotFound) => bail!("{slug} has no partner {partner}: pledges partner list {slug}"),
            found => found?,
        };
    }
    let id = Uuid::now_v7();
    let sealed = rules.seal(campaign.id, id, &value, note)?;
    let new = store::NewRule { id, campaign: campaign.id, kind, subject, sealed, days };
    if !store::add(&mut connection, &new, None).await? {
        bail!("{slug} has {MOST} rules, and no more: pledges rule remove");
    }
    say(&format!("added rule {id}; in force within two seconds"));
    Ok(())
}

fn wrong(subject: Subject, code: FieldCode) -> anyhow::Error {
    anyhow::anyhow!("this is no {}: {}", subject.as_str(), code.meaning())
}

async fn list(session: &Session, rules: &Rules, slug: &str) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    for row in store::list(&mut connection, campaign.id).await? {
        let Rule { row, value, note } = rules.opened(row);
        say(&format!(
            "{}\t{}\t{}\t{}\tuntil {}\t{} hits\t{}\t{}",
            row.id,
            row.kind.as_str(),
            row.subject.as_str(),
            value.as_deref().unwrap_or(CLOSED),
            row.expires_at.format("%Y-%m-%d %H:%M UTC"),
            row.hits,
            row.made_by.as_deref().unwrap_or("(operator)"),
            note.as_deref().unwrap_or_default().replace(['\n', '\t'], " "),
        ));
    }
    for row in searches::store::list(&mut connection, campaign.id).await? {
        let (search, note) = match searches::open(rules, &row) {
            Some(opened) => (opened.shown.to_string(), opened.note),
            None => (CLOSED.to_owned(), String::new()),
        };
        say(&format!(
            "{}\t{}\tsearch\t{search}\tuntil {}\t{} hits\t{}\t{}",
            row.id,
            row.effect.as_str(),
            row.expires_at.format("%Y-%m-%d %H:%M UTC"),
            row.hits,
            row.made_by,
            note.replace(['\n', '\t'], " "),
        ));
    }
    Ok(())
}

async fn remove(session: &Session, slug: &str, rule: Uuid) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    let deleted = match store::delete(&mut connection, campaign.id, rule, None).await {
        Err(DbError::NotFound) => searches::store::delete(&mut connection, campaign.id, rule, None).await,
        deleted => deleted,
    };
    match deleted {
        Err(DbError::NotFound) => bail!("{slug} has no rule {rule}: pledges rule list {slug}"),
        deleted => deleted?,
    }
    say("deleted; in force within two seconds. What it has held stays held, what it has removed stays removed");
    Ok(())
}
