//! What moderators' search costs whoever pledges: pledges while its index is filled behind them, and the same while nobody fills it
//! and no change is noted, by turns. What was left behind in the turns without it is caught up with in those with it.

use std::time::Duration;

use anyhow::ensure;
use pledges::moderation::search::filler::store::LOCK;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::evenly;
use crate::{
    figures::{float, median, median_ratio, ms, per_second},
    lab::{Lab, Stage, connect},
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 256;

/// How long the index may take to follow, once nothing comes any more.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(600);

/// Triggers that note what search has to follow.
const TRIGGERS: [&str; 2] = ["searched_after_update", "searched_after_delete"];

/// Measures by turns.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("search").await?;
    let shape = evenly(CONNECTIONS, lab.options.seconds);
    let (mut with, mut without, mut p99s) = (vec![], vec![], vec![]);
    for _ in 0..lab.options.rounds {
        let holder = connect(&stage.url).await?;
        // Keeps whoever fills the index from it while it is held.
        holder.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
        let known = searched(&stage).await?;
        noting(&stage, "DISABLE").await?;
        without.push(stage.send("without search", shape).await?.rate());
        ensure!(searched(&stage).await? == known, "the index was filled in a turn without it");
        noting(&stage, "ENABLE").await?;
        drop(holder);
        let outcome = stage.send("with search", shape).await?;
        p99s.push(outcome.latencies.percentile_ms(99));
        with.push(outcome.rate());
    }
    let (rate, bare) = (median(&with), median(&without));
    report.add(
        Row::new(
            "acknowledged pledges, search filled behind them",
            format!("{}, p99 {}", per_second(rate), ms(median(&p99s))),
        )
        .against(format!("without search: {}", per_second(bare)), median_ratio(&with, &without))
        .at_least(0.7),
    );
    let behind = stage.rows().await? - searched(&stage).await?;
    let began = Instant::now();
    while searched(&stage).await? < stage.rows().await? {
        ensure!(began.elapsed() < FOLLOWS_WITHIN, "the index doesn't follow");
        sleep(Duration::from_millis(100)).await;
    }
    let speed = float(behind) / began.elapsed().as_secs_f64();
    report.add(Row::new("rows a second that the index takes in while nothing comes", per_second(speed)));
    report.add_raw(json!({
        "case": "search", "with_a_second": with, "without_a_second": without, "p99_ms": p99s, "behind": behind, "taken_a_second": speed,
    }));
    stage.clear(report).await
}

async fn noting(stage: &Stage<'_>, what: &str) -> anyhow::Result<()> {
    for trigger in TRIGGERS {
        stage.postgres.batch_execute(&format!("ALTER TABLE pledges {what} TRIGGER {trigger}")).await?;
    }
    Ok(())
}

async fn searched(stage: &Stage<'_>) -> anyhow::Result<usize> {
    let row = stage.postgres.query_one("SELECT count(*) FROM pledge_search", &[]).await?;
    Ok(usize::try_from(row.get::<_, i64>(0))?)
}
