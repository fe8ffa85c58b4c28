//! The engine alone: what it keeps, what it tells once, what confirming does. What it finds is tried in cli/demo/attack.

use super::*;
use crate::gate::signals::HOLD_AT;

fn row(number: u128, minute: i64) -> Row {
    Row {
        id: Uuid::from_u128(number),
        at: DateTime::from_timestamp(1_000_000 + minute * 60, 0).unwrap(),
        source: Some(i64::try_from(number).unwrap()),
        domain: Some(1),
        name: Some(i64::try_from(number).unwrap()),
        shape: Some(i64::try_from(number % 9).unwrap()),
        country: "DE".parse().unwrap(),
        partner: None,
        signals: Signals::default(),
        score: 0,
        confirmed: false,
    }
}

/// A hundred minutes of people, then ten in which 40 sources send 25 each, all made alike.
fn attacked() -> (Waves, DateTime<Utc>) {
    let mut waves = Waves::default();
    (0..800).for_each(|number| waves.push(&row(number, i64::try_from(number / 8).unwrap())));
    for number in 800..1800 {
        let bot = row(number, 100 + i64::try_from((number - 800) / 100).unwrap());
        waves.push(&Row { source: Some(-i64::try_from(number % 40).unwrap() - 1), shape: Some(77), ..bot });
    }
    (waves, row(0, 115).at)
}

#[test]
fn a_wave_is_raised_also_where_it_began_and_told_once() {
    let (mut waves, now) = attacked();
    let raises = waves.judge(now);
    let held = raises.iter().filter(|raise| raise.score >= HOLD_AT).count();
    assert!(held > 950, "{held} of 1000");
    assert!(raises.iter().all(|raise| raise.id.as_u128() >= 800), "nobody of before");
    assert!(raises.iter().any(|raise| raise.id.as_u128() < 810), "the first ones too");
    let reasons: Vec<_> = raises.first().unwrap().signals.list().collect();
    assert!(reasons.contains(&crate::gate::signals::Signal::WaveShape), "{reasons:?}");
    // Found again, some are certain, and that is told once.
    assert!(waves.judge(now).iter().all(|raise| raise.score >= CONFIRMED_CREDIT + HOLD_AT));
    assert!(waves.judge(now).is_empty());
}

#[test]
fn a_few_rows_and_an_empty_window_tell_nothing() {
    let mut waves = Waves::default();
    assert!(waves.is_empty() && waves.judge(row(0, 0).at).is_empty());
    (0..50).for_each(|number| waves.push(&row(number, 0)));
    assert!(waves.judge(row(0, 1).at).is_empty());
}

#[test]
fn rows_are_taken_once_and_forgotten_after_a_day() {
    let mut waves = Waves::default();
    waves.push(&row(1, 0));
    waves.push(&row(1, 0));
    waves.push(&row(2, 60));
    assert_eq!(waves.len(), 2);
    waves.confirm(Uuid::from_u128(2));
    waves.confirm(Uuid::from_u128(99));
    waves.judge(row(0, 24 * 60 + 1).at);
    assert_eq!(waves.len(), 1);
    waves.confirm(Uuid::from_u128(1));
    waves.confirm(Uuid::from_u128(2));
    assert!(waves.window.rows.iter().all(|row| row.confirmed));
}

#[test]
fn no_more_rows_are_kept_than_the_bound() {
    let mut waves = Waves::default();
    let more = ROWS_MAX as u128 + 10;
    (0..more).for_each(|number| waves.push(&row(number, 0)));
    assert_eq!(waves.len(), ROWS_MAX);
}

#[test]
fn confirming_takes_a_score_below_the_limit_unless_the_wave_is_certain() {
    assert!(settled(HOLD_AT + 295, true) < HOLD_AT);
    assert!(settled(CONFIRMED_CREDIT + HOLD_AT, true) >= HOLD_AT);
    assert_eq!(settled(80, true), 0);
    assert_eq!(settled(80, false), 80);
}
