//! Many subscribers of the stream while pledges arrive: how old the news is, and what it costs in memory.

use serde_json::json;

use crate::{
    figures::{count, ms, per_second},
    lab::{CAMPAIGN, Lab},
    memory::{Watch, mb, resident_mb},
    stream::{Audience, Shape},
    table::{Report, Row},
};

/// Pledges a second.
const RATE: u32 = 1_000;

/// A window is so much longer than the others: news comes once a second.
const LONGER: u64 = 4;

/// A change is seen within this time, in ms (p99).
const WANTED_MS: f64 = 1_500.0;

/// Resident memory of the service meanwhile, in MB, at the most.
const WANTED_MB: f64 = 150.0;

/// Measures.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("stream").await?;
    let pid = stage.service.pid();
    let before_mb = resident_mb(pid);
    let watch = Watch::begin(pid);
    let shape = Shape { subscribers: lab.options.subscribers, rate: RATE, seconds: lab.options.seconds * LONGER };
    let audience = Audience::gather(stage.service.address, CAMPAIGN, shape.subscribers).await?;
    let connected_mb = resident_mb(pid);
    stage.tell("connected", &format!("{} subscribers", count(shape.subscribers)));
    let rows = stage.rows().await?;
    let news = audience.watch(CAMPAIGN, shape).await?;
    stage.tell("1,000 pledges a second", &news.line());
    let grown = stage.rows().await? - rows;
    anyhow::ensure!(grown == news.pledges, "{} pledges were acknowledged, but {grown} are stored", news.pledges);
    let (p50, p99, max) = (news.ages.percentile_ms(50), news.ages.percentile_ms(99), news.ages.max_ms());
    let who = format!("{} subscribers, {} pledges/s", count(shape.subscribers), count(RATE as usize));
    let age = format!("p50 {}, p99 {}, max {}", ms(p50), ms(p99), ms(max));
    let row = Row::new(format!("{who}: oldest pledge that is news"), age);
    report.add(row.wants(format!("p99 ≤ {}", ms(WANTED_MS)), p99 <= WANTED_MS));
    let arrived = Row::new("the same, pledges that arrived", per_second(news.rate));
    report.add(arrived.wants(format!("≥ 0.95 × {RATE}/s"), news.rate >= 0.95 * f64::from(RATE)));
    let told = format!("{} of {} in the end", count(news.told), count(news.subscribers));
    report.add(Row::new("the same, told of every pledge", told).wants("all", news.told == news.subscribers));
    let most = watch.most();
    let path = format!("{}, {}, {}", mb(before_mb), mb(connected_mb), mb(most));
    let row = Row::new("the same, memory before, connected, at the most", path);
    report.add(match most {
        Some(most) => row.wants(format!("≤ {WANTED_MB} MB"), most <= WANTED_MB),
        None => row,
    });
    report.add_raw(json!({
        "case": "stream", "subscribers": news.subscribers, "connected": news.connected, "told": news.told,
        "pledges": news.pledges, "a_second": news.rate, "lost": news.lost, "age_p50_ms": p50, "age_p99_ms": p99, "age_max_ms": max,
        "driver_late_ms": news.late_ms, "before_mb": before_mb, "connected_mb": connected_mb, "most_mb": most,
    }));
    stage.clear(report).await
}
