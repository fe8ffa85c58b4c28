//! How many people live in a country, from the figures beside this file.

use crate::country::Country;

/// Source and licence stand in README.md.
const FIGURES: &str = include_str!("populations.csv");

/// People of a country; None for "prefer not to say" and places where nobody lives.
pub fn people(country: Country) -> Option<u64> {
    let line = FIGURES.lines().find(|line| line.starts_with(country.as_str()))?;
    line.split_once(',')?.1.parse().ok().filter(|people| *people > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_people_but_a_few() {
        let none: Vec<_> = Country::all().filter(|country| people(*country).is_none()).collect();
        assert_eq!(none.iter().map(Country::as_str).collect::<Vec<_>>(), ["AQ", "BV", "HM", "UM", "ZZ"]);
        assert!((80_000_000..90_000_000).contains(&people("DE".parse().unwrap()).unwrap()));
        assert!(people("IS".parse().unwrap()).unwrap() < 400_000);
    }
}
