//! Ranges by example, series as properties.

use proptest::prelude::*;

use super::*;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// From, to and number of intervals, of a campaign that began on 1 March 2026 at 10:20, at 12:30:15 on the 20th.
fn span(interval: Interval, from: &str, to: &str) -> Result<(String, String, usize), Refused> {
    let moment = |text: &str| (!text.is_empty()).then(|| time(text));
    let asked = Asked { interval, from: moment(from), to: moment(to) };
    let span = Span::new(asked, time("2026-03-01T10:20:00Z"), time("2026-03-20T12:30:15Z"))?;
    let text = |at: DateTime<Utc>| at.format("%d %R").to_string();
    Ok((text(span.from()), text(span.to()), span.points(&Steps::default()).len()))
}

fn is(from: &str, to: &str, points: usize) -> (String, String, usize) {
    (from.to_owned(), to.to_owned(), points)
}

#[test]
fn a_range_is_rounded_outward() {
    use Interval::{Day, Hour, Minute};
    let (early, late) = ("2026-03-19T23:59:59.5Z", "2026-03-20T01:00:00.001Z");
    assert_eq!(span(Minute, early, late), Ok(is("19 23:59", "20 01:01", 62)));
    assert_eq!(span(Hour, early, late), Ok(is("19 23:00", "20 02:00", 3)));
    assert_eq!(span(Day, early, late), Ok(is("19 00:00", "21 00:00", 2)));
    // Whole ones stay as they are: `to` is the first moment that isn't asked for.
    assert_eq!(span(Hour, "2026-03-19T00:00:00Z", "2026-03-20T00:00:00Z"), Ok(is("19 00:00", "20 00:00", 24)));
    assert_eq!(span(Day, "2026-03-19T00:00:00Z", "2026-03-20T00:00:00Z"), Ok(is("19 00:00", "20 00:00", 1)));
    // A moment is enough, also the second that is sometimes put in.
    assert_eq!(span(Hour, "2026-03-19T10:00:00Z", "2026-03-19T10:00:00.000000001Z"), Ok(is("19 10:00", "19 11:00", 1)));
    assert_eq!(span(Hour, "2026-03-19T09:59:60Z", "2026-03-19T10:00:00Z"), Ok(is("19 09:00", "19 10:00", 1)));
    // Offsets are only another way to write it.
    assert_eq!(span(Hour, "2026-03-19T10:30:00+05:45", "2026-03-19T06:00:00+00:00"), Ok(is("19 04:00", "19 06:00", 2)));
}

#[test]
fn a_series_begins_with_the_campaign_and_ends_now() {
    use Interval::{Day, Hour, Minute};
    assert_eq!(span(Day, "", ""), Ok(is("01 00:00", "21 00:00", 20)));
    assert_eq!(span(Hour, "", ""), Ok(is("01 10:00", "20 13:00", 459)));
    assert_eq!(span(Minute, "", ""), Ok(is("19 12:31", "20 12:31", 1_440)));
    assert_eq!(span(Day, "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), Ok(is("01 00:00", "21 00:00", 20)));
    // The usual range is one before `to`.
    assert_eq!(span(Minute, "", "2026-03-20T12:00:00Z"), Ok(is("19 12:00", "20 12:00", 1_440)));
    // Before and after, there is nothing to tell.
    assert_eq!(span(Day, "", "2026-02-01T00:00:00Z"), Ok(is("01 00:00", "01 00:00", 0)));
    assert_eq!(span(Hour, "2026-03-20T13:00:00Z", "").unwrap().2, 0);
    assert_eq!(span(Hour, "2026-03-20T12:59:59Z", "").unwrap().2, 1);
}

#[test]
fn minutes_are_told_for_48_hours() {
    use Interval::Minute;
    assert_eq!(span(Minute, "2026-03-01T00:00:00Z", ""), Ok(is("18 12:31", "20 12:31", 2_880)));
    assert_eq!(span(Minute, "2026-03-01T00:00:00Z", "2026-03-18T12:32:00Z"), Ok(is("18 12:31", "18 12:32", 1)));
    for gone in ["2026-03-18T12:31:00Z", "2026-03-02T00:00:00Z", "2025-01-01T00:00:00Z"] {
        assert_eq!(span(Minute, "", gone), Err(Refused::TooLongAgo), "{gone}");
    }
}

#[test]
fn what_makes_no_range_is_refused() {
    let moment = "2026-03-19T10:00:00Z";
    assert_eq!(span(Interval::Hour, moment, moment), Err(Refused::Empty));
    assert_eq!(span(Interval::Hour, moment, "2026-03-19T09:00:00Z"), Err(Refused::Empty));
    let long = |interval, hours| {
        let (now, begun) = (time("2030-01-01T00:00:00Z"), time("2020-01-01T00:00:00Z"));
        let asked = Asked { interval, from: Some(now - TimeDelta::hours(hours)), to: Some(now) };
        Span::new(asked, begun, now).map(|span| span.points(&Steps::default()).len())
    };
    assert_eq!(long(Interval::Hour, 3_000), Ok(3_000));
    assert_eq!(long(Interval::Hour, 3_001), Err(Refused::TooLong));
    assert_eq!(long(Interval::Day, 24 * 3_000), Ok(3_000));
    assert_eq!(long(Interval::Day, 24 * 3_001), Err(Refused::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever part is asked for: no gap, each total is the one before and the count, and the counts are those of the
    /// series.
    #[test]
    fn points_add_up(
        at_first in 0i64..50, counted in proptest::collection::btree_map(-40i64..400, 0i64..9, 0..60),
        first in -50i64..420, length in 0i64..200, day in any::<bool>(),
    ) {
        let series = Steps::adding(at_first, counted.clone());
        let (interval, units) = if day { (Interval::Day, 24) } else { (Interval::Hour, 1) };
        let points = Span { interval, first, end: first + length, current: 0 }.points(&series);
        prop_assert_eq!(points.len(), usize::try_from(length).unwrap());
        let until = |unit: i64| at_first + counted.range(..unit).map(|(_, count)| count).sum::<i64>();
        for (number, point) in (first..).zip(&points) {
            prop_assert_eq!(point.at.timestamp(), number * units * 3_600);
            prop_assert_eq!(point.total, until((number + 1) * units));
            prop_assert_eq!(point.count, point.total - until(number * units));
        }
        prop_assert_eq!(series.last(), until(1_000));
    }
}
