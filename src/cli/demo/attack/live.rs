//! The wave as a rehearsal plays it: the honest people of the day before, then the hour of the attack within some minutes.

use chrono::TimeDelta;

use super::{Person, wave};

/// Whoever came up to this long before the wave is its past: as far back as waves are looked for, and some less.
const PAST: TimeDelta = TimeDelta::hours(22);

/// A wave to be played.
pub(in crate::cli) struct Live {
    /// Honest people before it, and how long.
    pub(in crate::cli) past: Vec<(TimeDelta, Person)>,
    /// Bots and people of its hour, and how long after the beginning each of them comes; in that order.
    pub(in crate::cli) hour: Vec<(TimeDelta, Person)>,
}

impl Live {
    /// The wave of this seed, with as many pledges in its hour (all that there are at the most), played within `length`.
    ///
    /// # Errors
    /// When the data in the binary can't be read.
    pub(in crate::cli) fn of(seed: u64, pledges: usize, length: TimeDelta) -> anyhow::Result<Self> {
        let people = wave(seed)?;
        let bots = || people.iter().filter(|person| !person.honest).map(|person| person.at);
        let (first, last) = (bots().min().unwrap_or_default(), bots().max().unwrap_or_default());
        let past = people.iter().filter(|person| person.at < first && first - person.at < PAST);
        let past = past.map(|person| (first - person.at, person.clone())).collect();
        let all: Vec<&Person> = people.iter().filter(|person| person.at >= first && person.at <= last).collect();
        let shorter = length.as_seconds_f64() / (last - first).as_seconds_f64().max(1.0);
        let after = |person: &Person| {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of some hours")]
            let milliseconds = ((person.at - first).as_seconds_f64() * shorter * 1000.0) as i64;
            TimeDelta::milliseconds(milliseconds)
        };
        // Every so manieth of them, so that bots and people stay in proportion.
        let count = pledges.min(all.len());
        let taken = (0..count).filter_map(|number| all.get(number * all.len() / count));
        let hour = taken.map(|person| (after(person), (*person).clone())).collect();
        Ok(Self { past, hour })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_played_in_the_time_that_there_is_and_in_proportion() {
        let live = Live::of(5, 5_500, TimeDelta::minutes(10)).unwrap();
        assert_eq!(live.hour.len(), 5_500);
        let bots = live.hour.iter().filter(|(_, person)| !person.honest).count();
        assert!((5_000..5_400).contains(&bots), "{bots}");
        assert!(live.hour.is_sorted_by_key(|(after, _)| *after));
        assert!(live.hour.iter().all(|(after, _)| (TimeDelta::zero()..=TimeDelta::minutes(10)).contains(after)));
        assert!(live.past.len() > 1_000 && live.past.iter().all(|(before, person)| person.honest && *before < PAST));
        assert!(Live::of(5, 1_000_000, TimeDelta::minutes(1)).unwrap().hour.len() > 50_000);
    }
}
