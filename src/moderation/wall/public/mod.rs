//! What everybody sees of the wall, and what they may say about it. No id of a pledge is told and no time finer than a day; the order
//! within a day is that of random tokens.
//!
//! What is hidden must be gone within a second on every instance, so nothing is served that was read longer than [`LOAD_WITHIN`] ago: a
//! first page is kept for [`KEPT_FOR`] from the beginning of its load, caches have to ask each time, and without the database there is no
//! wall.

mod fresh;
mod reported;
pub mod routes;
pub mod store;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::NaiveDate;
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use utoipa::ToSchema;
use uuid::Uuid;

use self::{fresh::Fresh, reported::Reported};
use super::Reason;
use crate::{
    campaigns::{Campaign, Campaigns},
    db::{Database, DbError},
    http::{
        compressed::{Forms, Kind},
        page::next_cursor,
    },
};

/// How long a first page is served from the beginning of its load: however many look at a wall, it is read about three times a second.
const KEPT_FOR: Duration = Duration::from_millis(300);

/// How long a load may take, with the waiting for it. What takes longer is answered 503.
const LOAD_WITHIN: Duration = Duration::from_millis(800);

/// Entries of a page.
pub const PAGE: u32 = 20;

/// Later pages that are read, and reports that are written, at one time, at the most: strangers choose how many there are.
const AT_ONCE: usize = 2;

const KIND: Kind = Kind { content: "application/json", caching: "no-cache" };

/// Where a page begins: after the entry of this day with this token.
pub type Place = (NaiveDate, Uuid);

/// What somebody wanted to be shown.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = WallEntry)]
pub struct EntryBody {
    /// What the entry is called in a report. Random, and new when it is shown again; it leads to nothing else.
    entry: Uuid,
    /// As the supporter wrote it: plain text, in whatever direction.
    #[schema(example = "Amina Okafor")]
    name: Option<String>,
    /// The same, perhaps of several lines.
    #[schema(example = "Together.")]
    message: Option<String>,
    /// The day (UTC) on which it was put onto the wall, not that of the pledge.
    #[schema(example = "2026-12-07")]
    day: NaiveDate,
}

/// A part of the wall, newest day first.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Wall)]
pub struct WallBody {
    /// The campaign's slug.
    #[schema(example = "together-we-defend")]
    campaign: String,
    #[schema(max_items = 20)]
    entries: Vec<EntryBody>,
    /// Where the next page begins; null: this was the last.
    next_cursor: Option<String>,
}

/// The handle. Clones share the pages.
#[derive(Clone)]
pub struct Wall {
    database: Database,
    campaigns: Campaigns,
    first: Arc<Mutex<HashMap<Uuid, Arc<Fresh<Forms>>>>>,
    later: Arc<Semaphore>,
    reports: Arc<Semaphore>,
    reported: Arc<Reported>,
}

impl Wall {
    /// No pages yet.
    pub fn new(database: Database, campaigns: Campaigns) -> Self {
        let permits = || Arc::new(Semaphore::new(AT_ONCE));
        let (later, reports) = (permits(), permits());
        Self { database, campaigns, first: Arc::default(), later, reports, reported: Arc::default() }
    }

    /// A public campaign that has a wall. Only for these is anything kept: strangers can't fill the memory with names.
    fn campaign(&self, slug: &str) -> Option<Arc<Campaign>> {
        self.campaigns.find(slug).filter(|campaign| campaign.wall)
    }

    /// The first page, ready to be sent.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it can't be read in time, and those of the database.
    async fn first_page(&self, campaign: &Campaign) -> Result<Arc<Forms>, DbError> {
        let kept = self.first.lock().unwrap_or_else(PoisonError::into_inner).entry(campaign.id).or_default().clone();
        let load = async |until: Instant| {
            let body = self.read(campaign, None, until).await?;
            let json = serde_json::to_vec(&body).map_err(|_| DbError::Defect("a wall can't be written"))?;
            Ok(Forms::new("wall", KIND, &json))
        };
        kept.get(load).await
    }

    /// A later page.
    ///
    /// # Errors
    /// As [`Self::first_page`].
    async fn later_page(&self, campaign: &Campaign, place: Place) -> Result<WallBody, DbError> {
        let until = Instant::now() + LOAD_WITHIN;
        let Ok(Ok(_permit)) = timeout_at(until, self.later.acquire()).await else { return Err(DbError::Unavailable) };
        self.read(campaign, Some(place), until).await
    }

    async fn read(&self, campaign: &Campaign, place: Option<Place>, until: Instant) -> Result<WallBody, DbError> {
        let read = async |connection: &mut _| store::page(connection, campaign.id, place, PAGE + 1).await;
        let mut entries = self.database.run_until(until, read).await?;
        let next_cursor = next_cursor(&mut entries, PAGE, |entry| (entry.day, entry.entry));
        Ok(WallBody { campaign: campaign.slug.clone(), entries, next_cursor })
    }

    /// Notes that somebody at `source` finds that an entry shouldn't be shown: once of each source. What isn't shown can't be reported,
    /// and nothing tells whether it was.
    ///
    /// # Errors
    /// As [`Self::first_page`]; then it may be sent again.
    async fn report(&self, campaign: &Campaign, source: IpAddr, entry: Uuid, reason: Reason) -> Result<(), DbError> {
        if self.reported.by(source, entry) {
            return Ok(());
        }
        let until = Instant::now() + LOAD_WITHIN;
        let Ok(Ok(_permit)) = timeout_at(until, self.reports.acquire()).await else { return Err(DbError::Unavailable) };
        let note = async |connection: &mut _| store::report(connection, campaign.id, entry, reason).await;
        self.database.run_until(until, note).await?;
        self.reported.note(source, entry);
        Ok(())
    }
}
