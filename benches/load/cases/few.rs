//! Pledges over few connections: how soon one is acknowledged when there is no crowd.

use serde_json::json;

use super::evenly;
use crate::{
    figures::{ms, per_second},
    lab::Lab,
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 16;

/// Pledges a second that a machine with two cores must reach.
const WANTED_A_SECOND: f64 = 8_000.0;

/// Measures the times against the disk's: `fsync_ms` is one flush.
pub async fn run(lab: &Lab, report: &mut Report, fsync_ms: f64) -> anyhow::Result<()> {
    let stage = lab.stage("few").await?;
    let outcome = stage.send("16 connections", evenly(CONNECTIONS, lab.options.seconds)).await?;
    let (rate, limit_ms) = (outcome.rate(), 5.0 * fsync_ms + 3.0);
    let (p50, p99) = (outcome.latencies.percentile_ms(50), outcome.latencies.percentile_ms(99));
    let what = format!("acknowledged pledges, {CONNECTIONS} connections");
    let reached = rate >= WANTED_A_SECOND;
    report.add(Row::new(what, per_second(rate)).wants(format!("≥ {}", per_second(WANTED_A_SECOND)), reached));
    report.add(
        Row::new("the same, time to the answer", format!("p50 {}, p99 {}", ms(p50), ms(p99)))
            .against(format!("5 × fsync + 3 ms: {}", ms(limit_ms)), p99 / limit_ms)
            .wants("p99 ≤ 1", p99 <= limit_ms),
    );
    report.add_raw(json!({
        "case": "few", "a_second": rate, "p50_ms": p50, "p99_ms": p99, "max_ms": outcome.latencies.max_ms(),
        "fsync_ms": fsync_ms,
    }));
    stage.clear(report).await
}
