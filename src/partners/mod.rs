//! Partners: organisations whose sites collect pledges for a campaign. A page of theirs shows a *site key*, which is
//! public and good for posts from the partner's own origins only; a server of theirs may have a *secret key*. Both come in a
//! kind for trials. [`Partners::admit`] decides from the keys and the Origin of a request who is posting; it
//! asks the copy in memory, which is renewed about each second. [`flow`] keeps account of what became of their submissions.

pub mod flow;
pub mod keys;
pub mod origins;
pub mod routes;
pub mod store;
pub mod trials;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    config::Mode,
    crypto,
    db::{Connection, Database, DbError, Renewal, TASK_PATIENCE},
    http::{Code, FieldCode, Problem},
    logged,
};

use flow::Flow;
use origins::{OriginPattern, is_local};

/// How often the copy in memory is renewed: a partner that is disabled is refused on every instance after this.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How often hours that nobody is told of any more are forgotten, and old secrets whose time is over.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Hours for which a secret key stays good after a new one was made, unless said otherwise: a server is changed within a day.
pub const GRACE_HOURS: i32 = 24;

/// A partner as it is stored, without its secrets.
#[derive(Clone, Debug)]
pub struct Partner {
    /// UUIDv7.
    pub id: Uuid,
    /// The campaign that it collects for.
    pub campaign: Uuid,
    /// Its name.
    pub name: String,
    /// Where its pages are.
    pub origins: Vec<OriginPattern>,
    /// Public: stands in its pages.
    pub site_key: String,
    /// The same for trials.
    pub test_site_key: String,
    /// Whether its server has a key.
    pub has_secret: bool,
    /// Whether its server has a key for trials.
    pub has_test_secret: bool,
    /// Until when the key before the present one is good; None: there is none.
    pub old_secret_until: Option<DateTime<Utc>>,
    /// Pledges that its server may post in a minute.
    pub per_minute: i32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Since when nothing is taken from it.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Where mails of its trials go; None: nobody was asked.
    pub trial_mailbox: Option<TrialMailbox>,
}

/// Where the mails of a partner's trials go.
#[derive(Clone, PartialEq, Eq)]
pub struct TrialMailbox {
    /// The address, sealed for the partner's id by [`crate::mail::Seal`].
    pub sealed: Vec<u8>,
    /// When its owner agreed; None: nothing is sent there.
    pub verified_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for TrialMailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialMailbox").field("verified_at", &self.verified_at).finish_non_exhaustive()
    }
}

impl Partner {
    /// Characters of a name at the most.
    pub const NAME_CHARS: usize = 200;
    /// Origins of one partner at the most.
    pub const MOST_ORIGINS: usize = 50;
    /// Pledges that a server may post in a minute, unless said otherwise: a hundred a second.
    pub const USUAL_PER_MINUTE: i32 = 6_000;
}

/// Whether something counts, or is a partner's trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// It counts.
    Live,
    /// It goes through everything and counts nowhere.
    Test,
}

/// Where a submission came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A page of this service.
    Own,
    /// A script or form on a page of the partner's, whose origin was checked.
    Page,
    /// Somewhere that tells no origin: a form without JavaScript, or a program.
    Form,
    /// The partner's server, with its secret key.
    Server,
}

/// A submission that may come in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Whose it is; None: nobody's.
    pub partner: Option<Arc<Partner>>,
    /// Whether it counts.
    pub lane: Lane,
    /// Where it came from.
    pub door: Door,
}

/// What a request says about where it comes from.
#[derive(Clone, Copy, Default)]
pub struct Claims<'a> {
    /// The site key in the body or query.
    pub site_key: Option<&'a str>,
    /// The secret key in the header Authorization.
    pub secret: Option<&'a str>,
    /// The header Origin; None: there is none, or it is `null`.
    pub origin: Option<&'a str>,
}

/// A partner that was found by one of its keys.
type Found = (Arc<Partner>, Lane);

#[derive(Default)]
struct Known {
    site_keys: HashMap<String, Found>,
    secrets: HashMap<[u8; 32], Found>,
    campaigns: HashMap<Uuid, Vec<Arc<Partner>>>,
    /// Those of which nothing is taken for a while, and when that ends.
    paused: HashMap<Uuid, Instant>,
}

/// The handle. Clones share the copy in memory.
#[derive(Clone)]
pub struct Partners {
    database: Database,
    known: Arc<RwLock<Known>>,
    mode: Mode,
    own: Arc<str>,
    flow: Flow,
}

impl Partners {
    /// A handle with an empty copy; [`Self::renew`] fills it. `own` is this service's public origin.
    pub fn new(database: Database, mode: Mode, own: &str) -> Self {
        Self { database, known: Arc::default(), mode, own: own.into(), flow: Flow::default() }
    }

    /// Who posts to a campaign, from memory.
    ///
    /// # Errors
    /// [`Code::ForeignOrigin`]: a page that may not post here. [`Code::UnknownKey`]: a key that isn't (any more), or another
    /// campaign's. [`Code::PartnerDisabled`]. [`Code::PartnerPaused`], until when. [`Code::InvalidFields`]: a site key beside a secret
    /// one.
    pub fn admit(&self, campaign: Uuid, claims: Claims<'_>) -> Result<Admitted, Problem> {
        if let Some(secret) = claims.secret {
            // A page that has the secret key gives it to all the world: nothing is taken from it.
            let (partner, lane) = self.by_secret(campaign, secret)?;
            if claims.origin.is_some() {
                return Err(Code::ForeignOrigin.into());
            }
            // Whose it is, the secret key says.
            if claims.site_key.is_some() {
                return Err(Problem::field("/site_key", FieldCode::NotAllowed));
            }
            return self.admitted(partner, lane, Door::Server);
        }
        let found = claims.site_key.map(|key| self.by_site_key(campaign, key)).transpose()?;
        let door = match (claims.origin, &found) {
            (Some(origin), _) if origin.eq_ignore_ascii_case(&self.own) => Door::Own,
            (Some(origin), Some((partner, _))) if self.may_post(partner, origin) => Door::Page,
            (Some(_), _) => return Err(Code::ForeignOrigin.into()),
            (None, _) => Door::Form,
        };
        match found {
            Some((partner, lane)) => self.admitted(partner, lane, door),
            None => Ok(Admitted { partner: None, lane: Lane::Live, door }),
        }
    }

    fn admitted(&self, partner: Arc<Partner>, lane: Lane, door: Door) -> Result<Admitted, Problem> {
        if partner.disabled_at.is_some() {
            return Err(Code::PartnerDisabled.into());
        }
        match self.known().paused.get(&partner.id) {
            Some(until) => Err(Problem::from(Code::PartnerPaused).after(until.duration_since(Instant::now()))),
            None => Ok(Admitted { partner: Some(partner), lane, door }),
        }
    }

    /// The partner of a campaign with this secret key.
    ///
    /// # Errors
    /// [`Code::UnknownKey`].
    fn by_secret(&self, campaign: Uuid, secret: &str) -> Result<Found, Problem> {
        let (partner, lane) = self.of_secret(secret).ok_or(Code::UnknownKey)?;
        if partner.campaign == campaign { Ok((partner, lane)) } else { Err(Code::UnknownKey.into()) }
    }

    /// The partner with this secret key, whichever its campaign.
    pub fn of_secret(&self, secret: &str) -> Option<(Arc<Partner>, Lane)> {
        // Found by its hash, of 256 random bits: how long that takes tells nothing.
        self.known().secrets.get(&crypto::digest(secret.as_bytes())).cloned()
    }

    fn by_site_key(&self, campaign: Uuid, key: &str) -> Result<Found, Problem> {
        let found = self.known().site_keys.get(key).filter(|(partner, _)| partner.campaign == campaign).cloned();
        found.ok_or_else(|| Code::UnknownKey.into())
    }

    /// Whether this is a page of some partner of a campaign: its scripts may post, which a browser asks beforehand, and may read the
    /// answer, also that the partner is disabled.
    pub fn is_page(&self, campaign: Uuid, origin: &str) -> bool {
        let known = self.known();
        known.campaigns.get(&campaign).into_iter().flatten().any(|partner| self.may_post(partner, origin))
    }

    /// Whose pages may frame a partner's form, as CSP writes it.
    pub fn framers(&self, partner: &Partner) -> Vec<String> {
        let local = ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"];
        let local = local.into_iter().filter(|_| self.mode == Mode::Development).map(str::to_owned);
        partner.origins.iter().map(ToString::to_string).chain(local).collect()
    }

    /// Reads an origin. `http` is for development only.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn origin(&self, text: &str) -> Result<OriginPattern, &'static str> {
        OriginPattern::parse(text, self.mode == Mode::Development)
    }

    fn may_post(&self, partner: &Partner, origin: &str) -> bool {
        let local = self.mode == Mode::Development && is_local(origin);
        local || partner.origins.iter().any(|pattern| pattern.fits(origin))
    }

    /// Whether nothing is taken from a partner for a while.
    pub fn is_paused(&self, partner: Uuid) -> bool {
        self.known().paused.contains_key(&partner)
    }

    /// Keeps account of what became of a submission of a partner's.
    pub fn note(&self, admitted: &Admitted, taken: &Result<(), Problem>) {
        if let Some(partner) = &admitted.partner {
            let outcome = taken.as_ref().map_or_else(|problem| problem.code.as_str(), |()| flow::ACCEPTED);
            self.flow.note(partner.id, admitted.lane, outcome, 1);
        }
    }

    /// Keeps account of `count` submissions that were refused before it was decided whose they are: for the partner whose key they
    /// bring, or, where nobody has read the body yet, the only one that has the page. Whoever writes a partner's key can count as its
    /// refusals; there are only so many codes, and a row an hour of each.
    pub fn refused(&self, campaign: Uuid, claims: Claims<'_>, code: Code, count: usize) {
        if let Some((partner, lane)) = self.named(campaign, claims) {
            self.flow.note(partner.id, lane, code.as_str(), count);
        }
    }

    /// Whom a submission names, whether or not it may come in.
    fn named(&self, campaign: Uuid, claims: Claims<'_>) -> Option<Found> {
        if let Some(secret) = claims.secret {
            return self.by_secret(campaign, secret).ok();
        }
        if let Some(key) = claims.site_key {
            return self.by_site_key(campaign, key).ok();
        }
        let (origin, known) = (claims.origin?, self.known());
        let has_page = |partner: &&Arc<Partner>| partner.origins.iter().any(|pattern| pattern.fits(origin));
        let mut of_page = known.campaigns.get(&campaign)?.iter().filter(has_page);
        of_page.next().filter(|_| of_page.next().is_none()).map(|partner| (partner.clone(), Lane::Live))
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the copy in memory.
    ///
    /// # Errors
    /// Those of the database; the copy stays as it was.
    pub async fn renew(&self) -> Result<(), DbError> {
        let deadline = Instant::now() + TASK_PATIENCE;
        let read = async |connection: &mut _| {
            Ok::<_, DbError>((store::all(connection).await?, store::pauses(connection).await?))
        };
        let (all, pauses) = self.database.run_until(deadline, read).await?;
        let mut known = Known::default();
        let now = Instant::now();
        known.paused = pauses.into_iter().map(|(partner, rest)| (partner, now + rest)).collect();
        for (partner, secrets) in all {
            let partner = Arc::new(partner);
            known.site_keys.insert(partner.site_key.clone(), (partner.clone(), Lane::Live));
            known.site_keys.insert(partner.test_site_key.clone(), (partner.clone(), Lane::Test));
            for (hash, lane) in secrets {
                known.secrets.insert(hash, (partner.clone(), lane));
            }
            known.campaigns.entry(partner.campaign).or_default().push(partner);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Renews the copy about each second, and writes down what became of submissions. Runs until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let (mut renewal, mut forgot) = (Renewal::default(), Instant::now());
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(RENEW_EVERY) => false,
            };
            let mut done = self.flow.write_down(&self.database).await;
            if stopped {
                return;
            }
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                done = done.and(self.database.run(async |connection| forget(connection).await).await);
            }
            if let Some(error) = renewal.went(done.and(self.renew().await)) {
                tracing::error!(error = %logged::cause(error), "partners can't be renewed: this instance goes by what it knew of them");
            }
        }
    }
}

/// Forgets what nobody needs any more.
async fn forget(connection: &mut Connection) -> Result<(), DbError> {
    flow::store::forget(connection).await?;
    store::forget_old_secrets(connection).await
}
