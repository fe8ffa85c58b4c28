//! `pledges retention`: clear what is past its limit now, or say what would go.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;

use super::{output::say, session::Session};
use crate::{
    audit::months,
    config::{Mode, Settings},
    privacy::retention::{self, Due, Limit, dead_rows},
};

/// Clear what is past its retention limit, as the running service does by itself. Looks at every row.
#[derive(Args)]
pub(super) struct Retention {
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,

    /// As if it were this time (RFC 3339). In production only with --dry-run: what is cleared doesn't come back.
    #[arg(long, value_name = "TIME")]
    as_of: Option<DateTime<Utc>>,

    /// Then write the table of the pledges anew, so that no bytes of what was cleared stay in its file. Nobody can pledge
    /// meanwhile (minutes with millions of pledges), and the disk needs room for a second copy.
    #[arg(long, conflicts_with = "dry_run")]
    rewrite: bool,
}

pub(super) async fn run(session: &Session, settings: &Settings, command: &Retention) -> anyhow::Result<()> {
    if command.as_of.is_some() && !command.dry_run && settings.mode == Mode::Production {
        bail!("--as-of would clear what is not due yet; it goes with --dry-run");
    }
    let due = if command.dry_run {
        retention::preview(&session.database, command.as_of).await?
    } else {
        retention::run_by_hand(&session.database, command.as_of).await?
    };
    for due in &due {
        say(&told(due, command.dry_run));
    }
    let dropped = if command.dry_run {
        let mut connection = session.database.open_direct().await?;
        months::store::due(&mut connection, settings.audit_months, command.as_of, 0).await?
    } else if command.as_of.is_some() {
        Vec::new()
    } else {
        months::look_after(&session.database, settings.audit_months).await?
    };
    let became = if command.dry_run { "would go" } else { "are gone" };
    for month in &dropped {
        say(&format!("audit log: {} entries from {} on {became}", month.entries, month.month.format("%B %Y")));
    }
    if due.is_empty() && dropped.is_empty() {
        say("nothing is past its limit");
    }
    if command.rewrite {
        dead_rows::store::rewrite_pledges(&mut session.database.open_owner().await?).await?;
        say("the table of the pledges was written anew");
    }
    Ok(())
}

fn told(due: &Due, would: bool) -> String {
    let place = due.campaign.as_deref().unwrap_or("all campaigns");
    let became = match (due.limit, would) {
        (Limit::Held, true) => "would get the campaign's held_default",
        (Limit::Held, false) => "got the campaign's held_default",
        (_, true) => "would go",
        (_, false) => "are gone",
    };
    format!("{place}: {} {} {became}", due.count, due.limit.in_words())
}
