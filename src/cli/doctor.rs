//! `pledges doctor`: is everything that is counted right?

use clap::Args;

use super::{
    output::{complain, say},
    session::Session,
};
use crate::{
    db::retrying,
    pledges::recount::store,
    privacy::retention::proof::{self, Checkup},
};

/// Recount everything and compare it with the counters.
#[derive(Args)]
pub(super) struct Doctor {
    /// Add to the counters what they lack. It is written to the audit log.
    #[arg(long)]
    repair: bool,
}

/// Whether everything is well, or has been repaired.
pub(super) async fn run(session: &Session, doctor: &Doctor) -> anyhow::Result<bool> {
    let mut connection = session.database.open_direct().await?;
    let mut recounts = if doctor.repair {
        retrying(async || store::repair_counts(&mut connection).await).await?
    } else {
        store::check_counts(&mut connection).await?
    };
    for difference in recounts.iter().flat_map(crate::totals::recount::Recount::differences) {
        say(&format!("{difference}{}", if doctor.repair { ": repaired" } else { "" }));
    }
    if doctor.repair {
        recounts = store::check_counts(&mut connection).await?;
    }
    let differences = recounts.iter().filter(|recount| !recount.differences().is_empty()).count();
    let (without_campaign, without_removal) = store::orphans(&mut connection).await?;
    if without_campaign > 0 {
        say(&format!("{without_campaign} pledges belong to no campaign"));
    }
    if without_removal > 0 {
        say(&format!("{without_removal} removed pledges belong to no removal that stands"));
    }
    let checkup = proof::store::check_up(&mut connection).await?;
    complain_of(&checkup);
    let kept_in_time = checkup.overdue.is_empty() && checkup.left_over == 0;
    let well = differences == 0 && without_campaign == 0 && without_removal == 0 && kept_in_time;
    let counted: i64 = recounts.iter().flat_map(|recount| recount.counted.countries.values()).sum();
    if well {
        say(&format!("all is well: {} campaigns, {counted} counted pledges", recounts.len()));
    }
    let looked = checkup.looked_at.map_or("never".into(), |at| at.format("%F %R UTC").to_string());
    // Beside what is found, for whoever looks.
    complain(&format!("retention was last looked after: {looked}"));
    Ok(well)
}

fn complain_of(checkup: &Checkup) {
    for slug in &checkup.overdue {
        say(&format!("{slug}: nobody has looked after its retention for a day; is the service running?"));
    }
    if checkup.left_over > 0 {
        let left_over = checkup.left_over;
        say(&format!("{left_over} pledges were not cleared in time; run pledges retention"));
    }
}
