//! A limit that many have, each for themselves, in bounded memory. No address stands there: a source is told by its `SipHash`
//! under a key that is made at start and kept nowhere else.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::{StateInformationMiddleware, StateSnapshot},
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use prometheus::IntCounter;

use crate::http::Allowance;

/// How often a full table looks for what it can forget.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// The key that is shared when a table is full: no hash is taken for it.
const EVERYBODY_ELSE: u64 = 0;

/// How much may come: at once, and again in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: NonZeroU32,
    /// In a minute, for good.
    pub per_minute: NonZeroU32,
}

impl Rate {
    /// Zero is taken as one: a limit that lets nothing pass is a switch, and no limit.
    pub fn new(burst: u32, per_minute: u32) -> Self {
        let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { burst: some(burst), per_minute: some(per_minute) }
    }

    pub(super) fn quota(self) -> Quota {
        Quota::per_minute(self.per_minute).allow_burst(self.burst)
    }

    /// Seconds after which a burst is possible again.
    fn window_seconds(self) -> u32 {
        let seconds = (u64::from(self.burst.get()) * 60).div_ceil(u64::from(self.per_minute.get()));
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// What it says to everybody.
    pub(super) fn policy(self, name: &'static str) -> Allowance {
        self.allowance(name, false, Ok(self.burst.get()))
    }

    pub(super) fn allowance(self, name: &'static str, own: bool, left: Result<u32, Duration>) -> Allowance {
        Allowance { name, quota: self.burst.get(), window_seconds: self.window_seconds(), left, own }
    }
}

/// What is left after a check, in numbers.
pub(super) fn left<C: Clock>(checked: Result<StateSnapshot, NotUntil<C::Instant>>, clock: &C) -> Result<u32, Duration> {
    match checked {
        Ok(state) => Ok(state.remaining_burst_capacity()),
        Err(until) => Err(until.wait_time_from(clock.now())),
    }
}

/// What `governor` keeps of each key, of which so many are told apart. Who was here before the table was full keeps a place.
struct Bounded {
    most: usize,
    kept: Mutex<HashMap<u64, Nanos>>,
}

impl Bounded {
    fn kept(&self) -> MutexGuard<'_, HashMap<u64, Nanos>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Bounded {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut kept = self.kept();
        let key = if kept.len() < self.most || kept.contains_key(key) { *key } else { EVERYBODY_ELSE };
        let (decided, state) = f(kept.get(&key).copied())?;
        kept.insert(key, state);
        Ok(decided)
    }
}

impl ShrinkableKeyedStateStore<u64> for Bounded {
    fn retain_recent(&self, drop_below: Nanos) {
        self.kept().retain(|_, state| *state > drop_below);
    }

    fn len(&self) -> usize {
        self.kept().len()
    }

    fn is_empty(&self) -> bool {
        self.kept().is_empty()
    }
}

type Limiter<C> = RateLimiter<u64, Bounded, C, StateInformationMiddleware>;

/// One limit, counted by key.
pub struct Keyed<C: Clock + Clone = DefaultClock> {
    name: &'static str,
    rate: Rate,
    most: usize,
    limiter: Limiter<C>,
    clock: C,
    hasher: RandomState,
    swept: Mutex<Option<C::Instant>>,
    refused: IntCounter,
}

impl<C: Clock + Clone> Keyed<C> {
    /// So much for each key, of which `most` are told apart; all others share one count. A key takes 16 bytes.
    pub fn new(name: &'static str, rate: Rate, most: usize, clock: C, refused: IntCounter) -> Self {
        let kept = Bounded { most, kept: Mutex::default() };
        let limiter = RateLimiter::new(rate.quota(), kept, clock.clone());
        Self { name, rate, most, limiter, clock, hasher: RandomState::new(), swept: Mutex::default(), refused }
    }

    /// What it says to everybody, counting nobody.
    pub fn policy(&self) -> Allowance {
        self.rate.policy(self.name)
    }

    /// Counts one more of `key`'s.
    pub fn check(&self, key: impl Hash) -> Allowance {
        let hash = self.hasher.hash_one(key).max(EVERYBODY_ELSE + 1);
        if self.limiter.len() >= self.most {
            self.sweep();
        }
        let left = left(self.limiter.check_key(&hash), &self.clock);
        if left.is_err() {
            self.refused.inc();
        }
        self.rate.allowance(self.name, false, left)
    }

    /// Forgets the keys that have rested, unless it did so just now.
    fn sweep(&self) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if swept.is_none_or(|last| Duration::from(now.duration_since(last)) >= SWEEP_EVERY) {
            self.limiter.retain_recent();
            *swept = Some(now);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
