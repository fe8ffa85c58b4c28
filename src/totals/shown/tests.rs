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
    Figures { threshold, total: 0, confirmed: 0, countries: BTreeMap::new() }
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
    // Campaigns of one country, where nothing is left over to hide in, as well as of many.
    (1..=COUNTRIES.len()).prop_flat_map(events_of)
}

fn events_of(countries: usize) -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0..countries, 1i64..4).prop_map(|(at, n)| Event::Change(at, n)),
        2 => (0..countries, 20i64..120).prop_map(|(at, n)| Event::Change(at, n)),
        3 => (0..countries, -30i64..0).prop_map(|(at, n)| Event::Change(at, n)),
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

    /// At a re-reading a small country shows a multiple of the threshold, not more than it has, and a big one its count;
    /// until the next, a country that was small then shows that same number.
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
                        let most = if at.is_withheld() { 0 } else { figure.counted / threshold * threshold };
                        prop_assert!(figure.shown % threshold == 0 && figure.shown <= most);
                        small.insert(*at, figure.shown);
                    }
                }
            }
            for (at, figure) in &figures.countries {
                prop_assert_eq!(figure.shown, small.get(at).copied().unwrap_or(if figure.live { figure.counted } else { figure.shown }));
                prop_assert!(!figure.live || figure.counted >= 20 * threshold);
            }
        }
    }

    /// Nobody can tell: for every small country that is shown, and for every count from what it shows up to the next step,
    /// there is another world with the same document; and whatever happens until the next re-reading, the documents
    /// stay the same. So no document, no difference of two, and no series of them gives a small country's count
    /// more finely than the threshold.
    #[test]
    fn every_count_up_to_the_next_step_gives_the_same_documents(
        before in events(), tick in events(), chosen in 0usize..4, threshold in 2i64..8, into_bucket in 0i64..8,
    ) {
        let mut real = empty(threshold);
        for event in &before {
            step(&mut real, event);
        }
        real.reread();
        let at = country(chosen);
        let Some(figure) = real.countries.get(&at).copied().filter(|figure| figure.shown > 0 && !figure.live) else {
            return Ok(());
        };
        // The other world: this country has another count, the other small ones just what they show, and who doesn't say
        // a country makes up for it.
        let count = figure.shown + into_bucket % threshold;
        let mut other = real.clone();
        for (country, figure) in other.countries.iter_mut().filter(|(_, figure)| !figure.live) {
            figure.counted = if *country == at { count } else { figure.shown };
        }
        let withheld = real.elsewhere() - (count - figure.shown);
        prop_assert!(withheld >= 0, "elsewhere is too small to hide {count}: {}", real.elsewhere());
        other.countries.entry(Country::WITHHELD).or_default().counted = withheld;
        other.reread();
        prop_assert_eq!(document(&real), document(&other));

        for event in &tick {
            let Event::Change(index, amount) = event else { continue };
            // The same happens in both worlds, as far as both have the rows for it.
            let have = |figures: &Figures| figures.countries.get(&country(*index)).map_or(0, |figure| figure.counted);
            let change = Changes::from([(country(*index), (*amount).max(-have(&real)).max(-have(&other)))]);
            let forced = real.apply(&change);
            prop_assert_eq!(forced, other.apply(&change));
            if forced {
                // Documented: a removal that empties a shown country re-reads everything.
                break;
            }
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
    figures.apply(&Changes::from([(country(0), 150), (country(1), 9)]));
    figures.reread();
    assert_eq!(figures.elsewhere(), 4);
    assert!(figures.apply(&Changes::from([(country(0), -150)])));
    assert_eq!(document(&figures), Document { total: 9, shown: vec![(country(1), 5)], elsewhere: 4 });
}

#[test]
fn a_lone_small_country_is_not_given_away_by_what_is_left_over() {
    let mut figures = empty(5);
    figures.apply(&Changes::from([(country(3), 45)]));
    figures.reread();
    assert_eq!(document(&figures), Document { total: 45, shown: vec![(country(3), 40)], elsewhere: 5 });
    figures.apply(&Changes::from([(country(0), 100)]));
    figures.reread();
    let shown = vec![(country(0), 100), (country(3), 40)];
    assert_eq!(document(&figures), Document { total: 145, shown, elsewhere: 5 });
}

proptest! {
    #[test]
    fn parts_are_multiples_and_leave_something_over(
        counted in proptest::collection::vec(0i64..300, 0..6), by_none in 0i64..20, threshold in 1i64..8,
    ) {
        let total = counted.iter().sum::<i64>() + by_none;
        let shown = rounded(&counted, total, threshold);
        prop_assert!(shown.iter().zip(&counted).all(|(shown, counted)| shown % threshold == 0 && shown <= counted));
        let left = total - shown.iter().sum::<i64>();
        prop_assert!(left >= threshold - 1 || shown.iter().all(|shown| *shown == 0));
        prop_assert!(threshold > 1 || shown == counted);
    }
}
