//! The series in memory, loaded when they are first asked for. However many ask, one loads, and only when something
//! new was published or a second has passed: a stranger can't make the database work by asking. A year of hours is read in
//! 12 ms; of 200 countries that were pledged from in each of them in 1.3 s, once a re-reading.
//!
//! A campaign's minutes and hours cost 190 kB for its first year and 140 kB for each further one, and up to 1 MB what is
//! sent of them; its countries 16 bytes for each hour in which what one shows changes: about 1 MB for a year in which 200
//! countries are pledged from, and 28 MB if all of them were large and pledged from in each of its hours.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout};

use super::{
    countries::Countries,
    points::{Interval, Steps},
    store::{self, Head},
};
use crate::{
    db::DbError,
    http::compressed::Forms,
    totals::{Totals, board::Published, store::documents},
};

/// A copy that is younger is not looked after, unless a newer document was published.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// A pledge that comes and one that goes in the same second leave total and version as they were, but not the minutes:
/// so everything is read anew after this.
const READ_AFTER: Duration = Duration::from_secs(10);

/// How long everybody is served the copy that is there, or refused, after a load that failed.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long a load may take.
const LOAD_WITHIN: Duration = Duration::from_millis(1_500);

/// The same for countries: a million rows, every ten minutes at the most.
const LOAD_COUNTRIES_WITHIN: Duration = Duration::from_secs(8);

/// How long one waits for somebody else's load when there is an older copy.
const WAIT_WITH_A_COPY: Duration = Duration::from_millis(250);

/// A campaign's own series.
#[derive(Debug)]
pub struct Campaign {
    /// How far they are.
    pub head: Head,
    /// By minute, for two days.
    pub minutes: Steps,
    /// By hour.
    pub hours: Steps,
    /// When the series begins: with the campaign, or with pledges that came before it from elsewhere.
    pub began: DateTime<Utc>,
    usual: [Usual; 3],
    read_at: Instant,
}

/// What is sent of one interval, made when it is first asked for.
#[derive(Debug, Default)]
pub struct Usual {
    /// As JSON.
    pub json: OnceLock<Forms>,
    /// As CSV.
    pub csv: OnceLock<Forms>,
}

impl Campaign {
    fn new((head, minutes, hours): store::Read) -> Self {
        let first = hours.first_unit().map(|hour| Interval::Hour.begins(hour));
        let began = first.map_or(head.created_at, |first| first.min(head.created_at));
        Self { head, minutes, hours, began, usual: Default::default(), read_at: Instant::now() }
    }

    /// What is sent to those who say neither `from` nor `to`.
    pub fn usual(&self, interval: Interval) -> &Usual {
        let [minute, hour, day] = &self.usual;
        match interval {
            Interval::Minute => minute,
            Interval::Hour => hour,
            Interval::Day => day,
        }
    }
}

/// The series of a campaign's countries.
#[derive(Debug)]
pub struct OfCountries {
    /// What each shows.
    pub countries: Countries,
    reread_at: DateTime<Utc>,
    threshold: i64,
}

/// The handle: the series of every campaign that was asked for. Clones share them.
#[derive(Clone, Debug)]
pub struct History {
    totals: Totals,
    slots: Arc<Mutex<HashMap<String, Arc<Slot>>>>,
}

#[derive(Debug, Default)]
struct Slot {
    campaign: Copied<Campaign>,
    countries: Copied<OfCountries>,
}

impl History {
    /// No series yet.
    pub fn new(totals: Totals) -> Self {
        Self { totals, slots: Arc::default() }
    }

    /// The published document of a public campaign.
    pub fn published(&self, slug: &str) -> Option<Arc<Published>> {
        self.totals.published(slug)
    }

    /// The series of a public campaign, as far as the document that is published now. When the database can't be reached,
    /// as far as they were loaded before.
    ///
    /// # Errors
    /// When there is no copy and none can be loaded.
    pub async fn campaign(&self, published: &Published) -> Result<Arc<Campaign>, DbError> {
        let slug = published.document.campaign.as_str();
        let version = published.document.version;
        let fresh = |copy: &Campaign, looked: Instant| copy.head.version >= version && looked.elapsed() < LOOK_AFTER;
        self.slot(slug).campaign.get(fresh, LOAD_WITHIN, async |old| self.load_campaign(slug, old).await).await
    }

    async fn load_campaign(&self, slug: &str, old: Option<&Arc<Campaign>>) -> Result<Arc<Campaign>, DbError> {
        let known = old.filter(|old| old.read_at.elapsed() < READ_AFTER).map(|old| &old.head);
        let board = &self.totals.board;
        let load = self.totals.database.run_until(Instant::now() + LOAD_WITHIN, async |connection| {
            let read = store::campaign(connection, slug, known).await?;
            // Another instance may have published: nobody sees a history that is ahead of the document.
            if read
                .as_ref()
                .is_some_and(|(head, ..)| board.get(slug).is_none_or(|it| it.document.version < head.version))
            {
                board.replace(documents(connection, &board.versions()).await?);
            }
            Ok::<_, DbError>(read)
        });
        match (load.await?, old) {
            (None, Some(old)) => Ok(old.clone()),
            (None, None) => Err(DbError::NotFound),
            (Some(read), _) => Ok(Arc::new(Campaign::new(read))),
        }
    }

    /// The series of its countries, as of the last re-reading that `campaign` knows of.
    ///
    /// # Errors
    /// As [`Self::campaign`].
    pub async fn countries(&self, slug: &str, campaign: &Campaign) -> Result<Arc<OfCountries>, DbError> {
        let head = &campaign.head;
        let fresh = |copy: &OfCountries, _| copy.reread_at >= head.reread_at && copy.threshold == head.threshold;
        let load = async |_: Option<&Arc<OfCountries>>| {
            let load = self.totals.database.run_until(Instant::now() + LOAD_COUNTRIES_WITHIN, async |connection| {
                store::countries(connection, slug).await
            });
            let (head, countries) = load.await?;
            Ok(Arc::new(OfCountries { countries, reread_at: head.reread_at, threshold: head.threshold }))
        };
        self.slot(slug).countries.get(fresh, LOAD_COUNTRIES_WITHIN, load).await
    }

    /// Only asked for campaigns that are public: strangers can't fill the memory with names.
    fn slot(&self, slug: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(slug) {
            return slot.clone();
        }
        slots.entry(slug.to_owned()).or_default().clone()
    }
}

/// A copy that one caller renews while the others wait for it.
#[derive(Debug)]
struct Copied<T> {
    kept: Mutex<Kept<T>>,
    loading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Kept<T> {
    copy: Option<Arc<T>>,
    looked: Option<Instant>,
    failed: Option<Instant>,
}

impl<T> Default for Copied<T> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept { copy: None, looked: None, failed: None }),
            loading: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> Copied<T> {
    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What can be answered at once: a fresh copy, or whatever there is shortly after a failure.
    fn at_once(&self, fresh: &impl Fn(&T, Instant) -> bool) -> Option<Result<Arc<T>, DbError>> {
        let kept = self.kept();
        let is_fresh = kept.copy.as_deref().zip(kept.looked).is_some_and(|(copy, looked)| fresh(copy, looked));
        let just_failed = kept.failed.is_some_and(|failed| failed.elapsed() < TRY_AGAIN_AFTER);
        (is_fresh || just_failed).then(|| kept.copy.clone().ok_or(DbError::Unavailable))
    }

    /// The copy, renewed by `load` (which takes no longer than `within`) unless it is fresh.
    async fn get(
        &self,
        fresh: impl Fn(&T, Instant) -> bool,
        within: Duration,
        load: impl AsyncFnOnce(Option<&Arc<T>>) -> Result<Arc<T>, DbError>,
    ) -> Result<Arc<T>, DbError> {
        if let Some(answer) = self.at_once(&fresh) {
            return answer;
        }
        let old = self.kept().copy.clone();
        let patience = if old.is_some() { WAIT_WITH_A_COPY } else { within };
        let Ok(_loading) = timeout(patience, self.loading.lock()).await else {
            return old.ok_or(DbError::Unavailable);
        };
        // Somebody else may have loaded it meanwhile.
        if let Some(answer) = self.at_once(&fresh) {
            return answer;
        }
        let begun = Instant::now();
        let abandoned = Abandoned(self);
        let loaded = load(old.as_ref()).await;
        drop(abandoned);
        let mut kept = self.kept();
        match loaded {
            Ok(copy) => {
                *kept = Kept { copy: Some(copy.clone()), looked: Some(begun), failed: None };
                Ok(copy)
            }
            Err(error) => {
                kept.failed = Some(Instant::now());
                old.ok_or(error)
            }
        }
    }
}

/// A load that ends with its caller, who hung up, counts as failed once there is a copy: who hangs up again and again
/// doesn't make the database work more than who waits.
struct Abandoned<'a, T>(&'a Copied<T>);

impl<T> Drop for Abandoned<'_, T> {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        if kept.copy.is_some() {
            kept.failed = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
