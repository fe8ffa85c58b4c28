//! A command's connection to the database: the one of `DATABASE_URL`, or the private PostgreSQL, which is started and
//! stopped when no service is running on the same var directory.

use anyhow::Context;
use secrecy::SecretString;

use crate::{
    config::{Mode, Settings},
    db::{
        Database,
        local_postgres::{LocalPostgres, LocalPostgresConfig},
        var_lock::{VarLock, VarLockError},
    },
};

/// An open database, and what must be let go of afterwards.
pub(super) struct Session {
    /// The pool.
    pub(super) database: Database,
    /// How careful to be.
    pub(super) mode: Mode,
    /// Its address.
    pub(super) url: SecretString,
    private: Option<(LocalPostgres, Option<VarLock>)>,
    _lock: Option<VarLock>,
}

impl Session {
    /// For a command that works beside a running service.
    pub(super) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        if settings.database_url.is_some() {
            return Self::new(settings, None, None);
        }
        let lock = match VarLock::take(&settings.var_dir) {
            Ok(lock) => Some(lock),
            // A service is running here: its PostgreSQL is ours too, and stays when we go.
            Err(VarLockError::Held { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let postgres = start_postgres(settings).await?;
        Self::new(settings, Some((postgres, lock)), None)
    }

    /// For the service itself: nobody else may use the var directory.
    pub(super) async fn open_alone(settings: &Settings) -> anyhow::Result<Self> {
        let lock = VarLock::take(&settings.var_dir)?;
        if settings.database_url.is_some() {
            return Self::new(settings, None, Some(lock));
        }
        let postgres = start_postgres(settings).await?;
        Self::new(settings, Some((postgres, Some(lock))), None)
    }

    fn new(
        settings: &Settings,
        private: Option<(LocalPostgres, Option<VarLock>)>,
        lock: Option<VarLock>,
    ) -> anyhow::Result<Self> {
        let private_url = private.as_ref().map(|(postgres, _)| postgres.url().into());
        let url = settings.database_url.clone().or(private_url).context("there is no database")?;
        let database = Database::new(&url, settings.database_connections)?
            .with_direct(settings.direct_database_url.as_ref())
            .with_owner(settings.owner_database_url.as_ref());
        Ok(Self { database, mode: settings.mode, url, private, _lock: lock })
    }

    /// Lets go: closes the pool, and stops the private PostgreSQL if no service uses it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.database.close();
        if let Some((postgres, Some(lock))) = self.private {
            postgres.stop().await?;
            drop(lock);
        }
        Ok(())
    }
}

async fn start_postgres(settings: &Settings) -> anyhow::Result<LocalPostgres> {
    let config = LocalPostgresConfig {
        var_dir: settings.var_dir.clone(),
        bin_dir: settings.postgres_bin.clone(),
        search_path: settings.search_path(),
        settings: Vec::new(),
    };
    Ok(LocalPostgres::start(&config).await?)
}
