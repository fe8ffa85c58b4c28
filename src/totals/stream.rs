//! Those who follow the totals: what each of them is sent, and when. Nothing is ever queued for anybody: a subscriber
//! remembers the version it has, and is sent what makes the newest out of it when it can take something.

use std::{convert::Infallible, future::ready, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{
    Totals,
    board::{Board, Feed},
    events::{self, Heartbeat},
    places::{Full, Limits, Place, Places},
};
use crate::crypto::{CryptoError, random_bytes};

/// Milliseconds after which a browser connects again: each is told another number, so that those who were cut off
/// together don't come back together.
const RETRY_MS: std::ops::Range<u32> = 1_000..5_000;

/// Bytes that are handed over at once. A connection gathers what it is handed in a buffer and keeps the memory that it
/// ever filled, so that a large document would cost each of ten thousand subscribers as much again, for good.
const AT_ONCE: usize = 2_048;

/// The handle: opens streams and ends them. Clones share places and end together.
#[derive(Clone, Debug)]
pub struct Streams {
    totals: Totals,
    places: Places,
    heartbeat_every: Duration,
}

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such public campaign.
    NoCampaign,
    /// The source has as many as one may have.
    SourceIsFull,
    /// All places are taken.
    Full,
    /// The service is stopping.
    Stopping,
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::Source => Self::SourceIsFull,
            Full::All => Self::Full,
        }
    }
}

/// Somebody who follows a campaign's totals.
pub struct Subscription {
    feed: Feed,
    /// The version that the subscriber has: the highest that it named or was sent.
    seen: Option<i64>,
    /// What is still to be sent of an event.
    rest: Bytes,
    // A timer for each, because it starts at a random moment: the heartbeats of ten thousand are spread over the whole
    // interval, a few every millisecond. One timer for all would be cheaper by some hundred bytes each, and would wake
    // everybody in the same moment. It runs on whatever else is sent: setting it anew with each change costs more.
    beats: Interval,
    board: Arc<Board>,
    _place: Place,
}

impl Streams {
    /// Nobody follows yet. Heartbeats come every `heartbeat_every`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(totals: Totals, limits: Limits, heartbeat_every: Duration) -> Result<Self, CryptoError> {
        // An interval of nothing would panic.
        let heartbeat_every = heartbeat_every.max(Duration::from_millis(1));
        Ok(Self { totals, places: Places::new(limits)?, heartbeat_every })
    }

    /// Lets `source` follow a campaign, who has the version `seen`. Must be called on the runtime that drives the stream.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn open(&self, slug: &str, source: IpAddr, seen: Option<i64>) -> Result<Subscription, Refusal> {
        if self.totals.published(slug).is_none() {
            return Err(Refusal::NoCampaign);
        }
        let place = self.places.take(source)?;
        let mut feed = self.totals.board.follow(slug).ok_or(Refusal::Stopping)?;
        // The document that is there is the first news.
        feed.mark_changed();
        let first = Instant::now() + self.heartbeat_every.mul_f64(chance());
        let mut beats = interval_at(first, self.heartbeat_every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Subscription { feed, seen, rest: Bytes::new(), beats, board: self.totals.board.clone(), _place: place })
    }

    /// Ends all streams, for good.
    pub fn end(&self) {
        self.totals.board.end_feeds();
    }

    /// How many are open.
    pub fn open_now(&self) -> u32 {
        self.places.in_use()
    }
}

impl Subscription {
    /// What is sent: when to connect again, then the document, or what is lacking to it, or at least a heartbeat; then
    /// changes and heartbeats. Ends with the board's feeds.
    pub fn frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let mut first = retry();
        if self.seen == Some(self.feed.borrow().document.version) {
            // Without it the caller wouldn't know that it is connected.
            first = [first, self.heartbeat()].concat().into();
        }
        stream::once(ready(first)).chain(stream::unfold(self, Self::next)).map(Ok)
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.rest.is_empty() {
            self.rest = self.event().await?;
        } else {
            // The connection sends what it has been handed when there is nothing more at the moment.
            tokio::task::yield_now().await;
        }
        let part = self.rest.split_to(self.rest.len().min(AT_ONCE));
        Some((part, self))
    }

    /// The next event. None when the feed has ended.
    async fn event(&mut self) -> Option<Bytes> {
        loop {
            let frame = tokio::select! {
                changed = self.feed.changed() => {
                    changed.ok()?;
                    self.unseen()
                }
                // Written for each: some hundred bytes every fifteen seconds.
                _ = self.beats.tick() => Some(self.heartbeat()),
            };
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// What makes the newest document out of the version that the subscriber has.
    fn unseen(&mut self) -> Option<Bytes> {
        let published = self.feed.borrow_and_update();
        let frame = published.since(self.seen);
        // Who was told more by another instance ignores our documents until we have caught up, and must then not be sent
        // a change of one of them.
        self.seen = self.seen.max(Some(published.document.version));
        frame
    }

    fn heartbeat(&self) -> Bytes {
        let (version, as_of) = {
            let published = self.feed.borrow();
            (published.document.version, published.document.as_of)
        };
        // A new document is hung up just before the time of the look that found it is noted.
        let checked_at = self.board.checked_at().max(as_of);
        events::frame("heartbeat", None, &Heartbeat { version, as_of, checked_at })
    }
}

fn retry() -> Bytes {
    let spread = f64::from(RETRY_MS.end - RETRY_MS.start) * chance();
    format!("retry: {:.0}\n\n", f64::from(RETRY_MS.start) + spread).into()
}

/// Anything from 0 to 1.
fn chance() -> f64 {
    // Without randomness all do the same, which is no harm.
    f64::from(u32::from_be_bytes(random_bytes().unwrap_or_default())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
