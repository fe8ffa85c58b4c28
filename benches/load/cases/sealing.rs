//! What sealing costs: pledges at full rate into the service as it is, and into one that was built to store, where the sealed values
//! belong, as many bytes as their text has (the feature `unsealed`), by turns.

use anyhow::Context;
use serde_json::json;

use super::evenly;
use crate::{
    figures::{median, median_ratio, per_second},
    lab::Lab,
    service::Program,
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 256;

/// Measures by turns.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let path = lab.options.unsealed.clone().context("--unsealed names the program without sealing")?;
    let unsealed = Program { path, ..lab.program.clone() };
    let with = lab.stage("sealing").await?;
    let without = lab.stage_with("sealing", &unsealed).await?;
    let shape = evenly(CONNECTIONS, lab.options.seconds);
    let (mut sealed_rates, mut unsealed_rates) = (vec![], vec![]);
    for _ in 0..lab.options.rounds {
        unsealed_rates.push(without.send("not sealed", shape).await?.rate());
        sealed_rates.push(with.send("sealed", shape).await?.rate());
    }
    let (rate, unsealed_rate) = (median(&sealed_rates), median(&unsealed_rates));
    report.add(
        Row::new("acknowledged pledges, sealed", per_second(rate))
            .against(
                format!("as many bytes, not sealed: {}", per_second(unsealed_rate)),
                median_ratio(&sealed_rates, &unsealed_rates),
            )
            .at_least(0.9),
    );
    report.add_raw(json!({ "case": "sealing", "a_second": sealed_rates, "unsealed_a_second": unsealed_rates }));
    with.clear(report).await?;
    without.clear(report).await
}
