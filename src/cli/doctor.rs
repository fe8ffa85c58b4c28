//! `pledges doctor`: is everything that is counted right?

use clap::Args;

use super::{
    audit, campaign, mail,
    output::{complain, say},
    session::Session,
};
use crate::{
    campaigns::{self, State, recipients},
    config::{Mode, Settings},
    db::{Connection, retrying},
    gate::source_tags,
    moderation::search::check,
    pledges::{held, recount::store, roots},
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
pub(super) async fn run(session: &Session, settings: &Settings, doctor: &Doctor) -> anyhow::Result<bool> {
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
    let missing = match settings.root_source() {
        // Without root secrets there is nothing to hold the campaigns against.
        Some(source) if source.is_there() => roots::missing(&mut connection, &source.key_ring()?).await?,
        _ => Vec::new(),
    };
    for missing in &missing {
        say(&missing.to_string());
    }
    let sealed = recipients(session).await?;
    let checkup = proof::store::check_up(&mut connection).await?;
    complain_of(&checkup);
    let mails_leave = mail::check_up(session).await?;
    let kept_in_time = checkup.overdue.is_empty() && checkup.left_over == 0;
    let tag_keys = source_tags::store::overdue(&mut connection).await?;
    if tag_keys > 0 {
        say(&format!("{tag_keys} keys of source tags are older than two days; is the service running?"));
    }
    let findable = search(&mut connection, doctor.repair).await?;
    let on_record = audit::check_up(session, settings).await?;
    let counted_right = differences == 0 && without_campaign == 0 && without_removal == 0;
    let kept = kept_in_time && tag_keys == 0 && on_record;
    let well = counted_right && missing.is_empty() && sealed && kept && mails_leave && findable;
    let counted: i64 = recounts.iter().flat_map(|recount| recount.counted.countries.values()).sum();
    if well {
        say(&format!("all is well: {} campaigns, {counted} counted pledges", recounts.len()));
    }
    let looked = checkup.looked_at.map_or("never".into(), |at| at.format("%F %R UTC").to_string());
    // Beside what is found, for whoever looks.
    for ending in held::store::ending(&mut connection, None).await? {
        complain(&ending.told());
    }
    complain(&format!("retention was last looked after: {looked}"));
    Ok(well)
}

/// Whether moderators find the pledges as they are. What is mended is so once the service has followed: seconds.
async fn search(connection: &mut Connection, repair: bool) -> anyhow::Result<bool> {
    let wrong = check::store::check(connection).await?;
    for (what, count) in [
        ("pledges are not as moderators' search has them", wrong.pledges),
        ("pledges that moderators' search has are gone", wrong.gone),
        ("counts of moderators' search are wrong", wrong.counts),
    ] {
        if count > 0 {
            say(&format!("{count} {what}{}", if repair { ": repaired" } else { "; run pledges doctor --repair" }));
        }
    }
    if repair {
        check::store::repair(connection).await?;
    }
    Ok(repair || wrong == check::store::Wrong::default())
}

/// Whom the open campaigns are sealed for, and when that was last proved; whether it is enough to take pledges.
async fn recipients(session: &Session) -> anyhow::Result<bool> {
    let mut connection = session.database.get().await?;
    let mut well = true;
    for campaign in campaigns::store::list(&mut connection).await? {
        if campaign.state != State::Open {
            continue;
        }
        campaign::warn_of_confirmation(session, &campaign);
        let listed = recipients::store::list(&mut connection, campaign.id).await?;
        for one in listed.iter().filter(|one| one.removed_at.is_none()) {
            say(&format!("{}: {} ({}): {}", campaign.slug, one.recipient, one.label, recipients::standing(one)));
        }
        if session.mode == Mode::Production && !recipients::takes_pledges(&listed) {
            say(&format!("{} takes no pledges: it has no recipient that was tested", campaign.slug));
            well = false;
        }
    }
    Ok(well)
}

fn complain_of(checkup: &Checkup) {
    for slug in &checkup.overdue {
        say(&format!(
            "{slug}: nobody has looked after its retention for a day, or its end can't be finished; is the service running?"
        ));
    }
    if checkup.left_over > 0 {
        let left_over = checkup.left_over;
        say(&format!("{left_over} pledges were not cleared in time; run pledges retention"));
    }
}
