//! How fast mails go out: to each mail domain, to the mail server when it fails, and after a failure of the mail's own.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rand::RngExt;
use tokio::time::Instant;

/// A slot further away than this isn't waited for: the mail goes back to the outbox.
const NEAR: Duration = Duration::from_secs(1);

/// How far a mail is put off for its domain at the most; then it is looked at again.
const FURTHEST: Duration = Duration::from_secs(900);

/// Mail domains that are remembered at the most; all further ones share one place.
const DOMAINS: usize = 10_000;

/// A domain that nothing was sent to for longer is forgotten.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Mails in a row that a domain doesn't take for now before it is left alone: one full mailbox must not hold up a large provider.
const REFUSALS: u32 = 3;

/// For how long it is left alone, first and at the most.
const SHORTEST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(900);

/// When a mail may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// At this moment, at most a second away. The slot is taken.
    At(Instant),
    /// After so much time it should be asked for again.
    Later(Duration),
}

struct Domain {
    /// The next free slot.
    free: Instant,
    /// Up to when mails have been put off.
    last: Instant,
    /// Left alone until then.
    rests_until: Instant,
    rest: Duration,
    refusals: u32,
    used: Instant,
}

/// The mail domains, in memory only.
pub(super) struct Domains {
    apart: Duration,
    known: HashMap<String, Domain>,
    most: usize,
}

impl Domains {
    /// At most `per_minute` mails a minute to each; 0: no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        let apart = if per_minute == 0 { Duration::ZERO } else { Duration::from_secs(60) / per_minute };
        Self { apart, known: HashMap::new(), most: DOMAINS }
    }

    fn of(&mut self, name: &str, now: Instant) -> &mut Domain {
        let name = if self.known.contains_key(name) || self.known.len() < self.most { name } else { "" };
        let fresh = Domain { free: now, last: now, rests_until: now, rest: Duration::ZERO, refusals: 0, used: now };
        self.known.entry(name.to_owned()).or_insert(fresh)
    }

    /// Asks for a slot.
    pub(super) fn slot(&mut self, name: &str, now: Instant) -> Slot {
        let apart = self.apart;
        let domain = self.of(name, now);
        domain.used = now;
        let free = domain.free.max(domain.rests_until).max(now);
        if free <= now + NEAR {
            domain.free = free + apart;
            return Slot::At(free);
        }
        // One behind the other, so that they don't come back together.
        domain.last = (domain.last + apart).max(free).min(now + FURTHEST);
        Slot::Later(domain.last - now)
    }

    /// A mail was accepted there.
    pub(super) fn accepted(&mut self, name: &str, now: Instant) {
        let domain = self.of(name, now);
        (domain.refusals, domain.rest) = (0, Duration::ZERO);
    }

    /// A mail was not accepted for now. Returns how long the domain is left alone from now.
    pub(super) fn refused(&mut self, name: &str, now: Instant) -> Duration {
        let domain = self.of(name, now);
        domain.refusals += 1;
        // Those that were under way when it began are not held against it.
        if domain.refusals >= REFUSALS && domain.rests_until <= now {
            domain.rest = (domain.rest * 2).clamp(SHORTEST_REST, LONGEST_REST);
            domain.rests_until = now + domain.rest;
        }
        domain.rests_until.saturating_duration_since(now)
    }

    /// For how long a domain is left alone from now; zero: it isn't.
    pub(super) fn rest(&self, name: &str, now: Instant) -> Duration {
        let domain = self.known.get(name).or_else(|| self.known.get(""));
        domain.map_or(Duration::ZERO, |domain| domain.rests_until.saturating_duration_since(now))
    }

    /// Forgets domains that nothing was sent to for an hour.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.known.retain(|_, domain| now < domain.used + REMEMBERED || now < domain.rests_until);
    }
}

/// Failures of the mail server in a row before nobody tries for a while.
const FAILURES: u32 = 3;

/// For how long, first and at the most.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Stops all connections together when the mail server can't be used.
pub(super) struct Breaker {
    failures: u32,
    pause: Duration,
    until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { failures: 0, pause: Duration::ZERO, until: None }
    }

    /// Until when nobody may try.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// Whether it has failed since it last answered.
    pub(super) fn fails(&self) -> bool {
        self.failures > 0
    }

    /// It failed. Returns after how long it may be tried again, and whether this is the first pause.
    pub(super) fn failed(&mut self, now: Instant) -> (Duration, bool) {
        if let Some(until) = self.until(now) {
            // Begun before the pause.
            return (until - now, false);
        }
        self.failures += 1;
        if self.failures < FAILURES {
            return (SHORTEST_PAUSE, false);
        }
        let first = self.pause.is_zero();
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.until = Some(now + self.pause);
        (self.pause, first)
    }

    /// It answered. Returns whether there had been a pause.
    pub(super) fn worked(&mut self) -> bool {
        let paused = !self.pause.is_zero();
        *self = Self::new();
        paused
    }
}

/// Mails that are taken ahead at the most, and at once while most of them have to be put off.
pub(super) const MOST_AT_ONCE: usize = 400;

/// As many are taken ahead as are sent in this time.
const AHEAD: Duration = Duration::from_secs(1);

/// How long a connection needs for a mail.
pub(super) struct Pace {
    connections: usize,
    /// Nanoseconds: a moving average of which the newest is an eighth.
    each: AtomicU64,
}

impl Pace {
    /// For so many connections. Taken for slow until it is known better.
    pub(super) fn new(connections: u16) -> Self {
        Self { connections: usize::from(connections), each: AtomicU64::new(nanos(AHEAD)) }
    }

    /// A mail took so long.
    pub(super) fn took(&self, time: Duration) {
        let before = self.each.load(Ordering::Relaxed);
        self.each.store(before - before / 8 + nanos(time) / 8, Ordering::Relaxed);
    }

    /// How many mails are to lie ready: as many as are sent in a second, one for each connection at the least.
    pub(super) fn ahead(&self) -> usize {
        let in_time = nanos(AHEAD) / self.each.load(Ordering::Relaxed).max(1);
        let in_time = usize::try_from(in_time).unwrap_or(MOST_AT_ONCE).max(1);
        self.connections.saturating_mul(in_time).min(MOST_AT_ONCE)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a mail waits after its attempt number `attempt`, from 1: a random part of `first`, doubled each time up to an hour.
pub(super) fn backoff(first: Duration, attempt: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(3_600);
    let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
    let most = first.saturating_mul(factor).min(LONGEST);
    most.mul_f64(rand::rng().random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_domain_has_so_many_slots_and_others_have_their_own() {
        let (mut domains, now) = (Domains::new(60), Instant::now());
        assert_eq!(domains.slot("a.example", now), Slot::At(now));
        assert_eq!(domains.slot("a.example", now), Slot::At(now + seconds(1)));
        // Put off one behind the other.
        assert_eq!(domains.slot("a.example", now), Slot::Later(seconds(2)));
        assert_eq!(domains.slot("a.example", now), Slot::Later(seconds(3)));
        assert_eq!(domains.slot("b.example", now), Slot::At(now));
        // Those that come back find a slot, and are not sent behind those that were put off after them.
        let later = now + seconds(2);
        assert_eq!(domains.slot("a.example", later), Slot::At(later));
        assert_eq!(Domains::new(0).slot("a.example", now), Slot::At(now));
    }

    #[test]
    fn a_minute_has_no_more_than_the_limit() {
        let (mut domains, begin) = (Domains::new(120), Instant::now());
        let mut due: Vec<Duration> = vec![Duration::ZERO; 1_000];
        let mut sent = Vec::new();
        while let Some(at) = due.iter().copied().min().filter(|at| *at < seconds(60)) {
            due.swap_remove(due.iter().position(|other| *other == at).unwrap());
            match domains.slot("a.example", begin + at) {
                Slot::At(slot) => sent.push(slot - begin),
                Slot::Later(wait) => due.push(at + wait),
            }
        }
        assert!(sent.iter().filter(|at| **at < seconds(60)).count() <= 120, "{}", sent.len());
        assert!(sent.len() >= 100, "the limit is used: {}", sent.len());
    }

    #[test]
    fn a_domain_that_takes_nothing_rests_longer_each_time_and_one_refusal_is_none() {
        let (mut domains, now) = (Domains::new(0), Instant::now());
        assert_eq!(domains.refused("a.example", now), Duration::ZERO);
        assert_eq!(domains.refused("a.example", now), Duration::ZERO);
        domains.accepted("a.example", now);
        for _ in 0..2 {
            assert_eq!(domains.refused("a.example", now), Duration::ZERO);
        }
        assert_eq!(domains.rest("a.example", now), Duration::ZERO);
        assert_eq!(domains.refused("a.example", now), seconds(60));
        assert_eq!((domains.rest("a.example", now), domains.rest("b.example", now)), (seconds(60), Duration::ZERO));
        assert_eq!(domains.refused("a.example", now), seconds(60), "it was under way");
        assert_eq!(domains.slot("a.example", now), Slot::Later(seconds(60)));
        assert_eq!(domains.slot("b.example", now), Slot::At(now));
        let later = now + seconds(60);
        assert_eq!(domains.slot("a.example", later), Slot::At(later));
        assert_eq!(domains.refused("a.example", later), seconds(120));
        let mut at = later;
        for _ in 0..5 {
            at += seconds(900);
            domains.refused("a.example", at);
        }
        assert_eq!(domains.refused("a.example", at + seconds(900)), seconds(900));
        domains.accepted("a.example", at + seconds(1_800));
        assert_eq!(domains.refused("a.example", at + seconds(1_800)), Duration::ZERO);
    }

    #[test]
    fn no_more_domains_are_remembered_than_there_is_room_for() {
        let (mut domains, now) = (Domains { most: 2, ..Domains::new(60) }, Instant::now());
        for name in ["a.example", "b.example", "c.example", "d.example"] {
            domains.slot(name, now);
        }
        assert_eq!(domains.known.len(), 3, "those without a place share one");
        domains.sweep(now + REMEMBERED);
        assert_eq!(domains.known.len(), 0);
    }

    #[test]
    fn the_breaker_opens_after_failures_in_a_row_and_pauses_longer_each_time() {
        let (mut breaker, mut now) = (Breaker::new(), Instant::now());
        breaker.failed(now);
        breaker.worked();
        for _ in 0..2 {
            assert_eq!(breaker.failed(now), (seconds(1), false));
            assert_eq!(breaker.until(now), None);
        }
        assert_eq!(breaker.failed(now), (seconds(1), true));
        assert_eq!(breaker.failed(now), (seconds(1), false), "begun before the pause");
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            now = breaker.until(now).unwrap();
            assert_eq!(breaker.until(now), None);
            assert_eq!(breaker.failed(now), (seconds(pause), false));
        }
        assert!(breaker.worked() && !breaker.worked());
        assert_eq!(breaker.until(now), None);
    }

    #[test]
    fn as_many_mails_are_taken_ahead_as_are_sent_in_a_second() {
        let pace = Pace::new(8);
        assert_eq!(pace.ahead(), 8);
        for (each, ahead) in [(100, 72..=88), (1, 400..=400), (30_000, 8..=8)] {
            for _ in 0..100 {
                pace.took(Duration::from_millis(each));
            }
            assert!(ahead.contains(&pace.ahead()), "{each}: {}", pace.ahead());
        }
        assert_eq!(Pace::new(200).ahead(), 200);
    }

    #[test]
    fn attempts_are_spread_over_a_time_that_doubles_up_to_an_hour() {
        for (attempt, most) in [(0, 30), (1, 30), (2, 60), (5, 480), (8, 3_600), (40, 3_600), (u32::MAX, 3_600)] {
            let waits: Vec<Duration> = (0..200).map(|_| backoff(seconds(30), attempt)).collect();
            assert!(waits.iter().all(|wait| *wait <= seconds(most)), "{attempt}");
            assert!(
                waits.iter().any(|wait| *wait > seconds(most) / 2)
                    && waits.iter().any(|wait| *wait < seconds(most) / 2)
            );
        }
    }
}
