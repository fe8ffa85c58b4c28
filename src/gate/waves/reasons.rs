//! Why a cluster stands out, and how much that counts. Points add up to a score, as signals do for a pledge.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clusters::Sums;
use crate::{
    country::Country,
    gate::signals::{
        Crowd, HOLD_AT, SCORE_MAX, Signal,
        country::{crowding, people},
    },
};

/// Why pledges stand out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// More pledges from the country than its people explain: `seen` of all that there are, `usual` people live there.
    ManyFromCountry,
    /// They look like a wave's more than like people's, all signs together: `seen` of the cluster.
    Wave,
    /// In the last hour far more than before: `seen` of it, `usual` by its share until then; of minutes, by the usual minute.
    MoreThanUsual,
    /// Few have answered their letter: `seen` of those that had time, `usual` as many as of the others.
    Unconfirmed,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ClusterReason)]
pub struct Reason {
    /// Why.
    pub why: Why,
    /// What it adds to the score.
    #[schema(minimum = 1, maximum = 1000)]
    pub points: i16,
    /// What was seen.
    #[schema(minimum = 0)]
    pub seen: i64,
    /// What was to be expected; null: there is nothing to compare it with.
    #[schema(minimum = 0)]
    pub usual: Option<i64>,
}

/// More pledges than people is proof; what is only likely stays below.
const LIKELY_MOST: i16 = 950;

/// A country that is only watched.
const WATCHED: i16 = 400;

/// A cluster of nothing but a wave's rows, and beside that one with all of the wave. Where people are among them it is worth far less: who
/// removes it removes them.
const PURE: f32 = 600.0;
const WHOLE: f32 = 300.0;
/// Fewer of a wave's rows are chance.
const WAVE_LEAST: u32 = 5;

/// Neither of these alone is told: a day of fame has both of the first kind.
const MORE_MOST: f32 = 150.0;
const MORE_STEP: f32 = 30.0;
const UNCONFIRMED_MOST: f32 = 150.0;

/// As many times more than usual is more.
const MORE: f32 = 3.0;
/// As many in an hour, at the least.
const MORE_LEAST: u32 = 20;
/// A campaign has a past when it had as many pledges.
const PAST_LEAST: f32 = 200.0;
/// What was never seen is expected as if it had been so often.
const UNSEEN: f32 = 0.5;

/// Fewer that had time to answer tell nothing.
const ASKED_LEAST: u32 = 20;
/// Where fewer of the others answer, letters tell nothing.
const ANSWERED_SHARE: f32 = 0.1;

/// What a cluster shows, beside all of the campaign (`all`) and beside what was before the last hour (of the cluster, and in all).
pub(super) fn of(sums: &Sums, all: &Sums, before: Option<(f32, f32)>) -> Vec<Reason> {
    [wave(sums, all), before.and_then(|before| more(sums, all, before)), unconfirmed(sums, all)]
        .into_iter()
        .flatten()
        .collect()
}

fn wave(sums: &Sums, all: &Sums) -> Option<Reason> {
    if sums.likely < WAVE_LEAST {
        return None;
    }
    let (pure, whole) = (share(sums.likely, sums.pledges), share(sums.likely, all.likely));
    reason(Why::Wave, pure.powi(5) * (PURE + WHOLE * whole), sums.likely.into(), None)
}

fn more(sums: &Sums, all: &Sums, (before, of_all): (f32, f32)) -> Option<Reason> {
    if of_all < PAST_LEAST {
        return None;
    }
    let usual = (before + UNSEEN) / of_all * float(all.recent);
    beyond(sums.recent, usual)
}

/// Minutes in which more came than in usual ones.
pub(super) fn busy(pledges: u32, usual: f32) -> Option<Reason> {
    beyond(pledges, usual.max(1.0))
}

fn beyond(seen: u32, usual: f32) -> Option<Reason> {
    let times = float(seen) / usual.max(0.01);
    if seen < MORE_LEAST || times < MORE {
        return None;
    }
    reason(Why::MoreThanUsual, (MORE_STEP * times.log2()).min(MORE_MOST), seen.into(), Some(whole(usual)))
}

fn unconfirmed(sums: &Sums, all: &Sums) -> Option<Reason> {
    let (asked, answered) = (all.asked.saturating_sub(sums.asked), all.answered.saturating_sub(sums.answered));
    let others = share(answered, asked);
    if sums.asked < ASKED_LEAST || asked < ASKED_LEAST || others < ANSWERED_SHARE {
        return None;
    }
    let (usual, seen) = (others * float(sums.asked), float(sums.answered));
    if seen * 2.0 >= usual {
        return None;
    }
    reason(Why::Unconfirmed, UNCONFIRMED_MOST * (1.0 - seen / usual), sums.answered.into(), Some(whole(usual)))
}

/// More pledges from a country than its people explain, as the gate sees it at submission.
pub(super) fn crowded(country: Country, in_country: i64, in_all: i64) -> Option<Reason> {
    let points = match crowding(country, Crowd { of_country: in_country, of_campaign: in_all }) {
        HOLD_AT.. => SCORE_MAX,
        watched if watched >= Signal::ManyFromCountry.weight() => WATCHED,
        _ => return None,
    };
    Some(Reason { why: Why::ManyFromCountry, points, seen: in_country, usual: Some(people(country)) })
}

fn reason(why: Why, points: f32, seen: i64, usual: Option<i64>) -> Option<Reason> {
    #[expect(clippy::cast_possible_truncation, reason = "below a thousand")]
    let points = points.round() as i16;
    (points > 0).then_some(Reason { why, points, seen, usual })
}

/// All points together.
pub(super) fn score(reasons: &[Reason]) -> i16 {
    let sum = |proof: bool| {
        let points = reasons.iter().filter(|reason| (reason.points == SCORE_MAX) == proof).map(|reason| reason.points);
        points.fold(0_i16, i16::saturating_add)
    };
    if sum(true) > 0 { SCORE_MAX } else { sum(false).min(LIKELY_MOST) }
}

/// The weightiest first.
pub(super) fn sorted(mut reasons: Vec<Reason>) -> Vec<Reason> {
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
    reasons
}

fn share(part: u32, of: u32) -> f32 {
    float(part) / float(of.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "half a million fits")]
pub(super) fn float(count: u32) -> f32 {
    count as f32
}

#[expect(clippy::cast_possible_truncation, reason = "a number of pledges")]
fn whole(number: f32) -> i64 {
    number.round() as i64
}
