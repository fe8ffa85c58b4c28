//! What the gate costs: pledges of a partner's server, with its secret key, into the service as it is, and the same into one that
//! was built without keys, limits, signals and waves (the feature `ungated`), by turns.

use anyhow::Context;
use serde_json::json;

use super::evenly;
use crate::{
    figures::{median, median_ratio, per_second},
    lab::{CAMPAIGN, Lab, Stage},
    service::Program,
    table::{Report, Row},
};

/// Connections.
const CONNECTIONS: usize = 256;

/// Pledges that the partner's server may post in a minute, and as many at once: the most that there is. Checked like any other, and not
/// reached within a minute of full rate.
const PER_MINUTE: &str = "1000000";

/// Measures by turns.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let path = lab.options.ungated.clone().context("--ungated names the program without the gate")?;
    let ungated = Program { path, ..lab.program.clone() };
    let with = lab.stage("gate").await?;
    let without = lab.stage_with("gate", &ungated).await?;
    let secret = secret_key(lab, &with).await?;
    let shape = evenly(CONNECTIONS, lab.options.seconds);
    let (mut gated_rates, mut ungated_rates) = (vec![], vec![]);
    for _ in 0..lab.options.rounds {
        ungated_rates.push(without.send_as("without the gate", Some(&secret), shape).await?.rate());
        gated_rates.push(with.send_as("with a secret key", Some(&secret), shape).await?.rate());
    }
    let (rate, ungated_rate) = (median(&gated_rates), median(&ungated_rates));
    report.add(
        Row::new("acknowledged pledges, with a partner's secret key", per_second(rate))
            .against(
                format!("built without the gate: {}", per_second(ungated_rate)),
                median_ratio(&gated_rates, &ungated_rates),
            )
            .at_least(0.9),
    );
    report.add_raw(json!({ "case": "gate", "a_second": gated_rates, "ungated_a_second": ungated_rates }));
    with.clear(report).await?;
    without.clear(report).await
}

/// Adds a partner to the campaign of a stage, and waits until its key is known there.
async fn secret_key(lab: &Lab, stage: &Stage<'_>) -> anyhow::Result<String> {
    let run = async |arguments: &[&str]| lab.program.run(&lab.var_dir("partner"), Some(&stage.url), arguments).await;
    let added = run(&["partner", "add", CAMPAIGN, "Bench", "--per-minute", PER_MINUTE]).await?;
    let partner = word_after(&added, "added partner")?;
    let rotated = run(&["partner", "rotate-key", CAMPAIGN, partner]).await?;
    let secret = word_after(&rotated, "secret key")?.to_owned();
    tokio::time::sleep(KNOWN_WITHIN).await;
    Ok(secret)
}

/// Instances renew what they know of partners each second.
const KNOWN_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);

fn word_after<'a>(text: &'a str, label: &str) -> anyhow::Result<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|rest| rest.split_whitespace().next()).with_context(|| format!("no {label}: {text}"))
}
