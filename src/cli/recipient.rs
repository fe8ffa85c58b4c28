//! `pledges recipient`: who can open a campaign's sealed records.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Subcommand;
use uuid::Uuid;

use super::{
    campaign,
    output::{private_file, say},
    session::Session,
};
use crate::{
    campaigns::{
        State,
        recipients::{self, Listed, TestFile, TestRecord, store},
    },
    config::Mode,
    db::DbError,
    sealing::{Audience, recipients::Recipient},
};

/// Who can open what supporters give: age public keys. Two are advised, kept in different places.
#[derive(Subcommand)]
pub(super) enum RecipientCommand {
    /// Add a public key. Nothing is sealed for it before its test (`recipient test`).
    Add {
        /// Which campaign.
        slug: String,
        /// The public key: age1… (`pledges keygen` makes one, and so does age-keygen).
        public_key: String,
        /// Whose it is, or where its secret half is kept.
        #[arg(long)]
        label: String,
        /// The partner whose key it is. Without it, it is the organiser's.
        #[arg(long)]
        partner: Option<Uuid>,
    },
    /// List a campaign's keys, and when each was last proved to open.
    List {
        /// Which campaign.
        slug: String,
    },
    /// Write test records, one for each key, to be opened offline by `pledges open --check`.
    Test {
        /// Which campaign.
        slug: String,
        /// Where to; it must not be there.
        #[arg(long)]
        out: PathBuf,
    },
    /// Say the code that was found in a test record: its key works, and is used from now on.
    Confirm {
        /// Which campaign.
        slug: String,
        /// The code, as `pledges open --check` told it.
        code: String,
    },
    /// Seal nothing more for a key. What was sealed for it can still be opened with it.
    Remove {
        /// Which campaign.
        slug: String,
        /// The public key.
        public_key: String,
        /// The partner whose key it is.
        #[arg(long)]
        partner: Option<Uuid>,
    },
}

pub(super) async fn run(session: &Session, command: &RecipientCommand) -> anyhow::Result<()> {
    match command {
        RecipientCommand::Add { slug, public_key, label, partner } => {
            add(session, slug, public_key, label, *partner).await
        }
        RecipientCommand::List { slug } => list(session, slug).await,
        RecipientCommand::Test { slug, out } => test(session, slug, out).await,
        RecipientCommand::Confirm { slug, code } => confirm(session, slug, code).await,
        RecipientCommand::Remove { slug, public_key, partner } => remove(session, slug, public_key, *partner).await,
    }
}

async fn add(
    session: &Session,
    slug: &str,
    public_key: &str,
    label: &str,
    partner: Option<Uuid>,
) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let recipient = Recipient::parse(public_key)?;
    let label = label.trim();
    if label.is_empty() || label.chars().count() > 200 || label.chars().any(char::is_control) {
        bail!("a label has 1 to 200 characters");
    }
    let mut connection = session.database.get().await?;
    let audience = Audience { campaign: campaign.id, partner };
    match store::add(&mut connection, audience, &recipient, label).await {
        Err(DbError::Constraint("one_recipient_per_key")) => bail!("{recipient} is there already"),
        added => added?,
    }
    say(&format!(
        "added {recipient}; nothing is sealed for it before its test: pledges recipient test {slug} --out FILE"
    ));
    Ok(())
}

async fn list(session: &Session, slug: &str) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    for one in store::list(&mut connection, campaign.id).await? {
        let owner = one.partner.map_or_else(|| "organiser".to_owned(), |partner| format!("partner {partner}"));
        say(&format!("{}\t{owner}\t{}\t{}", one.recipient, recipients::standing(&one), one.label));
    }
    Ok(())
}

async fn test(session: &Session, slug: &str, out: &Path) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    let listed = store::list(&mut connection, campaign.id).await?;
    let there: Vec<&Listed> = listed.iter().filter(|one| one.removed_at.is_none()).collect();
    if there.is_empty() {
        bail!("{slug} has no recipient: pledges recipient add");
    }
    let mut made = Vec::new();
    for one in &there {
        made.push((one.id, TestRecord::make(campaign.id, &one.recipient)?));
    }
    // First the file: codes that nobody can find would take the place of those under way.
    let codes: Vec<_> = made.iter().map(|(id, (_, code))| (*id, code.clone())).collect();
    let tests = made.into_iter().map(|(_, (test, _))| test).collect();
    let text = serde_json::to_vec_pretty(&TestFile { campaign: slug.to_owned(), tests })?;
    private_file(out)?.write_all(&text).with_context(|| out.display().to_string())?;
    for (id, code) in codes {
        store::test_made(&mut connection, id, &code).await?;
    }
    say(&format!(
        "wrote {} test records. Where the secret keys are: pledges open --check --identity KEYFILE {}",
        there.len(),
        out.display()
    ));
    Ok(())
}

async fn confirm(session: &Session, slug: &str, code: &str) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let mut connection = session.database.get().await?;
    match store::passed(&mut connection, campaign.id, &recipients::code(code)).await {
        Ok(recipient) => say(&format!("{recipient} works; it is sealed for it from now on")),
        Err(DbError::NotFound) => {
            bail!("no test record of {slug} has this code; only the newest counts, once: pledges recipient test")
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn remove(session: &Session, slug: &str, public_key: &str, partner: Option<Uuid>) -> anyhow::Result<()> {
    let campaign = campaign::find(session, slug).await?;
    let recipient = Recipient::parse(public_key)?;
    let mut connection = session.database.get().await?;
    if session.mode == Mode::Production && campaign.state == State::Open && partner.is_none() {
        let listed = store::list(&mut connection, campaign.id).await?;
        let left: Vec<Listed> = listed.into_iter().filter(|one| one.recipient != recipient).collect();
        if !recipients::takes_pledges(&left) {
            bail!("without it {slug} could take no pledges: nobody else can open them. Add and test another one first");
        }
    }
    match store::remove(&mut connection, Audience { campaign: campaign.id, partner }, &recipient).await {
        Err(DbError::NotFound) => bail!("{slug} has no such recipient"),
        removed => removed?,
    }
    say(&format!("nothing more is sealed for {recipient}; keep its secret half as long as older records matter"));
    Ok(())
}
