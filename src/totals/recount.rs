//! The check of rule 2: stored totals and time buckets and deltas together equal what counting the rows gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    deltas::{PartnerChanges, Sums},
    shown::Figures,
};
use crate::country::Country;

/// Minutes are kept for two days; those that near their end are not compared.
pub const MINUTES_COMPARED: TimeDelta = TimeDelta::hours(47);

/// Differences in time that are told one by one; further ones are summed up.
const MOST_TOLD: usize = 20;

/// Stored counts by partner and time.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// By partner.
    pub partners: PartnerChanges,
    /// By minute.
    pub minutes: BTreeMap<DateTime<Utc>, i64>,
    /// By hour.
    pub hours: BTreeMap<DateTime<Utc>, i64>,
    /// By hour and country.
    pub country_hours: BTreeMap<(DateTime<Utc>, Country), i64>,
    /// Hours of countries that should be settled, but differ from what is counted in them.
    pub unsettled: usize,
}

/// What the counters of a campaign say and what counting gives, from one snapshot.
#[derive(Clone, Debug)]
pub struct Recount {
    /// The campaign.
    pub campaign: Uuid,
    /// Its slug.
    pub slug: String,
    /// The stored figures.
    pub figures: Figures,
    /// The stored counts by partner and time.
    pub buckets: Buckets,
    /// Deltas that are not folded yet.
    pub deltas: Sums,
    /// What counting the rows gives.
    pub counted: Sums,
    /// The present (database clock).
    pub now: DateTime<Utc>,
}

impl Recount {
    /// Every difference, in words; empty when all is well.
    pub fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let counter = self.figures.total + self.deltas.countries.values().sum::<i64>();
        let rows: i64 = self.counted.countries.values().sum();
        if counter != rows {
            differences.push(format!("{}: the total says {counter}, there are {rows}", self.slug));
        } else if self.figures.elsewhere() < 0 {
            differences.push(format!("{}: more is shown than there is", self.slug));
        }
        let (confirmed, rows) = (self.figures.confirmed + self.deltas.confirmed, self.counted.confirmed);
        if confirmed != rows {
            differences.push(format!("{}: {confirmed} are said to be confirmed, there are {rows}", self.slug));
        }
        let countries = self.figures.countries.iter().map(|(at, figure)| (*at, figure.counted)).collect();
        differences.extend(self.compare(&countries, &self.deltas.countries, &self.counted.countries, |at| *at));
        for (country, figure) in &self.figures.countries {
            if figure.live && figure.shown != figure.counted {
                differences.push(format!("{}: {country} is live but does not show its count", self.slug));
            }
        }
        let partner = |id: &Uuid| format!("the partner {id}");
        let stored = &self.buckets.partners;
        differences.extend(self.compare(stored, &self.deltas.partners, &self.counted.partners, partner));
        differences.extend(self.differences_in_time());
        differences
    }

    fn differences_in_time(&self) -> Vec<String> {
        let from = self.now - MINUTES_COMPARED;
        let recent = |all: &BTreeMap<DateTime<Utc>, i64>| all.range(from..).map(|(at, count)| (*at, *count)).collect();
        let minutes = [&self.buckets.minutes, &self.deltas.minutes, &self.counted.minutes].map(recent);
        let [stored, deltas, counted] = &minutes;
        let mut all = self.compare(stored, deltas, counted, |at| format!("the minute {}", at.format("%F %R")));
        let (deltas, counted) = (self.deltas.hours_in_all(), self.counted.hours_in_all());
        all.extend(
            self.compare(&self.buckets.hours, &deltas, &counted, |at| format!("the hour {}", at.format("%F %R"))),
        );
        let (deltas, counted) = (&self.deltas.hours, &self.counted.hours);
        all.extend(self.compare(&self.buckets.country_hours, deltas, counted, |(at, country)| {
            format!("{country} in the hour {}", at.format("%F %R"))
        }));
        if self.buckets.unsettled > 0 {
            let hours = self.buckets.unsettled;
            all.insert(0, format!("{}: the history of countries is not what was counted in {hours} hours", self.slug));
        }
        if all.len() > MOST_TOLD {
            let further = all.len() - MOST_TOLD;
            all.truncate(MOST_TOLD);
            all.push(format!("{}: {further} further minutes and hours differ", self.slug));
        }
        all
    }

    fn compare<K: Ord + Clone, N: Display>(
        &self,
        stored: &BTreeMap<K, i64>,
        deltas: &BTreeMap<K, i64>,
        counted: &BTreeMap<K, i64>,
        name: impl Fn(&K) -> N,
    ) -> Vec<String> {
        let of = |counts: &BTreeMap<K, i64>, key| counts.get(key).copied().unwrap_or(0);
        let keys: BTreeSet<&K> = stored.keys().chain(deltas.keys()).chain(counted.keys()).collect();
        let differ = keys.into_iter().filter_map(|key| {
            let (says, rows) = (of(stored, key) + of(deltas, key), of(counted, key));
            (says != rows).then(|| format!("{}: {} says {says}, there are {rows}", self.slug, name(key)))
        });
        differ.collect()
    }
}
