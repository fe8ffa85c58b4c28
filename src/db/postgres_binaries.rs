//! Finds the programs of a PostgreSQL server that is new enough and fits the cluster that is already there.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The oldest major version that the service is tested with.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// All of them have to lie in one directory: a server and a client of different versions don't mix.
const PROGRAMS: [&str; 4] = ["initdb", "postgres", "pg_ctl", "createdb"];

/// Where packages put the programs: parent, what stands before the version in the child's name, and what follows.
const PACKAGES: [(&str, &str, &str); 5] = [
    ("usr/lib/postgresql", "", "bin"),          // Debian, Ubuntu
    ("usr", "pgsql-", "bin"),                   // rpm packages of postgresql.org
    ("usr/libexec", "postgresql", ""),          // Alpine
    ("opt/homebrew/opt", "postgresql@", "bin"), // Homebrew on Apple silicon
    ("usr/local/opt", "postgresql@", "bin"),    // Homebrew on Intel
];

/// What to look for, and where first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    /// Looked into alone when given: whoever names a directory doesn't want the programs of another.
    pub(super) bin_dir: Option<&'a Path>,
    /// The value of `PATH`; without one, only the places where packages install.
    pub(super) path: Option<&'a OsStr>,
    /// The major version that made the existing cluster: no other can open it.
    pub(super) cluster_major: Option<u32>,
}

/// A directory that holds all the programs, with their major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostgresBinaries {
    directory: PathBuf,
    major: u32,
}

/// Why no PostgreSQL can be started.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    /// There is none.
    #[error(
        "no PostgreSQL server on this machine (looked into PATH and where packages install it). {}, or set DATABASE_URL to \
         a server that you run yourself",
        install_hint()
    )]
    NotFound,
    /// The directory that was asked for lacks some program.
    #[error("{} does not hold the PostgreSQL programs {}", .0.display(), PROGRAMS.join(", "))]
    NotInBinDir(PathBuf),
    /// There are only older versions.
    #[error(
        "PostgreSQL {OLDEST_MAJOR} or newer is needed; this machine has {found}. {}, or set DATABASE_URL to a newer server",
        install_hint()
    )]
    TooOld {
        /// Their versions and directories.
        found: String,
    },
    /// The cluster exists, and needs the version that made it.
    #[error(
        "the database was made by PostgreSQL {cluster_major}, which no other version can open; this machine has {found}. \
         Install PostgreSQL {cluster_major} again (then dump and restore, to move to a newer one)"
    )]
    OtherVersion {
        /// The major version that made the cluster.
        cluster_major: u32,
        /// The versions and directories that are here.
        found: String,
    },
}

fn install_hint() -> &'static str {
    "Install it: `apt-get install postgresql` on Debian and Ubuntu, `dnf install postgresql-server` on Fedora, \
     `apk add postgresql` on Alpine, `brew install postgresql@17` on macOS"
}

impl PostgresBinaries {
    /// Looks into `bin_dir` alone when given, else `PATH`, `pg_config --bindir`, and where packages install (highest
    /// version first). The first directory with all programs of a fitting version is taken.
    ///
    /// # Errors
    /// When there is none: `NotFound` or `NotInBinDir`; `TooOld` or `OtherVersion` when there are only unfitting ones.
    pub(super) async fn find(search: Search<'_>) -> Result<Self, BinariesError> {
        Self::find_under(Path::new("/"), search).await
    }

    async fn find_under(root: &Path, search: Search<'_>) -> Result<Self, BinariesError> {
        let candidates = match search.bin_dir {
            Some(directory) => vec![directory.to_path_buf()],
            None => candidates(root, search.path).await,
        };
        let mut unfitting: Vec<Self> = Vec::new();
        for directory in candidates.iter().filter_map(|candidate| complete_directory(candidate)) {
            if unfitting.iter().any(|seen| seen.directory == directory) {
                continue;
            }
            let postgres = directory.join("postgres");
            let Some(major) = output_line(&postgres, "--version").await.and_then(|line| major_version(&line)) else {
                continue;
            };
            let found = Self { directory, major };
            if major >= OLDEST_MAJOR && search.cluster_major.is_none_or(|needed| needed == major) {
                return Ok(found);
            }
            unfitting.push(found);
        }
        let found: Vec<_> = unfitting.iter().map(|it| format!("{} in {}", it.major, it.directory.display())).collect();
        if unfitting.is_empty() {
            return Err(search
                .bin_dir
                .map_or(BinariesError::NotFound, |it| BinariesError::NotInBinDir(it.to_path_buf())));
        }
        Err(match search.cluster_major {
            Some(cluster_major) => BinariesError::OtherVersion { cluster_major, found: found.join(", ") },
            None => BinariesError::TooOld { found: found.join(", ") },
        })
    }

    /// The path of one of the programs, for example `initdb`.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The major version, for example 15.
    pub(super) fn major(&self) -> u32 {
        self.major
    }

    /// Where the programs are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// A command that sees nothing of our environment: no secrets of ours, none of libpq's `PG…` variables, one language
/// for the messages that we read.
pub(super) fn bare_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn candidates(root: &Path, path: Option<&OsStr>) -> Vec<PathBuf> {
    // A relative entry would mean other programs in every working directory.
    let on_path: Vec<_> = path
        .map(|value| std::env::split_paths(value).filter(|directory| directory.is_absolute()).collect())
        .unwrap_or_default();
    let mut all = on_path.clone();
    for pg_config in on_path.iter().map(|directory| directory.join("pg_config")).filter(|file| is_executable(file)) {
        all.extend(output_line(&pg_config, "--bindir").await.map(PathBuf::from));
    }
    for (parent, prefix, rest) in PACKAGES {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(root.join(parent))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(rest)))
            })
            .collect();
        versions.sort_unstable_by(|one, other| other.cmp(one));
        all.extend(versions.into_iter().map(|(_, directory)| directory));
    }
    all
}

/// The candidate itself, or where its `postgres` links to, when all the programs are there.
fn complete_directory(candidate: &Path) -> Option<PathBuf> {
    let linked = std::fs::canonicalize(candidate.join("postgres")).ok()?.parent()?.to_path_buf();
    // Absolute, because the programs are run from another directory.
    [linked, std::fs::canonicalize(candidate).ok()?]
        .into_iter()
        .find(|directory| PROGRAMS.iter().all(|program| is_executable(&directory.join(program))))
}

fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

async fn output_line(program: &Path, argument: &str) -> Option<String> {
    let output = bare_command(program).arg(argument).output().await.ok()?;
    let line = String::from_utf8(output.stdout).ok()?.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// `15` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `18` of `postgres (PostgreSQL) 18beta1`.
fn major_version(line: &str) -> Option<u32> {
    let version = line.strip_prefix("postgres (PostgreSQL) ")?;
    let end = version.find(|it: char| !it.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory with programs that only tell a version. Another process writes them: a file that this one has open
    /// for writing while another test starts a child can't be run.
    fn fake(directory: &Path, version: &str, programs: &[&str]) {
        std::fs::create_dir_all(directory).unwrap();
        for program in programs {
            let script = format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n");
            let mut command = std::process::Command::new("/bin/sh");
            command
                .args(["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""])
                .arg(directory.join(program))
                .arg(script);
            assert!(command.status().unwrap().success());
        }
    }

    fn root(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("pledges-binaries-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        std::fs::canonicalize(root).unwrap()
    }

    const ANYWHERE: Search<'static> = Search { bin_dir: None, path: None, cluster_major: None };

    #[test]
    fn versions_are_read_as_every_package_prints_them() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 17"), Some(17));
        assert_eq!(major_version("postgres (PostgreSQL) next"), None);
        assert_eq!(major_version("pg_ctl (PostgreSQL) 15.18"), None);
    }

    #[tokio::test]
    async fn the_highest_installed_version_is_taken_unless_the_cluster_needs_another() {
        let root = root("highest");
        for version in ["9.6", "13", "15", "17"] {
            fake(&root.join("usr/lib/postgresql").join(version).join("bin"), version, &PROGRAMS);
        }
        fake(&root.join("usr/lib/postgresql/18/bin"), "18.1", &["initdb", "postgres"]);
        let found = PostgresBinaries::find_under(&root, ANYWHERE).await.unwrap();
        assert_eq!(found.major(), 17);
        let search = Search { cluster_major: Some(15), ..ANYWHERE };
        assert_eq!(PostgresBinaries::find_under(&root, search).await.unwrap().major(), 15);
        let search = Search { cluster_major: Some(16), ..ANYWHERE };
        let message = PostgresBinaries::find_under(&root, search).await.unwrap_err().to_string();
        assert!(message.contains("made by PostgreSQL 16") && message.contains("17 in "), "{message}");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[tokio::test]
    async fn links_on_the_path_lead_to_the_directory_with_all_programs() {
        let root = root("links");
        fake(&root.join("real"), "16.4", &PROGRAMS);
        std::fs::create_dir(root.join("links")).unwrap();
        for program in ["initdb", "postgres", "pg_ctl"] {
            symlink(root.join("real").join(program), root.join("links").join(program)).unwrap();
        }
        let path = root.join("links");
        let search = Search { path: Some(path.as_os_str()), ..ANYWHERE };
        let found = PostgresBinaries::find_under(&root, search).await.unwrap();
        assert_eq!(found.program("createdb"), root.join("real/createdb"));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[tokio::test]
    async fn what_is_missing_is_said_with_what_to_do() {
        let root = root("missing");
        let message = PostgresBinaries::find_under(&root, ANYWHERE).await.unwrap_err().to_string();
        assert!(message.contains("apt-get install postgresql") && message.contains("DATABASE_URL"), "{message}");
        fake(&root.join("usr/lib/postgresql/13/bin"), "13.2", &PROGRAMS);
        let message = PostgresBinaries::find_under(&root, ANYWHERE).await.unwrap_err().to_string();
        assert!(message.contains("15 or newer is needed; this machine has 13 in "), "{message}");
        let search = Search { bin_dir: Some(&root), ..ANYWHERE };
        let error = PostgresBinaries::find_under(&root, search).await.unwrap_err();
        assert!(matches!(error, BinariesError::NotInBinDir(_)), "{error}");
        std::fs::remove_dir_all(root).unwrap();
    }
}
