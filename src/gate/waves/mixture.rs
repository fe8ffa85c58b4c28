//! Two crowds, fitted in turns (expectation and maximisation): who belongs to the wave, and what the wave looks like.

use super::{
    features::{Features, NEUTRAL, OCTAVES, at, octave},
    window::{Window, count, place},
};
use crate::gate::signals::Signal;

/// What was found.
pub(super) struct Fitted {
    /// The logarithm of the odds that a row is the wave's, by row.
    pub(super) odds: Vec<f32>,
    /// The same without what its source says: a busy source hides that somebody there is a person.
    pub(super) own: Vec<f32>,
    /// How likely each row is the wave's.
    pub(super) waves: Vec<f32>,
    /// By feature and class: how much more the wave has it than people, as a logarithm.
    pub(super) leanings: Vec<Vec<f32>>,
    /// How far the wave's telling features are from people's, in nats.
    pub(super) strength: f32,
    /// How many sources the wave has, if all sent the same.
    pub(super) fleet: f32,
}

const ROUNDS: usize = 6;
/// No source weighs more than this many rows: one address is no fleet.
const SOURCE_ROWS: f32 = 64.0;
/// The wave is taken for people until as many rows, weighed so, tell otherwise.
const DOUBT: f32 = 300.0;
/// People are taken for everybody until as many rows tell otherwise.
const PEOPLE_DOUBT: f32 = 30.0;
/// No single feature says more, for or against.
const LOUDEST: f32 = 3.0;
/// A source is judged with as many rows more, like those of all sources that are as busy.
const SOURCE_DOUBT: f32 = 6.0;
/// Of the quietest sources, this share is a wave's until as many rows tell otherwise; of busier ones the share of those a little
/// quieter, between the third and the first. Never more than one of the last two, for quiet sources and for others.
const BUSY_PRIOR: f32 = 0.08;
const BUSY_DOUBT: f32 = 30.0;
const PRIOR_LEAST: f32 = 0.005;
const QUIET_MOST: f32 = 0.8;
const BUSY_MOST: f32 = 0.95;
/// Where less than this share is the wave's, only its sure rows count: a little of everybody is no wave.
const MOSTLY: f32 = 0.75;
/// At least this share of people comes from sources that send one pledge or two.
const QUIET_SHARE: f32 = 0.45;
/// In the rush at least half is more than usual; a wave there is commoner by this share at least.
const RUSH: f32 = 0.5;
const UPRIGHT: f32 = 0.1;
/// The first guess is never surer, either way.
const GUESS: (f32, f32) = (0.02, 0.9);

/// Fits from two first guesses, because a wave shows by busy sources or by a burst, and keeps the one with the stronger wave.
pub(super) fn fit(features: &Features, window: &Window) -> Fitted {
    let by_source = run(features, window, by_source(features, window));
    let by_time = run(features, window, by_time(features));
    let worth = |fitted: &Fitted| if is_upright(features, window, fitted) { fitted.strength } else { 0.0 };
    let (source_worth, time_worth) = (worth(&by_source), worth(&by_time));
    let (mut better, strength) =
        if time_worth > source_worth { (by_time, time_worth) } else { (by_source, source_worth) };
    better.strength = strength;
    better
}

/// Whether the wave is the wave and not the people: it is commoner at busy sources than at quiet ones, or in the rush than before it.
fn is_upright(features: &Features, window: &Window, fitted: &Fitted) -> bool {
    let shares = |is_in: &dyn Fn(usize) -> bool| {
        let mut sums = [(0.0, 1.0); 2];
        for (index, likely) in fitted.waves.iter().enumerate() {
            if let Some((wave, all)) = sums.get_mut(usize::from(is_in(index))) {
                *wave += likely;
                *all += 1.0;
            }
        }
        sums.map(|(wave, all)| wave / all)
    };
    let sources = |index: usize| window.rows.get(index).is_some_and(|row| at(&features.sources, row.source) > 2);
    let rush: Vec<bool> = by_time(features).into_iter().map(|guess| guess > RUSH).collect();
    let [quiet, busy] = shares(&sources);
    let [before, rush] = shares(&|index| rush.get(index).copied().unwrap_or(false));
    busy > quiet || rush > before + UPRIGHT
}

fn run(features: &Features, window: &Window, guess: Vec<f32>) -> Fitted {
    let (odds, own) = (vec![0.0; guess.len()], vec![0.0; guess.len()]);
    let mut fitted = Fitted { odds, own, waves: guess, leanings: Vec::new(), strength: 0.0, fleet: 0.0 };
    let weights: Vec<f32> = window.rows.iter().map(|row| source_weight(features, row.source)).collect();
    for _ in 0..ROUNDS {
        look(features, &weights, &mut fitted);
        divide(features, window, &mut fitted);
    }
    fitted
}

fn source_weight(features: &Features, source: u32) -> f32 {
    if source == 0 { 1.0 } else { (SOURCE_ROWS / number(at(&features.sources, source))).min(1.0) }
}

/// What busy sources send beyond what people behind shared addresses would.
fn by_source(features: &Features, window: &Window) -> Vec<f32> {
    let all = weight(window.rows.len());
    let is_quiet = |source| at(&features.sources, source) <= 2;
    let quiet = weight(window.rows.iter().filter(|row| is_quiet(row.source)).count());
    let people = (quiet / QUIET_SHARE).min(all);
    let excess = ((all - people) / (all - quiet).max(1.0)).clamp(GUESS.0, GUESS.1);
    window.rows.iter().map(|row| if is_quiet(row.source) { GUESS.0 } else { excess }).collect()
}

/// What comes beyond the pace of the quiet hours.
fn by_time(features: &Features) -> Vec<f32> {
    let Some(time) = features.list.iter().find(|feature| feature.signal == Signal::WaveTime) else { return Vec::new() };
    let counts = count(time.size, time.classes.iter().copied());
    let mut paces: Vec<u32> = counts.iter().skip(1).copied().collect();
    paces.sort_unstable();
    let usual = 2.0 * number(paces.get(paces.len() / 4).copied().unwrap_or(0)).max(1.0);
    let guess = |class: u32| (1.0 - usual / number(at(&counts, class)).max(1.0)).clamp(GUESS.0, GUESS.1);
    time.classes.iter().map(|class| guess(*class)).collect()
}

/// Both crowds' shares of each class, as leanings, and how far they are apart.
fn look(features: &Features, weights: &[f32], fitted: &mut Fitted) {
    fitted.strength = 0.0;
    fitted.leanings.clear();
    for feature in &features.list {
        let (mut wave, mut people) = (vec![0.0; feature.size], vec![0.0; feature.size]);
        for ((likely, class), weight) in fitted.waves.iter().zip(&feature.classes).zip(weights) {
            if *class == NEUTRAL {
                continue;
            }
            if let (Some(wave), Some(people)) = (wave.get_mut(place(*class)), people.get_mut(place(*class))) {
                *wave += likely * weight;
                *people += (1.0 - likely) * weight;
            }
        }
        let (leanings, apart) = leanings(&wave, &people, &feature.people, feature.innocent);
        if feature.telling {
            fitted.strength += feature.trust * apart;
        }
        fitted.leanings.push(leanings);
    }
}

/// By class the logarithm of the wave's share over people's, and how far they are apart (Kullback and Leibler, in nats; below 0
/// when what only people do is commoner in the wave).
fn leanings(wave: &[f32], people: &[f32], before: &[f32], innocent: &[u32]) -> (Vec<f32>, f32) {
    let sum = |table: &[f32]| table.iter().sum::<f32>();
    let everybody_sum = (sum(wave) + sum(people)).max(1.0);
    let (wave_sum, people_sum) = (sum(wave), sum(people) + sum(before));
    let (mut apart, mut wrong) = (0.0, false);
    let one = |(class, (wave_rows, people_rows)): (usize, (&f32, &f32))| {
        let everybody = ((wave_rows + people_rows) / everybody_sum).max(1e-6);
        let known = people_rows + before.get(class).copied().unwrap_or(0.0);
        let people = (known + PEOPLE_DOUBT * everybody) / (people_sum + PEOPLE_DOUBT);
        let wave = (wave_rows + DOUBT * people) / (wave_sum + DOUBT);
        let leaning = (wave / people).ln();
        apart += wave * leaning;
        if leaning > 0.0 && innocent.iter().any(|innocent| place(*innocent) == class) {
            wrong |= leaning > 0.2;
            return 0.0;
        }
        leaning.clamp(-LOUDEST, LOUDEST)
    };
    let leanings = wave.iter().zip(people).enumerate().map(one).collect();
    (leanings, if wrong { -apart } else { apart })
}

/// Whose each row is, by its source and all that it shows.
fn divide(features: &Features, window: &Window, fitted: &mut Fitted) {
    let (mut sums, mut sure) = (vec![0.0; features.sources.len()], vec![0.0; features.sources.len()]);
    for (row, likely) in window.rows.iter().zip(&fitted.waves) {
        if let (Some(sum), Some(sure)) = (sums.get_mut(place(row.source)), sure.get_mut(place(row.source))) {
            *sum += likely;
            *sure += likely.powi(4);
        }
    }
    let squares: f32 = sums.iter().skip(1).map(|sum| sum * sum).sum();
    fitted.fleet = sums.iter().skip(1).sum::<f32>().powi(2) / squares.max(1.0);
    let priors = priors(&features.sources, &sums, &sure);
    fitted.own.fill(0.0);
    for (feature, leanings) in features.list.iter().zip(&fitted.leanings) {
        let steps: Vec<f32> = leanings.iter().map(|leaning| feature.trust * leaning).collect();
        for (own, class) in fitted.own.iter_mut().zip(&feature.classes) {
            if *class != NEUTRAL {
                *own += at(&steps, *class);
            }
        }
    }
    for (((odds, own), row), likely) in fitted.odds.iter_mut().zip(&fitted.own).zip(&window.rows).zip(&fitted.waves) {
        let others = (at(&features.sources, row.source), at(&sums, row.source) - likely);
        *odds = own + source_odds(row.source, others, &priors);
    }
    for (likely, odds) in fitted.waves.iter_mut().zip(&fitted.odds) {
        *likely = 1.0 / (1.0 + (-odds).exp());
    }
}

/// Of the rows of sources of one busyness, the share that is the wave's, by octave.
fn priors(sources: &[u32], sums: &[f32], sure: &[f32]) -> [f32; OCTAVES] {
    let mut busy = [(0.0, 0.0, 0.0); OCTAVES];
    for ((rows, sum), sure) in sources.iter().zip(sums).zip(sure) {
        if let Some((all, wave, surely)) = busy.get_mut(place(octave(*rows))) {
            *all += number(*rows);
            *wave += sum;
            *surely += sure;
        }
    }
    let (mut octave, mut before) = (0, BUSY_PRIOR);
    busy.map(|(all, wave, surely)| {
        let wave = if wave < all * MOSTLY { surely } else { wave };
        let prior = (wave + BUSY_DOUBT * before) / (all + BUSY_DOUBT);
        // Where there are few of one busyness, those that are a little quieter tell what to expect.
        before = prior.clamp(PRIOR_LEAST, BUSY_PRIOR);
        octave += 1;
        prior.min(if octave <= 2 { QUIET_MOST } else { BUSY_MOST })
    })
}

/// The odds that a row has by its source: from what the other rows there look like (their number with this one, and their sum without),
/// and what equally busy sources send. A row is no witness for itself: alone at its source it would always seem to be in company.
fn source_odds(source: u32, (rows, others): (u32, f32), priors: &[f32]) -> f32 {
    let prior = priors.get(place(octave(rows))).copied().filter(|_| source != 0);
    let share = match prior {
        Some(prior) => (others.max(0.0) + SOURCE_DOUBT * prior) / (number(rows) - 1.0 + SOURCE_DOUBT),
        None => BUSY_PRIOR,
    };
    (share / (1.0 - share)).ln()
}

#[expect(clippy::cast_precision_loss, reason = "half a million fits")]
fn number(count: u32) -> f32 {
    count as f32
}

fn weight(count: usize) -> f32 {
    number(u32::try_from(count).unwrap_or(u32::MAX))
}
