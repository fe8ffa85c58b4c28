//! Proving again who one is, within a session: with the password, or with a code of the second factor. Whoever sits down at
//! an open console has neither. And a new password of one's own, which needs the old one.

pub mod routes;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::{AccountError, Accounts, Entrance, Who, passwords, second_factor, sessions, store};
use crate::db::DbError;

/// What is offered as a proof.
pub enum Offered {
    /// The password.
    Password(Zeroizing<String>),
    /// A code of the second factor.
    Code(Zeroizing<String>),
}

impl Accounts {
    /// Proves who somebody is, for [`super::FRESH_MINUTES`] from now. Failures of a session slow that session, and its source.
    ///
    /// # Errors
    /// [`AccountError::NotProved`], [`AccountError::Slowed`], [`AccountError::Busy`], and those of the database.
    pub async fn step_up(
        &self,
        who: &Who,
        offered: Offered,
        entrance: Entrance,
    ) -> Result<DateTime<Utc>, AccountError> {
        self.slowed(who, entrance, async || {
            let proved = match offered {
                Offered::Password(password) => {
                    self.old_hash(who, password).await?;
                    self.database.run(async |connection| sessions::store::proved(connection, who).await).await?
                }
                Offered::Code(code) => {
                    let found = async |connection: &mut _| store::credentials_of(connection, who.id).await;
                    let sealed = self.database.run(found).await?.and_then(|credentials| credentials.sealed);
                    let proof = match sealed {
                        Some(sealed) => self.proof(who.id, &sealed, &code)?,
                        None => None,
                    };
                    let proof = proof.ok_or(AccountError::NotProved)?;
                    let spend = async |connection: &mut _| second_factor::store::prove(connection, who, &proof).await;
                    self.database.run(spend).await?.ok_or(AccountError::NotProved)?
                }
            };
            Ok(proved)
        })
        .await
    }

    /// Gives somebody a new password and ends the account's other sessions.
    ///
    /// # Errors
    /// [`AccountError::NotProved`] when the old one is wrong, a field when the new one can't be taken, and those of
    /// [`Self::step_up`].
    pub async fn change_password(
        &self,
        who: &Who,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
        entrance: Entrance,
    ) -> Result<(), AccountError> {
        passwords::acceptable(&new, &who.login).map_err(|code| AccountError::Field("/new_password", code))?;
        self.slowed(who, entrance, async || {
            let old_hash = self.old_hash(who, old).await?;
            let new_hash = self.passwords.hash(new).await?;
            let change = async |connection: &mut _| store::change_password(connection, who, &old_hash, &new_hash).await;
            Ok(self.database.run(change).await?)
        })
        .await
    }

    /// The hash behind the right password.
    async fn old_hash(&self, who: &Who, password: Zeroizing<String>) -> Result<String, AccountError> {
        let found = async |connection: &mut _| store::credentials_of(connection, who.id).await;
        let hash = self.database.run(found).await?.ok_or(DbError::NotFound)?.password_hash;
        if self.passwords.verify(password, Some(hash.clone()), true).await? {
            Ok(hash)
        } else {
            Err(AccountError::NotProved)
        }
    }

    async fn slowed<T>(
        &self,
        who: &Who,
        entrance: Entrance,
        work: impl AsyncFnOnce() -> Result<T, AccountError>,
    ) -> Result<T, AccountError> {
        let session = who.session.to_string();
        let attempt = self.limits.begin_login(&session, entrance.source).map_err(AccountError::Slowed)?;
        let done = work().await;
        if !matches!(done, Err(AccountError::NotProved)) {
            self.limits.login_forgiven(attempt);
        }
        done
    }
}
