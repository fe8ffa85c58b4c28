//! Pledges while somebody holds a snapshot of the database open, as a dump or a long report does: rows that are updated
//! again and again can't be cleaned up meanwhile.

use serde_json::json;

use super::evenly;
use crate::{
    figures::per_second,
    lab::{Lab, connect},
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 256;

/// Seconds at the end whose rate is told separately: the longer the snapshot, the worse.
const LAST_S: usize = 15;

/// Measures without the snapshot, and then with it.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("snapshot").await?;
    let seconds = lab.options.snapshot_seconds;
    let without = stage.send("no snapshot", evenly(CONNECTIONS, lab.options.seconds)).await?.rate();
    let idle = connect(&stage.url).await?;
    idle.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM campaigns").await?;
    let outcome = stage.send("an idle snapshot", evenly(CONNECTIONS, seconds)).await?;
    idle.batch_execute("ROLLBACK").await?;
    let (with, last) = (outcome.rate(), outcome.rate_of_last(LAST_S));
    let against = format!("without: {}", per_second(without));
    let what = format!("acknowledged pledges, an idle snapshot open for {seconds} s");
    report.add(Row::new(what, per_second(with)).against(&against, with / without).at_least(0.8));
    let what = format!("the same, the last {LAST_S} s of it");
    report.add(Row::new(what, per_second(last)).against(&against, last / without).at_least(0.8));
    report.add_raw(json!({
        "case": "snapshot", "without_a_second": without, "with_a_second": with, "by_second": outcome.by_second,
    }));
    stage.clear(report).await
}
