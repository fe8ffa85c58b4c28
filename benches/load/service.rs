//! Programs that the driver starts: `pledges serve`, `pledges doctor` and others. Each is ended with the value that
//! stands for it.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::http::Client;

/// How long a service may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// Pause between two attempts to reach a service that starts: also how exactly its start is measured.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// How long a service may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// Lines of a log that are shown when its service did not start.
const TAIL_LINES: usize = 20;

/// How `pledges` is called.
#[derive(Clone, Debug)]
pub struct Program {
    /// The built program.
    pub path: PathBuf,
    /// Directory of PostgreSQL's programs, when it is known.
    pub postgres_bin: Option<PathBuf>,
    /// The secret of the run.
    pub root_secret: SecretString,
    /// More of its environment.
    pub settings: Vec<(&'static str, String)>,
}

impl Program {
    /// A command in an environment of its own, on the database at `url`, or else on a private PostgreSQL.
    pub fn command(&self, var_dir: &Path, url: Option<&str>) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().env("PATH", search_path()).env("PLEDGES_ROOT_SECRET", self.root_secret.expose_secret());
        command.env("PLEDGES_MODE", "development").env("PLEDGES_VAR_DIR", var_dir);
        // As in production. Who sends thousands from one place looks like a wave, and is held in the middle of what is measured.
        command.env("PLEDGES_WAVES_EVERY_SECONDS", "600");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        if let Some(directory) = &self.postgres_bin {
            command.env("PLEDGES_POSTGRES_BIN", directory);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end; what it wrote to standard output.
    ///
    /// # Errors
    /// When it ends with another status than 0; then with all that it wrote.
    pub async fn run(&self, var_dir: &Path, url: Option<&str>, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(var_dir, url);
        let output = command.args(arguments).output().await.context("the program can't be run")?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            let complained = String::from_utf8_lossy(&output.stderr);
            bail!("pledges {} failed: {said}\n{}", arguments.join(" "), complained.trim());
        }
        Ok(said)
    }
}

/// The value of PATH.
#[expect(clippy::disallowed_methods, reason = "the programs that are started look for others; it is no setting")]
pub fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// A running service. Dropping it kills it; [`Service::stop`] lets it finish.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl Service {
    /// Starts `pledges serve` with default settings and waits until it is ready. Its log is `<var_dir>.log`.
    ///
    /// # Errors
    /// When it doesn't become ready, with the end of its log.
    pub async fn start(
        program: &Program,
        var_dir: &Path,
        url: Option<&str>,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = program.command(var_dir, url);
        command.args(["serve", "--bind", &address.to_string()]).args(arguments);
        Self::of(command, address, "/readyz", &var_dir.with_extension("log")).await
    }

    /// Starts any program that listens on `address`, and waits until it answers `path` with 200.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of(mut command: Command, address: SocketAddr, path: &str, log: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command.stdout(file.try_clone()?).stderr(file).stdin(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let child = command.spawn().context("the service can't be started")?;
        let mut service = Self { child, address, ready_after: Duration::ZERO };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        while began.elapsed() < READY_WITHIN {
            let answer = Client::new(address).exchange(request.as_bytes()).await;
            if answer.is_ok_and(|head| head.status == 200) {
                service.ready_after = began.elapsed();
                return Ok(service);
            }
            if let Some(status) = service.child.try_wait()? {
                bail!("the service ended with {status}:\n{}", tail(log));
            }
            sleep(ASK_EVERY).await;
        }
        bail!("the service is not ready after {} s:\n{}", READY_WITHIN.as_secs(), tail(log))
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Errors
    /// When it doesn't stop in time; then it is killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        Command::new("kill").args(["-s", "TERM", &pid.to_string()]).status().await?;
        match timeout(STOPS_WITHIN, self.child.wait()).await {
            Ok(ended) => {
                ended?;
                Ok(())
            }
            Err(_) => bail!("the service did not stop within {} s of SIGTERM", STOPS_WITHIN.as_secs()),
        }
    }
}

/// A port of the loopback that nobody uses at the moment.
///
/// # Errors
/// Those of the system.
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
}
