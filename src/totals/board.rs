//! The published totals in memory: each document serialised and compressed once, read by everybody.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::{
    events::{self, Change},
    shown::Figures,
};
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
    /// Those of them whose mailbox confirmed them.
    #[schema(minimum = 0, example = 2950)]
    pub confirmed: i64,
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
            confirmed: figures.confirmed,
            countries: figures.shown().map(|(country, count)| CountryCount { country, count }).collect(),
            elsewhere: figures.elsewhere(),
            goal,
            threshold: figures.threshold,
            as_of,
            version,
        }
    }

    /// What is shown of a country.
    pub fn of(&self, country: Country) -> i64 {
        let place = self.countries.binary_search_by_key(&country, |row| row.country).ok();
        place.and_then(|place| self.countries.get(place)).map_or(0, |row| row.count)
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

/// A document with everything that is sent of it. Whatever many receive is made here, once.
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
    /// As an event of the stream.
    whole: Bytes,
    /// What changed since the document before it, and that one's version.
    change: Option<(i64, Bytes)>,
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
        let whole = events::frame("totals", Some(document.version), &raw);
        Self { document, raw, json, csv, whole, change: None }
    }

    /// The same, also as a change of `old`.
    fn after(mut self, old: &Document) -> Self {
        self.change = Change::between(old, &self.document)
            .map(|change| (old.version, events::frame("change", Some(change.version), &change)));
        self
    }

    /// What somebody receives who has the version `seen`: nothing if it is this one, the change if it is the one before,
    /// else the whole document.
    pub fn since(&self, seen: Option<i64>) -> Option<Bytes> {
        match (seen, &self.change) {
            (Some(seen), _) if seen == self.document.version => None,
            (Some(seen), Some((previous, change))) if seen == *previous => Some(change.clone()),
            _ => Some(self.whole.clone()),
        }
    }
}

/// Tells of each new document of a campaign. Who doesn't look in between sees the newest only.
pub type Feed = watch::Receiver<Arc<Published>>;

/// The documents by slug.
#[derive(Debug, Default)]
pub struct Board {
    hung: RwLock<Hung>,
    /// Unix time in milliseconds.
    checked_at: AtomicI64,
}

#[derive(Debug, Default)]
struct Hung {
    documents: HashMap<String, Arc<Published>>,
    feeds: HashMap<String, watch::Sender<Arc<Published>>>,
    /// No feeds any more.
    ended: bool,
}

impl Board {
    /// The document of a campaign.
    pub fn get(&self, slug: &str) -> Option<Arc<Published>> {
        self.read().documents.get(slug).cloned()
    }

    /// The documents of a campaign from now on. None when there is no such campaign, or the feeds have ended.
    pub fn follow(&self, slug: &str) -> Option<Feed> {
        self.read().feeds.get(slug).map(watch::Sender::subscribe)
    }

    /// Ends all feeds, for good. The documents stay.
    pub fn end_feeds(&self) {
        let mut hung = self.hung.write().unwrap_or_else(PoisonError::into_inner);
        hung.ended = true;
        hung.feeds.clear();
    }

    /// The version of each document.
    pub fn versions(&self) -> BTreeMap<String, i64> {
        self.read().documents.iter().map(|(slug, published)| (slug.clone(), published.document.version)).collect()
    }

    /// Puts documents up; an older version than the one that hangs there is left aside.
    pub fn replace(&self, new: Vec<Published>) {
        for published in new {
            let slug = published.document.campaign.clone();
            // Written outside the lock. Should another document come in between, the change still names its predecessor.
            let published = Arc::new(match self.get(&slug) {
                Some(old) => published.after(&old.document),
                None => published,
            });
            self.hung.write().unwrap_or_else(PoisonError::into_inner).put_up(slug, published);
        }
    }

    /// Notes that the documents were the newest at that time.
    pub fn checked(&self, at: DateTime<Utc>) {
        // Who began to look later may be done earlier.
        self.checked_at.fetch_max(at.timestamp_millis(), Ordering::Relaxed);
    }

    /// When the documents were last known to be the newest; 1970 when they never were.
    pub fn checked_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.checked_at.load(Ordering::Relaxed)).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn read(&self) -> RwLockReadGuard<'_, Hung> {
        self.hung.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hung {
    fn put_up(&mut self, slug: String, published: Arc<Published>) {
        if self.documents.get(&slug).is_some_and(|old| old.document.version >= published.document.version) {
            return;
        }
        match self.feeds.get(&slug) {
            Some(feed) => drop(feed.send_replace(published.clone())),
            None if self.ended => {}
            None => drop(self.feeds.insert(slug.clone(), watch::Sender::new(published.clone()))),
        }
        self.documents.insert(slug, published);
    }
}
