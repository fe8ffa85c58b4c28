//! How much may come from one source, partner or campaign. Whoever has used up what is theirs is told when to come back;
//! nobody else is slowed. What is refused counts for nothing.
//!
//! Streams of totals have a limit of their own ([`crate::totals::stream`]), and so have challenges
//! ([`super::proof::issuer`]).

mod keyed;
mod logins;

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    RateLimiter,
    clock::DefaultClock,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use prometheus::IntCounter;
use uuid::Uuid;

use self::keyed::left;
pub use self::keyed::{Keyed, Rate};
pub use self::logins::Attempt;
use self::logins::Logins;
use crate::{
    clock::Clock,
    config::{GateSettings, Mode},
    http::Allowance,
    metrics::Metrics,
};

/// Sources that a limit of pledges tells apart: just below where its table would double. 17 bytes each, 4 MB.
const MOST_SOURCES: usize = 229_000;

/// The same for what fewer do.
const FEWER_SOURCES: usize = 114_000;

/// Campaigns and partners that are told apart, far more than there are.
const MOST_NAMES: usize = 10_000;

/// Pledges of one request of a partner's server: so many must always be possible at once.
const LARGEST_BATCH: u32 = 500;

const PARTNER: &str = "partner";

/// The limits of one instance. Clones share them.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    script: Keyed,
    forms: Keyed,
    guesses: Keyed,
    logins: Keyed,
    failed_logins: Logins,
    status: Keyed,
    reports: Keyed,
    campaigns: Option<Keyed>,
    partners: Mutex<HashMap<(Uuid, bool), Own>>,
    clock: DefaultClock,
    partner_refused: IntCounter,
}

type Direct = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// A limit that one partner has for itself.
#[derive(Clone)]
struct Own {
    per_minute: u32,
    rate: Rate,
    limiter: Arc<Direct>,
}

impl Own {
    fn rate(per_minute: u32) -> Rate {
        Rate::new(per_minute.max(LARGEST_BATCH), per_minute)
    }

    fn new(per_minute: u32, clock: &DefaultClock) -> Self {
        let rate = Self::rate(per_minute);
        let limiter = RateLimiter::direct_with_clock(rate.quota(), clock.clone()).with_middleware();
        Self { per_minute, rate, limiter: Arc::new(limiter) }
    }
}

impl Limits {
    /// Nobody has come yet.
    pub fn new(settings: &GateSettings, mode: Mode, logins_per_minute: u32, times: Clock, metrics: &Metrics) -> Self {
        let refused = metrics.counters(
            "pledges_limited_total",
            "Requests that were answered 429 because too many came, by limit.",
            "limit",
        );
        let clock = DefaultClock::default();
        let keyed = |name: &'static str, (burst, per_minute), most| {
            Keyed::new(name, Rate::new(burst, per_minute), most, clock.clone(), refused.with_label_values(&[name]))
        };
        let steady = |name, per_minute, most| keyed(name, (per_minute, per_minute), most);
        Self(Arc::new(Inner {
            script: keyed("pledges", settings.pledges(mode), MOST_SOURCES),
            forms: keyed("forms", settings.forms(mode), MOST_SOURCES),
            guesses: steady("codes", settings.codes(mode), FEWER_SOURCES),
            logins: steady("logins", logins_per_minute, FEWER_SOURCES),
            failed_logins: Logins::new(
                times,
                settings.wrong_logins(mode),
                refused.with_label_values(&["failed_logins"]),
            ),
            status: steady("status", settings.status(mode), MOST_NAMES),
            reports: steady("reports", settings.reports(mode), FEWER_SOURCES),
            campaigns: settings.campaign_per_minute.map(|rate| steady("campaign", rate, MOST_NAMES)),
            partners: Mutex::default(),
            partner_refused: refused.with_label_values(&[PARTNER]),
            clock: clock.clone(),
        }))
    }

    /// What a script is told of its limit when it is refused before it counts.
    pub fn script_policy(&self) -> Allowance {
        self.0.script.policy()
    }

    /// What a partner's server is told of its limit then.
    pub fn partner_policy(per_minute: u32) -> Allowance {
        Own::rate(per_minute).policy(PARTNER)
    }

    /// What everybody is told of the limit of a campaign then. None: there is no such limit.
    pub fn campaign_policy(&self) -> Option<Allowance> {
        self.0.campaigns.as_ref().map(Keyed::policy)
    }

    /// A pledge of a script's, from `source` (see [`crate::http::Visitor::source`]).
    pub fn script(&self, source: IpAddr) -> Allowance {
        self.0.script.check(source)
    }

    /// A pledge of a plain form's, from `source`.
    pub fn form(&self, source: IpAddr) -> Allowance {
        self.0.forms.check(source)
    }

    /// A try of a code, or a request for a link, from `source`.
    pub fn guess(&self, source: IpAddr) -> Allowance {
        self.0.guesses.check(source)
    }

    /// An attempt to sign in, from `source`.
    pub fn login(&self, source: IpAddr) -> Allowance {
        self.0.logins.check(source)
    }

    /// A try to sign in to an account from `source`. It counts as failed until [`Self::login_succeeded`] or
    /// [`Self::login_forgiven`].
    ///
    /// # Errors
    /// How long to wait, because too many have failed.
    pub fn begin_login(&self, account: &str, source: IpAddr) -> Result<Attempt, Duration> {
        self.0.failed_logins.begin(account, source)
    }

    /// Whoever tried is the owner of the account.
    pub fn login_succeeded(&self, attempt: Attempt) {
        self.0.failed_logins.succeed(attempt);
    }

    /// It was no failure.
    pub fn login_forgiven(&self, attempt: Attempt) {
        self.0.failed_logins.forgive(attempt);
    }

    /// A report of what a public wall shows, from `source`.
    pub fn report(&self, source: IpAddr) -> Allowance {
        self.0.reports.check(source)
    }

    /// A look of a partner at its status, and at that of its trials.
    pub fn status(&self, partner: Uuid, test: bool) -> Allowance {
        Allowance { own: true, ..self.0.status.check((partner, test)) }
    }

    /// A pledge for a campaign, whoever sends it. None: there is no such limit.
    pub fn campaign(&self, campaign: Uuid) -> Option<Allowance> {
        self.0.campaigns.as_ref().map(|limit| limit.check(campaign))
    }

    /// `count` pledges of a partner's server, all or none. Trials are counted apart.
    pub fn partner(&self, partner: Uuid, test: bool, per_minute: u32, count: u32) -> Allowance {
        let own = self.own(partner, test, per_minute);
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        // No batch is larger than a burst; what is, counts as one.
        let left = match own.limiter.check_n(count.min(own.rate.burst)) {
            Ok(checked) => left(checked, &self.0.clock),
            Err(_) => Ok(0),
        };
        if left.is_err() {
            self.0.partner_refused.inc();
        }
        own.rate.allowance(PARTNER, true, left)
    }

    /// The limit of one partner, which begins anew when it is set anew.
    fn own(&self, partner: Uuid, test: bool, per_minute: u32) -> Own {
        let mut partners = self.0.partners.lock().unwrap_or_else(PoisonError::into_inner);
        if partners.len() >= MOST_NAMES {
            // Partners that are gone; whose are left begin anew.
            partners.clear();
        }
        let own = partners.entry((partner, test)).or_insert_with(|| Own::new(per_minute, &self.0.clock));
        if own.per_minute != per_minute {
            *own = Own::new(per_minute, &self.0.clock);
        }
        own.clone()
    }
}
