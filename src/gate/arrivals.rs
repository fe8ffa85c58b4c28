//! How many pledges came lately from which country, by campaign: a count in memory that halves each day. Repeats, and those that
//! wait or are held, count too: the published totals show neither, and small countries' only ten minutes later. Each instance
//! counts what comes to it, and forgets it when it stops; what counts is in the totals.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use uuid::Uuid;

use super::recent::{Decaying, Since, locked, whole};
use crate::{clock::Clock, country::Country};

const HALF_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Of one campaign.
#[derive(Default)]
struct Counts {
    all: Decaying,
    /// As many as there are countries, at the most.
    countries: HashMap<Country, Decaying>,
}

/// Counts by campaign and country. Clones share them.
#[derive(Clone)]
pub struct Arrivals {
    since: Since,
    campaigns: Arc<Mutex<HashMap<Uuid, Counts>>>,
}

impl Arrivals {
    /// Nothing has come yet.
    pub fn new(clock: Clock) -> Self {
        Self { since: Since::new(clock), campaigns: Arc::default() }
    }

    /// Counts one more of a campaign that there is, and says how many came lately: from its country, and in all.
    pub fn add(&self, campaign: Uuid, country: Country) -> (u32, u32) {
        let (now, half_life) = (self.since.seconds(), HALF_LIFE.as_secs_f32());
        let mut campaigns = locked(&self.campaigns);
        let counts = campaigns.entry(campaign).or_default();
        let here = counts.countries.entry(country).or_default().add(now, half_life);
        (whole(here), whole(counts.all.add(now, half_life)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::clock::FixedClock;

    #[test]
    fn countries_of_each_campaign_are_counted_and_forgotten() {
        let fixed = FixedClock::at(DateTime::UNIX_EPOCH);
        let arrivals = Arrivals::new(Clock::Fixed(fixed.clone()));
        let [one, other] = [1, 2].map(Uuid::from_u128);
        let [va, de]: [Country; 2] = ["VA", "DE"].map(|code| code.parse().unwrap());
        for number in 1..=1_000 {
            assert_eq!(arrivals.add(one, va), (number, number));
        }
        assert_eq!(arrivals.add(one, de), (1, 1_001));
        assert_eq!(arrivals.add(other, va), (1, 1));
        fixed.advance(TimeDelta::hours(24));
        assert_eq!(arrivals.add(one, va), (501, 502));
        fixed.advance(TimeDelta::days(30));
        assert_eq!(arrivals.add(one, va), (1, 1));
    }
}
