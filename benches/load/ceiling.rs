//! The ceiling of the pledges: batches of our own statement into our own tables, on one connection, with nothing before
//! or behind it. All that can be done beforehand is done before the clock starts.

use std::{
    thread::{available_parallelism, scope},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use pledges::{
    campaigns::{self, Campaign},
    crypto::{KeyRing, random_token},
    db::{Connection, Database},
    pledges::{
        NewPledge,
        sealing::{Keys, Sealing},
        store,
    },
    sealing::record::Epoch,
};
use secrecy::SecretString;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    figures::{float, per_second, rate},
    out::say,
    people::{People, Spread},
};

/// More rows a second than a machine with two cores stores: so many are made beforehand.
const ROWS_PREPARED_A_SECOND: u64 = 60_000;

/// Store pledges in batches on one connection, and tell how fast that is.
#[derive(Args, Clone, Debug)]
pub struct Ceiling {
    /// The database of a service, as postgres://user@host/database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,

    /// The campaign's slug.
    #[arg(long, default_value = "together-we-defend")]
    campaign: String,

    #[command(flatten)]
    shape: Shape,
}

/// How many, and how long.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of a batch.
    #[arg(long, default_value_t = 256)]
    pub batch: usize,

    /// Seconds that are measured.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,

    /// Seconds before, that are not.
    #[arg(long, default_value_t = 1)]
    pub warm_up: u64,
}

impl Ceiling {
    /// Runs and tells.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn run(&self) -> anyhow::Result<()> {
        let reached = reach(&self.database_url, &self.campaign, self.shape).await?;
        say(&format!(
            "{} rows in batches of {}, each committed in {:.2} ms",
            per_second(reached.rows_a_second),
            self.shape.batch,
            reached.batch_ms
        ));
        Ok(())
    }
}

/// What was reached.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    /// Rows a second.
    pub rows_a_second: f64,
    /// Mean time of a batch, in milliseconds.
    pub batch_ms: f64,
}

/// Stores batches one after the other, for the time that `shape` says or until those prepared are used up.
///
/// # Errors
/// Those of the database.
pub async fn reach(url: &SecretString, campaign: &str, shape: Shape) -> anyhow::Result<Reached> {
    let database = Database::new(url, 2)?;
    let mut connection = database.open().await?;
    let campaign = campaigns::store::find(&mut connection, campaign).await.context("there is no such campaign")?;
    let batches = prepare(&campaign, shape)?;
    let start = Instant::now();
    let begin = start + Duration::from_secs(shape.warm_up);
    let end = begin + Duration::from_secs(shape.seconds);
    // Of the measured time: its first moment, and what was stored since.
    let (mut from, mut rows, mut count) = (start, 0, 0);
    for batch in &batches {
        let now = Instant::now();
        if now >= end {
            break;
        }
        if now < begin {
            (from, rows, count) = (now, 0, 0);
        }
        store_batch(&mut connection, batch).await?;
        rows += batch.len();
        count += 1;
    }
    let time = from.elapsed();
    database.close();
    Ok(Reached { rows_a_second: rate(rows, time), batch_ms: time.as_secs_f64() * 1000.0 / float(count).max(1.0) })
}

/// The one place that calls the statement.
async fn store_batch(connection: &mut Connection, batch: &[NewPledge]) -> anyhow::Result<()> {
    let batch: Vec<&NewPledge> = batch.iter().collect();
    store::insert(connection, &batch).await?;
    Ok(())
}

/// On every core: nothing else is measured meanwhile.
fn prepare(campaign: &Campaign, shape: Shape) -> anyhow::Result<Vec<Vec<NewPledge>>> {
    // Fingerprints are only compared with each other: any secret will do.
    let ring = KeyRing::parse(&random_token()?)?;
    let campaign = &Campaign { fingerprint_key: Some(ring.current().id()), ..campaign.clone() };
    let sealing = Sealing::new(ring);
    // Nor is anything opened.
    let keys = Keys::of(Epoch::begin(campaign.id)?.into());
    let rows = usize::try_from((shape.warm_up + shape.seconds) * ROWS_PREPARED_A_SECOND)?;
    let threads = available_parallelism()?.get();
    let batches = rows.div_ceil(shape.batch).div_ceil(threads);
    scope(|scope| {
        let part = || -> anyhow::Result<Vec<_>> {
            let people = People::new(Spread::Even)?;
            (0..batches).map(|_| prepare_batch((&sealing, &keys), campaign, &people, shape.batch)).collect()
        };
        let parts: Vec<_> = (0..threads).map(|_| scope.spawn(part)).collect();
        let mut prepared = Vec::new();
        for part in parts {
            prepared.extend(part.join().map_err(|_| anyhow!("a thread has failed"))??);
        }
        Ok(prepared)
    })
}

/// Sorted by fingerprint, as every writer does it, or two of them would deadlock.
fn prepare_batch(
    (sealing, keys): (&Sealing, &Keys),
    campaign: &Campaign,
    people: &People,
    size: usize,
) -> anyhow::Result<Vec<NewPledge>> {
    let one = |_| {
        let checked = people.submission(people.next()).check(campaign);
        let checked = checked.map_err(|_| anyhow!("the campaign asks for other fields than the driver sends"))?;
        Ok(sealing.prepare(Uuid::now_v7(), campaign, &checked, None, keys)?)
    };
    let mut batch = (0..size).map(one).collect::<anyhow::Result<Vec<NewPledge>>>()?;
    batch.sort_by_key(|pledge| pledge.fingerprint);
    Ok(batch)
}
