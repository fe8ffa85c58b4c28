//! The recipient of development: an identity in the var directory, made when it isn't there.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::recipients::{Identity, Recipient};

/// Where the identity lies in the var directory.
pub const FILE: &str = "development-identity.age";

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct DevelopmentIdentityError {
    path: PathBuf,
    source: io::Error,
}

/// Its public half. Whoever reads the file opens everything that is sealed in development: that is why it is for development
/// only.
///
/// # Errors
/// When the file can't be read or made, or is no identity.
pub fn recipient(var_dir: &Path, made: &str) -> Result<Recipient, DevelopmentIdentityError> {
    let path = var_dir.join(FILE);
    let failed = |source| DevelopmentIdentityError { path: path.clone(), source };
    fs::create_dir_all(var_dir).map_err(failed)?;
    // Written aside and linked into place: a crash leaves no half key, and of two makers one wins.
    if !path.exists() {
        let draft = var_dir.join(format!(".{FILE}.{}", std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(failed)?;
        let text = Identity::generate().file(made);
        file.write_all(text.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
    }
    let text = Zeroizing::new(fs::read_to_string(&path).map_err(failed)?);
    let identities = Identity::parse_file(&text).map_err(|error| failed(io::Error::other(error)))?;
    let first = identities.first().ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(first.recipient())
}
