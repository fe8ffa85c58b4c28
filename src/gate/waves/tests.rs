//! The engine alone: what it keeps, what it tells once, what confirming does. What it finds is tried in cli/demo/attack.

use std::collections::HashMap;

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
fn rows_of_attack() -> Vec<Row> {
    let people = (0..800).map(|number| row(number, i64::try_from(number / 8).unwrap()));
    let bots = (800..1800).map(|number| {
        let bot = row(number, 100 + i64::try_from((number - 800) / 100).unwrap());
        Row { source: Some(-i64::try_from(number % 40).unwrap() - 1), shape: Some(77), ..bot }
    });
    people.chain(bots).collect()
}

fn attacked() -> (Waves, DateTime<Utc>) {
    let mut waves = Waves::default();
    rows_of_attack().iter().for_each(|row| waves.push(row));
    (waves, row(0, 115).at)
}

#[test]
fn a_wave_is_raised_also_where_it_began_and_told_once() {
    let (mut waves, now) = attacked();
    let raises = waves.judge(now);
    waves.keep(&raises);
    let held = raises.iter().filter(|raise| raise.score >= HOLD_AT).count();
    assert!(held > 950, "{held} of 1000");
    assert!(raises.iter().all(|raise| raise.id.as_u128() >= 800), "nobody of before");
    assert!(raises.iter().any(|raise| raise.id.as_u128() < 810), "the first ones too");
    let reasons: Vec<_> = raises.first().unwrap().signals.list().collect();
    assert!(reasons.contains(&crate::gate::signals::Signal::WaveShape), "{reasons:?}");
    // Found again, some are certain, and that is told once.
    let certain = waves.judge(now);
    assert!(certain.iter().all(|raise| raise.score >= CONFIRMED_CREDIT + HOLD_AT));
    waves.keep(&certain);
    assert!(waves.judge(now).is_empty());
}

#[test]
fn what_could_not_be_stored_is_told_again() {
    let (mut waves, now) = attacked();
    let (first, again) = (waves.judge(now), waves.judge(now));
    assert!(first.iter().all(|raise| again.iter().any(|told| told.id == raise.id)));
}

/// Another instance, or the same after a restart, finds what the first has stored: nobody pays twice for one wave.
#[test]
fn an_instance_that_begins_anew_raises_nobody_again() {
    let (mut waves, now) = attacked();
    let mut stored: HashMap<Uuid, Raise> = HashMap::new();
    for _ in 0..4 {
        let raises = waves.judge(now);
        waves.keep(&raises);
        for raise in raises {
            let before = stored.get(&raise.id).map_or(Signals::default(), |before| before.signals);
            stored.insert(raise.id, Raise { signals: raise.signals.with(before), ..raise });
        }
    }
    let mut anew = Waves::default();
    for mut row in rows_of_attack() {
        if let Some(raise) = stored.get(&row.id) {
            (row.score, row.signals) = (raise.score, row.signals.with(raise.signals));
        }
        anew.push(&row);
    }
    for _ in 0..4 {
        assert_eq!(anew.judge(now), []);
    }
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
