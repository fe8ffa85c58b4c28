//! Who gets a challenge, and how hard a one. Giving one out costs about four microseconds, so it is bounded: for everybody
//! together, and for one source, so that no single one uses up what is for all.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use prometheus::IntCounterVec;

use super::{Bound, Challenge, Proofs, difficulty::Difficulty};
use crate::{
    clock::Clock,
    crypto::CryptoError,
    gate::recent::{PerSecond, Recent},
    http::Allowance,
    metrics::Metrics,
};

/// Challenges a second for everybody: a twelfth of one processor, and as many pledges as one instance can store.
const IN_ALL_PER_SECOND: NonZeroU32 = NonZeroU32::new(20_000).unwrap();

/// Challenges that one source may have asked for lately (see [`HALF_LIFE`]): about six a second for good. A university
/// that pledges in its break stays below, at the highest price.
const MOST_FROM_A_SOURCE: u32 = 5_000;

/// How fast it is forgotten that a source was busy.
const HALF_LIFE: Duration = Duration::from_secs(600);

/// In how many seconds a source gets as many as its bound, at the rate that it can keep up: the half-life over ln 2.
const WINDOW_SECONDS: u32 = 866;

/// How fast it is forgotten that everybody was.
const CROWD_HALF_LIFE: Duration = Duration::from_secs(10);

/// When a source that asked too often may ask again.
const SOURCE_WAIT: Duration = Duration::from_secs(5);

/// How much what is asked for costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// Always the same.
    Steady,
    /// More for busy sources, and for everybody while the service is busy.
    Adaptive,
}

/// Why no challenge was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIssued {
    /// This source has asked for too many. Not before this has passed.
    Source(Duration),
    /// Everybody together has. Not before this has passed.
    Everybody(Duration),
    /// It can't be made.
    Crypto(CryptoError),
}

/// Gives out challenges. Clones share its memory.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    proofs: Proofs,
    sources: Recent,
    crowd: PerSecond,
    everybody: DefaultDirectRateLimiter,
    clock: DefaultClock,
    refused: IntCounterVec,
}

impl Issuer {
    /// One that has not seen anybody yet.
    ///
    /// # Errors
    /// When there is no randomness for the key of sources.
    pub fn new(proofs: Proofs, clock: &Clock, metrics: &Metrics) -> Result<Self, CryptoError> {
        Self::bounded(proofs, clock, metrics, IN_ALL_PER_SECOND)
    }

    fn bounded(
        proofs: Proofs,
        clock: &Clock,
        metrics: &Metrics,
        in_all_per_second: NonZeroU32,
    ) -> Result<Self, CryptoError> {
        Ok(Self(Arc::new(Inner {
            proofs,
            sources: Recent::new(clock.clone(), HALF_LIFE)?,
            crowd: PerSecond::new(clock.clone(), CROWD_HALF_LIFE),
            everybody: RateLimiter::direct(Quota::per_second(in_all_per_second)),
            clock: DefaultClock::default(),
            refused: metrics.counters(
                "pledges_challenges_refused_total",
                "Challenges that were not given out, by who asked for too many (source or everybody).",
                "reason",
            ),
        })))
    }

    /// A challenge for `source`.
    ///
    /// # Errors
    /// When too many were asked for, and [`Proofs::issue`]'s.
    pub fn issue(&self, bound: &Bound, source: IpAddr, price: Price, raised: bool) -> Result<Challenge, NotIssued> {
        let inner = &self.0;
        if inner.sources.of(source) >= MOST_FROM_A_SOURCE {
            return Err(self.refused("source", NotIssued::Source(SOURCE_WAIT)));
        }
        if let Err(until) = inner.everybody.check() {
            let wait = until.wait_time_from(inner.clock.now());
            return Err(self.refused("everybody", NotIssued::Everybody(wait)));
        }
        let (busy, per_second) = (inner.sources.add(source), inner.crowd.add());
        let difficulty = match price {
            Price::Steady => Difficulty::of(0, 0, raised),
            Price::Adaptive => Difficulty::of(busy, per_second, raised),
        };
        inner.proofs.issue(bound, difficulty).map_err(NotIssued::Crypto)
    }

    /// What is told to a source that asks: how many it may, and when there are more.
    pub fn allowance(&self, source: IpAddr) -> Allowance {
        let left = MOST_FROM_A_SOURCE.checked_sub(self.0.sources.of(source)).filter(|left| *left > 0);
        Allowance {
            name: "challenges",
            quota: MOST_FROM_A_SOURCE,
            window_seconds: WINDOW_SECONDS,
            left: left.ok_or(SOURCE_WAIT),
            own: false,
        }
    }

    fn refused(&self, reason: &str, refused: NotIssued) -> NotIssued {
        self.0.refused.with_label_values(&[reason]).inc();
        refused
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use uuid::Uuid;

    use super::*;
    use crate::{clock::FixedClock, crypto::KeyRing};

    const BOUND: Bound = Bound { campaign: Uuid::nil(), partner: None, test: false };

    fn issuer(in_all_per_second: NonZeroU32) -> (Issuer, FixedClock) {
        let fixed = FixedClock::at(DateTime::UNIX_EPOCH);
        let (clock, metrics) = (Clock::Fixed(fixed.clone()), Metrics::default());
        let ring = KeyRing::parse("0123456789abcdef0123456789ABCDEFxyz").unwrap();
        let proofs = Proofs::new(&ring, clock.clone(), &metrics);
        (Issuer::bounded(proofs, &clock, &metrics, in_all_per_second).unwrap(), fixed)
    }

    fn source(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_busy_source_pays_more_and_its_neighbours_do_not() {
        let (issuer, clock) = issuer(IN_ALL_PER_SECOND);
        let cost = |last, price| issuer.issue(&BOUND, source(last), price, false).unwrap().parameters.cost;
        for _ in 0..20 {
            assert_eq!(cost(1, Price::Adaptive), 4);
        }
        for _ in 20..99 {
            cost(1, Price::Adaptive);
        }
        assert_eq!(cost(1, Price::Adaptive), 20, "a hundred: five times as much");
        assert_eq!(cost(1, Price::Steady), 4);
        assert_eq!(cost(2, Price::Adaptive), 4);
        clock.advance(TimeDelta::hours(2));
        assert_eq!(cost(1, Price::Adaptive), 4, "it is forgotten");
    }

    #[test]
    fn no_source_takes_what_is_for_everybody() {
        let (issuer, _) = issuer(IN_ALL_PER_SECOND);
        for _ in 0..MOST_FROM_A_SOURCE {
            issuer.issue(&BOUND, source(1), Price::Adaptive, false).unwrap();
        }
        let refused = issuer.issue(&BOUND, source(1), Price::Adaptive, false).unwrap_err();
        assert_eq!(refused, NotIssued::Source(SOURCE_WAIT));
        assert_eq!((issuer.allowance(source(1)).left, issuer.allowance(source(2)).left), (Err(SOURCE_WAIT), Ok(5_000)));
        assert!(issuer.issue(&BOUND, source(2), Price::Adaptive, false).is_ok());
        assert_eq!(issuer.0.refused.with_label_values(&["source"]).get(), 1);
    }

    #[test]
    fn everybody_together_is_bounded_and_told_when_to_come_back() {
        let (issuer, _) = issuer(NonZeroU32::new(2).unwrap());
        let ask = |last| issuer.issue(&BOUND, source(last), Price::Adaptive, false);
        assert!(ask(1).is_ok() && ask(2).is_ok());
        let Err(NotIssued::Everybody(wait)) = ask(3) else { panic!("there is no bound") };
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(issuer.0.refused.with_label_values(&["everybody"]).get(), 1);
        assert_eq!(issuer.0.sources.of(source(3)), 0, "who got nothing hasn't been busy");
    }
}
