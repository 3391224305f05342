//! Counter, gauge and histogram that find the exemplar by themselves.

use super::{
    Labels,
    exemplar::{Observing, TraceLabel},
};
use prometheus_client::metrics::{
    exemplar::{CounterWithExemplar, HistogramWithExemplars},
    family::Family,
    gauge,
};
use std::time::{Duration, SystemTime};

/// Upper bounds in seconds: the semantic conventions' advice for HTTP durations, with two finer ones below
/// because an embedded database answers in less than 5 ms.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Counts events. A cheap handle.
#[derive(Clone)]
pub struct Counter<L: Labels> {
    family: Family<L, CounterWithExemplar<TraceLabel>>,
    observing: Observing,
}

impl<L: Labels> Counter<L> {
    pub(super) fn new(observing: Observing) -> Self {
        Self { family: Family::default(), observing }
    }

    pub(super) fn family(&self) -> Family<L, CounterWithExemplar<TraceLabel>> {
        self.family.clone()
    }

    /// With the series of `labels` there from the start, at zero: Prometheus sees an increase from one value to the
    /// next, and not a series that begins at one.
    #[must_use]
    pub fn from_zero(self, labels: impl IntoIterator<Item = L>) -> Self {
        for labels in labels {
            drop(self.family.get_or_create(&labels));
        }
        self
    }

    /// One more; inside a trace that will be kept, that trace becomes the exemplar.
    pub fn inc(&self, labels: &L) {
        self.inc_ended(labels, false);
    }

    /// One more of something that may have failed. A trace with a failure in it will be kept.
    pub fn inc_ended(&self, labels: &L, failed: bool) {
        if !self.observing.on {
            return;
        }
        let counter = self.family.get_or_create(labels);
        match self.observing.share.exemplar(failed, Duration::ZERO) {
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
    observing: Observing,
}

impl<L: Labels> Histogram<L> {
    pub(super) fn new(observing: Observing) -> Self {
        let family: Family<L, Durations, fn() -> Durations> =
            Family::new_with_constructor(|| HistogramWithExemplars::new(SECONDS.into_iter()));
        Self { family, observing }
    }

    pub(super) fn family(&self) -> Family<L, Durations, fn() -> Durations> {
        self.family.clone()
    }

    /// One observation; inside a trace that will be kept, that trace becomes its bucket's exemplar.
    pub fn observe(&self, labels: &L, duration: Duration) {
        self.observe_ended(labels, duration, false);
    }

    /// One observation of something that may have failed. A trace with a failure in it will be kept.
    pub fn observe_ended(&self, labels: &L, duration: Duration, failed: bool) {
        if !self.observing.on {
            return;
        }
        let exemplar = self.observing.share.exemplar(failed, duration);
        let at = exemplar.is_some().then(SystemTime::now);
        self.family.get_or_create(labels).observe(duration.as_secs_f64(), exemplar, at);
    }
}
