//! The sealed list given out and opened, at two sizes: how fast, and whether memory stays what it was.

use std::{fmt::Write as _, path::Path, pin::pin, process::Stdio};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::SinkExt;
use pledges::sealing::{
    recipients::Identity,
    record::{Epoch, Record},
};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::{process::Command, time::Instant};
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::{
    figures::{count, per_second, rate},
    lab::{CAMPAIGN, Lab},
    memory::{Watch, mb},
    out::tell,
    table::{Report, Row},
};

/// Pledges a second that are wanted, of the larger list.
const WANTED_A_SECOND: f64 = 50_000.0;

/// The larger list may take so much more memory than the smaller one, in MB: five bytes kept of each pledge would
/// show.
const FLAT_WITHIN_MB: f64 = 4.0;

/// How much smaller the smaller one is.
const SMALLER: usize = 10;

/// The database of the case.
const DATABASE: &str = "bench_export";

/// A hundred hours' keys: as many as a campaign of four days has.
const EPOCHS: usize = 100;

/// Rows that are sent to the database at a time.
const BATCH: usize = 2_000;

/// What one program did with a list.
struct Done {
    rows: usize,
    seconds: f64,
    a_second: f64,
    memory: Option<f64>,
}

/// Seeds, gives out, opens, and compares the two sizes.
pub async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    lab.admin().await?.batch_execute(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")).await?;
    lab.clone_template(DATABASE).await?;
    let identity = Identity::generate();
    let directory = lab.options.directory.join("export");
    std::fs::create_dir_all(&directory)?;
    let key = directory.join("identity");
    std::fs::write(&key, identity.file("for a measurement").expose_secret())?;
    let all = lab.options.export_rows;
    let (mut exports, mut opens, mut stored) = (vec![], vec![], 0);
    for rows in [(all / SMALLER).max(1), all] {
        seed(lab, &identity, rows - stored, stored == 0).await?;
        stored = rows;
        let (bundle, list) = (directory.join("bundle"), directory.join("list.csv"));
        exports.push(export(lab, rows, &bundle).await?);
        opens.push(open(lab, rows, &key, &bundle, &list).await?);
    }
    add("export", &exports, report);
    add("open", &opens, report);
    std::fs::remove_dir_all(&directory)?;
    lab.admin().await?.batch_execute(&format!("DROP DATABASE {DATABASE} WITH (FORCE)")).await?;
    Ok(())
}

fn add(command: &str, done: &[Done], report: &mut Report) {
    let [small, large] = done else { return };
    let what = format!("pledges {command}, {} pledges", count(large.rows));
    let row = Row::new(what, per_second(large.a_second));
    let row = row.wants(format!("≥ {}", per_second(WANTED_A_SECOND)), large.a_second >= WANTED_A_SECOND);
    report.add(
        row.against(format!("{}: {}", count(small.rows), per_second(small.a_second)), large.a_second / small.a_second),
    );
    let row = Row::new(format!("the same, memory at {} pledges", count(large.rows)), mb(large.memory));
    report.add(match (small.memory, large.memory) {
        (Some(few), Some(many)) => row
            .against(format!("{}: {}", count(small.rows), mb(small.memory)), many / few)
            .wants(format!("at most {FLAT_WITHIN_MB} MB more"), many <= few + FLAT_WITHIN_MB),
        _ => row,
    });
    for one in done {
        report.add_raw(json!({
            "case": "export", "command": command, "rows": one.rows, "seconds": one.seconds, "a_second": one.a_second,
            "memory_mb": one.memory,
        }));
    }
}

async fn export(lab: &Lab, rows: usize, bundle: &Path) -> anyhow::Result<Done> {
    let url = lab.postgres().database_url(DATABASE);
    let mut command = lab.program.command(&lab.var_dir("export"), Some(&url));
    command.args(["export", CAMPAIGN, "--force", "--out"]).arg(bundle);
    measured("export", rows, command).await
}

/// Its status is 0 only when every one was opened.
async fn open(lab: &Lab, rows: usize, key: &Path, bundle: &Path, list: &Path) -> anyhow::Result<Done> {
    // An earlier one is not overwritten.
    let _ = std::fs::remove_file(list);
    let mut command = lab.program.command(&lab.var_dir("export"), None);
    command.args(["open", "--identity"]).arg(key).arg("--out").arg(list).arg(bundle);
    measured("open", rows, command).await
}

async fn measured(what: &str, rows: usize, mut command: Command) -> anyhow::Result<Done> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let child = command.spawn().context("the program can't be run")?;
    let watch = Watch::begin(child.id());
    let output = child.wait_with_output().await?;
    let time = began.elapsed();
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pledges {what} failed:\n{told}");
    ensure!(told.contains(&format!("{} ", count(rows))), "pledges {what} did not do {rows} pledges:\n{told}");
    let done = Done { rows, seconds: time.as_secs_f64(), a_second: rate(rows, time), memory: watch.most() };
    tell(&format!("export    {what:<22} {} pledges: {}, {}", count(rows), per_second(done.a_second), mb(done.memory)));
    Ok(done)
}

/// Stores so many more pledges, sealed. The first time the demo's own are taken out, and the indexes that no export uses,
/// so that it doesn't take long.
async fn seed(lab: &Lab, identity: &Identity, rows: usize, first: bool) -> anyhow::Result<()> {
    tell(&format!("export    storing {} sealed pledges", count(rows)));
    let postgres = lab.connect(DATABASE).await?;
    let campaign: Uuid = uuid(&postgres, &format!("SELECT id::text FROM campaigns WHERE slug = '{CAMPAIGN}'")).await?;
    if first {
        postgres.batch_execute("TRUNCATE pledges; ALTER TABLE pledges DROP CONSTRAINT one_pledge_per_mailbox").await?;
        let sql = "SELECT indexname FROM pg_indexes WHERE tablename = 'pledges' AND indexname NOT IN \
             ('pledges_pkey', 'pledges_by_id', 'pledges_by_erasure', 'pledges_by_removal')";
        for row in postgres.query(sql, &[]).await? {
            postgres.batch_execute(&format!("DROP INDEX {}", row.get::<_, String>(0))).await?;
        }
    }
    let epochs: Vec<Epoch> = (0..EPOCHS).map(|_| Epoch::begin(campaign)).collect::<Result<_, _>>()?;
    for epoch in &epochs {
        let recipient = identity.recipient();
        let wrapped = epoch.wrapped(std::slice::from_ref(&recipient))?;
        let sql = format!(
            "INSERT INTO sealing_epochs (id, campaign_id, wrapped_key, recipients) \
             VALUES ('{}', '{campaign}', '\\x{}', ARRAY['{recipient}'])",
            epoch.id,
            hex(&wrapped)
        );
        postgres.batch_execute(&sql).await?;
    }
    copy(&postgres, campaign, &epochs, rows).await?;
    postgres.batch_execute("VACUUM (ANALYZE) pledges").await?;
    Ok(postgres.batch_execute("CHECKPOINT").await?)
}

async fn copy(postgres: &Postgres, campaign: Uuid, epochs: &[Epoch], rows: usize) -> anyhow::Result<()> {
    let sql = "COPY pledges (id, campaign_id, country, state, fingerprint, consent_updates, language, counted_at, \
         sealed_record) FROM STDIN";
    let mut sink = pin!(postgres.copy_in(sql).await?);
    let mut lines = String::new();
    for (number, epoch) in (0..rows).zip(epochs.iter().cycle()) {
        let id = Uuid::now_v7();
        let sealed = epoch.seal(id, &record(number))?;
        let fingerprint = Uuid::new_v4();
        writeln!(
            lines,
            "{id}\t{campaign}\tFR\tcounted\t{fingerprint}\t1\tfr\t2026-11-01T00:00:00Z\t\\\\x{}",
            hex(&sealed)
        )?;
        if (number + 1).is_multiple_of(BATCH) {
            sink.send(Bytes::from(std::mem::take(&mut lines))).await?;
        }
    }
    sink.send(Bytes::from(lines)).await?;
    let stored = sink.finish().await?;
    ensure!(usize::try_from(stored)? == rows, "{stored} rows were stored");
    Ok(())
}

/// As long as people write: every third with a message.
fn record(number: usize) -> Record {
    let mut record = Record::default();
    record.name = Some(format!("Amina Okafor {number}"));
    record.email = Some(format!("amina.okafor.{number}@example.org"));
    record.message = number.is_multiple_of(3).then(|| "I stand with those who stand up for others. ".repeat(3));
    record.updates = Some(1);
    record
}

async fn uuid(postgres: &Postgres, sql: &str) -> anyhow::Result<Uuid> {
    Ok(postgres.query_one(sql, &[]).await?.get::<_, String>(0).parse()?)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
