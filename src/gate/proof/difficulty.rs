//! How much a proof costs who makes it: about half a second on a cheap phone, more for sources that have been busy and
//! while the whole service is, never more than 16 seconds. A price, not a wall.
//!
//! Where the figures come from: the solver of the npm package `altcha` 3.2 asks the browser for one hash at a time, which took
//! 11 to 13 µs in Chromium and 10 µs in Node on one core of a 2020s server (most of it the way there and back). A cheap
//! phone is taken to be five times slower, 60 µs, and to get the work of two cores out of the four that the solver uses: 30 µs
//! a hash. Half a second is then 16,384 hashes. The time a solution takes is spread as waiting times are: one in twenty takes
//! three times as long as the average, one in a hundred 4.6 times. A program of its own makes the same hashes a hundred
//! times faster: what it costs a bot is the rise with the number of challenges, not the first one.

/// What the hash must begin with: one number in 4,096 does. An odd number of digits costs the solver a little text for
/// each number, two digits more would be too coarse, and the rest is done by hashing several times.
pub const PREFIX: &str = "000";

/// Numbers that are tried on average.
pub const TRIES: u64 = 4_096;

/// Challenges from one source, in the last ten minutes or so, that cost no more than the first: a household, a classroom,
/// a stand in the street.
const FREE_FOR_A_SOURCE: u32 = 20;

/// Challenges a second of the whole service from which on everybody pays more.
const FREE_FOR_ALL: u32 = 1_000;

/// How many times more a crowd makes everybody pay, at the most. Most of a crowd are people.
const MOST_FOR_A_CROWD: u32 = 4;

/// How many times more while the campaign's switch raises it.
const RAISED: u64 = 4;

/// What solving a challenge costs: how many times each number is hashed. Checking takes as many hashes, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difficulty(u32);

impl Difficulty {
    /// Half a second on a cheap phone.
    pub const BASE: Self = Self(4);
    /// 16 seconds there, on average. At 90 the browser's solver gives up, which then befalls four in a thousand.
    pub const MOST: Self = Self(128);

    /// The difficulty for a source that has asked `busy` times lately (this time included), while the whole service gives
    /// out `per_second` challenges a second, and the campaign's switch raises it or not. Never falls when one of them rises.
    ///
    /// A source pays in proportion to what it has asked beyond a small number: twice as busy, twice the price. A campus behind
    /// one address waits seconds and gets in; a bot's ten-thousandth pledge takes ten thousand times sixteen seconds.
    pub fn of(busy: u32, per_second: u32, raised: bool) -> Self {
        let base = u64::from(Self::BASE.0);
        let own = base * u64::from(busy.max(FREE_FOR_A_SOURCE));
        let crowd = u64::from(per_second.clamp(FREE_FOR_ALL, FREE_FOR_ALL * MOST_FOR_A_CROWD));
        let times = if raised { RAISED } else { 1 };
        let cost = own * crowd * times / u64::from(FREE_FOR_A_SOURCE) / u64::from(FREE_FOR_ALL);
        Self(u32::try_from(cost).unwrap_or(u32::MAX).min(Self::MOST.0))
    }

    /// The protocol's `cost`.
    pub fn cost(self) -> u32 {
        self.0
    }

    /// Hashes that finding a solution takes, on average.
    pub fn hashes(self) -> u64 {
        TRIES * u64::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_challenges_cost_half_a_second_on_a_phone() {
        assert_eq!(Difficulty::of(1, 1, false), Difficulty::BASE);
        assert_eq!(Difficulty::of(20, 1_000, false), Difficulty::BASE);
        let microseconds_on_a_phone = 30;
        assert!((450_000..=550_000).contains(&(Difficulty::BASE.hashes() * microseconds_on_a_phone)));
        assert!((10_000_000..=20_000_000).contains(&(Difficulty::MOST.hashes() * microseconds_on_a_phone)));
        assert_eq!(TRIES, 16_u64.pow(u32::try_from(PREFIX.len()).unwrap()));
    }

    #[test]
    fn busy_sources_crowds_and_the_switch_raise_it() {
        let times =
            |busy, per_second, raised| Difficulty::of(busy, per_second, raised).cost() / Difficulty::BASE.cost();
        assert_eq!(times(40, 1, false), 2);
        assert_eq!(times(100, 1, false), 5);
        assert_eq!(times(1, 3_000, false), 3);
        assert_eq!(times(1, 50_000, false), 4, "a crowd alone makes it two seconds at the most");
        assert_eq!(times(1, 1, true), 4);
        assert_eq!(times(40, 2_000, true), 16);
        assert_eq!(Difficulty::of(u32::MAX, u32::MAX, true), Difficulty::MOST);
    }

    proptest! {
        #[test]
        fn it_never_falls_when_something_rises_and_stays_within_its_bounds(
            busy in 0_u32..2_000, more in 0_u32..2_000, per_second in 0_u32..9_000, faster in 0_u32..9_000, raised: bool,
        ) {
            let here = Difficulty::of(busy, per_second, raised);
            prop_assert!((Difficulty::BASE..=Difficulty::MOST).contains(&here));
            prop_assert!(Difficulty::of(busy + more, per_second, raised) >= here);
            prop_assert!(Difficulty::of(busy, per_second + faster, raised) >= here);
            prop_assert!(Difficulty::of(busy, per_second, true) >= here);
        }
    }
}
