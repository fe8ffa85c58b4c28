//! Failed log-ins, and how long further ones have to wait. Nobody is locked out: after some failures at an account, or of a
//! source, each *stranger* (an account and a source that have not met) waits a while before each try, seconds at first and
//! five minutes at the most; what other sources do meanwhile doesn't make that wait longer once it was told. A source that has
//! signed in to the account before waits for its own failures only.
//!
//! A try counts as a failure from its beginning until it succeeds, so that a thousand at once are a thousand. Logins that
//! don't exist are counted like others: the answers tell nothing. All in bounded memory, by `SipHash` under a key of the
//! process; a restart forgets failures and acquaintances alike.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::Mutex,
    time::Duration,
};

use prometheus::IntCounter;

use crate::{
    clock::Clock,
    gate::recent::{Decaying, Since, locked, whole},
};

/// Failures count half after this time.
const HALF_LIFE_SECONDS: f32 = 3_600.0;

/// The longest wait.
const LONGEST_SECONDS: u32 = 300;

/// Who comes back later than this after the end of the wait is a newcomer.
const PROMISE_SECONDS: u32 = 900;

/// Logins, sources, and pairs of both that are told apart: just below where a table would double. 16 bytes each.
const MOST: usize = 114_000;

/// Pairs that have signed in. There are fewer moderators.
const MOST_KNOWN: usize = 14_000;

/// How long an acquaintance lasts.
const KNOWN_SECONDS: u32 = 30 * 86_400;

/// How often a full table looks for what it can forget.
const SWEEP_EVERY_SECONDS: u32 = 10;

/// The key that is shared when a table is full: no hash is taken for it.
const EVERYBODY_ELSE: u64 = 0;

/// A try to sign in, which counts as failed until it succeeds.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    account: u64,
    source: u64,
    pair: u64,
    known: bool,
}

impl Attempt {
    /// Whether the source has signed in to this account before.
    pub fn is_known(&self) -> bool {
        self.known
    }
}

/// What failed lately.
pub(super) struct Logins {
    /// Failures that cost nothing.
    free: u32,
    since: Since,
    hasher: RandomState,
    state: Mutex<State>,
    refused: IntCounter,
}

struct State {
    by_account: Counts,
    by_source: Counts,
    by_pair: Counts,
    /// When a pair, or a source, may try: in seconds since the start.
    waiting: HashMap<u64, u32>,
    known: HashMap<u64, u32>,
}

struct Counts {
    most: usize,
    by_key: HashMap<u64, Decaying>,
    swept: Option<u32>,
}

impl Counts {
    fn new(most: usize) -> Self {
        Self { most, by_key: HashMap::new(), swept: None }
    }

    fn key(&mut self, key: u64, now: u32) -> u64 {
        if self.by_key.len() < self.most || self.by_key.contains_key(&key) {
            return key;
        }
        if self.swept.is_none_or(|last| now.saturating_sub(last) >= SWEEP_EVERY_SECONDS) {
            self.by_key.retain(|_, count| count.now(now, HALF_LIFE_SECONDS) >= 0.5);
            self.swept = Some(now);
        }
        if self.by_key.len() < self.most { key } else { EVERYBODY_ELSE }
    }

    fn of(&mut self, key: u64, now: u32) -> u32 {
        let key = self.key(key, now);
        self.by_key.get(&key).map_or(0, |count| whole(count.now(now, HALF_LIFE_SECONDS)))
    }

    fn add(&mut self, key: u64, now: u32) {
        let key = self.key(key, now);
        self.by_key.entry(key).or_default().add(now, HALF_LIFE_SECONDS);
    }

    fn take_back(&mut self, key: u64, now: u32) {
        if let Some(count) = self.by_key.get_mut(&key) {
            count.take_back(now, HALF_LIFE_SECONDS);
        }
    }
}

impl Logins {
    /// Nobody has failed yet. `free` failures of an account, and of a source, cost nothing.
    pub(super) fn new(clock: Clock, free: u32, refused: IntCounter) -> Self {
        Self::bounded(clock, free, MOST, refused)
    }

    fn bounded(clock: Clock, free: u32, most: usize, refused: IntCounter) -> Self {
        let [by_account, by_source, by_pair] = [(); 3].map(|()| Counts::new(most));
        let state = State { by_account, by_source, by_pair, waiting: HashMap::new(), known: HashMap::new() };
        Self { free, since: Since::new(clock), hasher: RandomState::new(), state: Mutex::new(state), refused }
    }

    fn hash(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of).max(EVERYBODY_ELSE + 1)
    }

    /// A try begins, or is told how long to wait.
    pub(super) fn begin(&self, account: &str, source: IpAddr) -> Result<Attempt, Duration> {
        let (now, mut state) = (self.since.seconds(), locked(&self.state));
        let (account, pair) = (self.hash(("account", account)), self.hash(("pair", account, source)));
        let source = self.hash(("source", source));
        let known = state.known.get(&pair).is_some_and(|last| now.saturating_sub(*last) < KNOWN_SECONDS);
        let waits = if known {
            [(pair, self.wait(state.by_pair.of(pair, now))), (source, 0)]
        } else {
            let (at_account, of_source) = (state.by_account.of(account, now), state.by_source.of(source, now));
            [(pair, self.wait(at_account)), (source, self.wait(of_source))]
        };
        let longest = waits.iter().filter_map(|(key, wait)| state.left(*key, *wait, now)).max();
        if let Some(seconds) = longest {
            self.refused.inc();
            return Err(Duration::from_secs(seconds.into()));
        }
        for (key, wait) in waits.into_iter().filter(|(_, wait)| *wait > 0) {
            state.waiting.insert(key, now + wait);
        }
        if known {
            state.by_pair.add(pair, now);
        } else {
            state.by_account.add(account, now);
            state.by_source.add(source, now);
        }
        Ok(Attempt { account, source, pair, known })
    }

    /// Seconds before each try, after so many failures.
    fn wait(&self, failures: u32) -> u32 {
        match failures.checked_sub(self.free) {
            None => 0,
            Some(over) => 1_u32.checked_shl(over).unwrap_or(u32::MAX).min(LONGEST_SECONDS),
        }
    }

    /// It was no failure: the answer says nothing about a password, or the service couldn't look.
    pub(super) fn forgive(&self, attempt: Attempt) {
        let (now, mut state) = (self.since.seconds(), locked(&self.state));
        if attempt.known {
            state.by_pair.take_back(attempt.pair, now);
        } else {
            state.by_account.take_back(attempt.account, now);
            state.by_source.take_back(attempt.source, now);
        }
    }

    /// It succeeded: from now on account and source know each other. What others did to the account stays.
    pub(super) fn succeed(&self, attempt: Attempt) {
        self.forgive(attempt);
        let (now, mut state) = (self.since.seconds(), locked(&self.state));
        state.by_pair.by_key.remove(&attempt.pair);
        state.waiting.remove(&attempt.pair);
        if state.known.len() >= MOST_KNOWN {
            state.known.retain(|_, last| now.saturating_sub(*last) < KNOWN_SECONDS / 30);
        }
        if state.known.len() < MOST_KNOWN {
            state.known.insert(attempt.pair, now);
        }
    }
}

impl State {
    /// Seconds that are left of a wait, which begins when it is first told. None: it is over, or there is none.
    fn left(&mut self, key: u64, wait: u32, now: u32) -> Option<u32> {
        if wait == 0 {
            self.waiting.remove(&key);
            return None;
        }
        match self.waiting.get(&key) {
            Some(may) if now < *may => Some(*may - now),
            Some(may) if now - *may <= PROMISE_SECONDS => None,
            _ => {
                self.make_room(now);
                self.waiting.insert(key, now + wait);
                Some(wait)
            }
        }
    }

    /// When there is no room, those whose wait is long over are forgotten; if that isn't enough, all begin anew: nobody gets
    /// in sooner by it.
    fn make_room(&mut self, now: u32) {
        let most = self.by_pair.most;
        if self.waiting.len() >= most {
            self.waiting.retain(|_, may| now.saturating_sub(*may) <= PROMISE_SECONDS);
            if self.waiting.len() >= most {
                self.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::clock::FixedClock;

    fn logins(most: usize) -> (Logins, FixedClock) {
        let clock = FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let refused = IntCounter::new("refused", "Refused").unwrap();
        (Logins::bounded(Clock::Fixed(clock.clone()), 10, most, refused), clock)
    }

    fn from(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    /// How many of `tries` with a wrong password come through, a second apart.
    fn guess(logins: &Logins, clock: &FixedClock, login: &str, source: u32, tries: u32) -> u32 {
        let mut through = 0;
        for _ in 0..tries {
            through += u32::from(logins.begin(login, from(source)).is_ok());
            clock.advance(TimeDelta::seconds(1));
        }
        through
    }

    #[test]
    fn a_thousand_guesses_at_one_account_are_slowed() {
        let (logins, clock) = logins(MOST);
        // A quarter of an hour: ten at once, then after 1, 2, 4, … 256 and 300 seconds.
        let through = guess(&logins, &clock, "ada", 1, 1_000);
        assert!((18..=24).contains(&through), "{through}");
        // From as many places: they wait before the first, and none of them gets more than one in five minutes.
        let through: u32 = (2..1_000).map(|source| u32::from(logins.begin("ada", from(source)).is_ok())).sum();
        assert_eq!(through, 0);
        assert!(logins.begin("ben", from(2_000)).is_ok(), "nobody else is slowed");
    }

    #[test]
    fn a_thousand_at_once_are_a_thousand() {
        let (logins, _) = logins(MOST);
        let through = (0..1_000).filter(|_| logins.begin("ada", from(1)).is_ok()).count();
        assert_eq!(through, 10);
    }

    #[test]
    fn one_guess_on_each_of_a_thousand_accounts_is_slowed() {
        let (logins, clock) = logins(MOST);
        let mut through = 0;
        for number in 0..1_000 {
            through += u32::from(logins.begin(&format!("login{number}"), from(1)).is_ok());
            clock.advance(TimeDelta::milliseconds(100));
        }
        assert!(through <= 20, "{through}");
        // Nor do those that were told to wait come through together when their wait is over.
        clock.advance(TimeDelta::seconds(300));
        let through = (0..1_000).filter(|number| logins.begin(&format!("login{number}"), from(1)).is_ok()).count();
        assert_eq!(through, 1);
    }

    #[test]
    fn the_owner_is_not_locked_out() {
        let (logins, clock) = logins(MOST);
        logins.succeed(logins.begin("ada", from(7)).unwrap());
        guess(&logins, &clock, "ada", 1, 2_000);
        let known = logins.begin("ada", from(7)).unwrap();
        assert!(known.is_known());
        logins.succeed(known);
        // From a new place the wait is told once, and kept to, whatever others do meanwhile.
        let wait = logins.begin("ada", from(8)).unwrap_err();
        assert!((30..=300).contains(&wait.as_secs()), "{wait:?}");
        guess(&logins, &clock, "ada", 1, u32::try_from(wait.as_secs()).unwrap());
        assert!(logins.begin("ada", from(8)).is_ok());
        assert!(logins.begin("ada", from(8)).is_err(), "it was told for one try");
    }

    #[test]
    fn who_comes_too_early_does_not_make_it_longer() {
        let (logins, clock) = logins(MOST);
        guess(&logins, &clock, "ada", 1, 14);
        let wait = logins.begin("ada", from(2)).unwrap_err();
        for passed in 0..wait.as_secs() {
            assert_eq!(logins.begin("ada", from(2)).unwrap_err().as_secs(), wait.as_secs() - passed);
            clock.advance(TimeDelta::seconds(1));
        }
        assert!(logins.begin("ada", from(2)).is_ok());
    }

    #[test]
    fn a_known_source_that_guesses_is_slowed_as_well() {
        let (logins, clock) = logins(MOST);
        logins.succeed(logins.begin("ada", from(1)).unwrap());
        let through = guess(&logins, &clock, "ada", 1, 1_000);
        assert!((18..=24).contains(&through), "{through}");
    }

    #[test]
    fn failures_are_forgotten_and_success_takes_back_its_own_only() {
        let (logins, clock) = logins(MOST);
        guess(&logins, &clock, "ada", 1, 10);
        clock.advance(TimeDelta::seconds(1));
        for _ in 0..20 {
            logins.succeed(logins.begin("ben", from(2)).unwrap());
            logins.forgive(logins.begin("eve", from(3)).unwrap());
        }
        assert!(logins.begin("ada", from(2)).is_err(), "what others did to her account stays");
        clock.advance(TimeDelta::hours(5));
        assert!(logins.begin("ada", from(4)).is_ok());
    }

    #[test]
    fn a_flood_of_names_takes_no_more_room_and_keeps_nobody_out_who_is_known() {
        let (logins, clock) = logins(100);
        logins.succeed(logins.begin("ada", from(1)).unwrap());
        for number in 0..1_000 {
            let _ = logins.begin(&format!("login{number}"), from(number + 10));
        }
        let state = locked(&logins.state);
        let most = state.by_account.by_key.len().max(state.by_source.by_key.len()).max(state.waiting.len());
        assert!(most <= 101, "{most}");
        drop(state);
        assert!(logins.begin("ada", from(1)).is_ok());
        assert!(logins.begin("somebody", from(5_000)).is_err(), "all others share one count");
        clock.advance(TimeDelta::hours(12));
        assert!(logins.begin("somebody", from(5_001)).is_ok());
    }
}
