//! What the observatory says about itself: admin listener with `/metrics`, `/healthz` and `/readyz`.
//!
//! For every input, after the queue has drained: received = stored + refused + limited + malformed + failed.

mod kernel_drops;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::alerts::Alerts;
use crate::ingest::limit::LIMITED;
use crate::ingest::{Batch, Input, Signal};
use crate::queue::Queue;
use kernel_drops::KernelDrops;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    input: &'static str,
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    input: &'static str,
    signal: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InputLabel {
    input: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// Why something cannot be understood.
pub(crate) const REASONS: [&str; 13] = [
    "not_json",
    "not_an_object",
    "no_content",
    "no_session",
    "bad_timestamp",
    "bad_utf8",
    "too_long",
    "invalid_field",
    "invalid_id",
    "undecodable",
    "unsupported",
    "too_large",
    "incomplete",
];

/// What becomes of a session event that names no session.
pub(crate) const JOINS: [&str; 3] = ["joined", "joined_late", "not_joined"];

/// Why a TCP connection is closed: its sender has too many, or it was the longest unused when all were too many.
const CLOSED: [&str; 2] = ["refused", "idle"];

/// What became of what came in over one input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) stored: u64,
    pub(crate) refused: u64,
    pub(crate) limited: u64,
    pub(crate) failed: u64,
    pub(crate) paused: u64,
    /// Reasons that occurred.
    pub(crate) malformed: Vec<(&'static str, u64)>,
}

/// Counters of everything that comes in. Their unit is one span or one log line.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    limited: Family<InputLabel, Counter>,
    paused: Family<InputLabel, Counter>,
    joins: Family<OutcomeLabel, Counter>,
    closed: Family<ReasonLabel, Counter>,
    received: Family<Labels, Counter>,
    stored: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    failed: Family<Labels, Counter>,
    malformed: Family<ReasonLabels, Counter>,
}

impl Metrics {
    pub(crate) fn new(queue: Arc<Queue<Batch>>, udp_port: u16, alerts: &Alerts) -> Self {
        let mut registry = Registry::default();
        let family = |registry: &mut Registry, name, help| {
            let family = Family::<Labels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let received = family(&mut registry, "observatory_received", "Spans and log lines that arrived");
        let stored =
            family(&mut registry, "observatory_stored", "Spans and log lines committed to the store");
        let refused = family(
            &mut registry,
            "observatory_refused",
            "Spans and log lines there was no room for in the queue",
        );
        let failed =
            family(&mut registry, "observatory_failed", "Spans and log lines the store could not write");
        let malformed = Family::default();
        registry.register(
            "observatory_malformed",
            "Spans and log lines that cannot be understood",
            Family::clone(&malformed),
        );
        let (limited, paused, joins) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "observatory_limited",
            "Log lines dropped because their sender sent too many",
            Family::clone(&limited),
        );
        registry.register(
            "observatory_paused",
            "Times that reading from a connection paused because its sender sent too much",
            Family::clone(&paused),
        );
        registry.register(
            "observatory_session_joins",
            "Session events that named a user or a terminal but no session",
            Family::clone(&joins),
        );
        let closed = Family::<ReasonLabel, Counter>::default();
        registry.register("observatory_connections_closed", "TCP connections closed by us", closed.clone());
        for reason in CLOSED {
            let _ = closed.get_or_create(&ReasonLabel { reason });
        }
        for input in LIMITED {
            let _ = limited.get_or_create(&InputLabel { input: input.name() });
        }
        for outcome in JOINS {
            let _ = joins.get_or_create(&OutcomeLabel { outcome });
        }
        alerts.register(&mut registry);
        registry.register_collector(Box::new(QueueLevel(queue)));
        registry.register_collector(Box::new(KernelDrops { port: udp_port }));
        registry.register_collector(Box::new(Process));
        let registry = Arc::new(registry);
        Self { registry, limited, paused, joins, closed, received, stored, refused, failed, malformed }
    }

    pub(crate) fn received(&self, input: Input, signal: Signal, count: u64) {
        count_in(&self.received, input, signal, count);
    }

    pub(crate) fn stored(&self, input: Input, signal: Signal, count: u64) {
        count_in(&self.stored, input, signal, count);
    }

    pub(crate) fn refused(&self, input: Input, signal: Signal, count: u64) {
        count_in(&self.refused, input, signal, count);
    }

    pub(crate) fn failed(&self, input: Input, signal: Signal, count: u64) {
        count_in(&self.failed, input, signal, count);
    }

    pub(crate) fn malformed(&self, input: Input, signal: Signal, reason: &'static str, count: u64) {
        let labels = ReasonLabels { input: input.name(), signal: signal.name(), reason };
        self.malformed.get_or_create(&labels).inc_by(count);
    }

    pub(crate) fn limited(&self, input: Input, count: u64) {
        self.limited.get_or_create(&InputLabel { input: input.name() }).inc_by(count);
    }

    pub(crate) fn paused(&self, input: Input) {
        self.paused.get_or_create(&InputLabel { input: input.name() }).inc();
    }

    /// `reason` is one of `CLOSED`.
    pub(crate) fn closed(&self, reason: &'static str) {
        self.closed.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn joined(&self, outcome: &'static str, count: u64) {
        if count > 0 {
            self.joins.get_or_create(&OutcomeLabel { outcome }).inc_by(count);
        }
    }

    /// Session events by what became of them, in the order of `JOINS`.
    pub(crate) fn joins(&self) -> [u64; 3] {
        JOINS.map(|outcome| value(&self.joins, &OutcomeLabel { outcome }))
    }

    /// All counts of one input, spans and lines together.
    pub(crate) fn counts(&self, input: Input) -> Counts {
        let name = input.name();
        let signals = [Signal::Traces, Signal::Logs].map(Signal::name);
        let sum = |family| signals.map(|signal| value(family, &Labels { input: name, signal })).iter().sum();
        let of_reason = |reason| {
            signals
                .map(|signal| value(&self.malformed, &ReasonLabels { input: name, signal, reason }))
                .iter()
                .sum()
        };
        let malformed = REASONS.map(|reason| (reason, of_reason(reason)));
        Counts {
            received: sum(&self.received),
            stored: sum(&self.stored),
            refused: sum(&self.refused),
            limited: value(&self.limited, &InputLabel { input: name }),
            failed: sum(&self.failed),
            paused: value(&self.paused, &InputLabel { input: name }),
            malformed: malformed.into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }
}

fn count_in(family: &Family<Labels, Counter>, input: Input, signal: Signal, count: u64) {
    family.get_or_create(&Labels { input: input.name(), signal: signal.name() }).inc_by(count);
}

/// The value of a counter; looking at one does not make it.
fn value<L>(family: &Family<L, Counter>, labels: &L) -> u64
where
    L: Clone + std::hash::Hash + Eq,
{
    family.get(labels).map_or(0, |counter| counter.get())
}

#[derive(Debug)]
struct QueueLevel(Arc<Queue<Batch>>);

impl prometheus_client::collector::Collector for QueueLevel {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name, help, bytes: usize| {
            let gauge = ConstGauge::new(bytes as i64);
            let bytes = Some(&Unit::Bytes);
            gauge.encode(encoder.encode_descriptor(name, help, bytes, gauge.metric_type())?)
        };
        gauge("observatory_queue_length", "What waits to be stored", self.0.weight())?;
        gauge("observatory_queue_capacity", "What may wait to be stored", self.0.capacity())
    }
}

/// The `process_*` metrics, read when asked for.
#[derive(Debug)]
struct Process;

impl prometheus_client::collector::Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let process = metrics_process::collector::collect();
        if let Some(seconds) = process.cpu_seconds_total {
            let counter = ConstCounter::new(seconds);
            let descriptor = encoder.encode_descriptor(
                "process_cpu",
                "CPU time of the process",
                Some(&Unit::Seconds),
                counter.metric_type(),
            )?;
            counter.encode(descriptor)?;
        }
        let mut gauge = |name, help, unit: Option<&Unit>, value: Option<u64>| match value {
            Some(value) => {
                let gauge = ConstGauge::new(value as i64);
                gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
            }
            None => Ok(()),
        };
        let (bytes, seconds) = (Some(&Unit::Bytes), Some(&Unit::Seconds));
        gauge("process_resident_memory", "Memory in RAM", bytes, process.resident_memory_bytes)?;
        gauge("process_virtual_memory", "Address space", bytes, process.virtual_memory_bytes)?;
        gauge("process_start_time", "Start since the Unix epoch", seconds, process.start_time_seconds)?;
        gauge("process_open_fds", "Open file descriptors", None, process.open_fds)?;
        gauge("process_max_fds", "Allowed file descriptors", None, process.max_fds)?;
        gauge("process_threads", "Threads", None, process.threads)
    }
}

/// Whether the process takes work; off while it starts and stops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }
}

/// The admin listener's routes.
pub(crate) fn admin(metrics: Metrics, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(expose))
        .with_state(metrics)
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn expose(State(metrics): State<Metrics>) -> impl IntoResponse {
    let mut body = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut body, &metrics.registry);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body)
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    if readiness.0.load(Ordering::Relaxed) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
