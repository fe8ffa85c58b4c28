//! People who sign in. `login` checks the password ([`passwords`]), opens a session and gives two tokens: a short-lived
//! access token ([`tokens`]) and a refresh token that is exchanged once ([`store`]). Each later request proves who it
//! is by [`signed::Signed`], which stands in a handler's arguments: forgetting it doesn't compile.

pub mod passwords;
pub mod routes;
pub mod signed;
pub mod store;
pub mod tokens;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    crypto::{self, CryptoError, KeyRing},
    db::{Database, DbError},
    gate::limits::Limits,
};

use passwords::Passwords;
use tokens::AccessTokens;

/// How long a session lasts at the most, in hours.
pub const SESSION_HOURS: i32 = 12;

/// What somebody may do. Each role may do all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Finds and removes pledges of given campaigns.
    Moderator,
    /// Also reads the audit log of given campaigns.
    Organiser,
    /// Everything, in every campaign.
    Admin,
}

impl Role {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moderator => "moderator",
            Self::Organiser => "organiser",
            Self::Admin => "admin",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Moderator, Self::Organiser, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// Somebody who is signed in, as the database has it at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The account.
    pub id: Uuid,
    /// Its login.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// The session.
    pub session: Uuid,
    /// Slugs and ids of the campaigns it may see; an admin sees all, listed or not.
    pub campaigns: Vec<(Uuid, String)>,
}

impl Who {
    /// Whether this person may see the campaign.
    pub fn may_see(&self, campaign: Uuid) -> bool {
        self.role == Role::Admin || self.campaigns.iter().any(|(id, _)| *id == campaign)
    }
}

/// What a sign-in or a refresh gives.
pub struct SignedIn {
    /// The access token.
    pub access: Zeroizing<String>,
    /// The refresh token.
    pub refresh: Zeroizing<String>,
    /// Who it is.
    pub who: Who,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Unknown login, wrong password or closed account: not told apart.
    #[error("login failed")]
    WrongLogin,
    /// The refresh token is unknown, consumed or of an ended session.
    #[error("the session has ended")]
    NoSession,
    /// More are signing in than can be checked at once.
    #[error("too many are signing in")]
    Busy,
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// No randomness, or a token can't be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    database: Database,
    passwords: Passwords,
    tokens: Arc<AccessTokens>,
    limits: Limits,
    public_origin: Arc<str>,
}

impl Accounts {
    /// Accounts of the service that is reached at `public_origin`.
    ///
    /// # Errors
    /// When tokens can't be signed and checked (a self-test).
    pub fn new(
        database: Database,
        ring: &KeyRing,
        clock: Clock,
        public_origin: &str,
        limits: Limits,
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            database,
            passwords: Passwords::new()?,
            tokens: Arc::new(AccessTokens::new(ring, clock)?),
            limits,
            public_origin: public_origin.into(),
        })
    }

    /// Signs somebody in. Takes the same time whether or not the login exists.
    ///
    /// # Errors
    /// [`AccountError::WrongLogin`], [`AccountError::Busy`], and those of the database.
    pub async fn login(&self, login: &str, password: Zeroizing<String>) -> Result<SignedIn, AccountError> {
        let login = login.to_lowercase();
        let found = self.database.run(async |connection| store::credentials(connection, &login).await).await?;
        // Checking takes tens of milliseconds; no connection is held meanwhile.
        let hash = found.as_ref().map(|credentials| credentials.password_hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        let Some(credentials) = found.filter(|credentials| right && !credentials.disabled) else {
            return Err(AccountError::WrongLogin);
        };
        let refresh = crypto::random_token()?;
        let session = Uuid::now_v7();
        let token = crypto::digest(refresh.as_bytes());
        let open = async |connection: &mut _| store::open_session(connection, credentials.id, session, &token).await;
        let who = self.database.run(open).await?.ok_or(AccountError::WrongLogin)?;
        Ok(SignedIn { access: self.tokens.issue(who.id, who.session)?, refresh, who })
    }

    /// Exchanges a refresh token for new tokens. A token that was exchanged before ends the session, unless its
    /// successor was never used (then the answer was lost, or two tabs asked at once).
    ///
    /// # Errors
    /// [`AccountError::NoSession`], and those of the database.
    pub async fn refresh(&self, token: &str) -> Result<SignedIn, AccountError> {
        let next = crypto::random_token()?;
        let (old, new) = (crypto::digest(token.as_bytes()), crypto::digest(next.as_bytes()));
        let exchange = async |connection: &mut _| store::exchange(connection, &old, &new).await;
        let who = self.database.run(exchange).await?.ok_or(AccountError::NoSession)?;
        Ok(SignedIn { access: self.tokens.issue(who.id, who.session)?, refresh: next, who })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn logout(&self, who: &Who) -> Result<(), AccountError> {
        Ok(self.database.run(async |connection| store::logout(connection, who).await).await?)
    }

    /// Who an access token belongs to. None for every token that is not right in every way, or whose session or
    /// account has ended.
    ///
    /// # Errors
    /// Those of the database: then nobody is let in (rule 7).
    pub async fn recognise(&self, token: &str) -> Result<Option<Who>, DbError> {
        let Some(claims) = self.tokens.check(token) else { return Ok(None) };
        self.database.run(async |connection| store::who(connection, claims.sub, claims.sid).await).await
    }
}
