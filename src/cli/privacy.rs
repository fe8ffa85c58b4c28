//! `pledges privacy`: what a data protection officer asks for.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Subcommand;

use super::{output::say, session::Session};
use crate::{campaigns, config::Settings, privacy::report};

/// What a data protection officer asks for.
#[derive(Subcommand)]
pub(super) enum Privacy {
    /// Write the record of processing and the draft of an impact assessment, from the settings in force, in Markdown.
    Report {
        /// Which campaign.
        campaign: String,
        /// File to write it to, instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &Privacy) -> anyhow::Result<()> {
    let Privacy::Report { campaign: slug, out } = command;
    let mut connection = session.database.open_direct().await?;
    let campaign = campaigns::store::find(&mut connection, slug).await;
    let campaign = campaign.with_context(|| format!("there is no campaign {slug}"))?;
    let facts = report::store::facts(&mut connection, &campaign, settings.audit_months).await?;
    let text = report::markdown(&campaign, &facts)?;
    match out {
        None => say(text.trim_end()),
        Some(file) => {
            fs::write(file, text).with_context(|| file.display().to_string())?;
            say(&format!("wrote {}", file.display()));
        }
    }
    Ok(())
}
