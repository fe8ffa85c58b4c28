//! Tags of sources: an HMAC of the address (an IPv6 /64) under a random key of the day, so that moderators see that pledges came
//! from one place, and nobody can find out from which. The key is shared by all instances through the database, sealed
//! under a key of the root secret, and made by whoever comes first. It is destroyed an hour after its day, and a day later at
//! the latest: then nothing that is left tells a tag's address from any other, not even with the root secret.

pub mod store;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{NaiveDate, TimeDelta};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    crypto::{CryptoError, Key, KeyRing, PurposeKeys},
    db::{Database, DbError, TASK_PATIENCE},
    logged,
};

const PURPOSE: &str = "source tags v1";

/// How often keys are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A key is made this long before its day, so that the day begins with it, and kept this long after: no clock of an instance
/// is further off.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Why keys can't be had.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum SourceTagError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// No randomness, or the key was sealed under a root secret that isn't listed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Tags sources. Clones share its keys.
#[derive(Clone)]
pub struct SourceTags {
    database: Database,
    seal: PurposeKeys,
    clock: Clock,
    keys: Arc<RwLock<Vec<(NaiveDate, Key)>>>,
}

impl SourceTags {
    /// Without keys yet; [`Self::renew`] gets them.
    pub fn new(database: Database, ring: &KeyRing, clock: Clock) -> Self {
        Self { database, seal: ring.keys(PURPOSE), clock, keys: Arc::default() }
    }

    /// The tag of `source` (see [`crate::http::Visitor::source`]) today. None: there is no key of today, because the database was
    /// away since before midnight. A pledge is taken all the same: the tag is one sign of many, and no check (rule 7) rests on
    /// it.
    pub fn tag(&self, source: IpAddr) -> Option<i64> {
        let day = self.clock.now().date_naive();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|(known, _)| *known == day).map(|(_, key)| tag(key, source))
    }

    /// Gets the keys of today and, shortly before midnight, of tomorrow, and destroys those of days that are over.
    ///
    /// # Errors
    /// Those of the database, and when a key can't be made or opened. Tags of today go on as they were.
    pub async fn renew(&self) -> Result<(), SourceTagError> {
        let now = self.clock.now();
        let (today, soon) = (now.date_naive(), (now + MARGIN).date_naive());
        {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.retain(|(day, _)| *day >= today);
        }
        for day in [today, soon] {
            let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).iter().any(|(known, _)| *known == day);
            if !known {
                let key = self.get(day).await?;
                self.keys.write().unwrap_or_else(PoisonError::into_inner).push((day, key));
            }
        }
        let first_kept = (now - MARGIN).date_naive();
        let deadline = Instant::now() + TASK_PATIENCE;
        Ok(self.database.run_until(deadline, async |connection| store::destroy(connection, first_kept).await).await?)
    }

    /// The key of a day, as the first instance made it.
    async fn get(&self, day: NaiveDate) -> Result<Key, SourceTagError> {
        let place = format!("{PURPOSE} {day}");
        let offered = self.seal.seal(Key::random()?.expose(), place.as_bytes())?;
        let deadline = Instant::now() + TASK_PATIENCE;
        let get = async |connection: &mut _| store::offer(connection, day, &offered).await;
        let sealed = self.database.run_until(deadline, get).await?;
        let opened = self.seal.open(&sealed, place.as_bytes())?;
        let bytes = opened.first_chunk().filter(|_| opened.len() == 32).ok_or(CryptoError::DoesNotOpen)?;
        Ok(Key::from_bytes(Zeroizing::new(*bytes)))
    }

    /// Looks after the keys. Runs until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.renew().await {
                Ok(()) => failing = false,
                // The publisher of the totals says it when the database is away.
                Err(SourceTagError::Database(DbError::Unavailable | DbError::Conflict)) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(error = %logged::cause(error), "keys of source tags can't be looked after");
                    }
                    failing = true;
                }
            }
        }
    }
}

/// A tag as moderators see it: 16 hexadecimal digits.
pub fn text(tag: i64) -> String {
    format!("{tag:016x}")
}

/// From [`text`], in small letters.
pub fn read(text: &str) -> Option<i64> {
    let digits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(text, 16).ok().filter(|_| digits).map(u64::cast_signed)
}

fn tag(key: &Key, source: IpAddr) -> i64 {
    let hash = match source {
        IpAddr::V4(v4) => key.hash(&[b"source", &v4.octets()]),
        IpAddr::V6(v6) => key.hash(&[b"source", &v6.octets()]),
    };
    hash.first_chunk().copied().map_or(0, i64::from_be_bytes)
}
