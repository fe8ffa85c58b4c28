//! Connections that somebody has for himself, past the pool.

use std::pin::pin;

use diesel_async::pooled_connection::PoolableConnection;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{Connection, Database, DbError, IsUnavailable};

/// Hears what is announced on one channel.
pub struct Listener {
    connection: Connection,
}

impl Listener {
    /// On a connection that listens.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The text of the next announcement.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the connection broke: then some may have been missed.
    pub async fn next(&mut self) -> Result<String, DbError> {
        match pin!(self.connection.notifications_stream()).next().await {
            Some(Ok(announcement)) => Ok(announcement.payload),
            _ => Err(DbError::Unavailable),
        }
    }
}

/// A connection that outlives its use, with its prepared statements, and is replaced when it is broken.
pub struct KeptConnection {
    database: Database,
    connection: Option<Connection>,
}

impl KeptConnection {
    /// None yet.
    pub(super) fn new(database: Database) -> Self {
        Self { database, connection: None }
    }

    /// The connection, opened anew when there is none or it is broken.
    ///
    /// # Errors
    /// [`DbError::Unavailable`], after 1.5 seconds at the latest.
    pub async fn get(&mut self) -> Result<&mut Connection, DbError> {
        if self.connection.as_mut().is_some_and(PoolableConnection::is_broken) {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.open().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Lends `work` the connection until `deadline`. One that was waited for in vain is thrown away, and so is one that says
    /// [`DbError::Unavailable`]: it may lead to a server that takes no writes any more.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] at the deadline; what was under way may or may not be committed. And those of `work`.
    pub async fn run_until<T, E: From<DbError> + IsUnavailable>(
        &mut self,
        deadline: Instant,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = timeout_at(deadline, async { work(self.get().await?).await }).await;
        let done = done.unwrap_or_else(|_| Err(DbError::Unavailable.into()));
        if done.as_ref().is_err_and(IsUnavailable::is_unavailable) {
            self.throw_away();
        }
        done
    }

    /// Throws the connection away: it was waited for in vain, or what is in it is unknown.
    pub fn throw_away(&mut self) {
        self.connection = None;
    }
}
