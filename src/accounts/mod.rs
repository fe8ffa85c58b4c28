//! People who sign in. An account comes from an invitation ([`invitations`]) or the command line. [`Accounts::login`] checks
//! password ([`passwords`]) and code ([`second_factor`]), opens a session ([`sessions`]) and gives two tokens: a short-lived
//! access token ([`tokens`]) and a refresh token that is exchanged once. Each later request proves who it is by
//! [`signed::Signed`], which stands in a handler's arguments: forgetting it doesn't compile. Dangerous calls want the proof
//! to be fresh ([`step_up`]), and removals are counted ([`quota`]).

pub mod invitations;
pub mod managed;
pub mod passwords;
pub mod quota;
pub mod routes;
pub mod second_factor;
pub mod sessions;
pub mod signed;
pub mod step_up;
pub mod store;
pub mod tokens;

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    config::Mode,
    crypto::{self, CryptoError, KeyRing, PurposeKeys},
    db::{Database, DbError},
    gate::limits::Limits,
    http::FieldCode,
};

use passwords::Passwords;
use second_factor::Proof;
use sessions::{Agent, NewSession};
use tokens::AccessTokens;

/// How long a session lasts at the most, in hours.
pub const SESSION_HOURS: i32 = 12;

/// How long a proof of who somebody is counts as fresh, in minutes.
pub const FRESH_MINUTES: i32 = 10;

/// What somebody may do. Each role may do all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Finds and removes pledges of given campaigns. May be an organiser of some of them.
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
    /// What it may do in every campaign of its own; more in those that it organises. See [`Who::role_in`].
    pub role: Role,
    /// The least role that the operation asks for, in whatever campaign it turns out to work on.
    pub asked: Role,
    /// The session.
    pub session: Uuid,
    /// The campaigns it may see; an admin sees all, listed or not.
    pub campaigns: Vec<Seat>,
    /// Whether the account has a second factor.
    pub second_factor: bool,
    /// Whether the session has proved within [`FRESH_MINUTES`] who it is.
    pub proved: bool,
    /// Whether the account must get a second factor before it may do anything else.
    pub unfinished: bool,
}

/// A campaign that an account works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The campaign.
    pub campaign: Uuid,
    /// Its slug.
    pub slug: String,
    /// Whether the account is an organiser of it, though its role is moderator.
    pub organises: bool,
}

impl Seat {
    fn role(&self, of_the_account: Role) -> Role {
        if self.organises { of_the_account.max(Role::Organiser) } else { of_the_account }
    }
}

/// Slugs of those campaigns of an account of this role that it is at least an organiser of.
fn organised(role: Role, seats: &[Seat]) -> Vec<String> {
    seats.iter().filter(|seat| seat.role(role) >= Role::Organiser).map(|seat| seat.slug.clone()).collect()
}

impl Who {
    /// What this person may do in the campaign; None: not even see it.
    pub fn role_in(&self, campaign: Uuid) -> Option<Role> {
        if self.role == Role::Admin {
            return Some(Role::Admin);
        }
        self.campaigns.iter().find(|seat| seat.campaign == campaign).map(|seat| seat.role(self.role))
    }

    /// What this person may do where they may do most.
    pub fn highest_role(&self) -> Role {
        self.campaigns.iter().map(|seat| seat.role(self.role)).fold(self.role, Role::max)
    }
}

/// Where somebody signs in from.
#[derive(Clone, Copy, Debug)]
pub struct Entrance {
    /// See [`crate::http::Visitor::source`]. Counted by, and kept nowhere.
    pub source: IpAddr,
    /// With what program.
    pub agent: Agent,
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

/// Why nobody was signed in, or an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Unknown login, wrong password or closed account: not told apart.
    #[error("login failed")]
    WrongLogin,
    /// The password is right, and a code is needed too.
    #[error("a code is needed too")]
    CodeNeeded,
    /// The password is right, and the code isn't, or it was used before.
    #[error("the code is not accepted")]
    WrongCode,
    /// Neither password nor code of who is signed in.
    #[error("nothing was proved")]
    NotProved,
    /// The refresh token is unknown, consumed or of an ended session.
    #[error("the session has ended")]
    NoSession,
    /// Too many have failed here; so long must be waited.
    #[error("too many log-ins have failed")]
    Slowed(Duration),
    /// More are signing in than can be checked at once.
    #[error("too many are signing in")]
    Busy,
    /// A field isn't right: its pointer, and why.
    #[error("a field is not right: {1}")]
    Field(&'static str, FieldCode),
    /// The link is unknown, used, revoked or too old.
    #[error("there is no such invitation")]
    NoInvitation,
    /// There is an account with this login.
    #[error("the login is taken")]
    LoginTaken,
    /// Not with one's own account.
    #[error("not with one's own account")]
    OwnAccount,
    /// The account has no second factor, or none was offered lately.
    #[error("there is no second factor")]
    NoSecondFactor,
    /// The account must have one.
    #[error("the second factor may not be taken off")]
    NeedsSecondFactor,
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
    clock: Clock,
    seal: PurposeKeys,
    offers: PurposeKeys,
    /// Whether admins must have a second factor.
    strict: bool,
}

impl Accounts {
    /// Accounts of the service that is reached at `public_origin`. In production admins must have a second factor.
    ///
    /// # Errors
    /// When tokens can't be signed and checked (a self-test).
    pub fn new(
        database: Database,
        ring: &KeyRing,
        clock: Clock,
        public_origin: &str,
        limits: Limits,
        mode: Mode,
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            database,
            passwords: Passwords::new()?,
            tokens: Arc::new(AccessTokens::new(ring, clock.clone())?),
            limits,
            public_origin: public_origin.into(),
            clock,
            seal: ring.keys(second_factor::PURPOSE),
            offers: ring.keys(invitations::PURPOSE),
            strict: mode == Mode::Production,
        })
    }

    /// Signs somebody in. Takes the same time whether or not the login exists.
    ///
    /// # Errors
    /// [`AccountError::WrongLogin`], [`AccountError::Slowed`], [`AccountError::Busy`], with the right password also
    /// [`AccountError::CodeNeeded`] and [`AccountError::WrongCode`]; and those of the database.
    pub async fn login(
        &self,
        login: &str,
        password: Zeroizing<String>,
        code: Option<&str>,
        entrance: Entrance,
    ) -> Result<SignedIn, AccountError> {
        let login = login.to_lowercase();
        let attempt = self.limits.begin_login(&login, entrance.source).map_err(AccountError::Slowed)?;
        let entered = self.enter(&login, password, code, entrance.agent, attempt.is_known()).await;
        match &entered {
            Ok(_) => self.limits.login_succeeded(attempt),
            Err(AccountError::WrongLogin | AccountError::WrongCode) => {}
            // No guess: the password was right, or nobody looked.
            Err(_) => self.limits.login_forgiven(attempt),
        }
        entered
    }

    async fn enter(
        &self,
        login: &str,
        password: Zeroizing<String>,
        code: Option<&str>,
        agent: Agent,
        known: bool,
    ) -> Result<SignedIn, AccountError> {
        let found = self.database.run(async |connection| store::credentials(connection, login).await).await?;
        // Checking takes tens of milliseconds; no connection is held meanwhile.
        let hash = found.as_ref().map(|credentials| credentials.password_hash.clone());
        let right = self.passwords.verify(password, hash, known).await?;
        let Some(credentials) = found.filter(|credentials| right && !credentials.disabled) else {
            return Err(AccountError::WrongLogin);
        };
        let proof = match (&credentials.sealed, code) {
            (None, _) => Some(Proof::Password),
            (Some(_), None) => return Err(AccountError::CodeNeeded),
            (Some(sealed), Some(code)) => self.proof(credentials.id, sealed, code)?,
        };
        let (refresh, session) = NewSession::new(credentials.id, agent)?;
        let mut opened = None;
        if let Some(proof) = proof {
            let open = async |connection: &mut _| {
                sessions::store::open_after(connection, &session, &credentials.password_hash, &proof).await
            };
            opened = self.database.run(open).await?;
        }
        match opened {
            Some(who) => self.signed_in(refresh, who),
            None if credentials.sealed.is_none() => Err(AccountError::WrongLogin),
            None => {
                // Whoever tries codes has the password: that should be seen.
                let refused =
                    async |connection: &mut _| second_factor::store::refused(connection, credentials.id).await;
                self.database.run(refused).await?;
                Err(AccountError::WrongCode)
            }
        }
    }

    fn signed_in(&self, refresh: Zeroizing<String>, who: Who) -> Result<SignedIn, AccountError> {
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
        let exchange = async |connection: &mut _| sessions::store::exchange(connection, &old, &new).await;
        let who = self.database.run(exchange).await?.ok_or(AccountError::NoSession)?;
        self.signed_in(next, who)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn logout(&self, who: &Who) -> Result<(), AccountError> {
        Ok(self.database.run(async |connection| sessions::store::logout(connection, who).await).await?)
    }

    /// Who an access token belongs to. None for every token that is not right in every way, or whose session or
    /// account has ended.
    ///
    /// # Errors
    /// Those of the database: then nobody is let in (rule 7).
    pub async fn recognise(&self, token: &str) -> Result<Option<Who>, DbError> {
        let Some(claims) = self.tokens.check(token) else { return Ok(None) };
        let who = async |connection: &mut _| sessions::store::who(connection, claims.sub, claims.sid).await;
        let who = self.database.run(who).await?;
        Ok(who.map(|who| Who { unfinished: self.needs_second_factor(who.role) && !who.second_factor, ..who }))
    }

    /// Whether accounts of this role must have a second factor here.
    pub fn needs_second_factor(&self, role: Role) -> bool {
        self.strict && role == Role::Admin
    }
}
