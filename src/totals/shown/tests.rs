//! Rule 8 as properties: what is published always adds up and is never finer than it may be.

use proptest::prelude::*;

use super::*;

const COUNTRIES: [&str; 5] = ["DE", "FR", "VA", "TV", "ZZ"];

#[derive(Clone, Debug)]
enum Event {
    Change(usize, i64),
    Reread,
}

/// What a stranger sees.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    total: i64,
    shown: Vec<(Country, i64)>,
    elsewhere: i64,
}

fn country(index: usize) -> Country {
    COUNTRIES[index].parse().unwrap()
}

fn empty(threshold: i64) -> Figures {
    Figures { threshold, total: 0, countries: BTreeMap::new() }
}

fn document(figures: &Figures) -> Document {
    Document { total: figures.total, shown: figures.shown().collect(), elsewhere: figures.elsewhere() }
}

fn step(figures: &mut Figures, event: &Event) -> bool {
    match event {
        Event::Reread => {
            figures.reread();
            false
        }
        Event::Change(index, amount) => {
            let counted = figures.countries.get(&country(*index)).map_or(0, |figure| figure.counted);
            // Only what is counted can be removed.
            figures.apply(&Changes::from([(country(*index), (*amount).max(-counted))]))
        }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0..COUNTRIES.len(), 1i64..4).prop_map(|(at, n)| Event::Change(at, n)),
        2 => (0..COUNTRIES.len(), 20i64..120).prop_map(|(at, n)| Event::Change(at, n)),
        3 => (0..COUNTRIES.len(), -30i64..0).prop_map(|(at, n)| Event::Change(at, n)),
        1 => Just(Event::Reread),
    ];
    proptest::collection::vec(event, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Countries and elsewhere add up to the exact total, nothing is negative, ZZ is never shown.
    #[test]
    fn what_is_shown_adds_up(events in events(), threshold in 1i64..8) {
        let mut figures = empty(threshold);
        for event in &events {
            step(&mut figures, event);
            let shown = document(&figures);
            prop_assert_eq!(shown.total, figures.countries.values().map(|figure| figure.counted).sum::<i64>());
            prop_assert_eq!(shown.total, shown.elsewhere + shown.shown.iter().map(|(_, count)| count).sum::<i64>());
            prop_assert!(shown.elsewhere >= 0);
            prop_assert!(shown.shown.iter().all(|(at, count)| *count > 0 && !at.is_withheld()));
        }
    }

    /// At a re-reading a small country shows a multiple of the threshold, a big one its count; until the next, a
    /// country that was small then shows that same number.
    #[test]
    fn small_countries_are_rounded_and_stand_still(events in events(), threshold in 2i64..8) {
        let mut figures = empty(threshold);
        let mut small: BTreeMap<Country, i64> = BTreeMap::new();
        for event in &events {
            let forced = step(&mut figures, event);
            if forced || matches!(event, Event::Reread) {
                small.clear();
                for (at, figure) in &figures.countries {
                    if figure.counted >= 20 * threshold && !at.is_withheld() {
                        prop_assert_eq!(figure.shown, figure.counted);
                    } else {
                        let rounded = if at.is_withheld() { 0 } else { figure.counted / threshold * threshold };
                        prop_assert_eq!(figure.shown, rounded);
                        small.insert(*at, rounded);
                    }
                }
            }
            for (at, figure) in &figures.countries {
                prop_assert_eq!(figure.shown, small.get(at).copied().unwrap_or(if figure.live { figure.counted } else { figure.shown }));
                prop_assert!(!figure.live || figure.counted >= 20 * threshold);
            }
        }
    }

    /// Nobody can tell: for a country that is small at the end of a tick there is, for every count in its bucket, another
    /// history with exactly the same documents throughout. So no document, no difference of two, and no series
    /// of them gives its count more finely than the threshold.
    #[test]
    fn every_count_in_the_bucket_gives_the_same_documents(
        before in events(), tick in events(), chosen in 0usize..4, threshold in 2i64..8, into_bucket in 0i64..8,
    ) {
        // Enough in ZZ that nothing is forced and every exchange is possible.
        let start = |figures: &mut Figures| { figures.apply(&Changes::from([(Country::WITHHELD, 100_000)])); };
        let mut real = empty(threshold);
        start(&mut real);
        for event in &before {
            step(&mut real, event);
        }
        real.reread();
        let at = country(chosen);
        let counted = real.countries.get(&at).map_or(0, |figure| figure.counted);
        prop_assume!(counted < 20 * threshold);

        // The other world: the country has another count of the same bucket, ZZ the difference.
        let other_count = counted / threshold * threshold + into_bucket % threshold;
        let mut other = real.clone();
        other.apply(&Changes::from([(at, other_count - counted), (Country::WITHHELD, counted - other_count)]));
        prop_assert_eq!(document(&real), document(&other));

        for event in tick.iter().filter(|event| matches!(event, Event::Change(..))) {
            let Event::Change(index, amount) = event else { continue };
            // The same happens in both worlds, as far as both have the rows for it.
            let have = |figures: &Figures| figures.countries.get(&country(*index)).map_or(0, |figure| figure.counted);
            let amount = (*amount).max(-have(&real)).max(-have(&other));
            let change = Changes::from([(country(*index), amount)]);
            prop_assert!(!real.apply(&change));
            prop_assert!(!other.apply(&change));
            prop_assert_eq!(document(&real), document(&other));
        }
    }

    /// The same for a country that falls below the limit during the tick: from then on its count can't be told from any
    /// other below the limit.
    #[test]
    fn a_country_that_falls_below_the_limit_stands_still(threshold in 2i64..8, above in 0i64..50, steps in proptest::collection::vec(-20i64..10, 1..30)) {
        let limit = 20 * threshold;
        let at = country(0);
        let mut real = empty(threshold);
        real.apply(&Changes::from([(Country::WITHHELD, 100_000), (at, limit + above)]));
        real.reread();
        let mut other = real.clone();
        // Down to just below the limit in one world, to nothing in the other.
        real.apply(&Changes::from([(at, -above - 1), (Country::WITHHELD, 0)]));
        other.apply(&Changes::from([(at, -above - limit), (Country::WITHHELD, limit - 1)]));
        prop_assert_eq!(document(&real), document(&other));
        for change in steps {
            let amount = change.max(-real.countries[&at].counted).max(-other.countries[&at].counted);
            real.apply(&Changes::from([(at, amount)]));
            other.apply(&Changes::from([(at, amount)]));
            prop_assert_eq!(document(&real), document(&other));
        }
    }
}

#[test]
fn threshold_one_shows_everything_at_once() {
    let mut figures = empty(1);
    figures.apply(&Changes::from([(country(0), 3), (Country::WITHHELD, 2)]));
    assert_eq!(document(&figures), Document { total: 5, shown: vec![(country(0), 3)], elsewhere: 2 });
    figures.apply(&Changes::from([(country(0), -2)]));
    assert_eq!(document(&figures), Document { total: 3, shown: vec![(country(0), 1)], elsewhere: 2 });
}

#[test]
fn emptying_a_shown_country_rereads_everything_at_once() {
    let mut figures = empty(5);
    figures.apply(&Changes::from([(country(0), 150), (country(1), 7)]));
    figures.reread();
    assert_eq!(figures.elsewhere(), 2);
    assert!(figures.apply(&Changes::from([(country(0), -150)])));
    assert_eq!(document(&figures), Document { total: 7, shown: vec![(country(1), 5)], elsewhere: 2 });
}
