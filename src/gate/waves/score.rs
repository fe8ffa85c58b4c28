//! From odds to scores, and what confirming takes off.

use super::{
    Raise,
    features::{Features, NEUTRAL, at},
    mixture::Fitted,
    window::{Kept, Window, place},
};
use crate::gate::signals::{RAISE_LEAST, SCORE_MAX, Signal, Signals};

/// What confirming takes off a score. More than a row can get that isn't certain; docs/signals.md says how often certainty errs.
pub const CONFIRMED_CREDIT: i16 = 300;

/// The score to hold by.
pub fn settled(score: i16, confirmed: bool) -> i16 {
    if confirmed { score.saturating_sub(CONFIRMED_CREDIT).max(0) } else { score }
}

/// Below this the wave differs in nothing that people don't change together.
const STRENGTH_MIN: f32 = 0.5;
/// A wave of few sources must differ more: by this over the root of their number.
const STRENGTH_FEW: f32 = 1.0;
/// A wave that differs less is never certain.
const STRENGTH_CERTAIN: f32 = 0.9;
/// Odds of 13 to 1 hold.
const HOLDS: f32 = 2.6;
/// Odds of 30 to 1 hold a row that few others of its source speak for or against.
const HOLDS_ALONE: f32 = 3.4;
/// Odds of 5,000 to 1 hold where people use the source too.
const HOLDS_MIXED: f32 = 8.5;
/// Of the rows of a source that the wave has for itself, one in two hundred may look like a person's.
const MIXED_ONE_IN: u32 = 200;
/// Odds of 1,300 to 1 are certain when found twice, where the source is the wave's alone; of 50 to 1 where the domain is too.
const CERTAIN: f32 = 7.2;
const CERTAIN_BOTH: f32 = 4.0;
/// Odds of 1 to 7, without the source's: somebody who looks so is a person, however much else their source sends. Of a wave's rows
/// one in ten thousand looks so.
const PERSON: f32 = -2.0;
/// Whoever confirmed at a provider of people must show as much themselves, without their source.
const CERTAIN_OWN: f32 = 1.0;
/// Fewer rows don't make a source or a domain the wave's alone.
const ALONE_ROWS: u32 = 15;
/// A source of a wave's row with as many rows is named among the reasons.
const BUSY: u32 = 5;
/// Minutes that are no wave's: it has this much less of its rows in them than people, as a logarithm.
const NO_WAVE: f32 = -1.7;
/// As many pieces of time beside a wave are its edge.
const EDGE: u32 = 2;
/// Smaller raises aren't told.
const STEP: i16 = 10;

/// Whether what was fitted is a wave at all: a window of people is divided too, into people and people.
pub(super) fn is_wave(fitted: &Fitted) -> bool {
    fitted.strength >= STRENGTH_MIN + STRENGTH_FEW / fitted.fleet.max(1.0).sqrt()
}

/// Whose score rises, and why. The same is told again until it is kept.
pub(super) fn raises(window: &mut Window, features: &Features, fitted: &Fitted) -> Vec<Raise> {
    let wave = is_wave(fitted);
    for (row, likely) in window.rows.iter_mut().zip(&fitted.waves) {
        row.wave = if wave { *likely } else { 0.0 };
    }
    if !wave {
        return Vec::new();
    }
    let early = without_wave(features, fitted);
    let sources = Owned::of(window, fitted, &early, features.sources.len(), |row| row.source);
    let domains = Owned::of(window, fitted, &early, window.domains.size(), |row| row.domain);
    let mut raises = Vec::new();
    for (index, ((row, odds), own)) in window.rows.iter_mut().zip(&fitted.odds).zip(&fitted.own).enumerate() {
        let among = at(&features.sources, row.source) >= ALONE_ROWS;
        let holds = match (sources.mixed(row.source), among) {
            (true, _) => HOLDS_MIXED,
            (_, true) => HOLDS,
            _ => HOLDS_ALONE,
        };
        let found = std::mem::replace(&mut row.found, *odds >= holds);
        // A row that stands alone may only be new: people answer their letters in a while.
        if *odds < holds || !(found || among) {
            continue;
        }
        let own_domain = domains.alone(row.domain) && domains.several(row.domain) && *odds >= CERTAIN_BOTH;
        let certain = fitted.strength >= STRENGTH_CERTAIN
            && sources.alone(row.source)
            && (own_domain || *odds >= CERTAIN && is_clear(row, *own));
        // What looks certain once may be the first minutes of something else.
        let again = std::mem::replace(&mut row.certain, certain);
        let points = if certain && again { 450 } else { RAISE_LEAST + points(odds - holds) };
        let score = row.base.saturating_add(points).min(SCORE_MAX);
        if score >= row.told.saturating_add(STEP) {
            let busy = at(&features.sources, row.source) >= BUSY;
            let source = if busy { Signal::WaveSource.bit() } else { Signals::default() };
            let signals = reasons(features, fitted, index).with(source);
            raises.push(Raise { id: row.id, score, signals });
        }
    }
    raises
}

/// Whether a row shows enough itself, or its mailbox is one that anybody can open, so that confirming says nothing.
fn is_clear(row: &Kept, own: f32) -> bool {
    own >= CERTAIN_OWN || row.signals.has(Signal::DisposableMailbox)
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

/// Which rows came when there was no wave: whoever sends then is somebody.
fn without_wave(features: &Features, fitted: &Fitted) -> Vec<bool> {
    let times = features.list.iter().zip(&fitted.leanings).find(|(feature, _)| feature.signal == Signal::WaveTime);
    let Some((time, leanings)) = times else { return Vec::new() };
    // A wave has edges: minutes close to it are its own too.
    let is_far = |class: u32| {
        (class.saturating_sub(EDGE)..=class + EDGE).all(|near| at(leanings, near) <= NO_WAVE || near == NEUTRAL)
    };
    let far: Vec<bool> = (0..).take(time.size).map(is_far).collect();
    time.classes.iter().map(|class| at(&far, *class)).collect()
}

/// Sources or domains, and whether anybody else than the wave uses them.
struct Owned {
    rows: Vec<u32>,
    people: Vec<u32>,
    /// The source of its latest row, and whether another one has it too.
    sources: Vec<(u32, bool)>,
}

impl Owned {
    fn of(window: &Window, fitted: &Fitted, early: &[bool], size: usize, field: fn(&Kept) -> u32) -> Self {
        let (mut rows, mut people, mut sources) = (vec![0; size], vec![0; size], vec![(0, false); size]);
        for ((row, own), (odds, early)) in window.rows.iter().zip(&fitted.own).zip(fitted.odds.iter().zip(early)) {
            if let (Some(rows), Some(people)) = (rows.get_mut(place(field(row))), people.get_mut(place(field(row)))) {
                *rows += 1;
                *people += u32::from(*odds < 0.0 || *own < PERSON || *early);
            }
            if let Some((latest, several)) = sources.get_mut(place(field(row))) {
                *several |= *latest != 0 && *latest != row.source;
                *latest = row.source;
            }
        }
        Self { rows, people, sources }
    }

    fn mixed(&self, number: u32) -> bool {
        let people = at(&self.people, number);
        number != 0 && people > at(&self.rows, number) / MIXED_ONE_IN
    }

    /// Whether more than one source has it: the mailboxes of a campus come from the campus.
    fn several(&self, number: u32) -> bool {
        at(&self.sources, number).1
    }

    fn alone(&self, number: u32) -> bool {
        let rows = at(&self.rows, number);
        number != 0 && rows >= ALONE_ROWS && at(&self.people, number) == 0
    }
}
