//! More connections than the service can serve at once: it must refuse quickly, and go on storing as fast as it can.

use std::time::Duration;

use serde_json::json;

use super::{WARM_UP_S, evenly};
use crate::{
    figures::{count, ms, per_second},
    lab::{Lab, Stage},
    memory::{Watch, mb, resident_mb},
    pledges::Outcome,
    table::{Report, Row},
};

/// The load that gives the best rate of the case.
const AT_EASE: usize = 256;

/// Connections of the crowds.
const CROWDS: [usize; 2] = [1_000, 5_000];

/// A refusal is told within this time, in ms.
const REFUSED_WITHIN_MS: f64 = 100.0;

/// Memory is flat when the second half of a window needs no more than this, compared with the first.
const FLAT: f64 = 1.1;

/// A crowd is given so much longer, because it comes and goes in waves.
const LONGER: u64 = 2;

/// Measures a load at ease and then the crowds.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("crowd").await?;
    let at_ease = stage.send("256 connections", evenly(AT_EASE, lab.options.seconds)).await?.rate();
    let mut found = Vec::new();
    for connections in CROWDS {
        found.push(Crowd::gather(&stage, connections, lab.options.seconds * LONGER).await?);
    }
    let best = found.iter().map(|crowd| crowd.outcome.rate()).fold(at_ease, f64::max);
    for crowd in &found {
        crowd.tell(report, best);
    }
    report.add_raw(json!({ "case": "crowd", "at_ease_a_second": at_ease }));
    stage.clear(report).await
}

struct Crowd {
    connections: usize,
    outcome: Outcome,
    before_mb: Option<f64>,
    halves_mb: [Option<f64>; 2],
    after_mb: Option<f64>,
}

impl Crowd {
    async fn gather(stage: &Stage<'_>, connections: usize, seconds: u64) -> anyhow::Result<Self> {
        let pid = stage.service.pid();
        let before_mb = resident_mb(pid);
        let watch = Watch::begin(pid);
        let what = format!("{} connections", count(connections));
        let outcome = stage.send(&what, evenly(connections, seconds)).await?;
        let (begin, half) = (Duration::from_secs(WARM_UP_S), Duration::from_secs(seconds) / 2);
        let halves_mb =
            [watch.most_between(begin, begin + half), watch.most_between(begin + half, begin + half + half)];
        Ok(Self { connections, outcome, before_mb, halves_mb, after_mb: resident_mb(pid) })
    }

    fn tell(&self, report: &mut Report, best: f64) {
        let (rate, refusals) = (self.outcome.rate(), &self.outcome.refusals);
        report.add(
            Row::new(format!("acknowledged pledges, {} connections", count(self.connections)), per_second(rate))
                .against(format!("best of the case: {}", per_second(best)), rate / best)
                .at_least(0.9),
        );
        let (p99, max) = (refusals.percentile_ms(99), refusals.max_ms());
        let times = match refusals.count() {
            0 => "none was refused".to_owned(),
            refused => format!("{} refused, p99 {}, max {}", count(refused), ms(p99), ms(max)),
        };
        report.add(
            Row::new("the same, refusals are told within", times)
                .wants(format!("≤ {REFUSED_WITHIN_MS} ms"), max <= REFUSED_WITHIN_MS),
        );
        let [first, second] = self.halves_mb;
        let path = [self.before_mb, first, second, self.after_mb].map(mb).join(", ");
        let row = Row::new("the same, memory before, 1st half, 2nd half, after", path);
        report.add(match (first, second) {
            (Some(first), Some(second)) => {
                row.against("2nd half to 1st", second / first).wants(format!("flat: ≤ {FLAT}"), second / first <= FLAT)
            }
            _ => row,
        });
        report.add_raw(json!({
            "case": "crowd", "connections": self.connections, "a_second": rate, "refused": refusals.count(),
            "refusal_p99_ms": p99, "refusal_max_ms": max, "p50_ms": self.outcome.latencies.percentile_ms(50),
            "p99_ms": self.outcome.latencies.percentile_ms(99), "max_ms": self.outcome.latencies.max_ms(),
            "before_mb": self.before_mb, "halves_mb": self.halves_mb, "after_mb": self.after_mb,
            "broken_connections": self.outcome.broken,
        }));
    }
}
