//! What the stream tells: the whole document, a change of it, a sign of life. Each as a Server-Sent Event
//! (html.spec.whatwg.org, "Server-sent events") that is written once and sent to everybody.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::Document;
use crate::country::Country;

/// What differs between two published versions of the totals.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = TotalsChange)]
pub struct Change {
    /// The version that you have when this is applied.
    #[schema(minimum = 2, example = 82)]
    pub version: i64,
    /// The version that this is a change of. If you have a lower one, ask for the totals instead.
    #[schema(minimum = 1, example = 81)]
    pub previous_version: i64,
    /// When this version came to be.
    #[schema(example = "2026-11-23T12:00:01Z")]
    pub as_of: DateTime<Utc>,
    /// The new total.
    #[schema(minimum = 0, example = 3014)]
    pub total: i64,
    /// How many of them are confirmed.
    #[schema(minimum = 0, example = 2951)]
    pub confirmed: i64,
    /// The new rest.
    #[schema(minimum = 0, example = 58)]
    pub elsewhere: i64,
    /// The countries that show another count than before, in the order of the codes. All others stay as they are.
    pub countries: Vec<CountryChange>,
}

/// A country's new count.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CountryChange {
    /// ISO 3166-1 alpha-2, or XK.
    #[schema(value_type = String, pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: Country,
    /// What it shows now; 0: it is no longer in the document.
    #[schema(minimum = 0, example = 121)]
    pub count: i64,
}

impl Change {
    /// What makes `new` out of `old`. None when that can't be told as a change: other settings, or not a later version of
    /// the same campaign.
    pub fn between(old: &Document, new: &Document) -> Option<Self> {
        let settings = |document: &Document| (document.campaign.clone(), document.goal, document.threshold);
        if settings(old) != settings(new) || old.version >= new.version {
            return None;
        }
        let before = counts(old);
        let mut after: BTreeMap<Country, i64> = before.keys().map(|country| (*country, 0)).collect();
        after.extend(counts(new));
        let differs = |(country, count): &(Country, i64)| before.get(country).copied().unwrap_or(0) != *count;
        let countries =
            after.into_iter().filter(differs).map(|(country, count)| CountryChange { country, count }).collect();
        Some(Self {
            version: new.version,
            previous_version: old.version,
            as_of: new.as_of,
            total: new.total,
            confirmed: new.confirmed,
            elsewhere: new.elsewhere,
            countries,
        })
    }
}

fn counts(document: &Document) -> BTreeMap<Country, i64> {
    document.countries.iter().map(|row| (row.country, row.count)).collect()
}

/// The sign of life.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TotalsHeartbeat)]
pub struct Heartbeat {
    /// The version that is current.
    #[schema(minimum = 1, example = 82)]
    pub version: i64,
    /// When that version came to be.
    #[schema(example = "2026-11-23T12:00:01Z")]
    pub as_of: DateTime<Utc>,
    /// When the service last made sure that there is no newer version. Older than a few seconds: the totals may have
    /// moved on, and the service can't know at the moment.
    #[schema(example = "2026-11-23T12:00:14Z")]
    pub checked_at: DateTime<Utc>,
}

/// What the `data` of an event holds: `totals` the whole document, `change` a change, `heartbeat` a sign of life.
#[derive(Serialize, ToSchema)]
#[schema(as = TotalsEvent)]
#[serde(untagged)]
pub enum Event {
    /// `event: totals`
    Totals(Document),
    /// `event: change`
    Change(Change),
    /// `event: heartbeat`
    Heartbeat(Heartbeat),
}

/// An event as it is sent. `id` becomes the `Last-Event-ID` of a browser that connects again.
pub fn frame(event: &str, id: Option<i64>, data: &impl Serialize) -> Bytes {
    // These are plain structs; JSON has no line breaks of its own.
    let json = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {event}\n{id}data: {json}\n\n").into()
}

#[cfg(test)]
mod tests;
