//! `pledges export`: the list of a campaign's supporters as a bundle, still sealed.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use uuid::Uuid;

use super::{
    moment::moment,
    output::{complain, grouped, private_file},
    progress::Progress,
    session::Session,
};
use crate::{
    campaigns,
    privacy::export::{Exports, Order},
    sealing::bundle::{CampaignName, Counts, Header},
};

/// Write the list of a campaign's supporters as a sealed bundle.
#[derive(Args)]
pub(super) struct Export {
    /// Which campaign.
    campaign: String,
    /// The list of this partner: those who came from it and allowed it to write, sealed to its keys.
    #[arg(long, value_name = "ID")]
    partner: Option<Uuid>,
    /// File to write, readable by its owner only; it is there once it is whole. -: standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
    /// Name what is gone since this day or time. Needed only when an earlier bundle was lost before it was opened;
    /// otherwise since the last export.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    gone_since: Option<DateTime<Utc>>,
}

pub(super) async fn run(session: &Session, export: &Export) -> anyhow::Result<()> {
    // Before anything is on record.
    let mut target = Target::begin(&export.out, export.force)?;
    let mut connection = session.database.get().await?;
    let campaign = campaigns::store::find(&mut connection, &export.campaign).await;
    let campaign = campaign.with_context(|| format!("there is no campaign {}", export.campaign))?;
    drop(connection);
    let campaign = CampaignName { id: campaign.id, slug: campaign.slug };
    let order = Order { campaign, partner: export.partner, gone_since: export.gone_since, who: None };
    let mut given = Exports::new(session.database.clone()).begin(order).await?;
    let mut progress = Progress::begin("pledges", Some(given.sizes().pledges));
    while let Some(part) = given.next_part().await? {
        target.write(part.as_bytes()).with_context(|| export.out.display().to_string())?;
        progress.look(given.written());
    }
    target.end()?;
    let header = given.header().clone();
    let pace = progress.end(given.written());
    let counts = given.complete().await.context("the bundle is whole, but that could not be put on record")?;
    tell(&header, &counts, &pace);
    Ok(())
}

fn tell(header: &Header, counts: &Counts, pace: &str) {
    complain(&format!("{} pledges in bundle {} ({pace})", grouped(counts.pledges), header.bundle));
    complain(&format!("sealed to {}", header.recipients.join(", ")));
    if counts.without_record > 0 {
        complain(&format!(
            "{} counted pledges are not in it: they have no record, because they came before there was a key to seal it to",
            grouped(counts.without_record)
        ));
    }
    if let Some(since) = header.gone_since {
        complain(&format!("{} are gone since {since}; the bundle names them", grouped(counts.gone)));
    }
}

/// Where the bundle goes: under its name only once it is whole.
enum Target {
    Stdout,
    File { file: File, passing: PathBuf, out: PathBuf, force: bool },
}

impl Target {
    fn begin(out: &Path, force: bool) -> anyhow::Result<Self> {
        if out == Path::new("-") {
            if io::stdout().is_terminal() {
                bail!("a bundle is not for a terminal: give --out a file, or let something else read it");
            }
            return Ok(Self::Stdout);
        }
        refuse_to_overwrite(out, force)?;
        let name = out.file_name().context("--out is not a file")?.to_string_lossy();
        let passing = out.with_file_name(format!(".{name}.{}.part", Uuid::new_v4()));
        Ok(Self::File { file: private_file(&passing)?, passing, out: out.to_owned(), force })
    }

    fn write(&mut self, part: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(part),
            Self::File { file, .. } => file.write_all(part),
        }
    }

    fn end(self) -> anyhow::Result<()> {
        match &self {
            Self::Stdout => Ok(io::stdout().lock().flush()?),
            Self::File { file, passing, out, force } => {
                file.sync_all()?;
                refuse_to_overwrite(out, *force)?;
                fs::rename(passing, out).with_context(|| out.display().to_string())
            }
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Self::File { passing, .. } = self {
            // It is gone when all went well.
            let _ = fs::remove_file(passing);
        }
    }
}

fn refuse_to_overwrite(out: &Path, force: bool) -> anyhow::Result<()> {
    if !force && out.symlink_metadata().is_ok() {
        bail!("{} is there already; --force replaces it", out.display());
    }
    Ok(())
}
