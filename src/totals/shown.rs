//! What may be shown of a campaign's counts (rule 8), as pure arithmetic.
//!
//! The total is exact and live. A country is *live* (exact) from 20 × threshold counted pledges on; below, it shows a
//! multiple of the threshold, rounded down, as it stood at the last re-reading.
//!
//! Which countries are live is itself decided only when all are re-read together. Were a country to become exact the
//! moment it reaches the limit, two documents a second apart would tell that it had one fewer a moment ago; were it
//! rounded the moment it falls below, `elsewhere` would rise by just what was rounded away. So a growing country stays
//! rounded, and a country that falls below the limit stands still at the last exact value, until the next re-reading.
//!
//! `elsewhere` is what is left over, and when it is nearly nothing it gives the rounding away: 45 pledges from one small
//! country, shown as 45 with nothing elsewhere, are exactly 45. So a re-reading leaves at least `threshold - 1`
//! elsewhere as long as a small country is shown, by taking the largest of them a step further down.
//!
//! Not protected, and documented: zeros; a country that is not shown where even less is left elsewhere; side knowledge;
//! two re-readings between which hardly anything happened; removals that empty a shown country (then `elsewhere`
//! would go negative, and everything is re-read at once).

use std::collections::BTreeMap;

use crate::country::Country;

/// A country is shown exactly from this many thresholds on.
const LIVE_FROM_THRESHOLDS: i64 = 20;

/// One country's count, exact and as shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// Exactly how many are counted.
    pub counted: i64,
    /// What the public sees.
    pub shown: i64,
    /// Whether `shown` follows `counted` at once.
    pub live: bool,
}

/// A campaign's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Small numbers are rounded down to a multiple of this; 1: nothing is rounded.
    pub threshold: i64,
    /// Counted pledges, all countries and ZZ.
    pub total: i64,
    /// Those of them whose mailbox confirmed them.
    pub confirmed: i64,
    /// By country.
    pub countries: BTreeMap<Country, Figure>,
}

/// Changes of counts by country.
pub type Changes = BTreeMap<Country, i64>;

impl Figures {
    /// Takes changes in. Whether a re-reading was forced, because `elsewhere` would have gone negative.
    pub fn apply(&mut self, changes: &Changes) -> bool {
        let limit = self.live_from();
        for (country, amount) in changes {
            let figure = self.countries.entry(*country).or_insert_with(|| Figure {
                // With threshold 1 nothing waits.
                live: limit == 0 && !country.is_withheld(),
                ..Figure::default()
            });
            figure.counted += amount;
            self.total += amount;
            if figure.live && figure.counted >= limit {
                figure.shown = figure.counted;
            } else {
                figure.live = false;
            }
        }
        let forced = self.elsewhere() < 0;
        if forced {
            self.reread();
        }
        forced
    }

    /// Re-reads every country.
    pub fn reread(&mut self) {
        let (limit, threshold) = (self.live_from(), self.threshold);
        for (country, figure) in &mut self.countries {
            figure.live = !country.is_withheld() && figure.counted >= limit;
            figure.shown = if country.is_withheld() {
                0
            } else if figure.live {
                figure.counted
            } else {
                figure.counted - figure.counted.rem_euclid(threshold)
            };
        }
        while self.elsewhere() < threshold - 1 {
            let rounded = self.countries.values_mut().filter(|figure| !figure.live && figure.shown > 0);
            let Some(largest) = rounded.max_by_key(|figure| figure.shown) else { return };
            largest.shown -= threshold;
        }
    }

    /// The total less all that is shown: small remainders, small countries, and ZZ.
    pub fn elsewhere(&self) -> i64 {
        self.total - self.countries.values().map(|figure| figure.shown).sum::<i64>()
    }

    /// The countries that are shown, with their numbers. One that shows nothing is left out: a zero would tell that
    /// there are a few.
    pub fn shown(&self) -> impl Iterator<Item = (Country, i64)> {
        self.countries.iter().filter(|(_, figure)| figure.shown > 0).map(|(country, figure)| (*country, figure.shown))
    }

    fn live_from(&self) -> i64 {
        if self.threshold <= 1 { 0 } else { self.threshold * LIVE_FROM_THRESHOLDS }
    }
}

/// What is shown of parts of a total of which each is rounded, the large ones too: partners. `counted` may leave out pledges that
/// came by none. At least `threshold - 1` is left over, as for countries.
pub fn rounded(counted: &[i64], total: i64, threshold: i64) -> Vec<i64> {
    let mut shown: Vec<i64> = counted.iter().map(|counted| counted - counted.rem_euclid(threshold)).collect();
    while total - shown.iter().sum::<i64>() < threshold - 1 {
        let Some(largest) = shown.iter_mut().filter(|shown| **shown > 0).max() else { break };
        *largest -= threshold;
    }
    shown
}

#[cfg(test)]
mod tests;
