//! `pledges audit`: is the record of who did what still what was written?

use std::io::{self, Write};

use clap::Subcommand;

use super::{
    output::{complain, say},
    session::Session,
};
use crate::{
    audit::{
        months, store,
        verify::{self, Expected, Verdict},
    },
    config::{Mode, Settings},
    db::roles,
};

/// The record of who did what.
#[derive(Subcommand)]
pub(super) enum Audit {
    /// Compute the chain anew, from what was last dropped after its time to the end; exit status 1 names the first wrong entry.
    ///
    /// Prints NUMBER:HASH of the end. Note it where whoever has the database can't change it, and give it to --expect next time:
    /// that finds a log that was written anew from some entry on, or cut off, as well.
    Verify {
        /// What was noted earlier; may be given again.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Vec<Expected>,
    },
    /// Write the log as JSON lines with the hashes, so that others can compute the chain (docs/operations.md says how).
    Export {
        /// Only entries behind this number.
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
        after: i64,
    },
}

/// Whether everything is well.
pub(super) async fn run(session: &Session, audit: &Audit) -> anyhow::Result<bool> {
    let mut connection = session.database.open_direct().await?;
    match audit {
        Audit::Verify { expect } => {
            let verdict = verify::verify(&mut connection, false, expect).await?;
            tell(&verdict);
            Ok(verdict.wrong.is_none())
        }
        Audit::Export { after } => {
            let (mut from, mut out) = (*after, io::stdout().lock());
            loop {
                let lines = store::lines(&mut connection, from).await?;
                let Some(last) = lines.last() else { break };
                from = last.number;
                for link in &lines {
                    out.write_all(link.line().as_bytes())?;
                }
            }
            out.flush()?;
            Ok(true)
        }
    }
}

fn tell(verdict: &Verdict) {
    match verdict.wrong {
        Some(wrong) => say(&format!("the audit log is not what was written: entry {} {}", wrong.number, wrong.what)),
        None if verdict.number == 0 => say("the audit log is empty"),
        None => say(&verdict.note()),
    }
    complain(&format!("{} entries were computed", verdict.checked));
}

/// How late a month may be dropped before the doctor says so: a timer that runs once a day may have missed it.
const DAYS_LATE: i32 = 2;

/// For the doctor: the last entries, who could change them, and whether months go in time. Whether the log is well.
pub(super) async fn check_up(session: &Session, settings: &Settings) -> anyhow::Result<bool> {
    let mut connection = session.database.open_direct().await?;
    let verdict = verify::verify(&mut connection, true, &[]).await?;
    if let Some(wrong) = verdict.wrong {
        say(&format!("the audit log is not what was written: entry {} {}", wrong.number, wrong.what));
    }
    if settings.mode == Mode::Production && roles::may_change_the_log(&mut connection).await? {
        complain(
            "the role of DATABASE_URL can change the audit log: whoever takes over the service can as well \
             (docs/operations.md, Two roles)",
        );
    }
    let overdue = months::store::due(&mut connection, settings.audit_months, None, DAYS_LATE).await?.len();
    if overdue > 0 {
        say(&format!(
            "{overdue} months of the audit log are past their time (PLEDGES_AUDIT_MONTHS={}); run pledges retention as the owner of \
             the tables",
            settings.audit_months
        ));
    }
    Ok(verdict.wrong.is_none() && overdue == 0)
}
