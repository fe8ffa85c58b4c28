//! What pledges have in common: counts by state, country, partner and hour, and a random sample.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use rand::RngExt;
use uuid::Uuid;

use super::store::Fits;
use crate::{country::Country, totals::deltas::hour_of};

/// Pledges of the sample.
const SAMPLE: usize = 20;

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many pledges.
    pub pledges: i64,
    /// By state.
    pub states: BTreeMap<String, i64>,
    /// By country.
    pub countries: BTreeMap<Country, i64>,
    /// By partner; None: of no partner.
    pub partners: BTreeMap<Option<Uuid>, i64>,
    /// By the hour in which they were stored.
    pub hours: BTreeMap<DateTime<Utc>, i64>,
    /// Some of them, each as likely as any other.
    pub sample: Vec<Uuid>,
    /// Those that may be met again.
    met: HashSet<Uuid>,
}

impl Tally {
    /// Counts pledges, each once. Those that may be met again are remembered.
    pub fn add(&mut self, rows: Vec<Fits>, may_come_again: bool) {
        let mut dice = rand::rng();
        for row in rows {
            let again = if may_come_again { !self.met.insert(row.id) } else { self.met.contains(&row.id) };
            if again {
                continue;
            }
            self.pledges += 1;
            *self.countries.entry(row.country.parse().unwrap_or(Country::WITHHELD)).or_default() += 1;
            *self.states.entry(row.state).or_default() += 1;
            *self.partners.entry(row.partner_id).or_default() += 1;
            *self.hours.entry(hour_of(row.created_at)).or_default() += 1;
            if self.sample.len() < SAMPLE {
                self.sample.push(row.id);
            } else if let Ok(place) = usize::try_from(dice.random_range(0..self.pledges))
                && let Some(one) = self.sample.get_mut(place)
            {
                *one = row.id;
            }
        }
    }
}

/// The largest, at most so many, the largest first.
pub fn largest<K: Clone>(counts: &BTreeMap<K, i64>, most: usize) -> Vec<(K, i64)> {
    let mut all: Vec<_> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.truncate(most);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u128) -> Fits {
        Fits {
            id: Uuid::from_u128(number),
            state: "counted".into(),
            country: if number.is_multiple_of(3) { "KE" } else { "DE" }.into(),
            partner_id: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_is_counted_once_and_any_may_be_in_the_sample() {
        let mut seen = HashSet::new();
        for _ in 0..400 {
            let mut tally = Tally::default();
            tally.add((0..5).map(row).collect(), true);
            tally.add((0..60).map(row).collect(), false);
            assert_eq!(tally.pledges, 60);
            assert_eq!(largest(&tally.countries, 1), [("DE".parse().unwrap(), 40)]);
            assert_eq!(tally.sample.iter().collect::<HashSet<_>>().len(), SAMPLE);
            seen.extend(tally.sample);
        }
        assert_eq!(seen.len(), 60);
    }
}
