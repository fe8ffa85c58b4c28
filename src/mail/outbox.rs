//! The outbox: what goes in, what comes out, and who writes the letters.

use std::{future::Future, sync::Arc};

use chrono::{DateTime, Utc};
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Address, Letter, Seal};
use crate::{
    crypto::{CryptoError, KeyRing},
    db::DbError,
    metrics::Metrics,
};

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Somebody pledged with this mailbox.
    Pledge,
    /// Somebody asked with this address to see their pledge.
    Access,
    /// Mails of a partner's trials are to go to this address.
    TrialMailbox,
    /// Something stands out among the pledges, and this address is to know.
    Alert,
}

impl Kind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pledge => "pledge",
            Self::Access => "access",
            Self::TrialMailbox => "trial_mailbox",
            Self::Alert => "alert",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pledge, Self::Access, Self::TrialMailbox, Self::Alert].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A row to be written: a mail that is to be sent.
#[derive(Clone)]
pub struct NewMail {
    /// UUIDv7, new for each mail.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// The fingerprint of the pledge that it is about; of [`Kind::TrialMailbox`], the partner's id; of
    /// [`Kind::Alert`], that of the alert mailbox.
    pub fingerprint: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// The language to write in (BCP 47); None: the campaign's.
    pub language: Option<String>,
    /// The address, sealed for this id by [`Seal::seal`].
    pub sealed: Vec<u8>,
}

/// A mail that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: Uuid,
    /// The campaign.
    pub campaign: Uuid,
    /// The fingerprint of the pledge that it is about; of [`Kind::TrialMailbox`], the partner's id.
    pub fingerprint: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// The language to write in (BCP 47); None: the campaign's.
    pub language: Option<String>,
    /// When it was put into the outbox (database clock).
    pub created_at: DateTime<Utc>,
}

/// What a composer made of a mail that is due.
#[derive(Clone, Debug)]
pub enum Composed {
    /// This is to be sent.
    Letter(Box<Letter>),
    /// Nothing is to be sent; the row is deleted and nobody is told.
    Nothing,
}

/// Who writes the letters.
pub trait Composer: Send + Sync + 'static {
    /// The letter of a mail that is due, to this address. May be asked again for the same mail, after a failure or a crash; it
    /// must take less than ten seconds.
    ///
    /// # Errors
    /// Those of the database: the mail is tried again later.
    fn compose(&self, due: &Due, to: &Address) -> impl Future<Output = Result<Composed, DbError>> + Send;
}

/// How sending goes.
pub(super) struct Measures {
    pub(super) sent: IntCounter,
    pub(super) failed: IntCounterVec,
    pub(super) waiting: IntGauge,
    pub(super) dead: IntGauge,
    pub(super) oldest: Gauge,
}

impl Measures {
    fn new(metrics: &Metrics) -> Self {
        let failed = "Mails that were not accepted, each attempt, by the class of the failure.";
        let oldest = "How long the mail that has been due for the longest time has waited; 0: none is due.";
        Self {
            sent: metrics.counter("pledges_mails_sent_total", "Mails that the mail server has accepted."),
            failed: metrics.counters("pledges_mails_failed_total", failed, "class"),
            waiting: metrics.gauge("pledges_mails_waiting", "Mails that are to be sent, also those to be tried again."),
            dead: metrics.gauge("pledges_mails_dead", "Mails that were given up in the last days."),
            oldest: metrics.seconds("pledges_mails_oldest_due_seconds", oldest),
        }
    }
}

/// The outbox as those who write to it have it. Clones share it.
#[derive(Clone)]
pub struct Outbox(pub(super) Arc<Parts>);

pub(super) struct Parts {
    pub(super) seal: Seal,
    pub(super) changed: Notify,
    pub(super) measures: Measures,
}

impl Outbox {
    /// Addresses are sealed under the keys of `ring`.
    pub fn new(ring: &KeyRing, metrics: &Metrics) -> Self {
        Self(Arc::new(Parts { seal: Seal::new(ring), changed: Notify::new(), measures: Measures::new(metrics) }))
    }

    /// What seals addresses.
    pub fn seal(&self) -> &Seal {
        &self.0.seal
    }

    /// A row for [`super::store::insert`], under a new id.
    ///
    /// # Errors
    /// Those of [`Seal::seal`].
    pub fn mail(
        &self,
        campaign: Uuid,
        fingerprint: Uuid,
        kind: Kind,
        language: Option<String>,
        to: &Address,
    ) -> Result<NewMail, CryptoError> {
        let id = Uuid::now_v7();
        Ok(NewMail { id, campaign, fingerprint, kind, language, sealed: self.0.seal.seal(id, to)? })
    }

    /// Tells the worker that something was put in and committed. Without it the worker sees it within a second.
    pub fn changed(&self) {
        self.0.changed.notify_one();
    }
}
