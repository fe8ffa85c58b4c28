//! The part of the machine that clears what is too old, counts, and writes down how the mail server does.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Worker, locked};
use crate::mail::{Composer, store};

/// How often is counted, and after how many counts is cleared.
const COUNT_EVERY: Duration = Duration::from_secs(5);
const COUNTS_PER_CLEARING: u32 = 12;

impl<C: Composer> Worker<C> {
    /// Runs until the worker is told to stop.
    pub(super) async fn look_after(&self) {
        let measures = &self.outbox.0.measures;
        for count in (0..COUNTS_PER_CLEARING).cycle() {
            if count == 0 {
                self.within(async |connection| store::forget(connection).await).await;
                locked(&self.domains).sweep(Instant::now());
            }
            self.write_down().await;
            if let Some(figures) = self.within(async |connection| store::figures(connection).await).await {
                measures.waiting.set(figures.waiting);
                measures.dead.set(figures.dead);
                measures.oldest.set(figures.oldest);
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(COUNT_EVERY) => {}
            }
        }
    }

    /// So that whoever asks whether mails leave needn't ask this instance.
    async fn write_down(&self) {
        let worked = self.server_answered.swap(false, Ordering::Relaxed);
        if worked || locked(&self.breaker).fails() {
            self.within(async |connection| store::note_server(connection, worked).await).await;
        }
    }
}
