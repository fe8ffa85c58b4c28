//! Sessions: one sign-in each, the family of its refresh tokens. Looked up for every request, so one that is ended anywhere
//! is over everywhere with the next request.

mod agent;
pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AccountError, Accounts, Who};
use crate::{
    crypto::{self, CryptoError},
    db::DbError,
};

pub use agent::Agent;

/// A session that is to be opened.
pub struct NewSession {
    id: Uuid,
    account: Uuid,
    agent: Agent,
    refresh_hash: [u8; 32],
}

impl NewSession {
    /// One for an account, and its first refresh token.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(account: Uuid, agent: Agent) -> Result<(Zeroizing<String>, Self), CryptoError> {
        let refresh = crypto::random_token()?;
        let refresh_hash = crypto::digest(refresh.as_bytes());
        Ok((refresh, Self { id: Uuid::now_v7(), account, agent, refresh_hash }))
    }
}

/// A session that is open.
#[derive(Clone, Debug)]
pub struct Open {
    /// The session.
    pub id: Uuid,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was last used, to about a minute.
    pub used_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// With what program it was opened.
    pub agent: Agent,
}

/// Which of an account's sessions to end.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// This one.
    One(Uuid),
    /// All but this one.
    AllBut(Uuid),
    /// All.
    All,
}

impl Accounts {
    /// An account's open sessions, the one used last first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions(&self, account: Uuid) -> Result<Vec<Open>, AccountError> {
        Ok(self.database.run(async |connection| store::open_ones(connection, account).await).await?)
    }

    /// Ends sessions of one's own.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when there is no such session, and others of the database.
    pub async fn end_own(&self, who: &Who, which: Which) -> Result<(), AccountError> {
        let end = async |connection: &mut _| store::end(connection, who, who.id, which, "elsewhere").await;
        Ok(self.database.run(end).await?)
    }

    /// Ends all sessions of an account, for an admin.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when there is no such account, and others of the database.
    pub async fn end_all_of(&self, who: &Who, account: Uuid) -> Result<(), AccountError> {
        let end = async |connection: &mut _| {
            super::managed::store::exists(connection, account).await?;
            store::end(connection, who, account, Which::All, "admin").await
        };
        Ok(self.database.run(end).await?)
    }

    /// Ends a session of anybody, for an admin.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when there is no such session, and others of the database.
    pub async fn end_any(&self, who: &Who, session: Uuid) -> Result<(), AccountError> {
        let end = async |connection: &mut _| {
            let account = store::owner(connection, session).await?.ok_or(DbError::NotFound)?;
            store::end(connection, who, account, Which::One(session), "admin").await
        };
        Ok(self.database.run(end).await?)
    }
}
