//! The settings of the private server, and its address.

use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{LocalPostgresError, PLEDGES};

/// What every server gets. Nothing a client sends may reach the log (security.md): statements, parameters and details
/// are off, and so are messages of statements that failed (`log_min_messages`), which can quote a value; the client
/// gets them.
const BASE_SETTINGS: [(&str, &str); 22] = [
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "100"),
    // The first change of a page after a checkpoint is logged with the whole page, so checkpoints must be rare under load:
    // every 2 GB of log, not every 500 MB (docs/performance.md). As much is replayed at the most after a crash.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("jit", "off"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
];

/// A quarter of the memory (the rule of PostgreSQL's own manual for `shared_buffers`), between its default and 8 GB, in MB.
/// The operating system gives it only as it is used.
fn shared_buffers_mb(memory: Option<u64>) -> u64 {
    let quarter = memory.unwrap_or(0) / 4 / (1024 * 1024);
    quarter.clamp(128, 8192)
}

/// Bytes of memory that this machine, or the container, may use; None where Linux doesn't tell.
fn memory() -> Option<u64> {
    let machine = memory_total(&fs::read_to_string("/proc/meminfo").ok()?);
    // Control groups, version 2; "max" is no limit.
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    [machine, container].into_iter().flatten().min()
}

/// From the text of `/proc/meminfo`.
fn memory_total(text: &str) -> Option<u64> {
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?.trim();
    kib.parse::<u64>().ok()?.checked_mul(1024)
}

/// The file that `postgresql.conf` includes. Written at each start, so that what a running server does can be read
/// there.
///
/// # Errors
/// `Setting` for a name that isn't one and for a value with control characters.
pub(super) fn settings_text(
    socket_directory: &Path,
    further: &[(String, String)],
) -> Result<String, LocalPostgresError> {
    let mut text = "# Written by the pledges service at each start: changes made here are lost.\n".to_owned();
    // A list of directories: quoted inside, or a comma would split it.
    let directory = socket_directory.to_string_lossy().replace('"', "\"\"");
    let socket = ("unix_socket_directories".to_owned(), format!("\"{directory}\""));
    let buffers = ("shared_buffers".to_owned(), format!("{}MB", shared_buffers_mb(memory())));
    let base = BASE_SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    for (name, value) in base.chain([socket, buffers]).chain(further.iter().cloned()) {
        let is_name = !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.'));
        if !is_name || value.chars().any(char::is_control) {
            return Err(LocalPostgresError::Setting(name));
        }
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        let _ = writeln!(text, "{name} = '{value}'");
    }
    Ok(text)
}

/// An address that drivers and `psql` take: the directory of the socket stands in the place of the host.
pub(super) fn url(socket_directory: &Path, database: &str) -> String {
    let host = percent_encoded(socket_directory.as_os_str().as_bytes());
    format!("postgres://{PLEDGES}@{host}/{}", percent_encoded(database.as_bytes()))
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_survives_any_path() {
        for directory in ["/srv/var/postgres/socket", "/srv/with a space/ü%?#@:,'\"/socket"] {
            let text = url(Path::new(directory), "a database/β");
            let config: tokio_postgres::Config = text.parse().unwrap();
            assert_eq!(config.get_hosts(), [tokio_postgres::config::Host::Unix(directory.into())]);
            assert_eq!(config.get_user(), Some("pledges"));
            assert_eq!(config.get_dbname(), Some("a database/β"));
        }
    }

    #[test]
    fn values_are_quoted_and_later_ones_win() {
        let further = [("fsync".to_owned(), "off".to_owned()), ("a.b".to_owned(), r"it's \".to_owned())];
        let text = settings_text(Path::new("/a, \"b\""), &further).unwrap();
        assert!(text.contains("unix_socket_directories = '\"/a, \"\"b\"\"\"'\n"), "{text}");
        assert!(text.contains(r"a.b = 'it''s \\'"), "{text}");
        assert!(text.find("fsync = 'off'") > text.find("fsync = 'on'"), "{text}");
    }

    #[test]
    fn the_buffers_are_a_quarter_of_the_memory() {
        let gib = 1024 * 1024 * 1024;
        for (memory, mb) in [(None, 128), (Some(gib / 4), 128), (Some(8 * gib), 2048), (Some(512 * gib), 8192)] {
            assert_eq!(shared_buffers_mb(memory), mb);
        }
        assert_eq!(memory_total("MemTotal:       24683656 kB\nMemFree: 1 kB\n"), Some(24_683_656 * 1024));
        assert_eq!(memory_total("MemTotal: many kB\n"), None);
    }

    #[test]
    fn a_setting_cannot_smuggle_in_another() {
        for (name, value) in [("", "x"), ("jit = on\nfsync", "x"), ("jit", "on'\nfsync = 'off"), ("a b", "x")] {
            let result = settings_text(Path::new("/s"), &[(name.to_owned(), value.to_owned())]);
            assert!(matches!(result, Err(LocalPostgresError::Setting(_))), "{name} = {value}");
        }
    }

    #[test]
    fn the_log_is_told_no_values() {
        let text = settings_text(Path::new("/s"), &[]).unwrap();
        for line in [
            "log_error_verbosity = 'terse'",
            "log_parameter_max_length = '0'",
            "log_parameter_max_length_on_error = '0'",
            "log_statement = 'none'",
            "log_min_error_statement = 'panic'",
            "log_min_messages = 'log'",
            "log_min_duration_statement = '-1'",
            "listen_addresses = ''",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}");
        }
    }
}
