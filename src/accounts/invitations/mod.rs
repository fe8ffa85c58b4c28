//! Invitations: a one-time link by which somebody makes an account that an admin has planned, or gets a new password for one
//! that was reset. The token is in the fragment of the link, which browsers send nowhere, and stored hashed. It is good once,
//! for [`HOURS`], unless it is revoked or another link for the same login takes its place.
//!
//! The second factor may be set up in the same go, and in production admins must. The secret that is offered comes from the
//! token and a key of the root secret, so nothing is stored for a link that nobody accepts; should the root secret be rotated
//! between the two steps, the code is refused, and looking again offers another one.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    AccountError, Accounts, Agent, Role, Seat, SignedIn, Who, passwords,
    second_factor::{self, recovery::Codes, totp::Secret},
};
use crate::{
    crypto::{self, CryptoError},
    db::DbError,
    http::FieldCode,
};

/// What the key of offered secrets is for.
pub(super) const PURPOSE: &str = "second factors of invitations v1";

/// How long a link is good.
pub const HOURS: i32 = 72;

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// The campaigns it may see.
    pub campaigns: Vec<Seat>,
}

/// An invitation.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// The login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// The campaigns it may see.
    pub campaigns: Vec<Seat>,
    /// The account that gets a new password; None: a new one is made.
    pub resets: Option<Uuid>,
    /// Login of who invited; None: the operator.
    pub made_by: Option<String>,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was revoked, or another took its place.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether it can be accepted (database clock).
    pub is_open: bool,
}

/// A link: to be given out once, over a channel that only the invited reads.
pub struct Link {
    /// The invitation.
    pub invitation: Invitation,
    /// What the link carries.
    pub token: Zeroizing<String>,
}

impl Link {
    /// The address, at a service that is reached at `origin`.
    pub fn address(&self, origin: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{origin}/moderation/#invite={}", self.token.as_str()))
    }
}

/// What the invited gives.
pub struct Acceptance {
    /// The token of the link.
    pub token: Zeroizing<String>,
    /// The password of their choice.
    pub password: Zeroizing<String>,
    /// A code of the offered secret, to have it hold.
    pub code: Option<Zeroizing<String>>,
    /// With what program.
    pub agent: Agent,
}

/// A new account's second factor, as it is kept.
pub struct Factor {
    /// The secret, by account.
    seal: Box<dyn Fn(Uuid) -> Result<Vec<u8>, CryptoError> + Send + Sync>,
    step: i64,
    hashes: Vec<Vec<u8>>,
}

/// Whether a login has the form that one has.
pub fn is_login(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (bytes, sign) = (text.as_bytes(), |byte: &u8| b"._-".contains(byte));
    let edges = [bytes.first(), bytes.last()].iter().all(|edge| edge.is_some_and(|edge| letter(*edge)));
    let double = bytes.windows(2).any(|pair| pair.iter().all(sign));
    bytes.len() <= 63 && edges && !double && bytes.iter().all(|byte| letter(*byte) || sign(byte))
}

impl Accounts {
    /// Invites somebody; a link for the same login that is open ends. `campaigns` are slugs, `organises` some of them.
    ///
    /// # Errors
    /// [`AccountError::LoginTaken`], fields that aren't right, and those of the database.
    pub async fn invite(
        &self,
        who: &Who,
        login: &str,
        role: Role,
        campaigns: &[String],
        organises: &[String],
    ) -> Result<Link, AccountError> {
        if !is_login(login) {
            return Err(AccountError::Field("/login", FieldCode::InvalidLogin));
        }
        let campaigns = self.seats(role, campaigns, organises).await?;
        let plan = Plan { login: login.to_owned(), role, campaigns };
        let token = crypto::random_token()?;
        let hash = crypto::digest(token.as_bytes());
        let made = self.database.run(async |connection| store::make(connection, Some(who), &plan, &hash).await).await;
        match made {
            Ok(Some(invitation)) => Ok(Link { invitation, token }),
            Ok(None) => Err(AccountError::LoginTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// An account's campaigns, those of them organised: somebody who is no admin needs one.
    pub(super) async fn seats(
        &self,
        role: Role,
        slugs: &[String],
        organises: &[String],
    ) -> Result<Vec<Seat>, AccountError> {
        if role != Role::Admin && slugs.is_empty() {
            return Err(AccountError::Field("/campaigns", FieldCode::Required));
        }
        let find = async |connection: &mut _| super::store::seats(connection, slugs).await;
        let found = self.database.run(find).await?;
        let mut seats = found.ok_or(AccountError::Field("/campaigns", FieldCode::UnknownCampaign))?;
        if !organises.iter().all(|slug| slugs.contains(slug)) {
            return Err(AccountError::Field("/organises", FieldCode::UnknownCampaign));
        }
        for seat in &mut seats {
            seat.organises = organises.contains(&seat.slug);
        }
        Ok(seats)
    }

    /// Voids password, second factor, recovery codes and sessions of an account, and gives a link by which its owner sets it up
    /// anew.
    ///
    /// # Errors
    /// [`AccountError::OwnAccount`], [`DbError::NotFound`] when there is no such account or it is closed, and others of the
    /// database.
    pub async fn reset(&self, who: &Who, account: Uuid) -> Result<Link, AccountError> {
        if who.id == account {
            return Err(AccountError::OwnAccount);
        }
        let token = crypto::random_token()?;
        let hash = crypto::digest(token.as_bytes());
        let reset = async |connection: &mut _| store::reset(connection, Some(who), account, &hash).await;
        Ok(Link { invitation: self.database.run(reset).await?, token })
    }

    /// Invitations, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, AccountError> {
        Ok(self.database.run(async |connection| store::list(connection).await).await?)
    }

    /// Ends an invitation.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when there is none that is open, and others of the database.
    pub async fn revoke(&self, who: &Who, invitation: Uuid) -> Result<(), AccountError> {
        Ok(self.database.run(async |connection| store::revoke(connection, who, invitation).await).await?)
    }

    /// What a link is good for, and the secret that may be set up with it.
    ///
    /// # Errors
    /// [`AccountError::NoInvitation`], and those of the database.
    pub async fn look_at_invitation(&self, token: &str) -> Result<(Invitation, Secret), AccountError> {
        let hash = crypto::digest(token.as_bytes());
        let open = async |connection: &mut _| store::open_one(connection, &hash).await;
        let invitation = self.database.run(open).await?.ok_or(AccountError::NoInvitation)?;
        Ok((invitation, self.offered_secret(&hash)?))
    }

    fn offered_secret(&self, token_hash: &[u8; 32]) -> Result<Secret, CryptoError> {
        let bytes = Zeroizing::new(self.offers.hash(&[token_hash]));
        Secret::of(bytes.as_slice()).ok_or(CryptoError::DoesNotSeal)
    }

    /// Makes the account, or gives it its new password, and signs in. The answer has the recovery codes, if there is a second
    /// factor now.
    ///
    /// # Errors
    /// [`AccountError::NoInvitation`], [`AccountError::LoginTaken`], fields that aren't right, [`AccountError::Busy`], and those
    /// of the database.
    pub async fn accept(&self, acceptance: Acceptance) -> Result<(SignedIn, Vec<Zeroizing<String>>), AccountError> {
        let (invitation, secret) = self.look_at_invitation(&acceptance.token).await?;
        passwords::acceptable(&acceptance.password, &invitation.login)
            .map_err(|code| AccountError::Field("/password", code))?;
        let codes = Codes::new()?;
        let factor = match acceptance.code {
            None if self.needs_second_factor(invitation.role) => {
                return Err(AccountError::Field("/code", FieldCode::Required));
            }
            None => None,
            Some(code) => {
                let step = secret.step_of(code.trim(), self.clock.now());
                let step = step.ok_or(AccountError::Field("/code", FieldCode::InvalidCode))?;
                let keys = self.seal.clone();
                let seal = Box::new(move |account| second_factor::seal(&keys, account, &secret));
                Some(Factor { seal, step, hashes: codes.hashes })
            }
        };
        let hash = self.passwords.hash(acceptance.password).await?;
        let (agent, given) = (acceptance.agent, factor.as_ref());
        let accept = async |connection: &mut _| store::accept(connection, &invitation, &hash, given, agent).await;
        let (refresh, who) = self.database.run(accept).await?;
        let shown = if factor.is_some() { codes.shown } else { Vec::new() };
        Ok((self.signed_in(refresh, who)?, shown))
    }
}

impl From<store::NotAccepted> for AccountError {
    fn from(error: store::NotAccepted) -> Self {
        match error {
            store::NotAccepted::Ended => Self::NoInvitation,
            store::NotAccepted::Crypto(error) => Self::Crypto(error),
            store::NotAccepted::Database(DbError::Constraint("moderators_login_key")) => Self::LoginTaken,
            store::NotAccepted::Database(error) => Self::Database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_login;

    #[test]
    fn a_login_has_the_form_that_the_database_asks_for() {
        for right in ["a", "ada", "ada.lovelace", "a-1_b", "0", &"a".repeat(63)] {
            assert!(is_login(right), "{right}");
        }
        for wrong in ["", "Ada", "ada.", ".ada", "a..b", "a._b", "ada lovelace", "ädä", "a\0b", &"a".repeat(64)] {
            assert!(!is_login(wrong), "{wrong}");
        }
    }
}
