//! One turn of each: pledges alone, a removal through the API with its undo, and bare statements over the same rows.

use std::time::Duration;

use anyhow::{bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::varied::followed;
use crate::{
    api::{Api, number, text},
    figures::{count, per_second, rate},
    lab::{CAMPAIGN, Stage},
    recount::{Base, Sampler, Samples, Sampling, published},
    steady::{Meanwhile, Steady},
};

/// Between two looks at a removal: so exactly its end is measured, and too late rather than too early.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a removal may take.
const DONE_WITHIN: Duration = Duration::from_secs(1_800);

/// Pledges alone for so many times the seconds of a window: few of them decide a p99.
const LONGER: u64 = 4;

/// The removal that bare statements write into the rows: none.
const NO_REMOVAL: &str = "00000000-0000-0000-0000-00000000be9c";

/// What is removed: all pledges of a country that were stored within a time.
#[derive(Clone, Debug)]
pub struct Wave {
    /// The country; None: where none has enough, all of them.
    pub country: Option<String>,
    /// From then on (RFC 3339).
    pub from: String,
    /// Before then.
    pub to: String,
}

impl Wave {
    fn search(&self) -> Value {
        json!({ "country": self.country, "from": self.from, "to": self.to })
    }
}

/// Rows that were changed while pledges arrived.
#[derive(Debug)]
pub struct Work {
    /// How many.
    pub rows: usize,
    /// The same a second.
    pub a_second: f64,
    /// What became of the pledges.
    pub meanwhile: Meanwhile,
}

impl Work {
    fn new(rows: usize, meanwhile: Meanwhile) -> Self {
        Self { rows, a_second: rate(rows, meanwhile.time), meanwhile }
    }
}

/// A removal through the API.
#[derive(Debug)]
pub struct Ours {
    /// From the answer 202 until it is said to be done.
    pub removal: Work,
    /// The same of its undo.
    pub undo: Work,
    /// How long moderators' search took from the end of the removal until it had followed.
    pub followed_s: f64,
    /// How long its preview took.
    pub preview_ms: f64,
    /// Whether the totals were right meanwhile.
    pub samples: Samples,
}

/// Bare statements.
#[derive(Debug)]
pub struct Bare {
    /// One `UPDATE` that removes.
    pub removal: Work,
    /// One that puts back.
    pub undo: Work,
}

/// Rows at a moment: how many, and a sum over all that stands in them.
type Checksum = (i64, String);

/// Takes the turns.
pub struct Turns<'a> {
    /// The moderator.
    pub api: Api,
    /// The service.
    pub stage: &'a Stage<'a>,
    /// Pledges a second.
    pub rate: u32,
}

impl Turns<'_> {
    /// Pledges, and nothing else but somebody who counts, as beside a removal.
    pub async fn alone(&mut self, seconds: u64) -> anyhow::Result<Meanwhile> {
        self.rest().await?;
        let base = Base::of_nothing(self.stage).await?;
        let load = Steady::begin(self.stage, self.rate).await?;
        let looking = Sampler::begin(self.stage, Sampling::Since(base), NO_REMOVAL.to_owned()).await?;
        let began = Instant::now();
        sleep(Duration::from_secs(seconds * LONGER)).await;
        let ended = Instant::now();
        looking.end().await?;
        let meanwhile = load.end(self.stage, began, ended).await?;
        self.stage.tell("alone", &meanwhile.line());
        Ok(meanwhile)
    }

    /// Everything is followed and on disk, so that nothing pays for what was before.
    async fn rest(&mut self) -> anyhow::Result<()> {
        followed(self.stage).await?;
        self.stage.checkpoint().await?;
        self.api.stay_fresh().await
    }

    /// Keeps the ids of a wave, by which the bare statements find its rows: at no cost, compared with a search.
    pub async fn choose(&self, wave: &Wave) -> anyhow::Result<()> {
        let Wave { country, from, to } = wave;
        let country = country.as_ref().map(|country| format!("AND country = '{country}'")).unwrap_or_default();
        let id_at = |time: &str, by: &str| {
            format!(
                "(lpad(to_hex((extract(epoch FROM '{time}'::timestamptz {by} interval '10 minutes') * 1000)::bigint), 12, '0') \
                 || repeat('0', 20))::uuid"
            )
        };
        // As one statement a transaction.
        for sql in [
            "DROP TABLE IF EXISTS chosen".to_owned(),
            format!(
                "CREATE TEMPORARY TABLE chosen AS SELECT id FROM pledges \
                 WHERE campaign_id = (SELECT id FROM campaigns WHERE slug = '{CAMPAIGN}') {country} \
                   AND created_at >= '{from}' AND created_at < '{to}' AND id >= {} AND id < {} \
                   AND state IN ('counted', 'held', 'awaiting')",
                id_at(from, "-"),
                id_at(to, "+")
            ),
            "ALTER TABLE chosen ADD PRIMARY KEY (id)".to_owned(),
            "ANALYZE chosen".to_owned(),
        ] {
            self.stage.postgres.batch_execute(&sql).await?;
        }
        Ok(())
    }

    async fn checksum(&self) -> anyhow::Result<Checksum> {
        let sql = "SELECT count(*), coalesce(sum(hashtextextended(pledges::text, 0)), 0)::text FROM chosen JOIN pledges USING (id)";
        let row = self.stage.postgres.query_one(sql, &[]).await?;
        Ok((row.get(0), row.get(1)))
    }

    /// A removal, and its undo. With `all`, every row is counted all the time, and the times mean nothing.
    pub async fn ours(&mut self, wave: &Wave, all: bool) -> anyhow::Result<Ours> {
        self.rest().await?;
        let before = self.checksum().await?;
        let base = Base::take(self.stage).await?;
        let how = if all { Sampling::All } else { Sampling::Since(base) };
        let preview = self.api.post("removals/preview", &wave.search()).await?.is(200)?;
        let expected = number(&preview.body, "pledges")?;
        ensure!(expected == before.0, "{expected} are told before, {} fit", before.0);

        let load = Steady::begin(self.stage, self.rate).await?;
        self.api.stay_fresh().await?;
        let order =
            json!({ "search": wave.search(), "expected": expected, "reason": "bot", "note": "A wave of the bench" });
        let accepted = self.api.post("removals", &order).await?.is(202)?;
        let began = Instant::now();
        let id = text(accepted.body.get("removal").unwrap_or(&Value::Null), "id")?;
        let looking = Sampler::begin(self.stage, how.clone(), id.clone()).await?;
        let (done, ended) = self.until(&id, "done").await?;
        let mut samples = looking.end().await?;
        let removal = Work::new(self.removed(&id, &done).await?, load.end(self.stage, began, ended).await?);
        self.tell(if all { "removal, all counted" } else { "removal" }, &removal);
        followed(self.stage).await?;
        let followed_s = ended.elapsed().as_secs_f64();
        published(self.stage, &mut self.api).await?;

        self.rest().await?;
        let load = Steady::begin(self.stage, self.rate).await?;
        let note = json!({ "note": "They were none" });
        self.api.post(&format!("removals/{id}/undo"), &note).await?.is(202)?;
        let began = Instant::now();
        let looking = Sampler::begin(self.stage, how, id.clone()).await?;
        let (_, ended) = self.until(&id, "undone").await?;
        samples.add(&looking.end().await?);
        let undo = Work::new(removal.rows, load.end(self.stage, began, ended).await?);
        self.tell(if all { "undo, all counted" } else { "undo" }, &undo);
        published(self.stage, &mut self.api).await?;
        let Samples { taken, wrong, told } = &samples;
        self.stage.tell("samples", &format!("{taken} of the totals, {wrong} wrong {}", told.join("; ")));

        ensure!(self.checksum().await? == before, "the undo has not restored the rows as they were");
        // All rows once more, in case others were changed.
        Base::take(self.stage).await?;
        samples.add(&Samples { taken: 2, ..Samples::default() });
        Ok(Ours { removal, undo, followed_s, preview_ms: preview.time.as_secs_f64() * 1000.0, samples })
    }

    /// The removal once it is in this state, and when that was seen.
    async fn until(&mut self, id: &str, state: &str) -> anyhow::Result<(Value, Instant)> {
        let began = Instant::now();
        loop {
            let removal = self.api.get(&format!("removals/{id}")).await?.is(200)?.body;
            let now = Instant::now();
            match removal.get("state").and_then(Value::as_str) {
                Some(said) if said == state => return Ok((removal, now)),
                Some("running" | "undoing") => {}
                other => bail!("the removal is {other:?}: {removal}"),
            }
            ensure!(began.elapsed() < DONE_WITHIN, "the removal takes too long: {removal}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// How many a removal took: exactly those that were chosen.
    async fn removed(&self, id: &str, removal: &Value) -> anyhow::Result<usize> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM chosen), (SELECT count(*) FROM pledges WHERE removal_id = '{id}'), \
               (SELECT count(*) FROM chosen JOIN pledges USING (id) WHERE removal_id = '{id}')"
        );
        let row = self.stage.postgres.query_one(&sql, &[]).await?;
        let (chosen, taken, both): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let told = number(removal, "pledges")?;
        ensure!(
            [taken, both, told] == [chosen; 3],
            "{chosen} fit, {taken} were taken out, {both} of those that fit, and {told} are told"
        );
        Ok(usize::try_from(taken)?)
    }

    /// The same rows by one statement each way: indexes, constraints and, unless it is told to leave them out, triggers are the table's.
    /// Nobody is told of it: no totals, no progress, no log.
    pub async fn bare(&mut self, triggers: bool) -> anyhow::Result<Bare> {
        let before = self.checksum().await?;
        let role = if triggers { "origin" } else { "replica" };
        self.stage.postgres.batch_execute(&format!("SET session_replication_role = {role}")).await?;
        let out = format!(
            "UPDATE pledges SET state_before = state, state = 'removed', removal_id = '{NO_REMOVAL}' FROM chosen WHERE pledges.id = chosen.id"
        );
        let back = "UPDATE pledges SET state = state_before, state_before = NULL, removal_id = NULL FROM chosen WHERE pledges.id = chosen.id";
        let with = if triggers { "bare UPDATE" } else { "without triggers" };
        let removal = self.statement(with, &out).await?;
        let undo = self.statement(&format!("{with}, back"), back).await?;
        self.stage.postgres.batch_execute("SET session_replication_role = origin").await?;
        ensure!(self.checksum().await? == before, "the bare statements have not restored the rows");
        Ok(Bare { removal, undo })
    }

    async fn statement(&mut self, what: &str, sql: &str) -> anyhow::Result<Work> {
        self.rest().await?;
        // Somebody counts, as beside the service; what the totals are is of no interest, since nobody is told.
        let base = Base::of_nothing(self.stage).await?;
        let load = Steady::begin(self.stage, self.rate).await?;
        let looking = Sampler::begin(self.stage, Sampling::Since(base), NO_REMOVAL.to_owned()).await?;
        let began = Instant::now();
        let rows = self.stage.postgres.execute(sql, &[]).await?;
        let ended = Instant::now();
        looking.end().await?;
        let work = Work::new(usize::try_from(rows)?, load.end(self.stage, began, ended).await?);
        self.tell(what, &work);
        Ok(work)
    }

    fn tell(&self, what: &str, work: &Work) {
        let Work { rows, a_second, meanwhile } = work;
        let took = meanwhile.time.as_secs_f64();
        let line = format!("{} rows in {took:.2} s, {}; {}", count(*rows), per_second(*a_second), meanwhile.line());
        self.stage.tell(what, &line);
    }
}
