//! The history of countries under rule 8, as pure arithmetic on the counts as they stood when the rounded values were
//! last re-read (`settled`).
//!
//! At the end of each hour all countries are read together, from their sums so far, as the published document is: the
//! same rounding, the same limit, the same left-over ([`Figures::reread`]). So an hour tells what a document published
//! at its end could have told, and a day what its last hour tells. Nothing of it changes between two re-readings.
//!
//! One thing is stricter. The sums only grow from hour to hour, so a small country that shows less than an hour before
//! was taken a step down for the sake of the left-over, and from both numbers its count could be worked out. Therefore an
//! hour never shows more than a later one does.
//!
//! Not protected, and documented, are the same things as in the documents: above all an hour in which hardly anything
//! happened. A removal corrects the exact series of the campaign at once and this one at the next re-reading; until then
//! their difference tells no more than that something was removed, unless it took out more than was left over at that
//! hour (the removals that empty a shown country).

use std::collections::BTreeMap;

use super::points::Steps;
use crate::{country::Country, totals::shown::Figures};

/// What each country shows at the end of each hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Countries(BTreeMap<Country, Steps>);

impl Countries {
    /// A country's series by hour; nothing for one that never showed anything.
    pub fn get(&self, country: Country) -> Option<&Steps> {
        self.0.get(&country)
    }
}

/// Reads hour after hour.
#[derive(Clone, Debug)]
pub struct Reader {
    figures: Figures,
    shown: BTreeMap<Country, Vec<(i64, i64)>>,
}

impl Reader {
    /// Nothing is counted yet.
    pub fn new(threshold: i64) -> Self {
        Self {
            figures: Figures { threshold, total: 0, confirmed: 0, countries: BTreeMap::new() },
            shown: BTreeMap::new(),
        }
    }

    /// Takes in an hour (by its number since 1970), later than the ones before: how many pledges it has by country.
    pub fn hour(&mut self, hour: i64, settled: impl IntoIterator<Item = (Country, i64)>) {
        for (country, count) in settled {
            self.figures.countries.entry(country).or_default().counted += count;
            self.figures.total += count;
        }
        self.figures.reread();
        for (country, figure) in &self.figures.countries {
            let changes = self.shown.entry(*country).or_default();
            if changes.last().map_or(0, |(_, shown)| *shown) != figure.shown {
                changes.push((hour, figure.shown));
            }
        }
    }

    /// The series of all countries.
    pub fn finish(self) -> Countries {
        let series = self.shown.into_iter().filter(|(_, changes)| !changes.is_empty());
        Countries(series.map(|(country, changes)| (country, Steps::of_totals(never_falling(changes)))).collect())
    }
}

/// No more at any hour than at a later one.
fn never_falling(mut changes: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let mut least = i64::MAX;
    for (_, shown) in changes.iter_mut().rev() {
        least = least.min(*shown);
        *shown = least;
    }
    changes.dedup_by_key(|(_, shown)| *shown);
    changes.shrink_to_fit();
    changes
}

#[cfg(test)]
mod tests;
