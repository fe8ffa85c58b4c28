//! What the service counts about itself for Prometheus. Features make their own counters on the registry they are handed;
//! `ops` shows them. Nothing here may tell one supporter from another: submissions are counted, whether they were new is not
//! (rule 4).

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};

/// The registry of one running service. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Registry);

impl Metrics {
    /// Something that only grows; its name ends in `_total`.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.kept(IntCounter::new(name, help))
    }

    /// The same, by a label with few values.
    pub fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.kept(IntCounterVec::new(Opts::new(name, help), &[label]))
    }

    /// Something that goes up and down, in whole numbers.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.kept(IntGauge::new(name, help))
    }

    /// The same, in seconds.
    pub fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.kept(Gauge::new(name, help))
    }

    /// How often something was at most each of `bounds`.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.kept(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec())))
    }

    /// Everything, in Prometheus' text format 0.0.4.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory can't fail, and the encoder writes UTF-8.
        let _ = TextEncoder::new().encode(&self.0.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    #[expect(
        clippy::expect_used,
        reason = "names and bounds are constants, and every service and test makes all of them"
    )]
    fn kept<M: Collector + Clone + 'static>(&self, metric: prometheus::Result<M>) -> M {
        let metric = metric.expect("a metric has a proper name");
        self.0.register(Box::new(metric.clone())).expect("a metric has a name of its own");
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::default();
        metrics.counter("pledges_test_total", "A test.").inc();
        metrics.counters("pledges_tests_total", "Tests.", "kind").with_label_values(&["one"]).inc_by(2);
        metrics.histogram("pledges_test_seconds", "Time.", &[0.1, 1.0]).observe(0.5);
        let text = metrics.clone().text();
        for line in [
            "# TYPE pledges_test_total counter",
            "pledges_test_total 1",
            "pledges_tests_total{kind=\"one\"} 2",
            "pledges_test_seconds_bucket{le=\"0.1\"} 0",
            "pledges_test_seconds_bucket{le=\"1\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
        }
    }
}
