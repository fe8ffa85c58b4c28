//! Mails as files, for development: nobody but their owner can read them.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{
    fs::{DirBuilder, OpenOptions, rename},
    io::AsyncWriteExt,
};
use uuid::Uuid;

use super::{Failure, SendError};

/// A directory of mails.
pub(super) struct Files(PathBuf);

impl Files {
    /// In `directory`, which is made when the first mail comes.
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Writes `ID.eml`, whole or not at all.
    pub(super) async fn write(&self, id: Uuid, message: &[u8]) -> Result<(), SendError> {
        // Without the directory nothing can be written, as without a mail server.
        self.put(id, message).await.map_err(|_| SendError::Unreachable(Failure::File))
    }

    async fn put(&self, id: Uuid, message: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).await?;
        let draft = self.0.join(format!(".{id}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).await?;
        file.write_all(message).await?;
        file.sync_all().await?;
        rename(&draft, self.0.join(format!("{id}.eml"))).await
    }
}
