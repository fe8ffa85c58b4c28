//! A limit: exact for each key, bounded for all.

use std::net::{IpAddr, Ipv4Addr};

use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;

fn keyed(rate: Rate, most: usize) -> (Keyed<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let refused = IntCounter::new("refused", "Refused").unwrap();
    (Keyed::new("pledges", rate, most, clock.clone(), refused), clock)
}

fn numbered(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

#[test]
fn one_is_slowed_and_others_are_not() {
    let (limit, clock) = keyed(Rate::new(3, 60), 1_000);
    for left in [2, 1, 0] {
        assert_eq!(limit.check(numbered(1)).left, Ok(left));
    }
    assert_eq!(limit.check(numbered(1)).left, Err(Duration::from_secs(1)));
    assert_eq!(limit.refused.get(), 1);
    assert_eq!(limit.check(numbered(2)).left, Ok(2));
    clock.advance(Duration::from_secs(1));
    assert_eq!(limit.check(numbered(1)).left, Ok(0));
    clock.advance(Duration::from_secs(3));
    assert_eq!(limit.check(numbered(1)).left, Ok(2), "nothing is owed for what was refused");
}

#[test]
fn a_full_table_forgets_who_has_rested_and_lets_the_rest_share() {
    let (limit, clock) = keyed(Rate::new(2, 60), 100);
    for number in 0..100 {
        assert_eq!(limit.check(numbered(number)).left, Ok(1));
    }
    assert_eq!(limit.check(numbered(1_000)).left, Ok(1), "they share one count");
    assert_eq!(limit.check(numbered(1_001)).left, Ok(0));
    assert!(limit.check(numbered(1_002)).left.is_err());
    assert_eq!(limit.limiter.len(), 101);
    clock.advance(SWEEP_EVERY);
    assert_eq!(limit.check(numbered(1_003)).left, Ok(1), "those who rested are forgotten");
    assert_eq!(limit.limiter.len(), 1);
}

#[test]
fn who_was_there_before_the_table_was_full_keeps_a_count_of_their_own() {
    let (limit, clock) = keyed(Rate::new(3, 60), 100);
    for number in 0..100 {
        limit.check(numbered(number));
    }
    for stranger in 1_000..1_010 {
        limit.check(numbered(stranger));
    }
    assert!(limit.check(numbered(1_010)).left.is_err(), "strangers have used up what they share");
    assert_eq!([1, 0].map(|left| limit.check(numbered(7)).left == Ok(left)), [true; 2]);
    assert!(limit.check(numbered(7)).left.is_err(), "and no more than that");
    clock.advance(Duration::from_secs(1));
    assert_eq!(limit.check(numbered(7)).left, Ok(0));
}

#[test]
fn the_policy_says_when_a_burst_is_possible_again() {
    let policy = |burst, per_minute| Rate::new(burst, per_minute).window_seconds();
    assert_eq!([policy(60, 120), policy(20, 30), policy(30, 30), policy(1, 7), policy(0, 0)], [30, 40, 60, 9, 60]);
}

proptest! {
    /// Whatever the rate and however it is asked: never more pass than the burst and what came since.
    #[test]
    fn never_more_pass_than_the_rate_says(
        burst in 1_u32..50, per_minute in 1_u32..600, pauses in prop::collection::vec(0_u64..3_000, 1..200),
    ) {
        let (limit, clock) = keyed(Rate::new(burst, per_minute), 10);
        let (mut passed, mut milliseconds) = (0_u64, 0);
        for pause in pauses {
            clock.advance(Duration::from_millis(pause));
            milliseconds += pause;
            match limit.check(numbered(1)).left {
                Ok(left) => {
                    prop_assert!(left < burst);
                    passed += 1;
                }
                Err(wait) => {
                    prop_assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60));
                    prop_assert!(passed >= u64::from(burst), "nobody waits who has some left");
                }
            }
            prop_assert!(passed <= u64::from(burst) + milliseconds * u64::from(per_minute) / 60_000 + 1);
        }
    }
}
