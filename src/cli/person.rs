//! `pledges erase` and `pledges access`: what is done for a person who asks. The address comes from a file or standard input,
//! because arguments can be read in the list of processes and stay in the shell's history.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use zeroize::Zeroizing;

use super::{output::say, session::Session};
use crate::{
    campaigns::{self, Campaign},
    clock::Clock,
    config::Settings,
    pledges::{mailbox::Email, sealing::Sealing},
    privacy::{Privacy, routes::Access},
    totals::{Pace, Totals},
};

/// Whose pledge, and where.
#[derive(Args)]
pub(super) struct Person {
    /// File with the address in it; -: standard input.
    #[arg(long, value_name = "FILE")]
    email_file: PathBuf,

    /// The one campaign that it is about; left out: all.
    #[arg(long, value_name = "SLUG")]
    campaign: Option<String>,
}

pub(super) async fn erase(session: &Session, settings: &Settings, person: &Person) -> anyhow::Result<()> {
    let (privacy, campaigns, email) = prepare(session, settings, person).await?;
    privacy.erase(None, &campaigns, &email).await?;
    say("whatever there was is erased");
    Ok(())
}

pub(super) async fn access(session: &Session, settings: &Settings, person: &Person) -> anyhow::Result<()> {
    let (privacy, campaigns, email) = prepare(session, settings, person).await?;
    let held = privacy.held(None, &campaigns, &email).await?;
    say(&serde_json::to_string_pretty(&Access::new(&campaigns, held))?);
    Ok(())
}

async fn prepare(
    session: &Session,
    settings: &Settings,
    person: &Person,
) -> anyhow::Result<(Privacy, Vec<Campaign>, Email)> {
    let email = read(&person.email_file)?;
    let mut connection = session.database.get().await?;
    let campaigns = match &person.campaign {
        Some(slug) => {
            let campaign = campaigns::store::find(&mut connection, slug).await;
            vec![campaign.with_context(|| format!("there is no campaign {slug}"))?]
        }
        None => campaigns::store::with_trials(&mut connection).await?,
    };
    drop(connection);
    let ring = settings.key_ring()?;
    let pace = Pace { look_every: std::time::Duration::from_secs(1), reread_every: std::time::Duration::ZERO };
    let totals = Totals::new(session.database.clone(), pace, Clock::System);
    let privacy = Privacy::new(session.database.clone(), Sealing::new(ring.clone()), totals, &ring);
    Ok((privacy, campaigns, email))
}

fn read(file: &Path) -> anyhow::Result<Email> {
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text).context("standard input")?;
    } else {
        let mut opened = fs::File::open(file).with_context(|| file.display().to_string())?;
        opened.read_to_string(&mut text).with_context(|| file.display().to_string())?;
    }
    // What stands there is not repeated.
    match Email::parse(text.trim()) {
        Ok(email) => Ok(email),
        Err(code) => bail!("{} has no e-mail address in it, and nothing else: {}", file.display(), code.as_str()),
    }
}
