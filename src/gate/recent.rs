//! How busy sources were lately, in bounded memory: counts that halve in a given time. No address stands in memory: a
//! source is told by its HMAC under a key that is made at start and kept nowhere else.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::{
    clock::Clock,
    crypto::{CryptoError, Key},
};

/// Parts of the memory, so that requests rarely wait for each other.
const SHARDS: usize = 64;

/// Sources of a part at the most: just below where its table would double. In all 896,000 of 17 bytes, 18 MB.
const PER_SHARD: usize = 14_000;

/// Networks that are told apart when there are more sources than that.
const NETWORKS: usize = 4_096;

/// How often a full part looks for what it can forget.
const SWEEP_EVERY_SECONDS: u32 = 1;

/// A count that halves by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decaying {
    count: f32,
    /// Seconds since the start.
    at: u32,
}

impl Decaying {
    pub(super) fn now(self, now: u32, half_life: f32) -> f32 {
        // No precision is lost: within a day seconds are exact, and then nothing is left.
        #[expect(clippy::cast_precision_loss, reason = "the count is gone before it matters")]
        let passed = now.saturating_sub(self.at) as f32;
        self.count * (-passed / half_life).exp2()
    }

    pub(super) fn add(&mut self, now: u32, half_life: f32) -> f32 {
        *self = Self { count: self.now(now, half_life) + 1.0, at: self.at.max(now) };
        self.count
    }

    /// One that was added doesn't count after all.
    pub(super) fn take_back(&mut self, now: u32, half_life: f32) {
        *self = Self { count: (self.now(now, half_life) - 1.0).max(0.0), at: self.at.max(now) };
    }
}

/// Whole numbers for those who ask. What is a little less than a whole number, because a second has passed, is that number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is positive, and `as` saturates")]
pub(super) fn whole(count: f32) -> u32 {
    count.round() as u32
}

/// Seconds since it was made.
#[derive(Clone, Debug)]
pub(super) struct Since {
    clock: Clock,
    start: DateTime<Utc>,
}

impl Since {
    pub(super) fn new(clock: Clock) -> Self {
        Self { start: clock.now(), clock }
    }

    pub(super) fn seconds(&self) -> u32 {
        let passed = self.clock.now().signed_duration_since(self.start).num_seconds();
        u32::try_from(passed.max(0)).unwrap_or(u32::MAX)
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts by source. Clones share them.
#[derive(Clone)]
pub struct Recent(Arc<Shared>);

struct Shared {
    key: Key,
    since: Since,
    half_life: f32,
    shards: [Mutex<Shard>; SHARDS],
    /// Where there is no room for a source, its network counts.
    networks: Mutex<Vec<Decaying>>,
}

#[derive(Default)]
struct Shard {
    by_source: HashMap<u64, Decaying>,
    swept: Option<u32>,
}

impl Shard {
    /// Forgets sources of which less than half a count is left. Whether there is room now.
    fn sweep(&mut self, now: u32, half_life: f32) -> bool {
        if self.swept.is_none_or(|last| now.saturating_sub(last) >= SWEEP_EVERY_SECONDS) {
            self.by_source.retain(|_, count| count.now(now, half_life) >= 0.5);
            self.swept = Some(now);
        }
        self.by_source.len() < PER_SHARD
    }
}

impl Recent {
    /// Nobody was busy yet. Counts halve in `half_life`.
    ///
    /// # Errors
    /// When there is no randomness for the key.
    pub fn new(clock: Clock, half_life: Duration) -> Result<Self, CryptoError> {
        Ok(Self(Arc::new(Shared {
            key: Key::random()?,
            since: Since::new(clock),
            half_life: half_life.as_secs_f32(),
            shards: std::array::from_fn(|_| Mutex::default()),
            networks: Mutex::new(vec![Decaying::default(); NETWORKS]),
        })))
    }

    /// Counts `source` (see [`crate::http::Visitor::source`]) once more, and says how often it came lately.
    pub fn add(&self, source: IpAddr) -> u32 {
        let (now, half_life, tag) = (self.0.since.seconds(), self.0.half_life, self.tag("source", source));
        if let Some(mutex) = self.shard(tag) {
            let mut shard = locked(mutex);
            let known = shard.by_source.contains_key(&tag);
            if known || shard.by_source.len() < PER_SHARD || shard.sweep(now, half_life) {
                return whole(shard.by_source.entry(tag).or_default().add(now, half_life));
            }
        }
        let mut networks = locked(&self.0.networks);
        whole(networks.get_mut(self.network(source)).map_or(0.0, |count| count.add(now, half_life)))
    }

    /// How often `source` came lately; where there was no room to count it, how often its network did.
    pub fn of(&self, source: IpAddr) -> u32 {
        let (now, half_life, tag) = (self.0.since.seconds(), self.0.half_life, self.tag("source", source));
        if let Some(mutex) = self.shard(tag) {
            let shard = locked(mutex);
            let known = shard.by_source.get(&tag).copied();
            if known.is_some() || shard.by_source.len() < PER_SHARD {
                return whole(known.unwrap_or_default().now(now, half_life));
            }
        }
        let networks = locked(&self.0.networks);
        whole(networks.get(self.network(source)).map_or(0.0, |count| count.now(now, half_life)))
    }

    /// How many sources are remembered one by one.
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| locked(shard).by_source.len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn tag(&self, kind: &str, address: IpAddr) -> u64 {
        let hash = match address {
            IpAddr::V4(v4) => self.0.key.hash(&[kind.as_bytes(), &v4.octets()]),
            IpAddr::V6(v6) => self.0.key.hash(&[kind.as_bytes(), &v6.octets()]),
        };
        hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
    }

    fn shard(&self, tag: u64) -> Option<&Mutex<Shard>> {
        self.0.shards.get(usize::try_from(tag % SHARDS as u64).unwrap_or(0))
    }

    /// What a provider or a large organisation has: an IPv4 /16, an IPv6 /32.
    fn network(&self, source: IpAddr) -> usize {
        let wide = match source {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 16))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 96))),
        };
        usize::try_from(self.tag("network", wide) % NETWORKS as u64).unwrap_or(0)
    }
}

/// How often something happens a second, as an average that forgets.
pub struct PerSecond {
    since: Since,
    half_life: f32,
    count: Mutex<Decaying>,
}

impl PerSecond {
    /// Nothing has happened yet. What did counts half after `half_life`.
    pub fn new(clock: Clock, half_life: Duration) -> Self {
        Self { since: Since::new(clock), half_life: half_life.as_secs_f32(), count: Mutex::default() }
    }

    /// Counts once more, and says how often it happened a second.
    pub fn add(&self) -> u32 {
        let count = locked(&self.count).add(self.since.seconds(), self.half_life);
        whole(count * std::f32::consts::LN_2 / self.half_life)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::FixedClock;

    fn recent() -> (Recent, FixedClock) {
        let clock = FixedClock::at(DateTime::UNIX_EPOCH);
        (Recent::new(Clock::Fixed(clock.clone()), Duration::from_secs(600)).unwrap(), clock)
    }

    fn numbered(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn what_a_source_did_halves_in_time() {
        let (recent, clock) = recent();
        for count in 1..=100 {
            assert_eq!(recent.add(numbered(1)), count);
        }
        assert_eq!((recent.of(numbered(1)), recent.of(numbered(2))), (100, 0));
        clock.advance(TimeDelta::minutes(10));
        assert_eq!(recent.of(numbered(1)), 50);
        clock.advance(TimeDelta::minutes(10));
        assert_eq!(recent.add(numbered(1)), 26);
        clock.advance(TimeDelta::minutes(-30));
        assert_eq!(recent.of(numbered(1)), 26, "a clock that is set back makes nobody busier");
        clock.advance(TimeDelta::days(400));
        assert_eq!(recent.of(numbered(1)), 0);
    }

    #[test]
    fn the_shape_of_an_address_is_no_part_of_its_count() {
        let (recent, _) = recent();
        recent.add("::1".parse().unwrap());
        assert_eq!(recent.of("0.0.0.1".parse().unwrap()), 0);
    }

    /// 10 million would take minutes here; the bound is what makes memory flat, whatever their number.
    #[test]
    fn however_many_sources_come_memory_is_bounded_and_the_rest_count_by_network() {
        let (recent, clock) = recent();
        let bound = SHARDS * PER_SHARD;
        for number in 0..1_000_000_u32 {
            recent.add(numbered(number));
        }
        assert!(recent.len() <= bound && recent.len() > bound - bound / 100, "{}", recent.len());
        let capacity: usize = recent.0.shards.iter().map(|shard| locked(shard).by_source.capacity()).sum();
        assert_eq!(capacity, SHARDS * (1 << 14) * 7 / 8, "no table has grown beyond 16,384 places");
        assert_eq!(size_of::<(u64, Decaying)>(), 16);
        // Whoever was there before is known for itself, and newcomers share with their network only.
        assert_eq!(recent.of(numbered(7)), 1);
        let newcomer: IpAddr = "203.0.113.9".parse().unwrap();
        assert!(recent.of(newcomer) < 2_000, "a network of its own, but for chance");
        let networks: u32 = locked(&recent.0.networks).iter().map(|count| whole(count.count)).sum();
        assert_eq!(usize::try_from(networks).unwrap() + recent.len(), 1_000_000, "nobody is forgotten");
        clock.advance(TimeDelta::minutes(11));
        recent.add(newcomer);
        assert!(recent.len() < bound, "those who came once are forgotten, and there is room again");
    }

    #[test]
    fn the_pace_of_everybody_is_an_average_of_the_last_seconds() {
        let clock = FixedClock::at(DateTime::UNIX_EPOCH);
        let pace = PerSecond::new(Clock::Fixed(clock.clone()), Duration::from_secs(10));
        let mut last = 0;
        for _ in 0..120 {
            for _ in 0..500 {
                last = pace.add();
            }
            clock.advance(TimeDelta::seconds(1));
        }
        assert!((480..=540).contains(&last), "{last}");
        clock.advance(TimeDelta::minutes(2));
        assert_eq!(pace.add(), 0);
    }
}
