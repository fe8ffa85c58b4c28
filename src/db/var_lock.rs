//! One service per `var/`: a lock that the kernel lets go when its holder ends, however it ends.
//! Apart from the private PostgreSQL, because a service with a `DATABASE_URL` keeps files under `var/` too.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Held as long as this value lives.
#[derive(Debug)]
pub struct VarLock {
    /// Never read again: closing it is what lets the lock go.
    _file: File,
}

/// Why the directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum VarLockError {
    /// Another service uses it.
    #[error(
        "{} is in use by another pledges service ({holder}). Stop that one first, or give this one a directory of its \
         own with PLEDGES_VAR_DIR", directory.display()
    )]
    Held {
        /// The directory, as it was asked for.
        directory: PathBuf,
        /// The other service.
        holder: Holder,
    },
    /// The system refused.
    #[error("cannot lock {}: {source}", file.display())]
    File {
        /// The lock file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Who holds the lock; `None` when the holder hasn't written its process id yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(out, "process {pid}; `kill {pid}` stops it"),
            None => out.write_str("it is just starting"),
        }
    }
}

impl VarLock {
    /// Takes `<var_dir>/lock`, making the directory when it is missing.
    ///
    /// # Errors
    /// `Held` when another process has it; `File` when the file can't be made, locked or written.
    pub fn take(var_dir: &Path) -> Result<Self, VarLockError> {
        let path = var_dir.join("lock");
        let failed = |source| VarLockError::File { file: path.clone(), source };
        make_var_dir(var_dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours the content is the holder's.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {
                let mut content = String::new();
                file.read_to_string(&mut content).map_err(failed)?;
                let holder = Holder(content.trim().parse().ok());
                return Err(VarLockError::Held { directory: var_dir.to_path_buf(), holder });
            }
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Makes `var/`. Others may pass through it but not list it: PostgreSQL, run by root as another user, must reach its
/// own directory inside. Every private thing inside has a mode of its own.
pub(super) fn make_var_dir(var_dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(var_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_service_is_refused_and_told_who_holds_the_directory() {
        let parent = std::env::temp_dir().join(format!("pledges-lock-{}", std::process::id()));
        let var_dir = parent.join("not/there/yet");
        let first = VarLock::take(&var_dir).unwrap();
        let message = VarLock::take(&var_dir).unwrap_err().to_string();
        assert!(message.contains(&format!("process {};", std::process::id())), "{message}");
        assert!(message.contains("PLEDGES_VAR_DIR"), "{message}");
        drop(first);
        drop(VarLock::take(&var_dir).unwrap());
        std::fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn what_a_dead_holder_wrote_does_not_matter() {
        let var_dir = std::env::temp_dir().join(format!("pledges-stale-lock-{}", std::process::id()));
        make_var_dir(&var_dir).unwrap();
        std::fs::write(var_dir.join("lock"), "4194304000\nmore than a pid\n").unwrap();
        let lock = VarLock::take(&var_dir).unwrap();
        let content = std::fs::read_to_string(var_dir.join("lock")).unwrap();
        assert_eq!(content, format!("{}\n", std::process::id()));
        drop(lock);
        std::fs::remove_dir_all(var_dir).unwrap();
    }
}
