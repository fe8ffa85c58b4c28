//! The series in memory, loaded when they are first asked for. However many ask, one loads, and only when something
//! new was published or a second has passed: a stranger can't make the database work by asking. A year of hours is read in
//! 12 ms; of 200 countries that were pledged from in each of them in 1.3 s, once a re-reading.
//!
//! A campaign's minutes and hours cost 190 kB for its first year and 140 kB for each further one, and up to 1 MB what is
//! sent of them; its countries 16 bytes for each hour in which what one shows changes: about 1 MB for a year in which 200
//! countries are pledged from, and 28 MB if all of them were large and pledged from in each of its hours.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{
    countries::Countries,
    points::{Interval, Steps},
    store::{self, Head},
};
use crate::{
    db::{DbError, copied::Copies},
    http::compressed::Forms,
    totals::{Totals, board::Published, store::documents},
};

/// A copy that is younger is not looked after, unless a newer document was published.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// A pledge that comes and one that goes in the same second leave total and version as they were, but not the minutes:
/// so everything is read anew after this.
const READ_AFTER: Duration = Duration::from_secs(10);

/// How long a load may take.
const LOAD_WITHIN: Duration = Duration::from_millis(1_500);

/// The same for countries: a million rows, every ten minutes at the most.
const LOAD_COUNTRIES_WITHIN: Duration = Duration::from_secs(8);

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
    campaigns: Copies<Campaign>,
    countries: Copies<OfCountries>,
}

impl History {
    /// No series yet.
    pub fn new(totals: Totals) -> Self {
        Self { totals, campaigns: Copies::default(), countries: Copies::default() }
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
        self.campaigns.of(slug).get(fresh, LOAD_WITHIN, async |old| self.load_campaign(slug, old).await).await
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
        self.countries.of(slug).get(fresh, LOAD_COUNTRIES_WITHIN, load).await
    }
}
