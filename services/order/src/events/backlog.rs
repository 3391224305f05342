//! What waits in the outbox, as metrics.

use crate::store::outbox::Outbox;
use prometheus_client::encoding::EncodeLabelSet;
use telemetry::{
    metrics::{Counter, Gauge, Metrics},
    names::metric,
};

/// No labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct None {}

/// `outbox_length` and `outbox_oldest_age_seconds`.
#[derive(Clone)]
pub struct BacklogMetrics {
    outbox: Outbox,
    length: Gauge<None>,
    age: Gauge<None>,
}

impl BacklogMetrics {
    /// Once for each process.
    pub fn new(metrics: &Metrics, outbox: Outbox) -> Self {
        Self {
            outbox,
            length: metrics.gauge(metric::OUTBOX_LENGTH),
            age: metrics.gauge(metric::OUTBOX_OLDEST_AGE),
        }
    }

    /// Reads them from the database, when somebody asks.
    pub async fn refresh(&self) {
        let Ok(backlog) = self.outbox.backlog().await else { return };
        self.length.set(&None {}, backlog.length);
        self.age.set(&None {}, backlog.oldest.as_secs() as i64);
    }
}

/// `outbox_dead_letters_total`
#[derive(Clone)]
pub(super) struct DeadLetters(Counter<None>);

impl DeadLetters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(metrics.counter(metric::OUTBOX_DEAD_LETTERS).from_zero([None {}]))
    }

    pub(super) fn inc(&self) {
        self.0.inc(&None {});
    }
}
