//! Counter, gauge and histogram that find the exemplar by themselves.

use super::Labels;
use crate::propagation::current_ids;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        exemplar::{CounterWithExemplar, HistogramWithExemplars},
        family::Family,
        gauge,
    },
};
use std::time::{Duration, SystemTime};

/// Upper bounds in seconds: the semantic conventions' advice for HTTP durations, with two finer ones below
/// because an embedded database answers in less than 5 ms.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The label of an exemplar. 42 characters with its name: far below the 128 that OpenMetrics allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TraceLabel {
    trace_id: String,
}

/// Only a sampled trace makes an exemplar: a link to a trace nobody kept helps nobody.
fn exemplar() -> Option<TraceLabel> {
    let ids = current_ids()?;
    ids.sampled.then(|| TraceLabel { trace_id: ids.trace_id.to_string() })
}

/// Counts events. A cheap handle.
#[derive(Clone)]
pub struct Counter<L: Labels> {
    family: Family<L, CounterWithExemplar<TraceLabel>>,
}

impl<L: Labels> Counter<L> {
    pub(super) fn new() -> Self {
        Self { family: Family::default() }
    }

    pub(super) fn family(&self) -> Family<L, CounterWithExemplar<TraceLabel>> {
        self.family.clone()
    }

    /// One more; inside a sampled trace that trace becomes the exemplar.
    pub fn inc(&self, labels: &L) {
        let counter = self.family.get_or_create(labels);
        match exemplar() {
            Some(trace) => {
                counter.inc_by(1, Some(trace), Some(SystemTime::now()));
            }
            // `inc_by` without an exemplar would erase the one that is there.
            None => {
                counter.inner().fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }
}

/// A number that goes up and down. A cheap handle.
#[derive(Clone)]
pub struct Gauge<L: Labels> {
    family: Family<L, gauge::Gauge>,
}

impl<L: Labels> Default for Gauge<L> {
    fn default() -> Self {
        Self { family: Family::default() }
    }
}

impl<L: Labels> Gauge<L> {
    pub(super) fn family(&self) -> Family<L, gauge::Gauge> {
        self.family.clone()
    }

    /// The value from now on.
    pub fn set(&self, labels: &L, value: i64) {
        self.family.get_or_create(labels).set(value);
    }
}

type Durations = HistogramWithExemplars<TraceLabel>;

/// Durations in seconds. A cheap handle.
#[derive(Clone)]
pub struct Histogram<L: Labels> {
    family: Family<L, Durations, fn() -> Durations>,
}

impl<L: Labels> Histogram<L> {
    pub(super) fn new() -> Self {
        Self { family: Family::new_with_constructor(|| HistogramWithExemplars::new(SECONDS.into_iter())) }
    }

    pub(super) fn family(&self) -> Family<L, Durations, fn() -> Durations> {
        self.family.clone()
    }

    /// One observation; inside a sampled trace that trace becomes its bucket's exemplar.
    pub fn observe(&self, labels: &L, duration: Duration) {
        let exemplar = exemplar();
        let at = exemplar.is_some().then(SystemTime::now);
        self.family.get_or_create(labels).observe(duration.as_secs_f64(), exemplar, at);
    }
}
