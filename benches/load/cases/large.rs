//! With 20 million rows stored: pledges by turns into a large and an empty database, and the start of the service.

use anyhow::{Context, ensure};
use serde_json::json;

use super::evenly;
use crate::{
    figures::{count, median, median_ratio, ms, per_second},
    lab::{LARGE, Lab, Stage},
    out::tell,
    service::Service,
    table::{Report, Row},
};

/// Rows, unless somebody says how many.
const ROWS: usize = 20_000_000;

/// Connections.
const CONNECTIONS: usize = 256;

/// The service is ready within this time, in ms.
const READY_WITHIN_MS: f64 = 2_000.0;

/// Seeds what is missing, and measures.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let rows = seed(lab).await?;
    let what = format!("{} rows stored", count(rows));
    report.add(starts(lab, &what).await?);
    report.add(private_start(lab, &what).await?);
    let empty = lab.stage("large").await?;
    let large = lab.stage_on("large", LARGE).await?;
    let (mut large_rates, mut empty_rates) = (vec![], vec![]);
    let shape = evenly(CONNECTIONS, lab.options.seconds);
    for _ in 0..lab.options.rounds {
        empty_rates.push(empty.send("empty table", shape).await?.rate());
        large_rates.push(large.send(&what, shape).await?.rate());
    }
    let (rate, empty_rate) = (median(&large_rates), median(&empty_rates));
    report.add(
        Row::new(format!("acknowledged pledges, {what}"), per_second(rate))
            .against(format!("empty table: {}", per_second(empty_rate)), median_ratio(&large_rates, &empty_rates))
            .at_least(0.8),
    );
    report.add_raw(json!({
        "case": "large", "rows": rows, "a_second": large_rates, "empty_a_second": empty_rates,
    }));
    empty.clear(report).await?;
    large.clear(report).await
}

/// How many rows there are now.
async fn seed(lab: &Lab) -> anyhow::Result<usize> {
    let known = lab.admin().await?.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&LARGE]).await?;
    if known.is_none() {
        lab.clone_template(LARGE).await?;
    }
    let url = lab.postgres().database_url(LARGE);
    let there = Stage::count(&lab.connect(LARGE).await?).await?;
    let missing = lab.options.rows.unwrap_or(ROWS).saturating_sub(there);
    if missing > 0 {
        tell(&format!("large     seeding {} rows; this takes a while", count(missing)));
        let mut command = lab.program.command(&lab.var_dir("seed"), Some(&url));
        command.args(["seed", "--rows", &missing.to_string()]).stdout(std::io::stderr());
        ensure!(command.status().await.context("the program can't be run")?.success(), "seeding failed");
    }
    let postgres = lab.connect(LARGE).await?;
    // What PostgreSQL would do by itself at some time, perhaps while something is measured.
    postgres.batch_execute("VACUUM (ANALYZE) pledges").await?;
    postgres.batch_execute("CHECKPOINT").await?;
    Stage::count(&postgres).await
}

/// From the start of the process to the first answer, on the PostgreSQL that runs.
async fn starts(lab: &Lab, what: &str) -> anyhow::Result<Row> {
    let url = lab.postgres().database_url(LARGE);
    let mut times = Vec::new();
    for _ in 0..lab.options.rounds {
        let service = Service::start(&lab.program, &lab.var_dir(LARGE), Some(&url), &[]).await?;
        times.push(service.ready_after.as_secs_f64() * 1000.0);
        service.stop().await?;
    }
    let time = median(&times);
    let row = Row::new(format!("start to ready, {what}"), ms(time));
    Ok(row.wants(format!("≤ {}", ms(READY_WITHIN_MS)), time <= READY_WITHIN_MS))
}

/// The same when the service has to start its private PostgreSQL first. That one uses the database `pledges`, so the
/// large one gets this name for a moment.
async fn private_start(lab: &Lab, what: &str) -> anyhow::Result<Row> {
    lab.make_large_the_private_one().await?;
    let started = lab
        .without_postgres(async || {
            let service = Service::start(&lab.program, &lab.cluster_dir(), None, &[]).await?;
            let time = service.ready_after;
            service.stop().await?;
            Ok(time)
        })
        .await;
    lab.rename_back().await?;
    let time = started?.as_secs_f64() * 1000.0;
    Ok(Row::new(format!("the same, with the start of its private PostgreSQL, {what}"), ms(time)))
}
