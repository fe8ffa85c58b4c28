//! Passwords: Argon2id, a few at a time, and as long for a login that doesn't exist. And which are too easy to guess.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::AccountError;
use crate::{
    crypto::{self, CryptoError},
    http::FieldCode,
};

/// Characters that a chosen password has at least (NIST SP 800-63B asks for 15 where it is the only factor).
pub const MIN_CHARS: usize = 15;

/// Characters that a password has at the most.
pub const MAX_CHARS: usize = 1_000;

/// Characters of a password that are left at least when all that is [`COMMON`] is taken out of it.
const OWN_CHARS: usize = 8;

/// What long passwords that many choose are made of, besides the login: the words of lists of common passwords, rows of keys,
/// and the words of this service (ASVS 5.0, 6.2.4 and 6.2.11).
const COMMON: [&str; 38] = [
    "password",
    "passwort",
    "passwd",
    "contraseña",
    "letmein",
    "iloveyou",
    "welcome",
    "administrator",
    "admin",
    "login",
    "master",
    "secret",
    "dragon",
    "monkey",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "correcthorsebatterystaple",
    "changeme",
    "default",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "qwerty",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc",
    "abcdefghij",
    "1234567890",
    "0987654321",
    "123456789",
    "pledges",
    "moderator",
    "togetherwedefend",
];

/// Hashes that are computed at once: each takes 19 MiB and a core (OWASP: Argon2id, m=19456, t=2, p=1).
const AT_ONCE: usize = 2;

/// The same for those whose source has signed in to the account before: strangers that come in crowds don't take their place.
const KNOWN_AT_ONCE: usize = 1;

/// How long a log-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hashes and checks passwords. Clones share the turn-taking.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    known_turns: Arc<Semaphore>,
    nobody: Arc<str>,
}

impl Passwords {
    /// Prepares the hash that unknown logins are checked against.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> Result<Self, CryptoError> {
        let nobody = hash(&crypto::random_token()?)?.into();
        let [turns, known_turns] = [AT_ONCE, KNOWN_AT_ONCE].map(|turns| Arc::new(Semaphore::new(turns)));
        Ok(Self { turns, known_turns, nobody })
    }

    async fn turn(&self, known: bool) -> Result<OwnedSemaphorePermit, AccountError> {
        let turns = if known { &self.known_turns } else { &self.turns };
        let turn = tokio::time::timeout(PATIENCE, turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(AccountError::Busy)
    }

    /// Whether `password` is the one behind `hash`; None stands for a login that doesn't exist and takes as long, and so does
    /// what is no hash. `known`: whether the source has signed in to this account before.
    ///
    /// # Errors
    /// [`AccountError::Busy`] when the turn doesn't come within two seconds.
    pub async fn verify(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
        known: bool,
    ) -> Result<bool, AccountError> {
        let turn = self.turn(known).await?;
        let hash = hash.filter(|hash| PasswordHash::new(hash).is_ok());
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

    /// The hash of a new password, see [`hash`].
    ///
    /// # Errors
    /// [`AccountError::Busy`] when the turn doesn't come within two seconds, and when there is no randomness.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, AccountError> {
        let turn = self.turn(false).await?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hash(&password)
        });
        Ok(hashed.await.unwrap_or(Err(CryptoError::NoRandomness))?)
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

/// Whether a password may be chosen for an account. Any characters may stand in it; there are no rules of composition.
///
/// # Errors
/// [`FieldCode::TooShort`], [`FieldCode::TooLong`], [`FieldCode::EasyToGuess`].
pub fn acceptable(password: &str, login: &str) -> Result<(), FieldCode> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(FieldCode::TooShort);
    }
    if chars > MAX_CHARS {
        return Err(FieldCode::TooLong);
    }
    let mut own: String = password.to_lowercase();
    let login = login.to_lowercase();
    // A login of a letter or two is in every other word.
    for common in std::iter::once(login.as_str()).filter(|login| login.len() > 2).chain(COMMON) {
        own = own.replace(common, "");
    }
    let different: std::collections::BTreeSet<char> = own.chars().collect();
    let enough = own.chars().count() >= OWN_CHARS && different.len() > OWN_CHARS / 2;
    if enough { Ok(()) } else { Err(FieldCode::EasyToGuess) }
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
            passwords.verify(Zeroizing::new(password.to_owned()), hash.cloned(), false).await.unwrap()
        };
        assert!(check("correct horse battery", Some(&stored)).await);
        assert!(!check("correct horse batterY", Some(&stored)).await);
        assert!(!check("correct horse battery", None).await);
        assert!(!check("anything", Some(&"not a hash".to_owned())).await);
        assert!(!check("", Some(&String::new())).await, "an account that was reset has no password");
    }

    #[test]
    fn what_many_choose_is_refused() {
        for (password, refused) in [
            ("correct horse battery", None),
            ("nöt quite så short", None),
            ("日本語でも長いパスワードは良い", None),
            ("fourteen chars", Some(FieldCode::TooShort)),
            ("passwordpassword", Some(FieldCode::EasyToGuess)),
            ("Password1234567890", Some(FieldCode::EasyToGuess)),
            ("qwertyuiopasdfghjkl", Some(FieldCode::EasyToGuess)),
            ("aaaaaaaaaaaaaaaaaaaaaa", Some(FieldCode::EasyToGuess)),
            ("abababababababababab", Some(FieldCode::EasyToGuess)),
            ("TogetherWeDefend2018", Some(FieldCode::EasyToGuess)),
            ("Ada.LovelaceAda.Lovelace", Some(FieldCode::EasyToGuess)),
            ("ada.lovelace and something", None),
        ] {
            assert_eq!(acceptable(password, "ada.lovelace").err(), refused, "{password}");
        }
        assert_eq!(acceptable(&"ab1".repeat(334), "ada"), Err(FieldCode::TooLong));
    }
}
