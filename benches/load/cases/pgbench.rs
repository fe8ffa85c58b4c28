//! PostgreSQL alone, as today's usual services use it: a transaction for each pledge, without and with a counter row.

use std::{path::Path, process::Stdio};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::{fs, process::Command};

use crate::{
    figures::per_second,
    lab::Lab,
    out::tell,
    table::{Report, Row},
};

/// Clients of pgbench.
const CLIENTS: &str = "16";

/// Tables that resemble ours, with no index but the keys.
const TABLES: &str = "
CREATE TABLE bare_pledges (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL,
    country text NOT NULL,
    state text NOT NULL,
    fingerprint uuid NOT NULL UNIQUE,
    consent_updates smallint,
    sealed_review bytea,
    language text,
    source text,
    created_at timestamptz NOT NULL DEFAULT now(),
    counted_at timestamptz
);
CREATE TABLE bare_counter (campaign_id uuid PRIMARY KEY, counted bigint NOT NULL);
INSERT INTO bare_counter VALUES ('00000000-0000-7000-8000-000000000001', 0);
";

/// One pledge; the sealed copy is as long as one of ours.
const INSERT: &str = "
INSERT INTO bare_pledges (id, campaign_id, country, state, fingerprint, consent_updates, sealed_review, language, source,
    counted_at)
VALUES (gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'CO', 'counted',
    gen_random_uuid(), 1, decode(repeat('5a', 110), 'hex'), 'en', 'homepage-banner', now());
";

const COUNT: &str = "
UPDATE bare_counter SET counted = counted + 1 WHERE campaign_id = '00000000-0000-7000-8000-000000000001';
";

/// Measures both, where there is a pgbench.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let Some(pgbench) = &lab.options.pgbench else {
        report.add(Row::new("PostgreSQL alone", "not measured: pgbench is missing"));
        return Ok(());
    };
    let stage = lab.stage("pgbench").await?;
    stage.postgres.batch_execute(TABLES).await?;
    let mut rates = Vec::new();
    for (what, script) in [
        ("an insert a transaction", INSERT.to_owned()),
        ("with a counter row", format!("BEGIN;{INSERT}{COUNT}COMMIT;\n")),
    ] {
        stage.checkpoint().await?;
        let file = lab.options.directory.join("pgbench.sql");
        fs::write(&file, script).await?;
        let rate = transactions_a_second(pgbench, &file, lab.options.seconds, &stage.url).await?;
        tell(&format!("pgbench   {what:<22} {}", per_second(rate)));
        report.add(Row::new(format!("PostgreSQL alone ({CLIENTS} clients), {what}"), per_second(rate)));
        rates.push(rate);
    }
    report.add_raw(json!({ "case": "pgbench", "a_second": rates }));
    stage.clear(report).await
}

async fn transactions_a_second(pgbench: &Path, script: &Path, seconds: u64, url: &str) -> anyhow::Result<f64> {
    let mut command = Command::new(pgbench);
    command.args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs", "1"]);
    command.arg("--time").arg(seconds.to_string()).arg("--file").arg(script).arg(url);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench failed: {said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench tells no tps")?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}
