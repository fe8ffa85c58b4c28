//! Pledges at full rate, from many countries and from one, against the ceiling of our own statement.

use serde_json::json;

use super::evenly;
use crate::{
    figures::{median, median_ratio, ms, per_second},
    lab::Lab,
    memory::{Watch, mb},
    people::Spread,
    pledges::Shape,
    table::{Report, Row},
};

/// Connections of the full rate.
const CONNECTIONS: usize = 256;

/// Pledges a second that a machine with two cores must reach.
const WANTED_A_SECOND: f64 = 20_000.0;

/// Resident memory of the service at full ingest, in MB, at the most.
const WANTED_MB: f64 = 100.0;

/// Measures by turns.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("ingest").await?;
    let even = evenly(CONNECTIONS, lab.options.seconds);
    let skewed = Shape { spread: Spread::Skewed, ..even };
    let (mut ceilings, mut evens, mut skews, mut p50s, mut p99s) = (vec![], vec![], vec![], vec![], vec![]);
    let mut most_mb = vec![];
    for _ in 0..lab.options.rounds {
        ceilings.push(stage.ceiling(even.seconds).await?);
        let watch = Watch::begin(stage.service.pid());
        let outcome = stage.send("40 countries evenly", even).await?;
        most_mb.extend(watch.most());
        evens.push(outcome.rate());
        p50s.push(outcome.latencies.percentile_ms(50));
        p99s.push(outcome.latencies.percentile_ms(99));
        skews.push(stage.send("90 % from one country", skewed).await?.rate());
    }
    let (ceiling, rate, skew) = (median(&ceilings), median(&evens), median(&skews));
    let what = format!("acknowledged pledges, {CONNECTIONS} connections, 40 countries evenly");
    let times = format!("{}, p50 {}, p99 {}", per_second(rate), ms(median(&p50s)), ms(median(&p99s)));
    report.add(
        Row::new(&what, times)
            .against(
                format!("256-row batches, one connection: {}", per_second(ceiling)),
                median_ratio(&evens, &ceilings),
            )
            .at_least(0.5),
    );
    let two_cores = Row::new("the same, on two cores", per_second(rate));
    report.add(two_cores.wants(format!("≥ {}", per_second(WANTED_A_SECOND)), rate >= WANTED_A_SECOND));
    report.add(
        Row::new("the same, 90 % from one country", per_second(skew))
            .against(format!("evenly: {}", per_second(rate)), median_ratio(&skews, &evens))
            .at_least(0.9),
    );
    let most = most_mb.iter().copied().max_by(f64::total_cmp);
    let row = Row::new("memory of the service meanwhile, at the most", mb(most));
    report.add(match most {
        Some(most) => row.wants(format!("≤ {WANTED_MB} MB"), most <= WANTED_MB),
        None => row,
    });
    report.add_raw(json!({
        "case": "ingest", "ceiling_a_second": ceilings, "even_a_second": evens, "skewed_a_second": skews,
        "p50_ms": p50s, "p99_ms": p99s, "most_mb": most_mb,
    }));
    stage.clear(report).await
}
