//! Whether the totals are right: what is stored of them and what is on its way, against a count of the rows, all in one snapshot.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use anyhow::ensure;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_postgres::Client as Postgres;

use crate::lab::{CAMPAIGN, Stage, connect};

/// Between two samples.
const EVERY: Duration = Duration::from_millis(250);

/// A sample is followed by a rest of so many times its own length, so that looking costs a thirtieth of a core at the most: with a tenth
/// it was what pledges waited for.
const REST: u32 = 29;

/// Differences that are told.
const TOLD: usize = 5;

/// How long the public totals may take until they tell what is counted.
const PUBLIC_WITHIN: Duration = Duration::from_secs(10);

/// The sum of all countries, among them.
const ALL: &str = "all";

/// Pledges by country.
type Counts = BTreeMap<String, i64>;

/// What the counters of the campaign say, deltas included.
const TOLD_SQL: &str = "SELECT country, sum(counted)::bigint FROM (SELECT country, counted FROM country_totals \
       JOIN campaigns ON campaigns.id = campaign_id WHERE slug = $1 \
     UNION ALL SELECT change.country, change.amount FROM count_deltas JOIN campaigns ON campaigns.id = campaign_id, \
       unnest(countries, amounts) AS change (country, amount) WHERE slug = $1 \
     UNION ALL SELECT 'all', total FROM campaign_totals JOIN campaigns ON campaigns.id = campaign_id WHERE slug = $1 \
     UNION ALL SELECT 'all', amount FROM count_deltas JOIN campaigns ON campaigns.id = campaign_id, unnest(amounts) AS amount \
       WHERE slug = $1) AS parts GROUP BY country";

/// Every row counted.
const ROWS_SQL: &str = "SELECT country, count(*) FROM pledges \
     WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = $1) AND state = 'counted' GROUP BY country";

/// Rows that have come since, behind the id $2, and what a removal has taken of the others.
const SINCE_SQL: &str = "SELECT country, count(*) FROM pledges \
       WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = $1) AND id > $2::text::uuid AND state = 'counted' GROUP BY country \
     UNION ALL SELECT country, -count(*) FROM pledges \
       WHERE removal_id = $3::text::uuid AND state_before = 'counted' AND id <= $2::text::uuid GROUP BY country";

/// All rows, counted at a moment at which nobody was at work. From then on it is enough to count what can have changed: what came
/// since, and what a removal took out.
#[derive(Clone, Debug)]
pub struct Base {
    rows: Counts,
    last: String,
}

impl Base {
    /// Counts all rows.
    ///
    /// # Errors
    /// When the totals are something else.
    pub async fn take(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let last = stage.last_id().await?;
        let (rows, told) = all(&stage.postgres).await?;
        let wrong = differences(&rows, &told);
        ensure!(wrong.is_empty(), "the totals are wrong: {}", wrong.join("; "));
        Ok(Self { rows, last })
    }

    /// As if nothing had been there: for whoever counts and doesn't care for the result.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of_nothing(stage: &Stage<'_>) -> anyhow::Result<Self> {
        Ok(Self { rows: Counts::new(), last: stage.last_id().await? })
    }
}

/// Which rows a sample counts.
#[derive(Clone, Debug)]
pub enum Sampling {
    /// Those that can have changed.
    Since(Base),
    /// All of them, again and again: it takes a core, so nothing is timed meanwhile.
    All,
}

/// What the samples said.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// How many there were.
    pub taken: usize,
    /// In how many of them the totals were something else than the rows.
    pub wrong: usize,
    /// The first differences.
    pub told: Vec<String>,
}

impl Samples {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.wrong += other.wrong;
        self.told.extend(other.told.iter().take(TOLD.saturating_sub(self.told.len())).cloned());
    }
}

/// Samples that are taken until it is ended.
pub struct Sampler {
    stop: Rc<Cell<bool>>,
    sampling: JoinHandle<anyhow::Result<Samples>>,
}

impl Sampler {
    /// Begins to look, while a removal takes out or is undone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin(stage: &Stage<'_>, how: Sampling, removal: String) -> anyhow::Result<Self> {
        let (postgres, stop) = (connect(&stage.url).await?, Rc::new(Cell::new(false)));
        let sampling = tokio::task::spawn_local(sample(postgres, how, removal, stop.clone()));
        Ok(Self { stop, sampling })
    }

    /// Takes the last one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end(self) -> anyhow::Result<Samples> {
        self.stop.set(true);
        self.sampling.await?
    }
}

async fn sample(postgres: Postgres, how: Sampling, removal: String, stop: Rc<Cell<bool>>) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    loop {
        let (last, began) = (stop.get(), Instant::now());
        let (rows, told) = match &how {
            Sampling::Since(base) => since(&postgres, base, &removal).await?,
            Sampling::All => all(&postgres).await?,
        };
        let wrong = differences(&rows, &told);
        samples.add(&Samples { taken: 1, wrong: usize::from(!wrong.is_empty()), told: wrong });
        if last {
            return Ok(samples);
        }
        let rest = match how {
            Sampling::Since(_) => EVERY.max(began.elapsed() * REST),
            Sampling::All => EVERY,
        };
        // The end is not waited for longer than usual.
        let over = Instant::now() + rest;
        while !stop.get() && Instant::now() < over {
            sleep(EVERY.min(over.saturating_duration_since(Instant::now()))).await;
        }
    }
}

/// Begins a snapshot.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

async fn all(postgres: &Postgres) -> anyhow::Result<(Counts, Counts)> {
    postgres.batch_execute(BEGIN).await?;
    let told = counts(&postgres.query(TOLD_SQL, &[&CAMPAIGN]).await?);
    let rows = counts(&postgres.query(ROWS_SQL, &[&CAMPAIGN]).await?);
    postgres.batch_execute("COMMIT").await?;
    Ok((rows, told))
}

async fn since(postgres: &Postgres, base: &Base, removal: &str) -> anyhow::Result<(Counts, Counts)> {
    postgres.batch_execute(BEGIN).await?;
    let told = counts(&postgres.query(TOLD_SQL, &[&CAMPAIGN]).await?);
    let changed = counts(&postgres.query(SINCE_SQL, &[&CAMPAIGN, &base.last, &removal]).await?);
    postgres.batch_execute("COMMIT").await?;
    let mut rows = base.rows.clone();
    for (country, by) in changed {
        *rows.entry(country).or_default() += by;
    }
    Ok((rows, told))
}

/// Counts of countries, each of which may be in several rows.
fn counts(rows: &[tokio_postgres::Row]) -> Counts {
    let mut counts = Counts::new();
    for row in rows {
        *counts.entry(row.get(0)).or_default() += row.get::<_, i64>(1);
    }
    counts
}

/// Where the totals (by country, and under `all` their sum) are something else than the rows.
fn differences(rows: &Counts, told: &Counts) -> Vec<String> {
    let mut rows = rows.clone();
    rows.insert(ALL.to_owned(), rows.values().sum());
    let countries: BTreeSet<&String> = rows.keys().chain(told.keys()).collect();
    let mut wrong: Vec<String> = countries
        .into_iter()
        .filter_map(|country| {
            let [there, said] = [&rows, told].map(|counts| counts.get(country).copied().unwrap_or(0));
            (there != said).then(|| format!("{country}: {said} are told, {there} are there"))
        })
        .collect();
    wrong.truncate(TOLD);
    wrong
}

/// Waits until the published total is what is counted: nobody may pledge meanwhile, but the watch over waves may hold some.
///
/// # Errors
/// When it doesn't become so.
pub async fn published(stage: &Stage<'_>, api: &mut crate::api::Api) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let told = counts(&stage.postgres.query(TOLD_SQL, &[&CAMPAIGN]).await?);
        let (counted, public) = (told.get(ALL).copied().unwrap_or(0), api.public_total().await?);
        if public == counted {
            return Ok(());
        }
        ensure!(began.elapsed() < PUBLIC_WITHIN, "{public} are published, {counted} are counted");
        sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_compared_by_country_and_in_all() {
        let counts = |all: &[(&str, i64)]| all.iter().map(|(country, count)| ((*country).to_owned(), *count)).collect();
        let rows: Counts = counts(&[("DE", 3), ("FR", 2), ("MV", 0)]);
        assert!(differences(&rows, &counts(&[("DE", 3), ("FR", 2), ("all", 5)])).is_empty());
        assert_eq!(differences(&rows, &counts(&[("DE", 3), ("FR", 1), ("all", 5)])), ["FR: 1 are told, 2 are there"]);
        assert_eq!(differences(&rows, &counts(&[("DE", 3), ("FR", 2), ("all", 4)])), ["all: 4 are told, 5 are there"]);
        assert_eq!(differences(&rows, &counts(&[("DE", 3), ("FR", 2), ("GB", 1), ("all", 5)])).len(), 1);
    }
}
