//! The program itself, as a process of its own: run to its end, or running as a service. Whatever is started here is
//! killed by its number when its guard is dropped, also when an assertion fails.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use super::{ROOT_SECRET, client::Client, cluster, eventually, service_role};

/// How long a process may take to do what it was asked to before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with these arguments, in an environment with nothing in it but PATH.
pub fn command(var_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pledges"));
    command.env_clear().args(arguments).arg("--var-dir").arg(var_dir);
    if let Some(path) = cluster::config(var_dir).search_path {
        command.env("PATH", path);
    }
    command
}

/// What an operator of two roles runs with the owner's address beside the service's (docs/operations.md, "Two roles").
const WITH_OWNER: [&str; 2] = ["migrate", "retention"];

/// The same on the database at `url`, which is the owner's, with the root secret of the tests. The command works as the role of
/// production where the database has it.
pub fn command_on(url: &SecretString, var_dir: &Path, arguments: &[&str]) -> Command {
    let Some(service) = service_role::known(url) else { return as_told(url, var_dir, arguments) };
    let mut command = as_told(&service, var_dir, arguments);
    if arguments.first().is_some_and(|first| WITH_OWNER.contains(first)) {
        command.env("PLEDGES_OWNER_DATABASE_URL", url.expose_secret());
    }
    command
}

/// The same as whoever the address says.
fn as_told(url: &SecretString, var_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = command(var_dir, arguments);
    command.env("DATABASE_URL", url.expose_secret()).env("PLEDGES_ROOT_SECRET", ROOT_SECRET);
    command
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Fails unless it ended with this status.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs a command to its end.
pub async fn run(command: Command) -> Ended {
    run_with(command, "").await
}

/// The same with something on its standard input.
pub async fn run_with(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut guard = Guard(command.spawn().unwrap());
    // It may end without reading.
    let _ = guard.0.stdin.take().unwrap().write_all(input.as_bytes());
    let (stdout, stderr) = (Lines::of(guard.0.stdout.take().unwrap()), Lines::of(guard.0.stderr.take().unwrap()));
    let status = guard.ended().await;
    Ended { code: status.code(), stdout: stdout.all().await, stderr: stderr.all().await }
}

/// Sends a signal by name to one process.
pub fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Whether there is such a process.
pub fn lives(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
}

struct Guard(Child);

impl Guard {
    async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the process did not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process writes, read as it comes, so that it never waits for us.
#[derive(Clone)]
struct Lines {
    text: Arc<Mutex<String>>,
    ended: Arc<Mutex<bool>>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self { text: Arc::default(), ended: Arc::default() };
        let into = lines.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                into.text.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
            *into.ended.lock().unwrap() = true;
        });
        lines
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    async fn all(&self) -> String {
        eventually("the output ends", async || *self.ended.lock().unwrap()).await;
        self.so_far()
    }
}

/// A service that runs as a process of its own.
pub struct Running {
    process: Guard,
    stdout: Lines,
    stderr: Lines,
    pub base: String,
}

impl Running {
    /// Starts `pledges serve` (with `--bind 127.0.0.1:0`, please) and waits until it says where it listens.
    pub async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Guard(command.spawn().unwrap());
        let stdout = Lines::of(process.0.stdout.take().unwrap());
        let stderr = Lines::of(process.0.stderr.take().unwrap());
        let start = Instant::now();
        loop {
            if let Some(base) = address(&stdout.so_far()) {
                return Self { process, stdout, stderr, base };
            }
            let ended = process.0.try_wait().unwrap();
            let log = stderr.so_far();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "the service did not start: {ended:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `serve` on the database at `url`, quick to publish.
    pub async fn on(url: &SecretString, var_dir: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--bind", "127.0.0.1:0", "--workers", "2", "--look-every-ms", "30"];
        all.extend(["--logins-per-minute", "10000"]);
        all.extend(arguments);
        Self::start(command_on(url, var_dir, &all)).await
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    pub fn client(&self) -> Client {
        Client::new(&self.base)
    }

    /// Ends it as a crash would.
    pub async fn kill_9(mut self) {
        self.process.0.kill().unwrap();
        self.process.ended().await;
    }

    /// Asks it to stop and waits for its end.
    pub async fn terminate(self) -> Ended {
        signal("TERM", self.pid());
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let status = self.process.ended().await;
        Ended { code: status.code(), stdout: self.stdout.all().await, stderr: self.stderr.all().await }
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.stderr.so_far()
    }
}

fn address(stdout: &str) -> Option<String> {
    let line = stdout.lines().find(|line| line.starts_with("pledges is running at "))?;
    line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
}

/// A var directory of a test's own. At the end the PostgreSQL inside, if there is one, is stopped, and all is removed.
pub struct VarDir(tempfile::TempDir);

impl VarDir {
    pub fn new() -> Self {
        // Others may pass through: PostgreSQL runs as another user when the tests run as root.
        let mut builder = tempfile::Builder::new();
        let directory = builder.prefix("pledges-").permissions(std::fs::Permissions::from_mode(0o711)).tempdir();
        let directory = Self(directory.unwrap());
        cluster::stop_when_we_end(directory.path());
        directory
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The process of the PostgreSQL inside.
    pub fn postmaster(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.file("postgres/data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

impl Drop for VarDir {
    fn drop(&mut self) {
        let Some(pid) = self.postmaster() else { return };
        // A stopped process hears nothing.
        signal("CONT", pid);
        signal("QUIT", pid);
        for _ in 0..100 {
            if self.postmaster().is_none() || !lives(pid) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
