//! From odds to scores, and what confirming takes off.

use super::{
    Raise,
    features::{Features, NEUTRAL, at},
    mixture::Fitted,
    window::{Kept, Window, place},
};
use crate::gate::signals::{SCORE_MAX, Signals};

/// What confirming takes off a score. More than a row can get that isn't certain: nobody honest stays held.
pub const CONFIRMED_CREDIT: i16 = 300;

/// The score to hold by.
pub fn settled(score: i16, confirmed: bool) -> i16 {
    if confirmed { score.saturating_sub(CONFIRMED_CREDIT).max(0) } else { score }
}

/// Below this the wave differs in nothing that people don't change together.
const STRENGTH_MIN: f32 = 0.3;
/// Odds of 9 to 1 hold.
const HOLDS: f32 = 2.2;
/// Odds of 150 to 1 are certain, where the source or the domain is the wave's alone.
const CERTAIN: f32 = 5.0;
/// Fewer rows don't make a source or a domain the wave's alone.
const ALONE_ROWS: u32 = 15;
/// Smaller raises aren't told.
const STEP: i16 = 10;

/// Whose score rises, and why.
pub(super) fn raises(window: &mut Window, features: &Features, fitted: &Fitted) -> Vec<Raise> {
    if fitted.strength < STRENGTH_MIN {
        return Vec::new();
    }
    let sources = Owned::of(window, fitted, features.sources.len(), |row| row.source);
    let domains = Owned::of(window, fitted, window.domains.size(), |row| row.domain);
    let mut raises = Vec::new();
    for (index, (row, odds)) in window.rows.iter_mut().zip(&fitted.odds).enumerate() {
        if *odds < HOLDS {
            continue;
        }
        let certain = *odds >= CERTAIN && (sources.alone(row.source) || domains.alone(row.domain));
        let points = if certain { 450 } else { 100 + points(odds - HOLDS) };
        let score = row.base.saturating_add(points).min(SCORE_MAX);
        if score >= row.told.saturating_add(STEP) {
            let signals = reasons(features, fitted, index);
            row.told = score;
            row.told_signals = row.told_signals.with(signals);
            raises.push(Raise { id: row.id, score, signals });
        }
    }
    raises
}

/// 25 for each step of the odds, never so many that confirming doesn't take them off.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 200")]
fn points(beyond: f32) -> i16 {
    (beyond * 25.0).clamp(0.0, 150.0) as i16
}

/// The features that speak for the wave at one row.
fn reasons(features: &Features, fitted: &Fitted, index: usize) -> Signals {
    let speaks = features.list.iter().zip(&fitted.leanings).filter(|(feature, leanings)| {
        let class = feature.classes.get(index).copied().unwrap_or(NEUTRAL);
        class != NEUTRAL && feature.trust * at(leanings, class) > 0.3
    });
    speaks.fold(Signals::default(), |all, (feature, _)| all.with(feature.signal.bit()))
}

/// Sources or domains, and whether anybody else than the wave uses them.
struct Owned {
    rows: Vec<u32>,
    people: Vec<u32>,
}

impl Owned {
    fn of(window: &Window, fitted: &Fitted, size: usize, field: fn(&Kept) -> u32) -> Self {
        let (mut rows, mut people) = (vec![0; size], vec![0; size]);
        for (row, odds) in window.rows.iter().zip(&fitted.odds) {
            if let (Some(rows), Some(people)) = (rows.get_mut(place(field(row))), people.get_mut(place(field(row)))) {
                *rows += 1;
                *people += u32::from(*odds < 0.0);
            }
        }
        Self { rows, people }
    }

    fn alone(&self, number: u32) -> bool {
        let rows = at(&self.rows, number);
        number != 0 && rows >= ALONE_ROWS && at(&self.people, number) == 0
    }
}
