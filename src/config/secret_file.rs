//! Files that hold secrets: readable by their owner only, and written whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::ConfigError;

/// A file that holds secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile(PathBuf);

impl SecretFile {
    /// The file at `path`, there or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its text, without white space around it.
    ///
    /// # Errors
    /// When it can't be read, or others can read it.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        let mode = fs::metadata(&self.0).map_err(self.failed())?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ConfigError::BadSecret {
                name: self.0.display().to_string(),
                problem: "can be read by others",
                mend: "Make it private: chmod 600",
            });
        }
        let text = Zeroizing::new(fs::read_to_string(&self.0).map_err(self.failed())?);
        Ok(text.trim().into())
    }

    /// Makes it, with its directory, unless it is there; and reads it.
    ///
    /// # Errors
    /// When it can't be made or read.
    pub fn read_or_make(&self, secret: &str) -> Result<SecretString, ConfigError> {
        if self.0.exists() {
            return self.read();
        }
        let (directory, name) = self.place();
        DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(self.failed())?;
        // Written aside and linked into place: a crash leaves no half secret, and of two makers one wins.
        let draft = directory.join(format!(".{name}.{}", std::process::id()));
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(self.failed())?;
        out.write_all(secret.as_bytes()).and_then(|()| out.sync_all()).map_err(self.failed())?;
        let linked = fs::hard_link(&draft, &self.0);
        fs::remove_file(&draft).map_err(self.failed())?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(self.failed()(error)),
            _ => self.read(),
        }
    }

    /// Puts the text that `change` makes of the present one in its place, at once: whoever reads finds the one or the other,
    /// also after a crash. Owner and place stay, also behind a link. Nobody else can change it meanwhile.
    ///
    /// # Errors
    /// Those of `change`, when another change is under way, and when the file can't be written; then it is as it was.
    pub fn change<E: From<ConfigError>>(
        &self,
        change: impl FnOnce(&SecretString) -> Result<Zeroizing<String>, E>,
    ) -> Result<(), E> {
        let real = Self(fs::canonicalize(&self.0).map_err(self.failed())?);
        let (directory, name) = real.place();
        let draft = Draft::begin(directory.join(format!(".{name}.new")))?;
        let text = change(&real.read()?)?;
        draft.take_the_place_of(&real, &text)?;
        // The new name is on disk only when the directory is.
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(real.failed())?;
        Ok(())
    }

    fn place(&self) -> (&Path, String) {
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (directory, self.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
    }

    fn failed(&self) -> impl Fn(io::Error) -> ConfigError + use<> {
        let path = self.0.clone();
        move |source| ConfigError::File { path: path.clone(), source }
    }
}

/// The next text of a file, beside it. That only one can be there keeps two changes apart; it is removed when dropped.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn begin(path: PathBuf) -> Result<Self, ConfigError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ConfigError::ChangeUnderWay { path }),
            Err(source) => Err(ConfigError::File { path, source }),
        }
    }

    fn take_the_place_of(mut self, target: &SecretFile, text: &str) -> Result<(), ConfigError> {
        let owner = fs::metadata(&target.0).map_err(target.failed())?;
        let mine = self.file.metadata().map_err(target.failed())?;
        if (owner.uid(), owner.gid()) != (mine.uid(), mine.gid()) {
            // Or the service, which runs as somebody else, could not read it any more.
            fchown(&self.file, Some(owner.uid()), Some(owner.gid())).map_err(target.failed())?;
        }
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all()).map_err(target.failed())?;
        fs::rename(&self.path, &target.0).map_err(target.failed())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Not there any more when it has taken the file's place.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, SecretFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = SecretFile::at(directory.path().join("secret"));
        file.read_or_make(text).unwrap();
        (directory, file)
    }

    fn left(directory: &tempfile::TempDir) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    fn changed(
        file: &SecretFile,
        change: impl FnOnce(&SecretString) -> Result<Zeroizing<String>, ConfigError>,
    ) -> Result<(), ConfigError> {
        file.change(change)
    }

    #[test]
    fn a_change_replaces_the_whole_file_and_keeps_it_private() {
        let (directory, file) = file("before");
        changed(&file, |before| Ok(text(&format!("after {}\n", before.expose_secret())))).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "after before\n");
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(left(&directory), ["secret"]);
    }

    #[test]
    fn a_change_that_fails_leaves_everything_as_it_was() {
        let (directory, file) = file("before");
        let error = changed(&file, |_| Err(ConfigError::BadPublicUrl("is made up"))).unwrap_err();
        assert!(error.to_string().contains("is made up"));
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "before");
        assert_eq!(left(&directory), ["secret"]);
    }

    #[test]
    fn two_changes_at_once_do_not_undo_each_other() {
        let (directory, file) = file("before");
        changed(&file, |_| {
            let second = changed(&file, |_| Ok(text("second"))).unwrap_err();
            assert!(matches!(second, ConfigError::ChangeUnderWay { .. }), "{second}");
            Ok(text("first"))
        })
        .unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "first");
        assert_eq!(left(&directory), ["secret"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (directory, file) = file("before");
        let link = SecretFile::at(directory.path().join("link"));
        std::os::unix::fs::symlink(file.path(), link.path()).unwrap();
        changed(&link, |_| Ok(text("after"))).unwrap();
        assert!(fs::symlink_metadata(link.path()).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "after");
    }
}
