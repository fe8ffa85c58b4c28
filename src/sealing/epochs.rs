//! Which key is sealed under now. An epoch belongs to one instance and one audience and lasts until the full hour, or until
//! the audience's recipients change; a restart begins a new one. Its key is in this process's memory meanwhile and nowhere
//! else in clear; afterwards it is wiped, and only the recipients can open what was sealed.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{recipients::Recipient, record::Epoch, store};
use crate::{
    clock::Clock,
    crypto::CryptoError,
    db::{Database, DbError},
};

/// Seconds of an epoch at the most.
const LASTS: i64 = 3_600;

/// How long after its end a key is wiped, at the latest.
const WIPE_EVERY: Duration = Duration::from_secs(5);

/// How long a pledge waits for a new epoch: with what comes after, less than the two seconds within which a stopped database
/// must be told.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Seconds between two complaints about missing recipients.
const COMPLAIN_EVERY: i64 = 60;

/// Whom something is sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Audience {
    /// The campaign.
    pub campaign: Uuid,
    /// One of its partners; None: the organiser.
    pub partner: Option<Uuid>,
}

/// Why nothing can be sealed: the pledge must be refused (rule 7).
#[derive(Debug, thiserror::Error)]
pub enum NoEpoch {
    /// There is nobody to seal for.
    #[error("the campaign has no recipient that was checked")]
    NoRecipient,
    /// The key can't be stored.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The key can't be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

#[derive(Clone)]
struct Current {
    epoch: Arc<Epoch>,
    hour: i64,
    recipients: Vec<Recipient>,
}

#[derive(Default)]
struct Place {
    current: RwLock<Option<Current>>,
    beginning: Mutex<()>,
}

/// The handle. Clones share the keys.
#[derive(Clone)]
pub struct Epochs {
    database: Database,
    clock: Clock,
    fallback: Option<Recipient>,
    places: Arc<RwLock<HashMap<Audience, Arc<Place>>>>,
    complained: Arc<AtomicI64>,
}

impl Epochs {
    /// No epoch yet. `fallback` is sealed for where an organiser has no recipient: development only.
    pub fn new(database: Database, clock: Clock, fallback: Option<Recipient>) -> Self {
        Self { database, clock, fallback, places: Arc::default(), complained: Arc::new(AtomicI64::new(0)) }
    }

    /// The epoch of this hour; begins it when it is the first time.
    ///
    /// # Errors
    /// See [`NoEpoch`]; within 1.5 seconds.
    pub async fn current(&self, audience: Audience, recipients: &[Recipient]) -> Result<Arc<Epoch>, NoEpoch> {
        let recipients = match &self.fallback {
            Some(fallback) if recipients.is_empty() && audience.partner.is_none() => std::slice::from_ref(fallback),
            _ => recipients,
        };
        let place = self.place(audience);
        if let Some(epoch) = self.fitting(&place, recipients) {
            return Ok(epoch);
        }
        if recipients.is_empty() {
            self.complain();
            return Err(NoEpoch::NoRecipient);
        }
        let deadline = Instant::now() + PATIENCE;
        let late = |_| NoEpoch::Database(DbError::Unavailable);
        let _turn = tokio::time::timeout_at(deadline, place.beginning.lock()).await.map_err(late)?;
        // Another pledge may have begun it meanwhile.
        if let Some(epoch) = self.fitting(&place, recipients) {
            return Ok(epoch);
        }
        let (epoch, hour) = (Arc::new(Epoch::begin(audience.campaign)?), self.hour());
        let wrapped = epoch.wrapped(recipients)?;
        self.database
            .run_until(deadline, async |connection| {
                store::add(connection, audience, &epoch, &wrapped, recipients).await
            })
            .await?;
        let current = Current { epoch: epoch.clone(), hour, recipients: recipients.to_vec() };
        *place.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
        Ok(epoch)
    }

    fn place(&self, audience: Audience) -> Arc<Place> {
        if let Some(place) = self.places.read().unwrap_or_else(PoisonError::into_inner).get(&audience) {
            return place.clone();
        }
        self.places.write().unwrap_or_else(PoisonError::into_inner).entry(audience).or_default().clone()
    }

    fn fitting(&self, place: &Place, recipients: &[Recipient]) -> Option<Arc<Epoch>> {
        let current = place.current.read().unwrap_or_else(PoisonError::into_inner);
        let current = current.as_ref()?;
        (current.hour == self.hour() && current.recipients == recipients).then(|| current.epoch.clone())
    }

    fn hour(&self) -> i64 {
        self.clock.now().timestamp().div_euclid(LASTS)
    }

    fn complain(&self) {
        let (now, last) = (self.clock.now().timestamp(), self.complained.load(Ordering::Relaxed));
        let due = (now - last).abs() >= COMPLAIN_EVERY;
        if due && self.complained.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::error!(
                "pledges are refused: a campaign has no recipient that was checked (pledges recipient --help)"
            );
        }
    }

    /// Forgets the keys of epochs that are over.
    pub fn wipe(&self) {
        let hour = self.hour();
        self.places.write().unwrap_or_else(PoisonError::into_inner).retain(|_, place| {
            let mut current = place.current.write().unwrap_or_else(PoisonError::into_inner);
            if current.as_ref().is_some_and(|current| current.hour != hour) {
                *current = None;
            }
            // Whoever is beginning one has the place in hand.
            current.is_some() || Arc::strong_count(place) > 1
        });
    }

    /// Wipes every few seconds.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(WIPE_EVERY) => self.wipe(),
            }
        }
    }
}
