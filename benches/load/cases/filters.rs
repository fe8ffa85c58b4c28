//! A moderator's pages: every filter alone and the pairs that are asked for most, first pages and pages deep in, by one client over the
//! API. What is asked for is drawn from what there is: half as often as pledges have it, half each value as often as another, so that
//! common, middling and rare ones are asked for. Against a `SELECT` of one row by its primary key, through the pool that the service uses.

mod ask;

use anyhow::{Context, ensure};
use diesel::{QueryableByName, sql_types::Text};
use diesel_async::RunQueryDsl;
use pledges::db::{Database, DbError};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::Instant;

use self::ask::{CASES, Case, Dice, People, Pool, Question};
use super::varied;
use crate::{
    api::{Answer, Api},
    figures::{Latencies, count, microseconds, ms},
    lab::{Lab, Stage},
    table::{Report, Row},
};

/// Rows, unless somebody says how many.
const ROWS: usize = 1_000_000;

/// Bare statements beside each kind of question.
const BARE: usize = 40;

/// A page is there within this time, in ms (p95).
const WANTED_MS: f64 = 50.0;

/// What was measured of one kind of question.
struct Found {
    case: &'static Case,
    first: Latencies,
    deep: Latencies,
    /// Pages whose number of hits was told exactly, and pages that had any.
    exact: usize,
    with_hits: usize,
    /// The slowest question, and how long it took.
    slowest: (f64, String),
}

impl Found {
    fn p95(&self) -> f64 {
        self.first.percentile_ms(95).max(self.deep.percentile_ms(95))
    }
}

/// Measures all of them.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let rows = varied::prepare(lab, lab.options.rows.unwrap_or(ROWS)).await?;
    let stage = lab.stage_on("filters", varied::VARIED).await?;
    let people = People::arrive(&stage).await?;
    varied::fill_wall(lab, &stage.postgres).await?;
    varied::followed(&stage).await?;
    let pool = Pool::draw(&stage, rows, people).await?;
    let (mut api, mut dice) = (Api::sign_in(&stage).await?, Dice::default());
    let database = Database::new(&SecretString::from(stage.url.clone()), 4)?;
    let (mut all, mut bare) = (Vec::new(), Vec::new());
    for case in CASES {
        bare.extend(select(&database, &pool, &mut dice).await?);
        let found = measure(&stage, &mut api, case, &pool, &mut dice).await?;
        all.push(found);
    }
    add(report, &all, &Latencies::new(bare), rows)?;
    stage.clear(report).await
}

async fn measure(
    stage: &Stage<'_>,
    api: &mut Api,
    case: &'static Case,
    pool: &Pool,
    dice: &mut Dice,
) -> anyhow::Result<Found> {
    let mut found = Found {
        case,
        first: Latencies::default(),
        deep: Latencies::default(),
        exact: 0,
        with_hits: 0,
        slowest: (0.0, String::new()),
    };
    let (mut first, mut deep) = (Vec::new(), Vec::new());
    for _ in 0..stage.lab.options.requests {
        for is_deep in [false, true] {
            let question = pool.ask(case, is_deep, dice)?;
            api.stay_fresh().await?;
            let Answer { time, body, .. } = match &question {
                Question::Get(path) => api.get(path).await?.is(200)?,
                Question::Post(path, body) => api.post(path, body).await?.is(200)?,
            };
            let pledges = body.get("pledges").and_then(serde_json::Value::as_array).context("no pledges")?;
            found.with_hits += usize::from(!pledges.is_empty());
            found.exact += usize::from(body.get("total_is_exact").is_none_or(|exact| exact == true));
            let taken = time.as_secs_f64() * 1000.0;
            if taken > found.slowest.0 {
                found.slowest = (taken, question.to_string());
            }
            if is_deep { &mut deep } else { &mut first }.push(microseconds(time));
        }
    }
    (found.first, found.deep) = (Latencies::new(first), Latencies::new(deep));
    let (taken, question) = &found.slowest;
    stage.tell(case.name, &format!("{}; the slowest {}: {question}", times(&found), ms(*taken)));
    Ok(found)
}

fn times(found: &Found) -> String {
    let of = |times: &Latencies| format!("p50 {}, p95 {}", ms(times.percentile_ms(50)), ms(times.percentile_ms(95)));
    format!("first {}; deep {}", of(&found.first), of(&found.deep))
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    #[expect(dead_code, reason = "read like a row of a page")]
    state: String,
}

/// Single rows, in microseconds each.
async fn select(database: &Database, pool: &Pool, dice: &mut Dice) -> anyhow::Result<Vec<u32>> {
    let mut times = Vec::new();
    for _ in 0..BARE {
        let id = pool.id(dice).context("no rows")?;
        let began = Instant::now();
        let look = async |connection: &mut _| -> Result<Vec<One>, DbError> {
            let query = diesel::sql_query("SELECT state FROM pledges WHERE id = $1::text::uuid").bind::<Text, _>(&id);
            Ok(query.get_results(connection).await?)
        };
        let rows = database.run(look).await?;
        times.push(microseconds(began.elapsed()));
        ensure!(rows.len() == 1, "no pledge {id}");
    }
    Ok(times)
}

fn add(report: &mut Report, all: &[Found], bare: &Latencies, rows: usize) -> anyhow::Result<()> {
    let one = bare.percentile_ms(50);
    let against = format!("one row by its key: {}", ms(one));
    for found in all {
        let row = Row::new(format!("page of {}", found.case.name), times(found));
        let row = row.against(&against, found.first.percentile_ms(50) / one);
        report.add(if found.case.is_wanted {
            row.wants(format!("p95 < {}", ms(WANTED_MS)), found.p95() < WANTED_MS)
        } else {
            row
        });
    }
    let wanted = || all.iter().filter(|found| found.case.is_wanted);
    let worst = wanted().max_by(|one, other| one.p95().total_cmp(&other.p95())).context("nothing was asked for")?;
    let what = format!("the slowest of {} kinds of pages, {} rows", wanted().count(), count(rows));
    report.add(
        Row::new(what, format!("{}: p95 {}", worst.case.name, ms(worst.p95())))
            .against(
                format!("one row by its key: p95 {}", ms(bare.percentile_ms(95))),
                worst.p95() / bare.percentile_ms(95),
            )
            .wants(format!("p95 < {}", ms(WANTED_MS)), worst.p95() < WANTED_MS),
    );
    let raw = |found: &Found| {
        json!({
            "page": found.case.name, "first_p50_ms": found.first.percentile_ms(50), "first_p95_ms": found.first.percentile_ms(95),
            "deep_p50_ms": found.deep.percentile_ms(50), "deep_p95_ms": found.deep.percentile_ms(95), "max_ms": found.slowest.0,
            "slowest": found.slowest.1, "requests": found.first.count() + found.deep.count(), "exact": found.exact,
            "with_hits": found.with_hits,
        })
    };
    report.add_raw(json!({
        "case": "filters", "rows": rows, "bare_p50_ms": one, "bare_p95_ms": bare.percentile_ms(95), "bare": bare.count(),
        "pages": all.iter().map(raw).collect::<Vec<_>>(),
    }));
    Ok(())
}
