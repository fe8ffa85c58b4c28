//! Passwords: Argon2id, a few at a time, and as long for a login that doesn't exist.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::AccountError;
use crate::crypto::{self, CryptoError};

/// Characters that a chosen password has at least (NIST SP 800-63B asks for 15 where it is the only factor).
pub const MIN_CHARS: usize = 15;

/// Hashes that are computed at once: each takes 19 MiB and a core (OWASP: Argon2id, m=19456, t=2, p=1).
const AT_ONCE: usize = 2;

/// How long a log-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hashes and checks passwords. Clones share the turn-taking.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    nobody: Arc<str>,
}

impl Passwords {
    /// Prepares the hash that unknown logins are checked against.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> Result<Self, CryptoError> {
        let nobody = hash(&crypto::random_token()?)?.into();
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    /// Whether `password` is the one behind `hash`; None stands for a login that doesn't exist and takes as long.
    ///
    /// # Errors
    /// [`AccountError::Busy`] when the turn doesn't come within two seconds.
    pub async fn verify(&self, password: Zeroizing<String>, hash: Option<String>) -> Result<bool, AccountError> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(AccountError::Busy)?;
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await;
        Ok(checked.unwrap_or(false) && exists)
    }
}

/// The hash of a new password, as a PHC string.
///
/// # Errors
/// When there is no randomness for the salt.
pub fn hash(password: &str) -> Result<String, CryptoError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| CryptoError::NoRandomness)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_somebody_passes() {
        let passwords = Passwords::new().unwrap();
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let check = async |password: &str, hash: Option<&String>| {
            passwords.verify(Zeroizing::new(password.to_owned()), hash.cloned()).await.unwrap()
        };
        assert!(check("correct horse battery", Some(&stored)).await);
        assert!(!check("correct horse batterY", Some(&stored)).await);
        assert!(!check("correct horse battery", None).await);
        assert!(!check("anything", Some(&"not a hash".to_owned())).await);
    }
}
