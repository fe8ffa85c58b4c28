//! The published totals in memory: each document serialised and compressed once, read by everybody.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::shown::Figures;
use crate::{
    country::Country,
    http::compressed::{Forms, Kind},
};

/// How long caches may use the totals: a second fresh, a few more while they ask again, an hour when we don't answer.
const CACHING: &str = "public, max-age=1, stale-while-revalidate=5, stale-if-error=3600";

/// The published totals of a campaign. Countries and `elsewhere` add up to `total`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Totals)]
pub struct Document {
    /// The campaign's slug.
    #[schema(example = "together-we-defend")]
    pub campaign: String,
    /// Counted pledges, exactly.
    #[schema(minimum = 0, example = 3012)]
    pub total: i64,
    /// By country, in the order of the codes. A small country shows a multiple of `threshold`, rounded down, that is
    /// renewed every ten minutes; one that would show 0 is left out.
    pub countries: Vec<CountryCount>,
    /// The total less all countries shown: people who prefer not to say, small countries, and what was rounded away.
    #[schema(minimum = 0, example = 57)]
    pub elsewhere: i64,
    /// How many pledges the campaign hopes for.
    #[schema(minimum = 1, example = 10_000)]
    pub goal: Option<i64>,
    /// Small numbers are rounded down to a multiple of this; 1: nothing is rounded.
    #[schema(minimum = 1, example = 5)]
    pub threshold: i64,
    /// When this version came to be.
    #[schema(example = "2026-11-23T12:00:00Z")]
    pub as_of: DateTime<Utc>,
    /// Grows with every change. Ignore a document with a lower version than the one you have.
    #[schema(minimum = 1, example = 81)]
    pub version: i64,
}

/// A country's published count.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountryCount {
    /// ISO 3166-1 alpha-2, or XK.
    #[schema(value_type = String, pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: Country,
    /// Published pledges from there.
    #[schema(minimum = 1, example = 120)]
    pub count: i64,
}

impl Document {
    /// The document of one version.
    pub fn new(campaign: String, goal: Option<i64>, version: i64, as_of: DateTime<Utc>, figures: &Figures) -> Self {
        Self {
            campaign,
            total: figures.total,
            countries: figures.shown().map(|(country, count)| CountryCount { country, count }).collect(),
            elsewhere: figures.elsewhere(),
            goal,
            threshold: figures.threshold,
            as_of,
            version,
        }
    }

    /// As a table: country and count, `elsewhere` and `total` last.
    fn csv(&self) -> String {
        let mut csv = String::from("country,count\r\n");
        for row in &self.countries {
            // Writing to a String can't fail.
            let _ = write!(csv, "{},{}\r\n", row.country, row.count);
        }
        let _ = write!(csv, "elsewhere,{}\r\ntotal,{}\r\n", self.elsewhere, self.total);
        csv
    }
}

/// A document with everything that is sent of it.
#[derive(Clone, Debug)]
pub struct Published {
    /// What it says.
    pub document: Document,
    /// As JSON, to be put into another answer.
    pub raw: Box<RawValue>,
    /// As JSON.
    pub json: Forms,
    /// As CSV.
    pub csv: Forms,
}

impl Published {
    /// Serialises and compresses.
    pub fn new(document: Document) -> Self {
        // The document is a plain struct; if it ever failed to serialise, null would be sent and the contract test fail.
        let raw = serde_json::value::to_raw_value(&document).unwrap_or_default();
        let forms = |content, text: &str| {
            Forms::new(&document.version.to_string(), Kind { content, caching: CACHING }, text.as_bytes())
        };
        let json = forms("application/json", raw.get());
        let csv = forms("text/csv; charset=utf-8", &document.csv());
        Self { document, raw, json, csv }
    }
}

/// The documents by slug.
#[derive(Debug, Default)]
pub struct Board(RwLock<HashMap<String, Arc<Published>>>);

impl Board {
    /// The document of a campaign.
    pub fn get(&self, slug: &str) -> Option<Arc<Published>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(slug).cloned()
    }

    /// The version of each document.
    pub fn versions(&self) -> BTreeMap<String, i64> {
        let documents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        documents.iter().map(|(slug, published)| (slug.clone(), published.document.version)).collect()
    }

    /// Puts documents up; an older version than the one that hangs there is left aside.
    pub fn replace(&self, new: Vec<Published>) {
        let mut documents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for published in new {
            let slug = published.document.campaign.clone();
            if documents.get(&slug).is_none_or(|old| old.document.version < published.document.version) {
                documents.insert(slug, Arc::new(published));
            }
        }
    }
}
