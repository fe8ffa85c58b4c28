//! The private PostgreSQL of development and tests: a cluster under `var/`, made once, that listens on a unix socket
//! only.
//!
//! The server runs in a session of its own, so that neither Ctrl-C nor `kill -9` of the service reaches it: the service
//! stops it at its own end, and when it could not, the next start re-attaches. Two services on one `var/` are kept
//! apart by [`super::var_lock::VarLock`], which has to be taken first.

mod home;
mod server;
mod settings;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub use self::home::HomeError;
use self::home::PostgresHome;
use self::server::{DATA, LOG, Server};
use self::settings::{settings_text, url};
pub use super::postgres_binaries::BinariesError;
use super::postgres_binaries::{PostgresBinaries, Search};

/// The role that owns everything, and the service's database.
const PLEDGES: &str = "pledges";

/// Where the cluster lies and what starts it.
#[derive(Debug, Clone, Default)]
pub struct LocalPostgresConfig {
    /// The service's `var/`; made when missing.
    pub var_dir: PathBuf,
    /// The directory of PostgreSQL's programs. When given, no other is looked into.
    pub bin_dir: Option<PathBuf>,
    /// The value of `PATH`, to look for the programs.
    pub search_path: Option<OsString>,
    /// Further server settings, name and value, which win over the usual ones. For tests.
    pub settings: Vec<(String, String)>,
}

/// A running server. Dropping this leaves it running: [`LocalPostgres::stop`] ends it.
#[derive(Debug)]
pub struct LocalPostgres {
    server: Server,
    reattached: bool,
}

/// Why the private PostgreSQL isn't there. The messages tell a person what to do.
#[derive(Debug, thiserror::Error)]
pub enum LocalPostgresError {
    /// The programs are missing or of an unfitting version.
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    /// The directories can't be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// `initdb` could not make the cluster; the last lines that it said.
    #[error("the database could not be made. initdb said:\n{0}")]
    Initdb(String),
    /// The server did not come up within a minute, or ended at once.
    #[error("PostgreSQL did not start. The end of {}:\n{tail}", log_file.display())]
    DidNotStart {
        /// The server's log.
        log_file: PathBuf,
        /// Its last lines of this start.
        tail: String,
    },
    /// The service's database could not be made; what `createdb` said.
    #[error("the database `pledges` could not be made: {0}")]
    CreateDatabase(String),
    /// The server is still running; what `pg_ctl` said.
    #[error("PostgreSQL did not stop: {0}")]
    DidNotStop(String),
    /// A name or value in [`LocalPostgresConfig::settings`] that can't stand in a configuration file.
    #[error("the server setting `{0}` has an odd name or value")]
    Setting(String),
    /// A file, or a program that could not be run.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LocalPostgres {
    /// Makes the cluster when there is none, starts the server or re-attaches to a running one, waits until it answers,
    /// and makes the database `pledges` when it is missing. Takes up to a minute after a crash; says so in the log.
    ///
    /// # Errors
    /// See [`LocalPostgresError`]. A server that is still recovering is left running: the next start waits for it
    /// again.
    pub async fn start(config: &LocalPostgresConfig) -> Result<Self, LocalPostgresError> {
        let home = PostgresHome::prepare(&config.var_dir).await?;
        let settings = settings_text(home.socket_directory(), &config.settings)?;
        let search = Search {
            bin_dir: config.bin_dir.as_deref(),
            path: config.search_path.as_deref(),
            cluster_major: cluster_major(&home.directory().join(DATA)),
        };
        let is_new = search.cluster_major.is_none();
        let binaries = PostgresBinaries::find(search).await?;
        tracing::debug!(version = binaries.major(), directory = %binaries.directory().display(), "found PostgreSQL");
        let server = Server { home, binaries };
        server.remove_unfinished();
        if is_new {
            server.make_cluster(&settings).await?;
        }
        let reattached = server.bring_up(&settings).await?;
        Ok(Self { server, reattached })
    }

    /// The address of the service's database, as drivers and `psql` take it.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url(PLEDGES)
    }

    /// The address of any database of this server.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        url(self.server.home.socket_directory(), database)
    }

    /// PostgreSQL's data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.server.home.directory().join(DATA)
    }

    /// The server's own log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.server.home.directory().join(LOG)
    }

    /// Whether the server was already running: the service before did not end properly.
    #[must_use]
    pub fn was_reattached(&self) -> bool {
        self.reattached
    }

    /// Ends open connections, writes everything out and waits for the server's end. Fine when it has ended already.
    ///
    /// # Errors
    /// `DidNotStop` when it is still running after a minute.
    pub async fn stop(self) -> Result<(), LocalPostgresError> {
        self.server.stop("fast").await
    }

    /// Ends the server as a crash would: the next start recovers. For tests.
    ///
    /// # Errors
    /// As [`LocalPostgres::stop`].
    pub async fn stop_immediately(self) -> Result<(), LocalPostgresError> {
        self.server.stop("immediate").await
    }
}

/// Of an existing cluster: the major version that made it. `initdb` writes the file.
fn cluster_major(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

fn file_error(path: &Path, source: io::Error) -> LocalPostgresError {
    LocalPostgresError::File { path: path.to_path_buf(), source }
}
