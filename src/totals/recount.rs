//! The check of rule 2: stored totals and deltas together equal what counting the rows gives.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::shown::{Changes, Figures};
use crate::country::Country;

/// What the counters of a campaign say and what counting gives, from one snapshot.
#[derive(Clone, Debug)]
pub struct Recount {
    /// The campaign.
    pub campaign: Uuid,
    /// Its slug.
    pub slug: String,
    /// The stored figures.
    pub figures: Figures,
    /// Deltas that are not folded yet.
    pub deltas: Changes,
    /// What counting the rows gives.
    pub counted: Changes,
}

impl Recount {
    /// Every difference, in words; empty when all is well.
    pub fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let sum = |changes: &Changes| changes.values().sum::<i64>();
        let counter = self.figures.total + sum(&self.deltas);
        if counter != sum(&self.counted) {
            differences.push(format!("{}: the total says {counter}, there are {}", self.slug, sum(&self.counted)));
        } else if self.figures.elsewhere() < 0 {
            differences.push(format!("{}: more is shown than there is", self.slug));
        }
        for (country, counter, rows) in self.by_country().filter(|(_, counter, rows)| counter != rows) {
            differences.push(format!("{}: {country} says {counter}, there are {rows}", self.slug));
        }
        for (country, figure) in &self.figures.countries {
            if figure.live && figure.shown != figure.counted {
                differences.push(format!("{}: {country} is live but does not show its count", self.slug));
            }
        }
        differences
    }

    fn by_country(&self) -> impl Iterator<Item = (Country, i64, i64)> {
        let of = |changes: &BTreeMap<Country, i64>, country| changes.get(&country).copied().unwrap_or(0);
        let stored: Changes = self.figures.countries.iter().map(|(at, figure)| (*at, figure.counted)).collect();
        let all: BTreeSet<Country> =
            stored.keys().chain(self.deltas.keys()).chain(self.counted.keys()).copied().collect();
        all.into_iter()
            .map(move |country| (country, of(&stored, country) + of(&self.deltas, country), of(&self.counted, country)))
    }
}
