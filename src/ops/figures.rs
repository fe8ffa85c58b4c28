//! The figures behind `/metrics`: what features count as they go, and what is asked of them when somebody looks.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use prometheus::{Gauge, IntGauge};

use crate::{
    db::Database,
    metrics::Metrics,
    pledges::ingest::Ingest,
    totals::{Totals, stream::Streams},
};

/// The figures. Clones share them.
#[derive(Clone)]
pub struct Figures {
    metrics: Metrics,
    readers: Arc<[IpNet]>,
    database: Database,
    ingest: Ingest,
    totals: Totals,
    streams: Streams,
    queue: IntGauge,
    open_streams: IntGauge,
    board_age: Gauge,
    fold_lag: Gauge,
    damaged: IntGauge,
    lent: IntGauge,
    idle: IntGauge,
    waiting: IntGauge,
}

impl Figures {
    /// For peers in `readers` only.
    pub fn new(
        metrics: &Metrics,
        readers: &[IpNet],
        database: Database,
        ingest: Ingest,
        totals: Totals,
        streams: Streams,
    ) -> Self {
        let pool = |name, help| metrics.gauge(&format!("pledges_database_{name}"), help);
        Self {
            queue: metrics.gauge("pledges_ingest_queue_pledges", "Pledges that wait to be taken into a batch."),
            board_age: metrics.seconds(
                "pledges_board_age_seconds",
                "Time since the published totals were last made sure to be what the database has.",
            ),
            fold_lag: metrics.seconds(
                "pledges_fold_lag_seconds",
                "How long the oldest change of the counts had been waiting when another instance held the fold; 0 otherwise.",
            ),
            damaged: metrics.gauge("pledges_damaged_campaigns", "Campaigns whose counters stand still until they are repaired."),
            lent: pool("connections_lent", "Connections of the pool that somebody uses."),
            idle: pool("connections_idle", "Connections of the pool that nobody uses."),
            waiting: pool("callers_waiting", "Callers that wait for a connection of the pool."),
            metrics: metrics.clone(),
            readers: readers.into(),
            database,
            ingest,
            totals,
            streams,
            open_streams: metrics.gauge("pledges_streams_open", "Streams of totals that are open."),
        }
    }

    /// Whether a peer may read them.
    pub fn may_read(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.readers.iter().any(|network| network.contains(&peer))
    }

    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let whole = |gauge: &IntGauge, number: usize| gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        whole(&self.queue, self.ingest.waiting());
        self.open_streams.set(self.streams.open_now().into());
        self.board_age.set(self.totals.board_age().as_secs_f64());
        self.fold_lag.set(self.totals.fold_lag().as_secs_f64());
        whole(&self.damaged, self.totals.damaged_campaigns());
        let pool = self.database.pool_use();
        whole(&self.lent, pool.lent);
        whole(&self.idle, pool.idle);
        whole(&self.waiting, pool.waiting);
        self.metrics.text()
    }
}
