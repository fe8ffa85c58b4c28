//! `pledges seed`: many made-up pledges at once, each fingerprinted and sealed like a real one.

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    demo::people::{Crowd, Dice},
    output::say,
    session::Session,
};
use crate::{
    app,
    campaigns::{self, Campaign},
    clock::Clock,
    config::{Mode, Settings},
    pledges::{
        roots,
        sealing::{Keys, Sealing},
        store,
    },
    totals::{Pace, Totals},
};

/// Fill a campaign with made-up pledges.
#[derive(Args)]
pub(super) struct Seed {
    /// How many.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,

    /// Which campaign.
    #[arg(long, default_value = "together-we-defend")]
    campaign: String,
}

/// Rows of one transaction.
const BATCH: u32 = 5_000;

/// Batches between two lines of progress, and two folds.
const TOLD_EVERY: u32 = 20;

/// Rows that are made up before what stores the last ones gets its turn: some milliseconds.
const YIELD_EVERY: u32 = 50;

/// How far back the pledges reach.
const SPREAD: TimeDelta = TimeDelta::days(30);

pub(super) async fn run(session: &Session, settings: &Settings, seed: &Seed) -> anyhow::Result<()> {
    if settings.mode == Mode::Production {
        bail!("made-up pledges don't belong into a service that is live");
    }
    roots::settle(&session.database, &settings.key_ring()?).await?;
    let mut connection = session.database.get().await?;
    let campaign = campaigns::store::find(&mut connection, &seed.campaign).await;
    let campaign = campaign.with_context(|| format!("there is no campaign {}", seed.campaign))?;
    drop(connection);
    fill(session, settings, &campaign, seed.rows, &Crowd::load()?).await?;
    say(&format!("{} has {} pledges more", campaign.slug, seed.rows));
    Ok(())
}

/// Stores `rows` pledges of the crowd, spread over the last thirty days.
pub(super) async fn fill(
    session: &Session,
    settings: &Settings,
    campaign: &Campaign,
    rows: u32,
    crowd: &Crowd,
) -> anyhow::Result<()> {
    let pace = Pace { look_every: std::time::Duration::from_secs(1), reread_every: std::time::Duration::ZERO };
    let totals = Totals::new(session.database.clone(), pace, Clock::System);
    let sealing = Sealing::new(settings.key_ring()?);
    let (mut dice, now) = (Dice::thrown()?, Clock::System.now());
    let epochs = app::epochs(settings, session.database.clone(), Clock::System)?;
    let mut connection = session.database.open_direct().await?;
    let mut made_up = async |left: u32| {
        let mut batch = Vec::new();
        let keys = Keys::current(&epochs, campaign, None).await?;
        for number in 0..left.min(BATCH) {
            // More lately than long ago, as campaigns grow; and one after the other, as they come: so ids grow, and their
            // indexes are written where they end.
            let to_come = f64::from(left - number) / f64::from(rows);
            let back = to_come.powi(2) * SPREAD.as_seconds_f64();
            #[expect(clippy::cast_possible_truncation, reason = "a time within thirty days")]
            let at = now - TimeDelta::milliseconds((back * 1000.0) as i64);
            let submission = crowd.somebody(&mut dice, campaign);
            let checked =
                submission.check(campaign).map_err(|_| anyhow::anyhow!("the campaign asks for other fields"))?;
            let mut pledge = sealing.prepare(id_at(at), campaign, &checked, None, &keys)?;
            // They are counted already, and nobody is written to.
            (pledge.awaiting, pledge.mail) = (false, None);
            batch.push((pledge, at));
            if number.is_multiple_of(YIELD_EVERY) {
                tokio::task::yield_now().await;
            }
        }
        anyhow::Ok(batch)
    };
    let (mut left, mut batch, mut batches) = (rows, made_up(rows).await?, 0_u32);
    while left > 0 {
        left -= left.min(BATCH);
        // PostgreSQL stores these while the next are made up.
        let (stored, next) = tokio::join!(store::insert_at(&mut connection, &batch), made_up(left));
        stored?;
        (batch, batches) = (next?, batches + 1);
        if left > 0 && batches.is_multiple_of(TOLD_EVERY) {
            say(&format!("{left} rows left"));
            // As it goes: the counts of millions are more than one transaction folds in its time.
            totals.catch_up().await?;
        }
    }
    totals.catch_up().await?;
    Ok(())
}

fn id_at(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}
