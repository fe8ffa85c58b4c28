//! The organiser's list is given out: everything of one campaign in one snapshot, as a bundle that is still sealed
//! ([`bundle`]). A page of rows is in memory at a time, however many there are.
//!
//! First one transaction records the export with its counts, for the next one and in the audit log; then the first byte
//! leaves. When the last one has left, the export is complete.
//!
//! Each tells what is gone since the last that was *completed*, so that copies elsewhere can be purged: one that was cut
//! off may have been kept by somebody, and doesn't count. When none was completed, since the first that was begun. It goes
//! back [`OVERLAP`] further, because a removal or an erasure bears the time at which its transaction began, and may have
//! been committed just after the snapshot of the last export: rather is something listed twice than never. A pledge whose
//! removal was undone is among the pledges again, and not among those that are gone.

pub mod routes;
pub mod store;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::{runtime::Handle, time::Instant};
use uuid::Uuid;

use crate::{
    accounts::Who,
    crypto::CryptoError,
    db::{Connection, Database, DbError},
    sealing::{
        bundle::{self, CampaignName, Frame, Header, Writer},
        recipients::Recipient,
    },
};

use store::{Scope, Sizes};

/// How far a list of what is gone reaches back behind the last export: longer than any transaction lasts.
pub const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// How long an export may take: its snapshot keeps what is erased meanwhile in the database's files.
const LONGEST: Duration = Duration::from_secs(2 * 3_600);

/// Why nothing, or not all, is given out.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum ExportError {
    /// Another export of the campaign has not ended.
    #[error("an export of this campaign is under way; try again when it has ended")]
    UnderWay,
    /// No key to seal to.
    #[error("there is no public key to seal to, so nobody could open it: add a recipient first (docs/organisers.md)")]
    NoRecipient,
    /// A key in the database isn't one.
    #[error("a stored public key is none")]
    BadRecipient,
    /// It was taken too slowly.
    #[error("the export was cut off after two hours: its snapshot holds up the cleaning of the database")]
    TooSlow,
    /// Sealing failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What somebody wants.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whose supporters.
    pub campaign: CampaignName,
    /// The list of this partner: those who came from it and allowed it to write. None: all, for the organiser.
    pub partner: Option<Uuid>,
    /// List what is gone since then. None: since the last export.
    pub gone_since: Option<DateTime<Utc>>,
    /// Who wants it; None: the operator, at the command line.
    pub who: Option<Who>,
}

/// The handle.
#[derive(Clone, Debug)]
pub struct Exports {
    database: Database,
    runtime: Handle,
}

impl Exports {
    /// Exports of what is in `database`. Must be called on the main runtime: connections live there.
    pub fn new(database: Database) -> Self {
        Self { database, runtime: Handle::current() }
    }

    /// Takes the snapshot and records the export. One at a time for a campaign.
    ///
    /// # Errors
    /// See [`ExportError`]; then nothing is recorded.
    pub async fn begin(&self, order: Order) -> Result<Export, ExportError> {
        let begin = Export::begin(self.database.clone(), order);
        self.runtime.spawn(begin).await.unwrap_or(Err(ExportError::Database(DbError::Unavailable)))
    }
}

/// Where an export is.
#[derive(Debug)]
enum At {
    Head(String),
    /// The keys; twice.
    Epochs {
        again: bool,
        after: Option<Uuid>,
    },
    Pledges {
        after: Option<Uuid>,
    },
    Gone,
    End,
    Done,
}

/// An export under way. Dropping it cuts it off.
pub struct Export {
    database: Database,
    snapshot: Connection,
    scope: Scope,
    header: Header,
    sizes: Sizes,
    writer: Writer,
    at: At,
    began: Instant,
}

impl Export {
    async fn begin(database: Database, order: Order) -> Result<Self, ExportError> {
        let (began, mut snapshot) = (Instant::now(), database.open_direct().await?);
        let scope = Scope { campaign: order.campaign.id, partner: order.partner };
        let snapshot_at = store::begin(&mut snapshot, &scope).await?.ok_or(ExportError::UnderWay)?;
        let keys = store::recipients(&mut snapshot, &scope).await?;
        if keys.is_empty() {
            return Err(ExportError::NoRecipient);
        }
        let recipients: Result<Vec<_>, _> = keys.iter().map(|key| Recipient::parse(key)).collect();
        let recipients = recipients.map_err(|_| ExportError::BadRecipient)?;
        let earlier = store::earlier(&mut snapshot, &scope).await?;
        let header = Header {
            bundle: Uuid::now_v7(),
            campaign: order.campaign,
            partner: order.partner,
            snapshot_at,
            gone_since: order.gone_since.or(earlier.since.map(|since| since - OVERLAP)),
            previous: earlier.completed,
            recipients: keys,
        };
        let sizes = store::sizes(&mut snapshot, &scope, header.gone_since).await?;
        let mut head = String::new();
        let writer = Writer::begin(&header, &recipients, &mut head)?;
        let export = Self { database, snapshot, scope, header, sizes, writer, at: At::Head(head), began };
        export.record(order.who.as_ref()).await?;
        Ok(export)
    }

    async fn record(&self, who: Option<&Who>) -> Result<(), DbError> {
        let details = json!({
            "export": self.header.bundle, "partner": self.header.partner, "session": who.map(|who| who.session),
            "pledges": self.sizes.pledges, "without_record": self.sizes.without_record, "gone": self.sizes.gone,
            "recipients": self.header.recipients,
        });
        let moderator = who.map(|who| who.id);
        let record = async |connection: &mut _| {
            store::record(connection, &self.header, moderator, self.sizes.pledges, details).await
        };
        self.database.run(record).await
    }

    /// What is given out.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How much of it there is.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// How many pledges have been given out so far.
    pub fn written(&self) -> u64 {
        self.writer.counts().pledges
    }

    /// The next part of the bundle; None: that was all.
    ///
    /// # Errors
    /// See [`ExportError`]; then the export is cut off.
    pub async fn next_part(&mut self) -> Result<Option<String>, ExportError> {
        if self.began.elapsed() > LONGEST {
            return Err(ExportError::TooSlow);
        }
        let mut out = String::new();
        while out.is_empty() && !matches!(self.at, At::Done) {
            self.at = match std::mem::replace(&mut self.at, At::Done) {
                At::Head(head) => {
                    out = head;
                    At::Epochs { again: false, after: None }
                }
                At::Epochs { again, after } => {
                    let epochs = store::epochs(&mut self.snapshot, &self.scope, after).await?;
                    let last = epochs.last().map(|epoch| epoch.id);
                    self.write(epochs.into_iter().map(Frame::Epoch), &mut out)?;
                    match (last, again) {
                        (None, false) => At::Epochs { again: true, after: None },
                        (None, true) => At::Pledges { after: None },
                        (after, again) => At::Epochs { again, after },
                    }
                }
                At::Pledges { after } => {
                    let pledges = store::pledges(&mut self.snapshot, &self.scope, after).await?;
                    let last = pledges.last().map(|pledge| pledge.about.id);
                    self.write(pledges.into_iter().map(Frame::Pledge), &mut out)?;
                    match (last, self.header.gone_since) {
                        (None, None) => At::End,
                        (None, Some(since)) => {
                            store::seek_gone(&mut self.snapshot, &self.scope, since).await?;
                            At::Gone
                        }
                        (after, _) => At::Pledges { after },
                    }
                }
                At::Gone => {
                    let gone = store::gone(&mut self.snapshot).await?;
                    let more = !gone.is_empty();
                    self.write(gone.into_iter().map(Frame::Gone), &mut out)?;
                    if more { At::Gone } else { At::End }
                }
                At::End => {
                    self.writer.end(self.sizes.without_record, &mut out)?;
                    At::Done
                }
                At::Done => At::Done,
            };
        }
        Ok(Some(out).filter(|out| !out.is_empty()))
    }

    fn write(&mut self, frames: impl Iterator<Item = Frame>, out: &mut String) -> Result<(), CryptoError> {
        for frame in frames {
            self.writer.write(&frame, out)?;
        }
        Ok(())
    }

    /// All of it has been handed over: the next export need go back no further than to this one.
    ///
    /// # Errors
    /// Those of the database; the next one then lists more than it would have to.
    pub async fn complete(mut self) -> Result<bundle::Counts, DbError> {
        let id = self.header.bundle;
        self.database.run(async |connection| store::complete(connection, id).await).await?;
        store::end(&mut self.snapshot).await?;
        Ok(self.writer.counts())
    }
}
