//! The second factor: a code that a program on one's phone shows ([`totp`]), or one of ten recovery codes ([`recovery`]). A
//! secret is offered first and holds once a code of it came back, so that nobody locks themselves out. Each code is taken
//! once, by whichever instance: the row says up to which step they are spent. The secret is sealed under a key that isn't in
//! the database, and sealed anew under the current one whenever a code is taken.

pub mod recovery;
pub mod routes;
pub mod store;
pub mod totp;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AccountError, Accounts, Who};
use crate::crypto::{CryptoError, KeyId, PurposeKeys, RootSecret};
use recovery::Codes;
use totp::Secret;

/// What the key of secrets is for.
pub(super) const PURPOSE: &str = "second factors v1";

/// How long an offered secret can be confirmed, in minutes.
pub const OFFER_MINUTES: i32 = 30;

/// What shows who somebody is, beside the password. Spent when it is accepted ([`store::spend`]).
pub enum Proof {
    /// Nothing is needed: the account has no second factor.
    Password,
    /// A code of an app.
    Step {
        /// Which.
        step: i64,
        /// The secret, sealed anew.
        sealed: Vec<u8>,
    },
    /// The hash of a recovery code.
    Recovery([u8; 32]),
}

/// What is known of an account's second factor.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Since when there is one; None: there is none.
    pub since: Option<DateTime<Utc>>,
    /// Recovery codes that weren't used yet.
    pub codes_left: i64,
    /// Until when what the session has proved is fresh.
    pub proved_until: DateTime<Utc>,
}

/// The key id in secrets that are sealed under `root`.
pub fn key_id(root: &RootSecret) -> KeyId {
    root.derive(PURPOSE, b"").id()
}

fn place(account: Uuid) -> Vec<u8> {
    [PURPOSE.as_bytes(), b" ", account.as_bytes().as_slice()].concat()
}

/// Seals the secret of an account.
///
/// # Errors
/// Those of [`PurposeKeys::seal`].
pub fn seal(keys: &PurposeKeys, account: Uuid, secret: &Secret) -> Result<Vec<u8>, CryptoError> {
    keys.seal(secret.expose(), &place(account))
}

fn open(keys: &PurposeKeys, account: Uuid, sealed: &[u8]) -> Result<Secret, CryptoError> {
    Secret::of(&keys.open(sealed, &place(account))?).ok_or(CryptoError::DoesNotOpen)
}

impl Accounts {
    /// What a typed code proves, if anything; whether it was used before is seen when it is spent.
    pub(super) fn proof(&self, account: Uuid, sealed: &[u8], code: &str) -> Result<Option<Proof>, CryptoError> {
        if let Some(hash) = recovery::hash(code) {
            return Ok(Some(Proof::Recovery(hash)));
        }
        let secret = open(&self.seal, account, sealed)?;
        let Some(step) = secret.step_of(code.trim(), self.clock.now()) else { return Ok(None) };
        Ok(Some(Proof::Step { step, sealed: seal(&self.seal, account, &secret)? }))
    }

    /// What is known of one's second factor.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standing(&self, who: &Who) -> Result<Standing, AccountError> {
        Ok(self.database.run(async |connection| store::standing(connection, who).await).await?)
    }

    /// Offers a new secret, in the place of one that was offered before. The one in force stays until [`Self::confirm`].
    ///
    /// # Errors
    /// Those of the database, and when there is no randomness.
    pub async fn offer(&self, who: &Who) -> Result<Secret, AccountError> {
        let secret = Secret::random()?;
        let sealed = seal(&self.seal, who.id, &secret)?;
        self.database.run(async |connection| store::offer(connection, who, &sealed).await).await?;
        Ok(secret)
    }

    /// The offered secret holds from now on, because a code of it came back. Other sessions end, and there are new recovery
    /// codes, which are given out this once.
    ///
    /// # Errors
    /// [`AccountError::NoSecondFactor`] when none was offered lately, a field when the code is wrong, and those of the database.
    pub async fn confirm(&self, who: &Who, code: &str) -> Result<Vec<Zeroizing<String>>, AccountError> {
        let offered = async |connection: &mut _| store::offered(connection, who.id).await;
        let offered = self.database.run(offered).await?.ok_or(AccountError::NoSecondFactor)?;
        let secret = open(&self.seal, who.id, &offered)?;
        let wrong = AccountError::Field("/code", crate::http::FieldCode::InvalidCode);
        let step = secret.step_of(code.trim(), self.clock.now()).ok_or(wrong)?;
        let codes = Codes::new()?;
        let confirm = async |connection: &mut _| store::confirm(connection, who, &offered, step, &codes.hashes).await;
        if self.database.run(confirm).await? { Ok(codes.shown) } else { Err(AccountError::NoSecondFactor) }
    }

    /// Takes one's second factor off, and the recovery codes with it.
    ///
    /// # Errors
    /// [`AccountError::NeedsSecondFactor`] for admins in production, and those of the database.
    pub async fn take_off(&self, who: &Who) -> Result<(), AccountError> {
        if self.needs_second_factor(who.role) {
            return Err(AccountError::NeedsSecondFactor);
        }
        Ok(self.database.run(async |connection| store::take_off(connection, who).await).await?)
    }

    /// New recovery codes in the place of the old ones, given out this once.
    ///
    /// # Errors
    /// [`AccountError::NoSecondFactor`] when there is nothing to recover, and those of the database.
    pub async fn new_codes(&self, who: &Who) -> Result<Vec<Zeroizing<String>>, AccountError> {
        if !who.second_factor {
            return Err(AccountError::NoSecondFactor);
        }
        let codes = Codes::new()?;
        self.database.run(async |connection| store::new_codes(connection, who, &codes.hashes).await).await?;
        Ok(codes.shown)
    }
}
