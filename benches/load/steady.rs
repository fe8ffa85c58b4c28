//! A steady load beside something else: pledges at a fixed rate from the beginning of a piece of work to its end, each timed from the
//! moment at which its time had come, so that a service that stands still is seen by all who wait meanwhile.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::ensure;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    figures::{Latencies, float, microseconds, ms, rate},
    lab::{CAMPAIGN, Stage},
    paced::{self, Flights},
};

/// Before what is measured.
const LEAD: Duration = Duration::from_secs(2);

/// Longer than any piece of work.
const FAR: Duration = Duration::from_secs(3_600);

/// What became of the pledges of a piece of work.
#[derive(Debug)]
pub struct Meanwhile {
    /// Those whose time came while the work went on: from then to the answer.
    pub latencies: Latencies,
    /// How long the work took.
    pub time: Duration,
    /// How late the driver sent the latest of all, in milliseconds: when many wait, that is part of the times above.
    pub late_ms: f64,
}

impl Meanwhile {
    /// For people.
    pub fn line(&self) -> String {
        let (p50, p99) = (self.latencies.percentile_ms(50), self.latencies.percentile_ms(99));
        let a_second = rate(self.latencies.count(), self.time);
        format!(
            "{a_second:.0} pledges/s, p50 {}, p99 {}, sent late by {} at the most",
            ms(p50),
            ms(p99),
            ms(self.late_ms)
        )
    }
}

/// A load that goes on until it is ended.
pub struct Steady {
    epoch: Instant,
    end: Rc<Cell<Instant>>,
    sending: JoinHandle<anyhow::Result<Flights>>,
    last: String,
}

impl Steady {
    /// Begins to send `rate` pledges a second, and comes back when it has gone on for a moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin(stage: &Stage<'_>, rate: u32) -> anyhow::Result<Self> {
        let last = stage.last_id().await?;
        let (epoch, address) = (Instant::now(), stage.service.address);
        let end = Rc::new(Cell::new(epoch + FAR));
        let sending = tokio::task::spawn_local(paced::send_until(address, CAMPAIGN, epoch, rate, end.clone()));
        sleep(LEAD).await;
        Ok(Self { epoch, end, sending, last })
    }

    /// Ends it, makes sure that every pledge is stored, and tells of those from `from` to `to`.
    ///
    /// # Errors
    /// When a pledge was lost, or others are stored than were acknowledged.
    pub async fn end(self, stage: &Stage<'_>, from: Instant, to: Instant) -> anyhow::Result<Meanwhile> {
        self.end.set(Instant::now());
        let flights = self.sending.await??;
        ensure!(flights.lost == 0, "{} pledges were not acknowledged", flights.lost);
        let stored = stage.rows_behind(&self.last).await?;
        let acknowledged = flights.acknowledged.len();
        ensure!(stored == acknowledged, "{acknowledged} pledges were acknowledged, but {stored} are stored");
        let [from_us, to_us] = [from, to].map(|at| microseconds(at.saturating_duration_since(self.epoch)));
        let measured = flights.acknowledged.iter().filter(|flight| (from_us..to_us).contains(&flight.due_us));
        let times = measured.map(|flight| flight.acknowledged_us.saturating_sub(flight.due_us));
        Ok(Meanwhile {
            latencies: Latencies::new(times.collect()),
            time: to - from,
            late_ms: float(flights.late_us as usize) / 1000.0,
        })
    }
}
