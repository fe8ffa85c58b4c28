//! Rule 8 for a whole history, as properties: it adds up, never falls, and is never finer than a document at the end of
//! each hour would be.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const COUNTRIES: [&str; 5] = ["DE", "FR", "VA", "TV", "ZZ"];

/// How many pledges each hour has by country.
type World = BTreeMap<i64, BTreeMap<Country, i64>>;

fn country(index: usize) -> Country {
    COUNTRIES[index].parse().unwrap()
}

fn history(world: &World, threshold: i64) -> Countries {
    let mut reader = Reader::new(threshold);
    for (hour, counts) in world {
        reader.hour(*hour, counts.iter().map(|(country, count)| (*country, *count)));
    }
    reader.finish()
}

/// The exact sums at the end of an hour.
fn sums(world: &World, hour: i64) -> BTreeMap<Country, i64> {
    let mut sums = BTreeMap::new();
    for counts in world.range(..=hour).map(|(_, counts)| counts) {
        for (country, count) in counts {
            *sums.entry(*country).or_default() += count;
        }
    }
    sums
}

/// What is shown at the end of an hour.
fn shown(history: &Countries, hour: i64) -> BTreeMap<Country, i64> {
    let all = history.0.iter().map(|(country, series)| (*country, series.before(hour + 1)));
    all.filter(|(_, shown)| *shown != 0).collect()
}

/// A document made of these sums, re-read.
fn document(sums: &BTreeMap<Country, i64>, threshold: i64) -> Figures {
    let mut figures = Figures { threshold, total: 0, confirmed: 0, countries: BTreeMap::new() };
    figures.apply(sums);
    figures.reread();
    figures
}

fn worlds() -> impl Strategy<Value = World> {
    let amount = prop_oneof![6 => 1i64..4, 2 => 4i64..40, 1 => 40i64..150];
    // Campaigns of one country, where nothing is left over to hide in, as well as of many.
    let pledge = (1..=COUNTRIES.len())
        .prop_flat_map(move |countries| proptest::collection::vec((0i64..40, 0..countries, amount.clone()), 1..80));
    pledge.prop_map(|pledges| {
        let mut world = World::new();
        for (hour, at, amount) in pledges {
            *world.entry(hour).or_default().entry(country(at)).or_default() += amount;
        }
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The end of the history is what a document shows that is re-read at the same time.
    #[test]
    fn the_last_hour_is_the_document(world in worlds(), threshold in 1i64..8) {
        let document: BTreeMap<_, _> = document(&sums(&world, 99), threshold).shown().collect();
        prop_assert_eq!(shown(&history(&world, threshold), 99), document);
    }

    /// A large country is shown exactly; a small one as a multiple of the threshold, not more than it has and not more than
    /// the document of that hour; ZZ never; and enough is left over to hide in.
    #[test]
    fn every_hour_is_no_finer_than_a_document(world in worlds(), threshold in 1i64..8) {
        let history = history(&world, threshold);
        for hour in -1..41 {
            let (sums, shown) = (sums(&world, hour), shown(&history, hour));
            let document = document(&sums, threshold);
            let mut some_are_rounded = false;
            for (country, count) in &shown {
                prop_assert!(!country.is_withheld() && *count > 0);
                let figure = document.countries[country];
                if figure.live {
                    prop_assert_eq!(*count, sums[country]);
                } else {
                    prop_assert!(count % threshold == 0 && *count <= figure.shown);
                    some_are_rounded = true;
                }
            }
            let elsewhere = document.total - shown.values().sum::<i64>();
            let least = if some_are_rounded { threshold - 1 } else { 0 };
            prop_assert!(elsewhere >= least);
            for (country, figure) in document.countries.iter().filter(|(_, figure)| figure.live) {
                prop_assert_eq!(shown[country], figure.counted);
            }
        }
    }

    /// Pledges only come: what is shown never falls. From a fall, the count of a small country could be worked out.
    #[test]
    fn the_series_never_fall(world in worlds(), threshold in 1i64..8) {
        let history = history(&world, threshold);
        for country in history.0.keys() {
            let totals: Vec<i64> = (-1..41).map(|hour| history.get(*country).unwrap().before(hour + 1)).collect();
            prop_assert!(totals.is_sorted(), "{country}: {totals:?}");
        }
    }

    /// Each hour by itself tells nothing: for every small country that is shown, and for every count from what it shows up
    /// to the next step, there are sums with which all countries show the same and the total is the same.
    #[test]
    fn every_count_up_to_the_next_step_gives_the_same_hour(
        world in worlds(), hour in 0i64..40, chosen in 0usize..4, threshold in 2i64..8, into_step in 0i64..8,
    ) {
        let (at, seen) = (country(chosen), shown(&history(&world, threshold), hour));
        let real = sums(&world, hour);
        let Some(least) = seen.get(&at).copied().filter(|_| real[&at] < 20 * threshold) else { return Ok(()) };
        let mut other = seen.clone();
        other.insert(at, least + into_step % threshold);
        let withheld = real.values().sum::<i64>() - other.values().sum::<i64>();
        prop_assert!(withheld >= 0);
        other.insert(Country::WITHHELD, withheld);
        prop_assert_eq!(document(&other, threshold).shown().collect::<BTreeMap<_, _>>(), seen);
    }

    /// And all hours together tell nothing, as long as in each of them enough others pledge: for every small country, every
    /// hour, and every count up to the next step, there is another world with the same history of the campaign and of all
    /// countries, hour by hour. (In an hour with a single pledge a step tells whose it was. That is documented.)
    #[test]
    fn every_count_up_to_the_next_step_gives_the_same_history(
        world in worlds(), hour in 0i64..40, chosen in 0usize..4, threshold in 2i64..8, into_step in 0i64..8,
    ) {
        let mut real = world;
        for hour in 0..41 {
            let enough = threshold * i64::try_from(COUNTRIES.len() + 1).unwrap();
            *real.entry(hour).or_default().entry(Country::WITHHELD).or_default() += enough;
        }
        let (at, seen) = (country(chosen), history(&real, threshold));
        let count = shown(&seen, hour).get(&at).copied().unwrap_or(0) + into_step % threshold;
        if sums(&real, hour).get(&at).copied().unwrap_or(0) >= 20 * threshold {
            return Ok(());
        }
        // There, every country has just what it shows, this one the other count from that hour on, and who doesn't say a
        // country makes up for it.
        let then = |at_hour: i64| {
            let mut sums_then = shown(&seen, at_hour);
            if at_hour >= hour {
                let shows = sums_then.entry(at).or_default();
                *shows = count.max(*shows);
            }
            let total: i64 = sums(&real, at_hour).values().sum();
            sums_then.insert(Country::WITHHELD, total - sums_then.values().sum::<i64>());
            sums_then
        };
        let mut other = World::new();
        for hour in 0..41 {
            let (before, after) = (then(hour - 1), then(hour));
            for country in before.keys().chain(after.keys()).copied().collect::<BTreeSet<_>>() {
                let of = |sums: &BTreeMap<Country, i64>| sums.get(&country).copied().unwrap_or(0);
                prop_assert!(of(&after) >= of(&before), "{country} in the hour {hour}: pledges only come");
                other.entry(hour).or_default().insert(country, of(&after) - of(&before));
            }
        }
        prop_assert_eq!(sums(&other, hour).get(&at).copied().unwrap_or(0), count);
        prop_assert_eq!(history(&other, threshold), seen);
    }
}

#[test]
fn a_country_that_a_later_hour_takes_down_is_taken_down_before() {
    // 20 from DE and 9 from VA are shown as 20 and 5. With a tenth from VA nothing would be left over, so DE is taken down to
    // 15. Had the hour before still shown 20, DE would have exactly 20.
    let world = World::from([
        (1, BTreeMap::from([(country(0), 20), (country(2), 9)])),
        (2, BTreeMap::from([(country(2), 1)])),
        (3, BTreeMap::from([(country(4), 50)])),
    ]);
    let first_two: World = world.range(..3).map(|(hour, counts)| (*hour, counts.clone())).collect();
    let told = |world: &World| [1, 2, 3].map(|hour| shown(&history(world, 5), hour).get(&country(0)).copied());
    assert_eq!(document(&sums(&world, 1), 5).countries[&country(0)].shown, 20);
    assert_eq!(told(&first_two), [Some(15), Some(15), Some(15)]);
    assert_eq!(told(&world), [Some(15), Some(15), Some(20)]);
}

#[test]
fn threshold_one_tells_everything_but_who_does_not_say() {
    let world = World::from([
        (5, BTreeMap::from([(country(0), 2), (Country::WITHHELD, 3)])),
        (7, BTreeMap::from([(country(0), 1)])),
    ]);
    let history = history(&world, 1);
    assert_eq!(
        [4, 5, 6, 7].map(|hour| shown(&history, hour).get(&country(0)).copied()),
        [None, Some(2), Some(2), Some(3)]
    );
    assert_eq!(history.get(Country::WITHHELD), None);
}
