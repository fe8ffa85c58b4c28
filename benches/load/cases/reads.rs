//! The published totals, read by many, against a handler that returns static bytes of the same size with the same
//! headers behind the same middlewares.

use std::env::current_exe;

use anyhow::ensure;
use serde_json::json;
use tokio::process::Command;

use super::WARM_UP_S;
use crate::{
    figures::{count, median, median_ratio, per_second},
    gets::{CONNECTIONS, Get},
    http::Client,
    lab::{CAMPAIGN, Lab, Stage},
    service::{Service, free_address, search_path},
    table::{Report, Row},
};

/// Headers of the totals' own; the others come from the middlewares.
const OWN_HEADERS: [&str; 5] = ["etag", "vary", "cache-control", "content-encoding", "content-type"];

/// What the answers must reach of the static ones.
const WANTED: f64 = 0.9;

/// Measures both kinds of answers.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let stage = lab.stage("reads").await?;
    let totals = Get {
        address: stage.service.address,
        path: format!("/v1/campaigns/{CAMPAIGN}/totals"),
        headers: vec!["accept-encoding: br".to_owned()],
    };
    let mut client = Client::new(totals.address);
    let head = client.exchange(totals.request().as_bytes()).await?;
    let own = OWN_HEADERS.iter().filter_map(|name| Some((*name, client.header(&head, name)?)));
    let own: Vec<(&str, String)> = own.collect();
    let etag = own.iter().find(|(name, _)| *name == "etag").map_or_else(String::new, |(_, value)| value.clone());
    let bytes = head.length.unwrap_or(0);
    let server = static_server(lab, bytes, &own).await?;
    let fixed = Get { address: server.address, ..totals.clone() };
    compare(&stage, report, &totals, &fixed, 200).await?;
    let known = |get: Get| {
        let headers = get.headers.iter().cloned().chain([format!("if-none-match: {etag}")]).collect();
        Get { headers, ..get }
    };
    compare(&stage, report, &known(totals), &known(fixed), 304).await?;
    server.stop().await?;
    stage.clear(report).await
}

/// This program, as a server.
async fn static_server(lab: &Lab, bytes: usize, headers: &[(&str, String)]) -> anyhow::Result<Service> {
    let address = free_address()?;
    let mut command = Command::new(current_exe()?);
    command.env_clear().env("PATH", search_path()).arg("static-server");
    command.args(["--bind", &address.to_string(), "--bytes", &bytes.to_string()]);
    for (name, value) in headers {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    let path = format!("/v1/campaigns/{CAMPAIGN}/totals");
    Service::of(command, address, &path, &lab.options.directory.join("static-server.log")).await
}

async fn compare(stage: &Stage<'_>, report: &mut Report, totals: &Get, fixed: &Get, status: u16) -> anyhow::Result<()> {
    let (size, fixed_size) = (size(totals, status).await?, size(fixed, status).await?);
    ensure!(size == fixed_size, "the totals have {size} bytes, the static answer {fixed_size}");
    let (seconds, wrk) = (stage.lab.options.seconds, stage.lab.options.wrk.as_deref());
    let (mut rates, mut fixed_rates) = (vec![], vec![]);
    for _ in 0..stage.lab.options.rounds {
        for (get, into) in [(fixed, &mut fixed_rates), (totals, &mut rates)] {
            if into.is_empty() {
                get.rate(wrk, status, WARM_UP_S).await?;
            }
            into.push(get.rate(wrk, status, seconds).await?);
        }
    }
    let (rate, fixed_rate) = (median(&rates), median(&fixed_rates));
    let by = if wrk.is_some() { "wrk" } else { "the driver, wrk is missing" };
    stage.tell(&format!("GET totals {status}"), &format!("{rate:.0}/s, static {fixed_rate:.0}/s"));
    let what = format!("GET totals, {status}, {} bytes, {CONNECTIONS} connections, by {by}", count(size));
    let against = format!("static bytes: {}", per_second(fixed_rate));
    report.add(Row::new(what, per_second(rate)).against(against, median_ratio(&rates, &fixed_rates)).at_least(WANTED));
    report.add_raw(json!({
        "case": "reads", "status": status, "bytes": size, "by": by, "a_second": rates, "static_a_second": fixed_rates,
    }));
    Ok(())
}

/// Bytes of the whole answer.
async fn size(get: &Get, status: u16) -> anyhow::Result<usize> {
    let head = Client::new(get.address).exchange(get.request().as_bytes()).await?;
    ensure!(head.status == status, "status {} instead of {status}", head.status);
    Ok(head.size + head.length.unwrap_or(0))
}
