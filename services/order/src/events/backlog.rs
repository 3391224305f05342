//! What waits in the outbox and in the audit log, as metrics.

use crate::{
    config::Config,
    store::{Backlog, Store, audit::AuditLog, outbox::Outbox},
};
use prometheus_client::encoding::EncodeLabelSet;
use telemetry::{
    metrics::{Counter, Gauge, Metrics},
    names::metric,
};

/// No labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct None {}

/// `outbox_length`, `outbox_oldest_age_seconds`, and the same of the audit log where it is delivered.
#[derive(Clone)]
pub struct BacklogMetrics {
    outbox: Outbox,
    events: Gauges,
    audit_log: Option<AuditLog>,
    entries: Gauges,
}

#[derive(Clone)]
struct Gauges {
    length: Gauge<None>,
    age: Gauge<None>,
}

impl BacklogMetrics {
    /// Once for each process.
    pub fn new(metrics: &Metrics, store: &Store, config: &Config) -> Self {
        let gauges = |length, age| Gauges { length: metrics.gauge(length), age: metrics.gauge(age) };
        Self {
            outbox: store.outbox(),
            events: gauges(metric::OUTBOX_LENGTH, metric::OUTBOX_OLDEST_AGE),
            audit_log: config.audit_log.is_some().then(|| store.audit_log()),
            entries: gauges(metric::AUDIT_UNDELIVERED, metric::AUDIT_OLDEST_AGE),
        }
    }

    /// Reads them from the database, when somebody asks.
    pub async fn refresh(&self) {
        if let Ok(backlog) = self.outbox.backlog().await {
            self.events.set(backlog);
        }
        if let Some(audit_log) = &self.audit_log
            && let Ok(backlog) = audit_log.backlog().await
        {
            self.entries.set(backlog);
        }
    }
}

impl Gauges {
    fn set(&self, backlog: Backlog) {
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
