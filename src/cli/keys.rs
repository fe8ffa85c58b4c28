//! `pledges keys`: the root secrets, and how one follows another.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{output::say, within};
use crate::{
    config::{RootSource, SecretFile, Settings},
    crypto::{KeyId, KeyRing, RootSecret, random_token},
    pledges::roots::{self, Need, Needs},
};

/// Root secrets.
#[derive(Subcommand)]
pub(super) enum Keys {
    /// List the root secrets by id, and what needs them. Takes its time: it looks at every review copy.
    List,
    /// Make a new root secret; the old ones still open what they made. Restart the service afterwards.
    Rotate(Rotate),
    /// Take a root secret out of its file, when nothing needs it any more.
    Retire {
        /// Its key id, see `pledges keys list`.
        id: KeyId,
    },
}

/// Make a new root secret.
#[derive(Args)]
pub(super) struct Rotate {
    /// Put the new one at the end: nothing is made with it yet, but every instance that has the file opens what others will
    /// make. For several instances; --promote follows.
    #[arg(long)]
    stage: bool,
    /// Make none, but move the one with this key id to the front, so that everything new is made with it.
    #[arg(long, value_name = "ID", conflicts_with = "stage")]
    promote: Option<KeyId>,
    /// When the root secret is in the environment: print its new value, with all secrets in it.
    #[arg(long)]
    print_secrets: bool,
}

pub(super) async fn run(settings: &Settings, keys: &Keys) -> anyhow::Result<()> {
    let source = settings.root_source().context("PLEDGES_ROOT_SECRET is not set, and neither is a file of it")?;
    match keys {
        Keys::Rotate(rotate) => turn(&source, rotate),
        Keys::List => {
            let ring = source.key_ring()?;
            let needs = needs(settings, &ring).await?;
            say(&table(&ring, &needs).join("\n"));
            Ok(())
        }
        Keys::Retire { id } => retire(settings, &source, *id).await,
    }
}

async fn needs(settings: &Settings, ring: &KeyRing) -> anyhow::Result<Needs> {
    let mut needs = Needs::default();
    within(settings, async |session| {
        // What has no id yet needs one of them too.
        roots::settle_what_is_listed(&session.database, ring).await?;
        let mut connection = session.database.open_direct().await?;
        needs = roots::needs(&mut connection, ring).await?;
        Ok(())
    })
    .await?;
    Ok(needs)
}

/// The table of `pledges keys list`.
fn table(ring: &KeyRing, needs: &Needs) -> Vec<String> {
    let line = |id: KeyId, place: &str, need: &Need, verdict: &str| {
        let campaigns = if need.campaigns.is_empty() { "-".to_owned() } else { need.campaigns.join(",") };
        let (copies, mails, rules) = (need.copies, need.mails, need.rules);
        let factors = match need.second_factors {
            0 => String::new(),
            some => format!("\tsecond factors: {some}"),
        };
        format!(
            "{id}\t{place}\tcampaigns: {campaigns}\treview copies: {copies}\tmails: {mails}\trules: {rules}{factors}{verdict}"
        )
    };
    let mut lines = Vec::new();
    for (index, root) in ring.roots().enumerate() {
        let nothing = Need::default();
        let need = needs.roots.get(&root.id()).unwrap_or(&nothing);
        let (place, verdict) = match index {
            0 => ("1 (current)".to_owned(), ""),
            _ if need.is_nothing() => ((index + 1).to_string(), "\tcan be taken out, unless it is to become current"),
            _ => ((index + 1).to_string(), ""),
        };
        lines.push(line(root.id(), &place, need, verdict));
    }
    let missing = needs.roots.iter().filter(|(id, _)| ring.root(**id).is_none());
    lines.extend(missing.map(|(id, need)| line(*id, "missing", need, "\tthe service doesn't start without it")));
    if needs.lost_copies > 0 {
        lines.push(format!("{} review copies need a root secret that is not listed", needs.lost_copies));
    }
    if needs.lost_mails > 0 {
        lines.push(format!("{} mails need a root secret that is not listed", needs.lost_mails));
    }
    if needs.lost_rules > 0 {
        lines.push(format!("{} rules need a root secret that is not listed", needs.lost_rules));
    }
    if needs.lost_second_factors > 0 {
        lines.push(format!(
            "{} second factors need a root secret that is not listed: pledges moderator reset",
            needs.lost_second_factors
        ));
    }
    lines
}

const RESTART: &str = "Instances that run don't know it yet: restart each, with the same file";

/// Makes or promotes a root secret.
fn turn(source: &RootSource, rotate: &Rotate) -> anyhow::Result<()> {
    let (file, ring) = match source {
        RootSource::Environment(text) => return turn_environment(source, text, rotate),
        RootSource::File(file) => (file, source.key_ring()?),
        // In development there may be none yet.
        RootSource::Own(file) => {
            file.read_or_make(&random_token()?)?;
            (file, source.key_ring()?)
        }
    };
    let new = random_token()?;
    file.change(|text| changed(text, rotate, &new))?;
    let path = file.path().display();
    if let Some(id) = rotate.promote {
        say(&format!("{id} is now the first in {path}, in front of {}. {RESTART}.", ring.current().id()));
        return Ok(());
    }
    let id = RootSecret::new(new.as_bytes()).map_err(anyhow::Error::msg)?.id();
    if rotate.stage {
        say(&format!(
            "{id} is now the last in {path}; nothing is made with it yet. Restart each instance with this file. When all have \
             it: pledges keys rotate --promote {id}"
        ));
    } else {
        say(&format!(
            "{id} is now the first in {path}, in front of {}. {RESTART}. With more than one instance this is not safe: one that \
             has only the old secret can't open what another makes with the new one. Use --stage, restart all, then \
             --promote (docs/operations.md, Keys). Keep a copy of the file where the backups of the database are not.",
            ring.current().id()
        ));
    }
    Ok(())
}

/// What the environment holds can't be changed from here.
fn turn_environment(source: &RootSource, text: &SecretString, rotate: &Rotate) -> anyhow::Result<()> {
    source.key_ring()?;
    if rotate.print_secrets {
        say(changed(text, rotate, &random_token()?)?.trim_end());
        return Ok(());
    }
    let what = match (rotate.promote, rotate.stage) {
        (Some(id), _) => format!("move the line of {id} to the front"),
        (None, true) => "add the output of `openssl rand -hex 32` as a last line".to_owned(),
        (None, false) => "put the output of `openssl rand -hex 32` in front, as a line of its own".to_owned(),
    };
    say(&format!(
        "The root secret is in the environment, which can't be changed from here. Where PLEDGES_ROOT_SECRET is set, {what}, \
         keep the other lines, and restart every instance; --print-secrets prints a new value"
    ));
    Ok(())
}

/// The lines of `text` with a new one, or in another order.
fn changed(text: &SecretString, rotate: &Rotate, new: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut secrets: Vec<&str> = secrets(text);
    match (rotate.promote, rotate.stage) {
        (Some(id), _) => {
            let place = secrets.iter().position(|secret| id_of(secret) == Some(id));
            let promoted = secrets.remove(place.with_context(|| format!("there is no root secret {id}"))?);
            secrets.insert(0, promoted);
        }
        (None, true) => secrets.push(new),
        (None, false) => secrets.insert(0, new),
    }
    checked(&secrets)
}

fn secrets(text: &SecretString) -> Vec<&str> {
    text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn id_of(secret: &str) -> Option<KeyId> {
    RootSecret::new(secret.as_bytes()).ok().map(|root| root.id())
}

/// The text of a file with these secrets, once it is sure that the service takes it.
fn checked(secrets: &[&str]) -> anyhow::Result<Zeroizing<String>> {
    // In one piece: what grows leaves a copy behind that is not wiped.
    let mut text = Zeroizing::new(String::with_capacity(secrets.iter().map(|secret| secret.len() + 1).sum()));
    for secret in secrets {
        text.push_str(secret);
        text.push('\n');
    }
    KeyRing::parse(&text)?;
    Ok(text)
}

async fn retire(settings: &Settings, source: &RootSource, id: KeyId) -> anyhow::Result<()> {
    let ring = source.key_ring()?;
    if ring.root(id).is_none() {
        bail!("there is no root secret {id}");
    }
    if ring.current().id() == id {
        bail!("{id} is current: make another one with `pledges keys rotate` first");
    }
    let needs = needs(settings, &ring).await?;
    if let Some(need) = needs.roots.get(&id).filter(|need| !need.is_nothing()) {
        bail!(
            "{id} is still needed: {} campaigns ({}), {} review copies, {} mails, {} rules{}",
            need.campaigns.len(),
            need.campaigns.join(", "),
            need.copies,
            need.mails,
            need.rules,
            match need.second_factors {
                0 => String::new(),
                some => format!(", {some} second factors (of people who must sign in once more)"),
            }
        );
    }
    let (RootSource::File(file) | RootSource::Own(file)) = source else {
        say(&format!(
            "nothing needs {id}: take its line out where PLEDGES_ROOT_SECRET is set, and restart every instance"
        ));
        return Ok(());
    };
    take_out(file, id)?;
    say(&format!("{id} is taken out of {}. Restart every instance, with the same file.", file.path().display()));
    Ok(())
}

fn take_out(file: &SecretFile, id: KeyId) -> anyhow::Result<()> {
    file.change(|text| {
        let mut secrets = secrets(text);
        // It may have become current meanwhile.
        if secrets.first().is_some_and(|first| id_of(first) == Some(id)) {
            bail!("{id} is current");
        }
        secrets.retain(|secret| id_of(secret) != Some(id));
        checked(&secrets)
    })
}
