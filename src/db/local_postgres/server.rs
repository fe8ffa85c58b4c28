//! The server process of the private PostgreSQL: made, started, found running, stopped, by PostgreSQL's own programs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::home::{PostgresHome, SOCKET_NAME};
use super::{LocalPostgresError, PLEDGES, file_error};
use crate::db::postgres_binaries::{PostgresBinaries, bare_command};

/// How long a start may take, crash recovery included, and how long a stop.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a process that the pid file names may stay silent before it counts as somebody else's.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// Names, relative to the cluster's home. All programs run there and get relative paths, because `pg_ctl` hands its
/// arguments to a shell in double quotes, where a `$` of a path above would be taken for a variable.
pub(super) const DATA: &str = "data";
const UNFINISHED_DATA: &str = "data.new-";
pub(super) const LOG: &str = "server.log";
const SETTINGS: &str = "pledges.conf";

/// The cluster and the programs that fit it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) home: PostgresHome,
    pub(super) binaries: PostgresBinaries,
}

/// What the process that the pid file names is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// There is no file, or no such process.
    Nothing,
    Ours,
    /// It lives, or the file is broken, but nothing answers on the socket: what is left of a server that died.
    Stranger,
}

impl Server {
    /// Into a directory beside, renamed when all is in it: a crash half way leaves nothing that looks like a cluster.
    /// Each attempt has a directory of its own, because the `initdb` of a service that was killed may still be writing.
    pub(super) async fn make_cluster(&self, settings: &str) -> Result<(), LocalPostgresError> {
        let unfinished_name = format!("{UNFINISHED_DATA}{}", std::process::id());
        let unfinished = self.home.directory().join(&unfinished_name);
        let data = self.home.directory().join(DATA);
        tracing::info!(directory = %data.display(), version = self.binaries.major(), "making the database, once");
        let mut said = self.initdb(&unfinished_name, "C.UTF-8").await?;
        if said.as_ref().is_some_and(|text| text.contains("invalid locale name")) {
            tracing::warn!(
                "this system has no locale C.UTF-8: the database compares other letters than a-z as they are"
            );
            said = self.initdb(&unfinished_name, "C").await?;
        }
        if let Some(text) = said {
            return Err(LocalPostgresError::Initdb(last_lines(&text, 10)));
        }
        self.write_settings(&unfinished, settings)?;
        let main_file = unfinished.join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&main_file)
            .and_then(|mut file| writeln!(file, "\ninclude '{SETTINGS}'").and_then(|()| file.sync_all()))
            .map_err(|source| file_error(&main_file, source))?;
        std::fs::rename(&unfinished, &data).map_err(|source| file_error(&data, source))?;
        let parent = self.home.directory();
        File::open(parent).and_then(|it| it.sync_all()).map_err(|source| file_error(parent, source))
    }

    /// Removes what attempts that were cut off have left, as far as it can: the rest goes the next time.
    pub(super) fn remove_unfinished(&self) {
        for entry in std::fs::read_dir(self.home.directory()).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED_DATA)) {
                let removed = std::fs::remove_dir_all(entry.path());
                tracing::debug!(directory = %entry.path().display(), ok = removed.is_ok(), "removing an unfinished cluster");
            }
        }
    }

    /// What it said when it failed.
    async fn initdb(&self, directory: &str, locale: &str) -> Result<Option<String>, LocalPostgresError> {
        let mut command = self.command("initdb");
        command.args(["-D", directory, "-U", PLEDGES, "--auth-local=trust", "--auth-host=reject"]);
        command.args(["--encoding=UTF8", "--lc-messages=C", "--data-checksums", "--no-instructions"]);
        command.arg(format!("--locale={locale}"));
        let output = run(command).await?;
        Ok((!output.status.success()).then(|| stderr_text(&output)))
    }

    /// Starts the server, or finds it running, and waits until it answers. Returns whether it was running already.
    ///
    /// # Errors
    /// `DidNotStart` when it doesn't answer within [`START_LIMIT`]; what goes on then is left alone.
    pub(super) async fn bring_up(&self, settings: &str) -> Result<bool, LocalPostgresError> {
        let log_start = self.log_length();
        let mut answer = String::new();
        let outcome = tokio::time::timeout(START_LIMIT, self.bring_up_at_last(settings, log_start, &mut answer)).await;
        outcome.unwrap_or_else(|_| {
            let said = format!("not ready after a minute; another start waits on. {answer}");
            Err(self.did_not_start(log_start, &said))
        })
    }

    /// `answer` is always the server's latest to a connection that it did not take.
    async fn bring_up_at_last(
        &self,
        settings: &str,
        log_start: u64,
        answer: &mut String,
    ) -> Result<bool, LocalPostgresError> {
        let data = self.home.directory().join(DATA);
        if self.find().await? == Found::Stranger {
            self.disown_pid_file(&data).await?;
        }
        if std::fs::read_to_string(data.join(SETTINGS)).ok().as_deref() != Some(settings) {
            if self.is_running().await? {
                tracing::info!("PostgreSQL runs with other settings: starting it again");
                self.stop("fast").await?;
            }
            self.write_settings(&data, settings)?;
        }
        let mut reattached = true;
        let mut rounds = 0_u32;
        loop {
            if !self.is_running().await? {
                reattached = false;
                self.launch(log_start).await?;
            }
            let Some(refusal) = self.create_database().await? else {
                let socket = self.home.socket_directory().display();
                if reattached {
                    tracing::info!(%socket, "re-attached to the running PostgreSQL");
                } else {
                    tracing::info!(%socket, "PostgreSQL is ready");
                }
                return Ok(reattached);
            };
            *answer = refusal;
            rounds += 1;
            if rounds.is_multiple_of(10) {
                self.say_progress(log_start);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Starts the server and waits until it takes connections, or fails. A server that was killed can leave children
    /// behind that use its memory for a moment longer: then nothing has started, and the caller tries again.
    async fn launch(&self, log_start: u64) -> Result<(), LocalPostgresError> {
        let before = self.log_length();
        let mut command = self.command("pg_ctl");
        let limit_s = START_LIMIT.as_secs().to_string();
        command.args(["start", "-w", "-s", "-D", DATA, "-l", LOG, "-t", &limit_s]);
        let running = run(command);
        tokio::pin!(running);
        let output = loop {
            tokio::select! {
                output = &mut running => break output?,
                () = tokio::time::sleep(Duration::from_secs(5)) => self.say_progress(log_start),
            }
        };
        if output.status.success() || self.log_since(before).contains("is still in use") {
            return Ok(());
        }
        Err(self.did_not_start(before, &stderr_text(&output)))
    }

    /// Whether there is a pid file that names a process that lives, perhaps another's (see [`Self::find`]), or one that
    /// can't be read: it is being written, or the disk was full.
    async fn is_running(&self) -> Result<bool, LocalPostgresError> {
        let mut command = self.command("pg_ctl");
        command.args(["status", "-D", DATA]);
        // 3: no server is running; 4: no data directory. Both are documented.
        Ok(!matches!(run(command).await?.status.code(), Some(3 | 4)))
    }

    /// Tells our server from a stranger by its socket: a server listens from its first moment to its last, recovery
    /// included.
    async fn find(&self) -> Result<Found, LocalPostgresError> {
        let socket = self.home.socket_directory().join(SOCKET_NAME);
        let look = async {
            while self.is_running().await? {
                if tokio::net::UnixStream::connect(&socket).await.is_ok() {
                    return Ok(Found::Ours);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(Found::Nothing)
        };
        tokio::time::timeout(SILENCE_LIMIT, look).await.unwrap_or(Ok(Found::Stranger))
    }

    /// The pid file of a server that died names a process that lives, because the number was given out again:
    /// PostgreSQL would refuse to start. The file isn't removed, since it also names the shared memory by which
    /// PostgreSQL itself makes sure that no server is left; only the number becomes one that no process has, that of a
    /// child that has ended. A broken file names nothing, and goes.
    async fn disown_pid_file(&self, data: &Path) -> Result<(), LocalPostgresError> {
        let path = data.join("postmaster.pid");
        let failed = |source| file_error(&path, source);
        let content = std::fs::read_to_string(&path).map_err(failed)?;
        let (stale, rest) = content.split_once('\n').unwrap_or((&content, ""));
        tracing::warn!(pid = stale, "postmaster.pid does not name our PostgreSQL: taking it for stale");
        if stale.trim().parse::<u32>().is_err() {
            return std::fs::remove_file(&path).map_err(failed);
        }
        let mut child = bare_command(Path::new("/bin/sh")).args(["-c", ":"]).spawn().map_err(failed)?;
        let Some(ended) = child.id() else { return Ok(()) };
        child.wait().await.map_err(failed)?;
        self.replace(&path, &format!("{ended}\n{rest}"))
    }

    /// Asks the server for the service's database, which also proves that it answers. Returns what it said when it
    /// doesn't take connections: it is starting up or shutting down, or there is no socket yet.
    async fn create_database(&self) -> Result<Option<String>, LocalPostgresError> {
        let mut command = self.command("createdb");
        command.arg("-h").arg(self.home.socket_directory());
        command.args(["-p", "5432", "-U", PLEDGES, "--no-password", "--maintenance-db=postgres", PLEDGES]);
        let output = run(command).await?;
        let said = stderr_text(&output);
        if output.status.success() || said.contains("already exists") {
            return Ok(None);
        }
        if said.contains("connection to server") {
            Ok(Some(said))
        } else {
            Err(LocalPostgresError::CreateDatabase(said))
        }
    }

    /// Fine when nothing runs. Never signals a process that isn't our server.
    pub(super) async fn stop(&self, mode: &str) -> Result<(), LocalPostgresError> {
        match self.find().await? {
            Found::Ours => {}
            Found::Nothing => return Ok(()),
            Found::Stranger => {
                let said = "nothing answers on its socket. If it still runs, postmaster.pid in its directory names it";
                return Err(LocalPostgresError::DidNotStop(said.to_owned()));
            }
        }
        let mut command = self.command("pg_ctl");
        command.args(["stop", "-w", "-s", "-D", DATA, "-m", mode, "-t", &START_LIMIT.as_secs().to_string()]);
        let output = run(command).await?;
        if output.status.success() || !self.is_running().await? {
            return Ok(());
        }
        Err(LocalPostgresError::DidNotStop(stderr_text(&output)))
    }

    fn command(&self, program: &str) -> Command {
        self.home.command(&self.binaries.program(program))
    }

    fn write_settings(&self, data: &Path, text: &str) -> Result<(), LocalPostgresError> {
        self.replace(&data.join(SETTINGS), text)
    }

    /// A new file with this content takes the place of the old one: never half a file, and as root never through a link
    /// that the cluster's owner could have put there.
    fn replace(&self, path: &Path, text: &str) -> Result<(), LocalPostgresError> {
        let new = path.with_extension("new");
        let write = || {
            match std::fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            self.home.give_to_owner(&file)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().map_err(|source| file_error(path, source))
    }

    fn did_not_start(&self, log_start: u64, said: &str) -> LocalPostgresError {
        let tail = last_lines(&format!("{}\n{said}", self.log_since(log_start).trim_end()), 12);
        LocalPostgresError::DidNotStart { log_file: self.home.directory().join(LOG), tail }
    }

    fn say_progress(&self, log_start: u64) {
        let log = self.log_since(log_start);
        tracing::info!(progress = progress(&log), "waiting for PostgreSQL");
    }

    /// In bytes; 0 when there is no log yet.
    fn log_length(&self) -> u64 {
        std::fs::symlink_metadata(self.home.directory().join(LOG)).map_or(0, |it| it.len())
    }

    /// What the server has logged after the given length, of that the last 8 KiB. Empty when it can't be read.
    fn log_since(&self, start: u64) -> String {
        let path = self.home.directory().join(LOG);
        let read = || -> io::Result<String> {
            if !std::fs::symlink_metadata(&path)?.is_file() {
                return Ok(String::new());
            }
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(start.max(file.metadata()?.len().saturating_sub(8 * 1024))))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }
}

/// Runs to the end. What the program says on standard output is of no use; errors are kept. `pg_ctl` gives the server
/// it starts the log instead of our pipe, so this ends when `pg_ctl` does.
async fn run(mut command: Command) -> Result<Output, LocalPostgresError> {
    let program = PathBuf::from(command.as_std().get_program());
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|source| file_error(&program, source))?;
    child.wait_with_output().await.map_err(|source| file_error(&program, source))
}

fn stderr_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// How far the start has come, in words that PostgreSQL uses for it: nothing else of its log gets into ours.
fn progress(log: &str) -> &'static str {
    const STEPS: [&str; 6] = [
        "redo in progress",
        "redo starts",
        "redo done",
        "syncing data directory",
        "database system was interrupted",
        "database system was shut down",
    ];
    let step = |line: &str| STEPS.into_iter().find(|step| line.contains(&format!(" LOG:  {step}")));
    log.lines().rev().find_map(step).unwrap_or("no news")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_postgresqls_log_only_known_words_are_told() {
        let log = "x UTC [1] LOG:  redo starts at 0/1\nx UTC [1] LOG:  redo in progress, elapsed time: 10.00 s\nx UTC [2] LOG:  ada";
        assert_eq!(progress(log), "redo in progress");
        assert_eq!(progress("x UTC [2] LOG:  ada"), "no news");
    }

    #[test]
    fn the_end_of_a_text_is_told() {
        assert_eq!(last_lines("", 2), "");
        assert_eq!(last_lines("one", 2), "one");
        assert_eq!(last_lines("one\ntwo\nthree\n", 2), "two\nthree");
    }
}
