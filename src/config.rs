//! Everything that can be set, by flag or environment: the only reader of the environment. The doc comments are the
//! help texts; `pledges serve --help` is the reference.

pub mod gate;
pub mod mail;
mod secret_file;

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::crypto::{CryptoError, KeyRing, random_token};

pub use gate::GateSettings;
pub use mail::MailSettings;
pub use secret_file::SecretFile;

/// How careful the service is about its own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Makes its own secrets under the var directory; for trying out and for work on the service.
    Development,
    /// Refuses to start without proper secrets and an https address.
    Production,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// development: the service makes its own secrets under the var directory. production: it refuses to start
    /// without proper ones.
    #[arg(long, env = "PLEDGES_MODE", value_enum, default_value = "development", global = true)]
    pub mode: Mode,

    /// Directory for everything the service keeps on disk: the private PostgreSQL, and in development the secrets.
    #[arg(long, env = "PLEDGES_VAR_DIR", default_value = "var", global = true)]
    pub var_dir: PathBuf,

    /// PostgreSQL 15 or newer to use, as postgres://user:password@host/database. Without it a private PostgreSQL
    /// is started in the var directory and listens on a unix socket only.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<SecretString>,

    /// The same database past a pooler in transaction mode, when DATABASE_URL goes through one: for migrations, LISTEN,
    /// the recount and exports. Default: DATABASE_URL.
    #[arg(long, env = "PLEDGES_DIRECT_DATABASE_URL", hide_env_values = true, requires = "database_url", global = true)]
    pub direct_database_url: Option<SecretString>,

    /// The same database as the owner of its tables, when DATABASE_URL is a role that may only read and write rows: for
    /// migrations, vacuuming, and dropping months of the audit log after their time. Best given to `pledges migrate` and
    /// `pledges retention` only, so that whoever takes over the service can't change the audit log. Default: DATABASE_URL.
    #[arg(long, env = "PLEDGES_OWNER_DATABASE_URL", hide_env_values = true, requires = "database_url", global = true)]
    pub owner_database_url: Option<SecretString>,

    /// Directory with initdb, postgres and pg_ctl for the private PostgreSQL. Without it they are looked for in
    /// PATH and the usual places.
    #[arg(long, env = "PLEDGES_POSTGRES_BIN", global = true)]
    pub postgres_bin: Option<PathBuf>,

    /// The secret that all keys come from: 32 random bytes or more, for instance the output of
    /// `openssl rand -hex 32`. Whoever loses it loses the review copies, and
    /// campaigns that began with it can take no more pledges. May have
    /// several lines: the first is current, the others open what they made; `pledges keys rotate` adds one.
    #[arg(long, env = "PLEDGES_ROOT_SECRET", hide_env_values = true, global = true)]
    pub root_secret: Option<SecretString>,

    /// File that holds the root secret or several, one a line, readable by its owner only. White space around them is
    /// ignored.
    #[arg(long, env = "PLEDGES_ROOT_SECRET_FILE", global = true, conflicts_with = "root_secret")]
    pub root_secret_file: Option<PathBuf>,

    /// What to log: error, warn, info, debug or trace, or a list of target=level.
    #[arg(long, env = "PLEDGES_LOG", default_value = "warn,pledges=info", global = true)]
    pub log: String,

    /// How log lines look.
    #[arg(long, env = "PLEDGES_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// Months that the audit log is kept for. What is older is dropped, by the owner of the tables only.
    #[arg(long, env = "PLEDGES_AUDIT_MONTHS", default_value_t = 12,
        value_parser = clap::value_parser!(i32).range(1..=1200), global = true)]
    pub audit_months: i32,

    /// Connections to PostgreSQL in the pool. The running service keeps up to eight more, and opens others for a moment.
    #[arg(long, env = "PLEDGES_DATABASE_CONNECTIONS", default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(2..=1000), global = true)]
    pub database_connections: u32,
}

/// Settings of the running service.
#[derive(Args, Clone, Debug)]
pub struct ServeSettings {
    /// Address and port to listen on.
    #[arg(long, env = "PLEDGES_BIND", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,

    /// How visitors reach the service: scheme, host and port, no path. Development: http:// and the address bound.
    #[arg(long, env = "PLEDGES_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Networks of the reverse proxies in front, as 10.0.0.0/8,fd00::/8. Only they are believed about
    /// X-Forwarded-For.
    #[arg(long, env = "PLEDGES_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,

    /// Networks that may read /metrics, as 10.0.0.0/8,fd00::/8. Default: this machine in development, nobody in
    /// production: a proxy on this machine would let everybody in.
    #[arg(long, env = "PLEDGES_METRICS_FROM", value_delimiter = ',')]
    pub metrics_from: Vec<IpNet>,

    /// Connections from visitors that are open at the most; more wait in the listen queue.
    #[arg(long, env = "PLEDGES_MAX_CONNECTIONS", default_value_t = 25_000,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Threads that answer requests. Default: one a core.
    #[arg(long, env = "PLEDGES_WORKERS", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub workers: Option<u16>,

    /// Milliseconds between two looks for changes of the totals, at the least. How often a campaign publishes new totals
    /// is a setting of the campaign.
    #[arg(long, env = "PLEDGES_LOOK_EVERY_MS", default_value_t = 50,
        value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub look_every_ms: u64,

    /// Seconds between two re-readings of the rounded small numbers, counted from midnight (UTC): take what divides an
    /// hour. Default: 10 in development, 600 in production.
    #[arg(long, env = "PLEDGES_REREAD_EVERY_SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub reread_every_seconds: Option<u64>,

    /// Streams of totals that one source (an IPv4 address or an IPv6 /64) may hold open.
    #[arg(long, env = "PLEDGES_STREAMS_PER_SOURCE", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub streams_per_source: u32,

    /// Streams of totals that are open at the most, all together. Keep it below the number of connections.
    #[arg(long, env = "PLEDGES_MAX_STREAMS", default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub max_streams: u32,

    /// Milliseconds between two heartbeats of a stream. For tests: the API promises fifteen seconds.
    #[arg(long, default_value_t = 15_000, hide = true)]
    pub heartbeat_every_ms: u64,

    /// Log-in attempts that one source (an IPv4 address or an IPv6 /64) may make in a minute.
    #[arg(long, env = "PLEDGES_LOGINS_PER_MINUTE", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub logins_per_minute: u32,

    /// Seconds between two looks for what is past its retention limit. For tests.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..), hide = true)]
    pub retention_every_seconds: u64,

    /// Seconds between two looks for waves of bots, by which pledges are held. Default: 30 in development, 600 in production. What
    /// stands out is looked for every 20 seconds, or as often as this when that is more often.
    #[arg(long, env = "PLEDGES_WAVES_EVERY_SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub waves_every_seconds: Option<u64>,

    /// Seconds that requests under way have to finish when the service is told to stop.
    #[arg(long, env = "PLEDGES_SHUTDOWN_SECONDS", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=600))]
    pub shutdown_seconds: u64,

    /// Limits.
    #[command(flatten)]
    pub gate: GateSettings,

    /// Mails.
    #[command(flatten)]
    pub mail: MailSettings,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A secret is missing, short or a placeholder.
    #[error("{name} {problem}. {mend}")]
    BadSecret {
        /// Where it came from.
        name: String,
        /// What is wrong.
        problem: &'static str,
        /// What to do.
        mend: &'static str,
    },
    /// The public address can't be used.
    #[error("PLEDGES_PUBLIC_URL {0}")]
    BadPublicUrl(&'static str),
    /// Mails can't be sent with these settings.
    #[error("{name} {problem}")]
    BadMail {
        /// Which setting.
        name: &'static str,
        /// What is wrong; never repeats the value.
        problem: &'static str,
    },
    /// A file can't be read or made.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Somebody else is changing a file of secrets.
    #[error("{path} is there: another change of the secrets is under way. If one was broken off, remove it")]
    ChangeUnderWay {
        /// The draft.
        path: PathBuf,
    },
    /// No random bytes for a new secret.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

const HOW_TO_MAKE_ONE: &str =
    "Make one with `openssl rand -hex 32` and set PLEDGES_ROOT_SECRET or PLEDGES_ROOT_SECRET_FILE";

impl Settings {
    /// The value of PATH, to look for PostgreSQL's programs in.
    #[expect(clippy::disallowed_methods, reason = "this file reads the environment; PATH is no setting")]
    pub fn search_path(&self) -> Option<std::ffi::OsString> {
        std::env::var_os("PATH")
    }

    /// Where the root secrets are: what is set, or in development a file under the var directory. None: nowhere.
    pub fn root_source(&self) -> Option<RootSource> {
        match (&self.root_secret, &self.root_secret_file) {
            (Some(text), _) => Some(RootSource::Environment(text.clone())),
            (None, Some(path)) => Some(RootSource::File(SecretFile::at(path))),
            (None, None) if self.mode == Mode::Development => {
                Some(RootSource::Own(SecretFile::at(self.var_dir.join("root-secret"))))
            }
            (None, None) => None,
        }
    }

    /// The root secrets. In development one is made under the var directory when none is set.
    ///
    /// # Errors
    /// In production when none is set; in both modes when one is short or a placeholder, two are the same, or a file can't
    /// be read.
    pub fn key_ring(&self) -> Result<KeyRing, ConfigError> {
        match self.root_source() {
            Some(RootSource::Own(file)) => file.read_or_make(&random_token()?).and_then(|text| key_ring(&file, &text)),
            Some(source) => source.key_ring(),
            None => Err(ConfigError::BadSecret {
                name: "PLEDGES_ROOT_SECRET".into(),
                problem: "is not set, and production mode needs it",
                mend: HOW_TO_MAKE_ONE,
            }),
        }
    }
}

/// Where root secrets come from.
#[derive(Clone, Debug)]
pub enum RootSource {
    /// `PLEDGES_ROOT_SECRET` (or its flag).
    Environment(SecretString),
    /// `PLEDGES_ROOT_SECRET_FILE`.
    File(SecretFile),
    /// The file that the service makes for itself in development.
    Own(SecretFile),
}

impl RootSource {
    /// Whether there is anything to read. The service's own file is made when it first starts.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Own(file) if !file.path().exists())
    }

    /// The root secrets that are there; nothing is made.
    ///
    /// # Errors
    /// Like [`Settings::key_ring`], and when the file isn't there.
    pub fn key_ring(&self) -> Result<KeyRing, ConfigError> {
        match self {
            Self::Environment(text) => parsed("PLEDGES_ROOT_SECRET", text),
            Self::File(file) | Self::Own(file) => key_ring(file, &file.read()?),
        }
    }
}

fn key_ring(file: &SecretFile, text: &SecretString) -> Result<KeyRing, ConfigError> {
    parsed(&file.path().display().to_string(), text)
}

fn parsed(name: &str, text: &SecretString) -> Result<KeyRing, ConfigError> {
    KeyRing::parse(text.expose_secret()).map_err(|bad| ConfigError::BadSecret {
        name: format!("{name}{}", bad.place()),
        problem: bad.problem,
        mend: HOW_TO_MAKE_ONE,
    })
}

impl ServeSettings {
    /// Scheme, host and port of [`Self::public_url`], without a slash at the end.
    ///
    /// # Errors
    /// When it has a path, isn't http or https, or isn't https in production.
    pub fn public_origin(&self, mode: Mode) -> Result<String, ConfigError> {
        let Some(text) = &self.public_url else {
            return match mode {
                Mode::Development => Ok(format!("http://{}", self.bind)),
                Mode::Production => Err(ConfigError::BadPublicUrl("is not set, and production mode needs it")),
            };
        };
        let url = reqwest::Url::parse(text).map_err(|_| ConfigError::BadPublicUrl("is not an address"))?;
        match url.scheme() {
            "https" => {}
            "http" if mode == Mode::Development => {}
            "http" => return Err(ConfigError::BadPublicUrl("must begin with https:// in production mode")),
            _ => return Err(ConfigError::BadPublicUrl("must begin with https:// or http://")),
        }
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(ConfigError::BadPublicUrl("must be scheme, host and port only"));
        }
        Ok(url.origin().ascii_serialization())
    }

    /// Networks that may read /metrics.
    pub fn metrics_readers(&self, mode: Mode) -> Vec<IpNet> {
        match mode {
            Mode::Development if self.metrics_from.is_empty() => {
                vec![IpNet::from(IpAddr::from([127, 0, 0, 1])), IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))]
            }
            _ => self.metrics_from.clone(),
        }
    }

    /// Time between two looks for waves. What looks certain twice stays held even when it confirms: don't look more often than
    /// every ten minutes where it matters (docs/signals.md).
    pub fn waves_every(&self, mode: Mode) -> Duration {
        Duration::from_secs(self.waves_every_seconds.unwrap_or(match mode {
            Mode::Development => 30,
            Mode::Production => 600,
        }))
    }

    /// Time between two re-readings of the rounded values (design rule 8: ten minutes; ten seconds in development).
    pub fn reread_every(&self, mode: Mode) -> Duration {
        Duration::from_secs(self.reread_every_seconds.unwrap_or(match mode {
            Mode::Development => 10,
            Mode::Production => 600,
        }))
    }
}
