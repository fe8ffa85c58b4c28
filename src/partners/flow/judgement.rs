//! Which flows stand out: those that have stopped, and those that are refused. Everything is judged by the hours up to the last
//! submission, so while nothing comes only the silence grows, and a flag stays until something does.

use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::{HOURS, Hour};
use crate::http::Code;

/// What organisers should look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Submissions came steadily, and have stopped.
    Stopped,
    /// Far more of them are refused than before.
    Refused,
}

const DAY: usize = 24;

/// Hours of the day in which something must have come for it to be called steady: a batch each night isn't.
const STEADY_HOURS: usize = 6;

/// Minutes of silence that chance makes once in ten thousand where one submission comes a day: a Poisson process is silent for t
/// with probability e^(-rate × t), so t = ln 10,000 / rate; the rate is halved, because some hours are quieter. 9.21 × 48 × 60.
const QUIET_MINUTES_OF_ONE: i64 = 26_526;

/// What came in an hour of which nothing came may have come just before it and just after it.
const AROUND_A_GAP: usize = 2;

/// Submissions by which refusals can be judged.
const ENOUGH: i64 = 20;

/// Refusals that the organiser wanted: they tell nothing of the form.
const WANTED: [Code; 2] = [Code::PartnerPaused, Code::PartnerDisabled];

impl Hour {
    fn came(&self) -> i64 {
        self.accepted + self.refused.values().sum::<i64>()
    }

    /// What was refused without the organiser's doing.
    fn mistakes(&self) -> i64 {
        let wanted: i64 = WANTED.iter().filter_map(|code| self.refused.get(code.as_str())).sum();
        self.came() - self.accepted - wanted
    }
}

/// What stands out of the hours up to the one with the last submission, which came `silence` ago.
pub(super) fn flags(hours: &[Hour], silence: TimeDelta) -> Vec<Flag> {
    let week = last(hours, HOURS);
    let stopped = has_stopped(week, silence).then_some(Flag::Stopped);
    stopped.into_iter().chain(is_refused(week).then_some(Flag::Refused)).collect()
}

fn last(hours: &[Hour], count: usize) -> &[Hour] {
    hours.split_at(hours.len().saturating_sub(count)).1
}

/// Whether it is silent for longer than chance makes it once in ten thousand times, and than any night of the two days before was.
fn has_stopped(week: &[Hour], silence: TimeDelta) -> bool {
    let day = last(week, DAY);
    if day.iter().filter(|hour| hour.came() > 0).count() < STEADY_HOURS {
        return false;
    }
    let by_chance = TimeDelta::minutes(QUIET_MINUTES_OF_ONE / day.iter().map(Hour::came).sum::<i64>().max(1));
    let gap = longest_gap(last(week, 2 * DAY)) + AROUND_A_GAP;
    silence >= by_chance.max(TimeDelta::hours(i64::try_from(gap).unwrap_or(i64::from(u16::MAX))))
}

/// Hours in a row without anything, between two with something.
fn longest_gap(hours: &[Hour]) -> usize {
    let busy = hours.iter().enumerate().filter(|(_, hour)| hour.came() > 0).map(|(place, _)| place);
    let (mut longest, mut before) = (0, None::<usize>);
    for place in busy {
        longest = before.map_or(0, |before| place - before - 1).max(longest);
        before = Some(place);
    }
    longest
}

/// Whether nothing was accepted since refusals began, or half of the latest submissions were refused and in the week before not a
/// fifth. The latest are those of the last hour, of as many hours as it takes to see enough, of a day at the most.
fn is_refused(week: &[Hour]) -> bool {
    let sum = |hours: &[Hour]| {
        let (accepted, mistakes) = hours
            .iter()
            .fold((0, 0), |(accepted, mistakes), hour| (accepted + hour.accepted, mistakes + hour.mistakes()));
        (accepted + mistakes, mistakes)
    };
    let since = week.iter().rposition(|hour| hour.accepted > 0).map_or(0, |place| place + 1);
    if sum(week.split_at(since).1).1 >= ENOUGH {
        return true;
    }
    let enough = (1..=DAY.min(week.len())).find(|count| sum(last(week, *count)).0 >= ENOUGH);
    let Some((before, latest)) = enough.map(|count| week.split_at(week.len() - count)) else { return false };
    let ((all, refused), (all_before, refused_before)) = (sum(latest), sum(before));
    refused * 2 >= all && refused_before * 5 < all_before.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const A_WEEK: i64 = 7 * 24;

    /// Hours of so many accepted and refused.
    fn hours(counts: &[(i64, i64)]) -> Vec<Hour> {
        let hour = |(accepted, refused): &(i64, i64)| Hour {
            accepted: *accepted,
            refused: if *refused > 0 {
                HashMap::from([("invalid_fields".to_owned(), *refused)])
            } else {
                HashMap::new()
            },
        };
        counts.iter().map(hour).collect()
    }

    /// After how many minutes of silence it is flagged; None: not in a week.
    fn stops_after(counts: &[(i64, i64)]) -> Option<i64> {
        let hours = hours(counts);
        (0..60 * A_WEEK).find(|minutes| flags(&hours, TimeDelta::minutes(*minutes)).contains(&Flag::Stopped))
    }

    fn is_flagged_refused(counts: &[(i64, i64)]) -> bool {
        flags(&hours(counts), TimeDelta::zero()).contains(&Flag::Refused)
    }

    #[test]
    fn a_steady_flow_that_stops_is_flagged_after_a_silence_that_its_rate_does_not_explain() {
        let steady = |an_hour| stops_after(&vec![(an_hour, 0); 30]);
        assert_eq!(steady(1_000), Some(120));
        assert_eq!(steady(30), Some(120));
        assert_eq!(steady(9), Some(122));
        assert_eq!(steady(3), Some(368), "three hours of silence may be chance");
        assert_eq!(steady(1), Some(1_105));
        assert_eq!(stops_after(&[(10, 20); 30]), Some(120), "what is refused comes, too");
    }

    #[test]
    fn nights_and_nightly_batches_are_no_stop() {
        let day = [vec![(0, 0); 9], vec![(20, 0); 15]].concat();
        let two_days = [day.clone(), day].concat();
        assert_eq!(stops_after(&two_days), Some(11 * 60), "nine empty hours each night, and a little around them");
        let batch = [vec![(0, 0); 23], vec![(500, 0)]].concat();
        assert_eq!(stops_after(&[batch.clone(), batch].concat()), None);
        assert_eq!(stops_after(&[(5, 0)]), None, "it has only begun");
        assert_eq!(stops_after(&[]), None);
    }

    #[test]
    fn refusals_that_jump_stand_out() {
        let before = vec![(30, 3); 24];
        assert!(is_flagged_refused(&[before.clone(), vec![(5, 20)]].concat()));
        assert!(is_flagged_refused(&[before.clone(), vec![(10, 19), (1, 1)]].concat()), "a new hour begins");
        assert!(
            !is_flagged_refused(&[before.clone(), vec![(4, 5)]].concat()),
            "too few to tell, and the hour before was well"
        );
        assert!(!is_flagged_refused(&[before, vec![(5, 20), (30, 2)]].concat()), "it was mended");
        assert!(!is_flagged_refused(&[vec![(10, 30); 24], vec![(5, 20)]].concat()), "it was always so");
    }

    #[test]
    fn a_form_that_never_worked_stands_out_for_as_long_as_it_is_tried() {
        for hours in [1, 3, 4, 30, 168] {
            assert!(is_flagged_refused(&vec![(0, 40); hours]), "{hours}");
        }
        assert!(is_flagged_refused(&[vec![(30, 0); 100], vec![(0, 20); 60]].concat()), "nor one that works no more");
    }

    #[test]
    fn refusals_of_small_flows_are_summed_over_a_day() {
        let slow = vec![(1, 0); 100];
        assert!(is_flagged_refused(&[slow.clone(), [(0, 1), (1, 1)].repeat(10)].concat()));
        assert!(!is_flagged_refused(&[slow, [(1, 0), (1, 1)].repeat(10)].concat()), "a third");
        assert!(is_flagged_refused(&[(0, 0), (0, 1)].repeat(20)), "none was ever taken");
        assert!(!is_flagged_refused(&[(0, 0), (0, 1)].repeat(19)), "too few to tell");
    }

    #[test]
    fn what_the_organiser_refuses_is_no_fault_of_the_form() {
        let paused = Hour { accepted: 0, refused: HashMap::from([("partner_paused".to_owned(), 500)]) };
        let week = [hours(&[(30, 1); 24]), vec![paused; 5]].concat();
        assert_eq!(flags(&week, TimeDelta::zero()), []);
        assert_eq!(flags(&week, TimeDelta::hours(3)), [Flag::Stopped], "but it came until then");
    }

    proptest! {
        /// Whatever came: while nothing changes but time, no flag goes.
        #[test]
        fn a_flag_stays_until_something_comes(
            counts in prop::collection::vec((0_i64..40, 0_i64..40, prop::bool::weighted(0.5)), 1..400),
        ) {
            let counts: Vec<_> = counts.into_iter().map(|(taken, refused, any)| if any { (taken, refused) } else { (0, 0) }).collect();
            let hours = hours(&counts);
            let mut before = Vec::new();
            for silent in 0..A_WEEK {
                let flags = flags(&hours, TimeDelta::hours(silent));
                prop_assert!(before.iter().all(|flag| flags.contains(flag)), "{before:?} at {silent}: {flags:?}");
                before = flags;
            }
        }
    }
}
