//! How often one source may try to sign in. Nobody's account is locked: only the source that guesses is slowed.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};

use crate::http::Visitor;

/// Sources that are remembered at the most; each takes about 50 bytes.
const MOST_SOURCES: usize = 1_000_000;

/// When there are more, those that have rested are forgotten, so often at the most.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// And if that doesn't help, all further sources share one count.
const EVERYBODY_ELSE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Log-in attempts by source: an IPv4 address or an IPv6 /64, kept in memory only.
pub struct LoginLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    swept: Mutex<Option<Instant>>,
}

impl LoginLimit {
    /// So many attempts a minute, all at once if need be.
    pub fn new(per_minute: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), swept: Mutex::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn attempt(&self, visitor: Visitor) -> Result<(), Duration> {
        let key = if self.limiter.len() < MOST_SOURCES || self.sweep() { visitor.source() } else { EVERYBODY_ELSE };
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

impl LoginLimit {
    /// Forgets the sources that have rested. Whether there is room now.
    fn sweep(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_none_or(|last| last.elapsed() >= SWEEP_EVERY) {
            self.limiter.retain_recent();
            *swept = Some(Instant::now());
        }
        self.limiter.len() < MOST_SOURCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Visitor {
        Visitor(text.parse().unwrap())
    }

    #[test]
    fn a_source_is_slowed_and_others_are_not() {
        let limit = LoginLimit::new(3);
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            assert_eq!(limit.attempt(from(host)), Ok(()));
        }
        let wait = limit.attempt(from("2001:db8::4")).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20));
        assert_eq!(limit.attempt(from("2001:db8:0:1::1")), Ok(()));
        assert_eq!(limit.attempt(from("192.0.2.1")), Ok(()));
    }
}
