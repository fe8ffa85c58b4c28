//! Whether a country has more pledges than its people explain.
//!
//! The most that is known of a real campaign is a tenth of a country's people within days (6.1 million of 66.5 million, Great Britain 2019), and
//! more than a fifth in a small country, in a matter of its own (Iceland 2016: 75,000 of 332,000 within four weeks). The worst wave on record named a state of 800
//! people 39,411 times. So a country is watched from a tenth of its people on; where at least half of a campaign comes from it, which is then
//! its own matter, from three tenths on. And nobody explains more pledges than people.
//!
//! Small states have guests, staff and citizens abroad, sometimes ten times as many as people at home, and a few hundred pledges
//! can be looked through by hand: below [`MANY_LEAST`] nothing is said, and below [`MORE_LEAST`] not that they are more than the people.

use std::{collections::HashMap, sync::LazyLock};

use super::{Crowd, HOLD_AT, Signal};
use crate::country::Country;

/// Source and licence stand in README.md.
const FIGURES: &str = include_str!("populations.csv");

static PEOPLE: LazyLock<HashMap<Country, i64>> = LazyLock::new(|| {
    let figure = |line: &str| {
        let (code, people) = line.split_once(',')?;
        Some((code.parse().ok()?, people.parse().ok()?))
    };
    FIGURES.lines().filter_map(figure).collect()
});

/// Of a hundred people, as many pledge in no campaign of the world that is known.
const MANY_OF_100: i64 = 10;
/// Nor in a campaign of the country's own.
const MANY_OF_100_AT_HOME: i64 = 30;
/// As many may come from anywhere.
const MANY_LEAST: i64 = 500;
/// As many may be more than the people at home.
const MORE_LEAST: i64 = 2_000;

/// How many people live in a country; 0 where nobody does, or for "prefer not to say".
pub fn people(country: Country) -> i64 {
    PEOPLE.get(&country).copied().unwrap_or_default()
}

/// What the numbers of a country add to the score: nothing, as much as [`Signal::ManyFromCountry`], or beyond all measure enough to hold.
pub fn crowding(country: Country, crowd: Crowd) -> i16 {
    if country.is_withheld() {
        return 0;
    }
    let (here, people) = (crowd.of_country, people(country));
    let at_home = here.saturating_mul(2) >= crowd.of_campaign;
    let of_100 = if at_home { MANY_OF_100_AT_HOME } else { MANY_OF_100 };
    if here > people.max(MORE_LEAST) {
        HOLD_AT
    } else if here > (people * of_100 / 100).max(MANY_LEAST) {
        Signal::ManyFromCountry.weight()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn score(code: &str, of_country: i64, of_campaign: i64) -> i16 {
        crowding(country(code), Crowd { of_country, of_campaign })
    }

    #[test]
    fn every_country_has_people_but_a_few() {
        let none: Vec<_> = Country::all().filter(|country| people(*country) == 0).collect();
        assert_eq!(none.iter().map(Country::as_str).collect::<Vec<_>>(), ["AQ", "BV", "HM", "UM", "ZZ"]);
        assert!((80_000_000..90_000_000).contains(&people(country("DE"))));
        assert!(people(country("IS")) < 400_000 && people(country("VA")) < 1_000);
        assert!((7_000_000_000..9_000_000_000).contains(&Country::all().map(people).sum::<i64>()));
    }

    /// 2016: more than four million, of which 77,000 were taken out, 39,411 of them from the Vatican.
    #[test]
    fn the_worst_wave_on_record_is_watched_after_five_hundred_and_held_after_two_thousand() {
        let scores: Vec<i16> = (1..=39_411).map(|number| score("VA", number, 4_000_000 + 2 * number)).collect();
        let of = |wanted: fn(&i16) -> bool| scores.iter().filter(|score| wanted(score)).count();
        assert_eq!(of(|score| *score == 0), 500);
        assert_eq!(of(|score| (1..HOLD_AT).contains(score)), 1_500, "held with another sign only");
        assert_eq!(of(|score| *score >= HOLD_AT), 37_411);
        assert!(scores.is_sorted());
    }

    #[test]
    fn what_real_campaigns_have_reached_is_plausible() {
        for (code, of_country, of_campaign) in [
            // The largest on record, alone and as part of something larger.
            ("GB", 6_100_000, 6_100_000),
            ("GB", 6_100_000, 60_000_000),
            // A quarter of a small country in a matter of its own.
            ("IS", 86_761, 87_000),
            // Staff, guests and citizens abroad of tiny states, where nobody lives, and who doesn't say.
            ("VA", 500, 4_000_000),
            ("NU", 500, 20_000),
            ("AQ", 300, 20_000),
            ("ZZ", 3_000_000, 4_000_000),
            // Half of the world's campaign from the largest.
            ("IN", 50_000_000, 90_000_000),
        ] {
            assert_eq!(score(code, of_country, of_campaign), 0, "{code} {of_country}");
        }
    }

    #[test]
    fn beyond_it_a_country_is_watched_and_beyond_its_people_all_are_held() {
        let world = 4_000_000;
        for (code, watched, held) in [
            ("VA", 500, 2_000),
            ("NU", 500, 2_166),
            ("NR", 1_270, 12_704),
            ("MC", 3_868, 38_682),
            ("IS", 35_357, 353_574),
        ] {
            assert_eq!([score(code, watched, world), score(code, watched + 1, world)], [0, 40], "{code}");
            assert_eq!([score(code, held, world), score(code, held + 1, world)], [40, 100], "{code}");
        }
        // A campaign of the country's own is watched later, and not held later.
        assert_eq!([score("NR", 3_811, 7_000), score("NR", 3_812, 7_000)], [0, 40]);
        assert_eq!([score("NR", 12_704, 13_000), score("NR", 12_705, 13_000)], [40, 100]);
        assert_eq!([score("AQ", 501, world), score("AQ", 2_001, world)], [40, 100]);
        // Nothing overflows.
        assert_eq!(score("CN", i64::MAX, i64::MAX), 100);
    }
}
