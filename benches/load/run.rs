//! The whole measurement: starts everything, runs the cases one after the other, and prints the table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use pledges::{crypto::random_token, tasks::stop_signal};
use secrecy::SecretString;

use crate::{
    cases,
    figures::ms,
    lab::Lab,
    machine,
    out::{say, tell},
    service::Program,
    table::Report,
};

/// Measure everything: what `script/bench` calls.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The built service.
    #[arg(long)]
    program: PathBuf,

    #[command(flatten)]
    options: Options,

    /// The commit that is measured, for the report.
    #[arg(long)]
    commit: Option<String>,

    /// Writes the raw figures there, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,

    /// Exit status 1 when a figure is not what is wanted.
    #[arg(long)]
    strict: bool,
}

/// What the cases know of the run.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Directory for the cluster, var directories and logs.
    #[arg(long)]
    pub directory: PathBuf,

    /// Directory of PostgreSQL's programs. Without it they are looked for as the service does it.
    #[arg(long)]
    pub postgres_bin: Option<PathBuf>,

    /// The pgbench of that PostgreSQL; without it PostgreSQL alone is not measured.
    #[arg(long)]
    pub pgbench: Option<PathBuf>,

    /// wrk; without it the driver's own client reads.
    #[arg(long)]
    pub wrk: Option<PathBuf>,

    /// The service built with the feature `ungated`, for the case `gate`.
    #[arg(long)]
    pub ungated: Option<PathBuf>,

    /// The service built with the feature `unsealed`, for the case `sealing`.
    #[arg(long)]
    pub unsealed: Option<PathBuf>,

    /// A case to run (may be given several times). Default: all but `confirm`, `search`, `filters`, `removals`, `large`, `sealing`,
    /// `gate` and `export`.
    #[arg(long, value_enum)]
    pub only: Vec<Case>,

    /// Seconds of each measured window.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,

    /// Rounds of what is measured by turns; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,

    /// Seconds for which the idle snapshot is open.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub snapshot_seconds: u64,

    /// Subscribers of the stream.
    #[arg(long, default_value_t = 10_000)]
    pub subscribers: usize,

    /// Rows that are stored at least, for the cases `large` (20,000,000 without it), `filters` and `removals` (1,000,000).
    #[arg(long)]
    pub rows: Option<usize>,

    /// Rows that the case `removals` removes; without it, one in 200.
    #[arg(long)]
    pub removed: Option<usize>,

    /// Pledges a second that arrive meanwhile.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,

    /// First pages of each kind that the case `filters` asks for, and as many deep in. Fewer are for trials: they tell no p95.
    #[arg(long, default_value_t = 200, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub requests: usize,

    /// Rows of the larger list of the case `export`; the smaller one has a tenth.
    #[arg(long, default_value_t = 1_000_000)]
    pub export_rows: usize,

    /// Adds the case `large`.
    #[arg(long)]
    pub large: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// PostgreSQL alone, one pledge per transaction.
    Pgbench,
    /// 256 connections, 40 countries evenly and 90 % from one, against batches of our own statement.
    Ingest,
    /// Pledges that their mailboxes confirm: pledges, mails, confirmations.
    Confirm,
    /// 16 connections.
    Few,
    /// 1,000 and 5,000 connections.
    Crowd,
    /// With an idle snapshot open.
    Snapshot,
    /// GET totals, 200 and 304, against a handler that returns static bytes.
    Reads,
    /// 10,000 subscribers of the stream while 1,000 pledges a second arrive.
    Stream,
    /// Against the same service with sealing left out (--unsealed).
    Sealing,
    /// With a partner's secret key, against the same service with the gate left out (--ungated).
    Gate,
    /// Against the same without moderators' search.
    Search,
    /// A moderator's pages: every filter alone, and pairs.
    Filters,
    /// A removal by a search and its undo, while pledges arrive.
    Removals,
    /// With 20 million rows stored.
    Large,
    /// The sealed list given out and opened.
    Export,
}

/// The secret of the directory: campaigns in one that is kept need the one that they began with.
fn root_secret(directory: &Path) -> anyhow::Result<SecretString> {
    let path = directory.join("root-secret");
    if !path.exists() {
        fs::write(&path, random_token()?.as_bytes())?;
    }
    Ok(fs::read_to_string(&path)?.into())
}

/// What takes long, or a build of its own.
const NOT_BY_DEFAULT: [Case; 8] =
    [Case::Confirm, Case::Search, Case::Filters, Case::Removals, Case::Large, Case::Sealing, Case::Gate, Case::Export];

impl Options {
    fn wants(&self, case: Case) -> bool {
        let asked = if self.only.is_empty() { !NOT_BY_DEFAULT.contains(&case) } else { self.only.contains(&case) };
        asked || (case == Case::Large && self.large)
    }
}

impl Run {
    /// Measures, until it is done or told to stop. Whether all is as wanted, or nobody asked.
    ///
    /// # Errors
    /// When something can't be started, and when a case could not be measured.
    pub async fn run(&self) -> anyhow::Result<bool> {
        let root_secret = root_secret(&self.options.directory)?;
        let postgres_bin = self.options.postgres_bin.clone();
        let program = Program { path: self.program.clone(), postgres_bin, root_secret, settings: Vec::new() };
        // From here on a signal is noticed, and everything that was started is stopped.
        let mut told = tokio::task::spawn_local(stop_signal());
        tell("starting a private PostgreSQL, and the service once for the demo campaign");
        let lab = Lab::open(self.options.clone(), program).await?;
        let mut report = Report::default();
        let measured = tokio::select! {
            measured = self.measure(&lab, &mut report) => measured,
            told = &mut told => told?.map_err(anyhow::Error::from).and_then(|()| anyhow::bail!("told to stop")),
        };
        let closed = lab.close().await;
        measured?;
        report.add_doctors();
        say(&format!("\n{}", report.text().trim_end()));
        if let Some(path) = &self.json {
            fs::write(path, format!("{:#}\n", report.json()))?;
        }
        closed?;
        anyhow::ensure!(report.is_whole(), "not every case could be measured");
        Ok(report.is_met() || !self.strict)
    }

    async fn measure(&self, lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
        lab.prepare().await?;
        let fsync_ms = machine::fsync_ms(&lab.postgres().data_dir())?;
        report.machine = machine::describe();
        let version = lab.admin().await?.query_one("SHOW server_version", &[]).await?.get(0);
        report.machine.push(("PostgreSQL", version));
        report.machine.push(("fsync", format!("{} for 8 KiB at the end of a file (median)", ms(fsync_ms))));
        report.machine.push(("commit", self.commit.clone().unwrap_or_else(|| "not told".to_owned())));
        for case in Case::value_variants().iter().filter(|case| self.options.wants(**case)) {
            let name = format!("{case:?}").to_lowercase();
            let done = match case {
                Case::Pgbench => cases::pgbench::run(lab, report).await,
                Case::Ingest => cases::ingest::run(lab, report).await,
                Case::Confirm => cases::confirm::run(lab, report).await,
                Case::Few => cases::few::run(lab, report, fsync_ms).await,
                Case::Crowd => cases::crowd::run(lab, report).await,
                Case::Snapshot => cases::snapshot::run(lab, report).await,
                Case::Reads => cases::reads::run(lab, report).await,
                Case::Stream => cases::stream::run(lab, report).await,
                Case::Sealing => cases::sealing::run(lab, report).await,
                Case::Gate => cases::gate::run(lab, report).await,
                Case::Search => cases::search::run(lab, report).await,
                Case::Filters => cases::filters::run(lab, report).await,
                Case::Removals => cases::removals::run(lab, report).await,
                Case::Large => cases::large::run(lab, report).await,
                Case::Export => cases::export::run(lab, report).await,
            };
            if let Err(error) = done {
                tell(&format!("{name} could not be measured: {error:#}"));
                report.fail(&name, &error);
            }
        }
        Ok(())
    }
}
