//! Where the private PostgreSQL keeps its files, and as which user it runs.
//!
//! An ordinary user's cluster lies in `<var>/postgres`. PostgreSQL refuses to run as root, so root's cluster belongs to
//! the user `postgres` (or `nobody`), and lies under `/var/lib/pledges` when that user can't pass through to `<var>`. A
//! cluster that is there stays where it is and whose it is: starting elsewhere would look like an empty database.

use std::fmt::Write;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::db::postgres_binaries::bare_command;
use crate::db::var_lock::make_var_dir;

/// Where root's clusters go when the unprivileged user can't reach `<var>`.
const ROOT_FALLBACK: &str = "/var/lib/pledges";

/// Where the socket goes when its path would be too long. Fixed, not `TMPDIR`: the next start has to find it again.
const SHORT_PARENT: &str = "/tmp";

/// The longest path of a unix socket, in bytes, on every system: Linux takes 107, macOS 103.
const LONGEST_SOCKET_PATH: usize = 103;

/// PostgreSQL names its socket after the port, though it listens on none.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// A user that PostgreSQL runs as when we are root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

/// The directories of one cluster, made and checked.
#[derive(Debug, Clone)]
pub(super) struct PostgresHome {
    directory: PathBuf,
    socket_directory: PathBuf,
    account: Option<Account>,
}

/// Why the cluster's directories can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// We are root, and there is nobody else to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither a user `postgres` nor `nobody` to run it as. Start \
         the service as an ordinary user, or set DATABASE_URL"
    )]
    NoUnprivilegedUser,
    /// The first start was another user's.
    #[error(
        "{} belongs to the user with id {owner}: the service was first started as another user. Start it as that user (or \
         as root), or set PLEDGES_VAR_DIR to another directory", directory.display()
    )]
    BelongsToAnother {
        /// A directory of the cluster.
        directory: PathBuf,
        /// The id of its owner.
        owner: u32,
    },
    /// Others can open the directory, or it is a link.
    #[error("{} must be a directory that its owner alone can open (`chmod 700` it, or remove it)", .0.display())]
    NotPrivate(PathBuf),
    /// Root's cluster lies where its owner can't get to.
    #[error(
        "the database in {} belongs to the user {user}, who can't pass through to it: let others pass through the directories \
         above it (`chmod o+x`)", directory.display()
    )]
    OutOfReach {
        /// Where the cluster is.
        directory: PathBuf,
        /// Whose it is.
        user: String,
    },
    /// PostgreSQL's own files hold the path on a line.
    #[error("PostgreSQL can't work below a directory with a line break in its name: {}", .0.display())]
    LineBreak(PathBuf),
    /// Our own user id is needed to know whether we are root.
    #[error("cannot tell which user the service runs as: `id -u` failed")]
    UnknownUser,
    /// The system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// What could not be made or read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl PostgresHome {
    /// Chooses, makes and checks the directories of the cluster of `var_dir`.
    ///
    /// # Errors
    /// When a directory can't be made, belongs to another user, can be opened by others, or can't be reached; when we
    /// are root and there is no user to run PostgreSQL as.
    pub(super) async fn prepare(var_dir: &Path) -> Result<Self, HomeError> {
        make_var_dir(var_dir).map_err(at(var_dir))?;
        // Absolute and free of links: the names of the other directories are made from it.
        let var_dir = std::fs::canonicalize(var_dir).map_err(at(var_dir))?;
        if var_dir.as_os_str().as_encoded_bytes().contains(&b'\n') {
            return Err(HomeError::LineBreak(var_dir));
        }
        let our_uid = our_uid().await?;
        let inside = var_dir.join("postgres");
        let (directory, account) = if our_uid == 0 {
            let (directory, account) = place_for_root(&var_dir, inside).await?;
            (directory, Some(account))
        } else {
            (inside, None)
        };
        private_directory(&directory, our_uid, account.as_ref())?;
        let socket_directory = socket_directory(&directory, &var_dir);
        private_directory(&socket_directory, our_uid, account.as_ref())?;
        if let Some(account) = &account {
            tracing::info!(
                user = account.name, directory = %directory.display(),
                "PostgreSQL refuses to run as root: it runs as another user"
            );
        }
        Ok(Self { directory, socket_directory, account })
    }

    /// The directory that everything of the cluster lies in, except perhaps its socket.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory that the server's socket lies in.
    pub(super) fn socket_directory(&self) -> &Path {
        &self.socket_directory
    }

    /// A command that runs in this directory as the cluster's owner. In a process group of its own: the terminal's
    /// Ctrl-C goes to our group, and the server must outlive it until we stop it.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = bare_command(program);
        command.current_dir(&self.directory).process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Hands an open file that we made to the cluster's owner.
    pub(super) fn give_to_owner(&self, file: &std::fs::File) -> io::Result<()> {
        match &self.account {
            Some(account) => std::os::unix::fs::fchown(file, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> HomeError + use<> {
    let path = path.to_path_buf();
    move |source| HomeError::File { path, source }
}

async fn our_uid() -> Result<u32, HomeError> {
    let output = Command::new("id").arg("-u").output().await.map_err(|_| HomeError::UnknownUser)?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| HomeError::UnknownUser)
}

/// Where root's cluster lies and as whom it runs: where it is already, else inside when its user can get there.
async fn place_for_root(var_dir: &Path, inside: PathBuf) -> Result<(PathBuf, Account), HomeError> {
    let users = std::fs::read_to_string("/etc/passwd").map_err(at(Path::new("/etc/passwd")))?;
    let outside = Path::new(ROOT_FALLBACK).join(short_hash(var_dir)).join("postgres");
    for directory in [&inside, &outside] {
        let Some(account) = owner_of_cluster(directory, &users) else { continue };
        if !can_enter(directory, &account).await? {
            return Err(HomeError::OutOfReach { directory: directory.clone(), user: account.name });
        }
        if *directory == outside {
            say_where(&outside);
        }
        return Ok((directory.clone(), account));
    }
    let account = ["postgres", "nobody"].into_iter().find_map(|name| named_account(&users, name));
    let account = account.ok_or(HomeError::NoUnprivilegedUser)?;
    if can_enter(var_dir, &account).await? {
        return Ok((inside, account));
    }
    for parent in outside.ancestors().skip(1).take(2).collect::<Vec<_>>().into_iter().rev() {
        std::fs::create_dir_all(parent).map_err(at(parent))?;
        // Whatever our umask: the user has to pass through.
        std::fs::set_permissions(parent, Permissions::from_mode(0o711)).map_err(at(parent))?;
    }
    say_where(&outside);
    Ok((outside, account))
}

fn say_where(outside: &Path) {
    tracing::info!(
        directory = %outside.display(),
        "the user that PostgreSQL runs as can't reach the var directory: the database lies elsewhere"
    );
}

/// The owner of a cluster that was made before.
fn owner_of_cluster(directory: &Path, users: &str) -> Option<Account> {
    let owner = std::fs::symlink_metadata(directory.join("data")).ok()?;
    let name = user_name(users, owner.uid()).unwrap_or_else(|| owner.uid().to_string());
    (owner.uid() != 0).then(|| Account { name, uid: owner.uid(), gid: owner.gid() })
}

/// Lines of /etc/passwd: name, password, uid, gid, …
fn accounts(users: &str) -> impl Iterator<Item = Account> {
    users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name, uid, gid })
    })
}

fn named_account(users: &str, name: &str) -> Option<Account> {
    accounts(users).find(|account| account.name == name && account.uid != 0)
}

fn user_name(users: &str, uid: u32) -> Option<String> {
    accounts(users).find(|account| account.uid == uid).map(|account| account.name)
}

/// Tried, not computed from modes: access lists count too. The child becomes the user before it changes directory.
async fn can_enter(directory: &Path, account: &Account) -> Result<bool, HomeError> {
    let mut command = bare_command(Path::new("/bin/sh"));
    command.args(["-c", ":"]).current_dir(directory).uid(account.uid).gid(account.gid);
    match command.status().await {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(at(directory)(error)),
    }
}

fn socket_directory(directory: &Path, var_dir: &Path) -> PathBuf {
    let usual = directory.join("socket");
    // The setting that names it takes neither control characters nor anything that isn't text; libpq (`psql`,
    // `createdb`) takes a comma for the end of a host's name.
    let plain = usual.to_str().is_some_and(|it| !it.chars().any(|it| it.is_control() || it == ','));
    if plain && usual.as_os_str().len() + 1 + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH {
        return usual;
    }
    Path::new(SHORT_PARENT).join(format!("pledges-{}", short_hash(var_dir)))
}

fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a directory that only its owner can open; one that is there must be exactly that, and no link.
fn private_directory(path: &Path, our_uid: u32, account: Option<&Account>) -> Result<(), HomeError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(path)(error)),
        _ => {}
    }
    let found = std::fs::symlink_metadata(path).map_err(at(path))?;
    let wanted = account.map_or(our_uid, |it| it.uid);
    if found.uid() != our_uid && found.uid() != wanted {
        return Err(HomeError::BelongsToAnother { directory: path.to_path_buf(), owner: found.uid() });
    }
    if !found.is_dir() || found.permissions().mode() & 0o077 != 0 {
        return Err(HomeError::NotPrivate(path.to_path_buf()));
    }
    if let Some(account) = account {
        lchown(path, Some(account.uid), Some(account.gid)).map_err(at(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\n\
                         broken\npostgres:x:70:71::/var/lib/postgresql:/bin/sh\nfake:x:0:0::/:\n";

    #[test]
    fn users_are_found_by_name_and_never_root() {
        let postgres = named_account(USERS, "postgres").unwrap();
        assert_eq!((postgres.uid, postgres.gid), (70, 71));
        assert_eq!(named_account(USERS, "nobody").unwrap().gid, 65533);
        assert_eq!(named_account(USERS, "fake"), None);
        assert_eq!(named_account(USERS, "broken"), None);
        assert_eq!(user_name(USERS, 70).as_deref(), Some("postgres"));
    }

    #[test]
    fn a_socket_path_that_is_too_long_or_odd_goes_to_a_short_one_that_stays_the_same() {
        let short = Path::new("/srv/with a space/var");
        assert_eq!(socket_directory(&short.join("postgres"), short), short.join("postgres/socket"));
        for odd in [format!("/srv/{}", "x".repeat(90)), "/srv/a\ttab".to_owned(), "/srv/a, comma".to_owned()] {
            let odd = Path::new(&odd);
            let socket = socket_directory(&odd.join("postgres"), odd);
            assert!(socket.starts_with("/tmp") && socket.as_os_str().len() < 40, "{socket:?}");
            assert_eq!(socket, socket_directory(&odd.join("postgres"), odd));
        }
        let longest = LONGEST_SOCKET_PATH - "/socket/".len() - SOCKET_NAME.len();
        let fits = PathBuf::from(format!("/{}", "x".repeat(longest - 1)));
        assert_eq!(socket_directory(&fits, &fits), fits.join("socket"));
        let longer = PathBuf::from(format!("/{}", "x".repeat(longest)));
        assert!(socket_directory(&longer, &longer).starts_with("/tmp"));
    }

    #[test]
    fn a_private_directory_is_ours_alone_and_no_link() {
        let root = std::env::temp_dir().join(format!("pledges-private-{}", std::process::id()));
        std::fs::create_dir(&root).unwrap();
        let ours = root.metadata().unwrap().uid();
        let path = root.join("private");
        private_directory(&path, ours, None).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o700);
        private_directory(&path, ours, None).unwrap();
        let error = private_directory(&path, ours + 1, None).unwrap_err();
        assert!(matches!(error, HomeError::BelongsToAnother { owner, .. } if owner == ours), "{error}");
        std::os::unix::fs::symlink(&path, root.join("link")).unwrap();
        assert!(matches!(private_directory(&root.join("link"), ours, None), Err(HomeError::NotPrivate(_))));
        std::fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(private_directory(&path, ours, None), Err(HomeError::NotPrivate(_))));
        std::fs::remove_dir_all(root).unwrap();
    }
}
