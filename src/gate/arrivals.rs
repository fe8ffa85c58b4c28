//! How many pledges came lately from which country, by campaign: a count in memory that halves each day. Repeats, and those that
//! wait or are held, count too (but those of busy sources don't): the published totals show neither, and small countries' only ten minutes later. Each instance
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

    /// Says how many came lately to a campaign that there is: from a country, and in all; with one more, if it `counts`.
    pub fn count(&self, campaign: Uuid, country: Country, counts: bool) -> (u32, u32) {
        let (now, half_life) = (self.since.seconds(), HALF_LIFE.as_secs_f32());
        let mut campaigns = locked(&self.campaigns);
        let Counts { all, countries } = campaigns.entry(campaign).or_default();
        let here = countries.entry(country).or_default();
        let number = |count: &mut Decaying| if counts { count.add(now, half_life) } else { count.now(now, half_life) };
        (whole(number(here)), whole(number(all)))
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
            assert_eq!(arrivals.count(one, va, true), (number, number));
        }
        assert_eq!(arrivals.count(one, de, true), (1, 1_001));
        assert_eq!(arrivals.count(other, va, true), (1, 1));
        assert_eq!(arrivals.count(one, va, false), (1_000, 1_001), "only asked");
        fixed.advance(TimeDelta::hours(24));
        assert_eq!(arrivals.count(one, va, true), (501, 502));
        fixed.advance(TimeDelta::days(30));
        assert_eq!(arrivals.count(one, va, true), (1, 1));
    }
}
