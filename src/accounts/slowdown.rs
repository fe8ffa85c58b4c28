//! How often one source may try to sign in. Nobody's account is locked: only the source that guesses is slowed.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};

use crate::http::Visitor;

/// Sources that are remembered before those that have rested are forgotten.
const SWEEP_AT: usize = 100_000;

/// Log-in attempts by source: an IPv4 address or an IPv6 /64, kept in memory only.
pub struct LoginLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl LoginLimit {
    /// So many attempts a minute, all at once if need be.
    pub fn new(per_minute: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn attempt(&self, visitor: Visitor) -> Result<(), Duration> {
        if self.limiter.len() > SWEEP_AT {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&prefix(visitor.0)).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

fn prefix(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
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
