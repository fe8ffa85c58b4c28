//! Two crowds, fitted in turns (expectation and maximisation): who belongs to the wave, and what the wave looks like.

use super::{
    features::{Features, NEUTRAL, at},
    window::{Window, place},
};

/// What was found.
pub(super) struct Fitted {
    /// The logarithm of the odds that a row is the wave's, by row.
    pub(super) odds: Vec<f32>,
    /// By feature and class: how much more the wave has it than people, as a logarithm.
    pub(super) leanings: Vec<Vec<f32>>,
    /// How far the wave's telling features are from people's, in nats.
    pub(super) strength: f32,
}

const ROUNDS: usize = 7;
/// No source weighs more than this many rows: one address is no fleet.
const SOURCE_ROWS: f32 = 64.0;
/// The wave is taken for people until as many rows, weighed so, tell otherwise.
const DOUBT: f32 = 300.0;
/// People are taken for everybody until as many rows tell otherwise.
const PEOPLE_DOUBT: f32 = 30.0;
/// No single feature says more, for or against.
const LOUDEST: f32 = 3.0;
/// A source is judged by the odds of as many rows more, of which one in twelve is a wave's.
const SOURCE_DOUBT: f32 = 6.0;
const SOURCE_PRIOR: f32 = 0.08;
/// At least this share of people comes from sources that send one pledge or two.
const QUIET_SHARE: f32 = 0.45;

pub(super) fn fit(features: &Features, window: &mut Window) -> Fitted {
    begin(features, window);
    let mut fitted = Fitted { odds: vec![0.0; window.rows.len()], leanings: Vec::new(), strength: 0.0 };
    for _ in 0..ROUNDS {
        (fitted.leanings, fitted.strength) = look(features, window);
        divide(features, window, &mut fitted);
    }
    fitted
}

/// The first guess: what busy sources send beyond what people behind shared addresses would. Rows that were judged before keep it.
fn begin(features: &Features, window: &mut Window) {
    let all = weight(window.rows.len());
    let quiet = window.rows.iter().filter(|row| at(&features.sources, row.source) <= 2).count();
    let people = (weight(quiet) / QUIET_SHARE).min(all);
    let busy = (all - weight(quiet)).max(1.0);
    let excess = ((all - people) / busy).clamp(0.02, 0.9);
    for row in &mut window.rows {
        let guess = if at(&features.sources, row.source) <= 2 { 0.02 } else { excess };
        row.wave = if row.wave < 0.0 { guess } else { f32::midpoint(row.wave, guess) };
    }
}

/// Both crowds' shares of each class, as leanings, and how far they are apart.
fn look(features: &Features, window: &Window) -> (Vec<Vec<f32>>, f32) {
    let weights: Vec<f32> = window
        .rows
        .iter()
        .map(
            |row| {
                if row.source == 0 { 1.0 } else { (SOURCE_ROWS / number(at(&features.sources, row.source))).min(1.0) }
            },
        )
        .collect();
    let mut strength = 0.0;
    let leanings = features.list.iter().map(|feature| {
        let (mut wave, mut people) = (vec![0.0; feature.size], vec![0.0; feature.size]);
        for ((row, class), weight) in window.rows.iter().zip(&feature.classes).zip(&weights) {
            if *class == NEUTRAL {
                continue;
            }
            if let (Some(wave), Some(people)) = (wave.get_mut(place(*class)), people.get_mut(place(*class))) {
                *wave += row.wave * weight;
                *people += (1.0 - row.wave) * weight;
            }
        }
        let everybody: Vec<f32> = wave.iter().zip(&people).map(|(wave, people)| wave + people).collect();
        for (people, before) in people.iter_mut().zip(&feature.people) {
            *people += before;
        }
        let everybody_sum = everybody.iter().sum::<f32>().max(1.0);
        let (wave_sum, people_sum) = (wave.iter().sum::<f32>(), people.iter().sum::<f32>());
        let mut apart = 0.0;
        let leanings = wave.iter().zip(&people).zip(&everybody).map(|((wave, people), everybody)| {
            let everybody = (everybody / everybody_sum).max(1e-6);
            let people = (people + PEOPLE_DOUBT * everybody) / (people_sum + PEOPLE_DOUBT);
            let wave = (wave + DOUBT * people) / (wave_sum + DOUBT);
            let leaning = (wave / people).ln();
            apart += wave * leaning;
            leaning.clamp(-LOUDEST, LOUDEST)
        });
        let leanings = leanings.collect();
        if feature.telling {
            strength += apart * feature.trust;
        }
        leanings
    });
    (leanings.collect(), strength)
}

/// Whose each row is, by its source and all that it shows.
fn divide(features: &Features, window: &mut Window, fitted: &mut Fitted) {
    let mut sums = vec![0.0; features.sources.len()];
    for row in &window.rows {
        if let Some(sum) = sums.get_mut(place(row.source)) {
            *sum += row.wave;
        }
    }
    fitted.odds.clear();
    for row in &window.rows {
        let rows = if row.source == 0 { 0 } else { at(&features.sources, row.source) };
        let sum = if row.source == 0 { 0.0 } else { at(&sums, row.source) };
        let share = (sum + SOURCE_DOUBT * SOURCE_PRIOR) / (number(rows) + SOURCE_DOUBT);
        fitted.odds.push((share / (1.0 - share)).ln());
    }
    for (feature, leanings) in features.list.iter().zip(&fitted.leanings) {
        for (odds, class) in fitted.odds.iter_mut().zip(&feature.classes) {
            if *class != NEUTRAL {
                *odds += feature.trust * at(leanings, *class);
            }
        }
    }
    for (row, odds) in window.rows.iter_mut().zip(&fitted.odds) {
        row.wave = 1.0 / (1.0 + (-odds).exp());
    }
}

#[expect(clippy::cast_precision_loss, reason = "half a million fits")]
fn number(count: u32) -> f32 {
    count as f32
}

fn weight(count: usize) -> f32 {
    number(u32::try_from(count).unwrap_or(u32::MAX))
}
