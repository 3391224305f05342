//! Telemetry about telemetry: what was delivered, what was lost, how full the queues are.

use crate::{
    log::{Gate, Sink, SinkCounts},
    metrics::{Metrics, descriptor},
    names::metric,
    pipeline::Export,
    trace::SpanCounts,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
};
use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
};

/// What became of the spans and lines of a process so far. Exact after a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossReport {
    /// Spans that every destination has taken.
    pub spans_exported: u64,
    /// Spans that found a queue full.
    pub spans_dropped: u64,
    /// Spans that some destination refused or did not answer for.
    pub spans_failed: u64,
    /// Lines delivered, all sinks together.
    pub lines_shipped: u64,
    /// Lines not delivered, all sinks together.
    pub lines_lost: u64,
    /// Lines that were not to be written: by the sampling ratio, or by the limit of their place in the code.
    pub lines_left_out: u64,
}

impl LossReport {
    pub(super) fn of(spans: &Export, sinks: &[Arc<Sink>], gate: &Gate) -> Self {
        let of_sinks = |count: fn(&SinkCounts) -> u64| sinks.iter().map(|sink| count(&sink.counts)).sum();
        Self {
            spans_exported: spans.counts().exported.load(Relaxed),
            spans_dropped: spans.counts().dropped_queue_full.load(Relaxed),
            spans_failed: spans.counts().failed.load(Relaxed),
            lines_shipped: of_sinks(|counts| counts.shipped.load(Relaxed)),
            lines_lost: of_sinks(|counts| {
                counts.dropped_queue_full.load(Relaxed) + counts.failed.load(Relaxed)
            }),
            lines_left_out: gate.sampled_out() + gate.limited(),
        }
    }

    /// True when everything has arrived.
    pub fn is_complete(&self) -> bool {
        self.spans_dropped + self.spans_failed + self.lines_lost == 0
    }
}

impl fmt::Display for LossReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spans_exported, spans_dropped, spans_failed, lines_shipped, lines_lost, lines_left_out } =
            self;
        write!(f, "spans: {spans_exported} exported, {spans_dropped} dropped, {spans_failed} failed; ")?;
        write!(f, "log lines: {lines_shipped} shipped, {lines_lost} lost, {lines_left_out} left out")
    }
}

/// Counts as failed what will not be delivered any more, so that the sums stay exact.
pub(super) fn abandon(spans: &Export, sinks: &[Arc<Sink>]) {
    spans.abandon();
    for sink in sinks {
        sink.counts.failed.fetch_add(sink.queue.abandon() as u64, Relaxed);
    }
}

pub(super) fn register(metrics: &Metrics, spans: Export, sinks: Vec<Arc<Sink>>, gate: Arc<Gate>) {
    metrics.register_collector(CountsCollector { spans, sinks, gate });
}

struct CountsCollector {
    spans: Export,
    sinks: Vec<Arc<Sink>>,
    gate: Arc<Gate>,
}

impl fmt::Debug for CountsCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountsCollector")
    }
}

impl Collector for CountsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        self.encode_spans(&mut encoder)?;
        self.encode_lines(&mut encoder)?;
        self.encode_queues(&mut encoder)
    }
}

impl CountsCollector {
    fn encode_spans(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let SpanCounts { exported, dropped_queue_full, failed } = self.spans.counts();
        let mut family = descriptor(encoder, metric::TELEMETRY_SPANS)?;
        for (outcome, count) in outcomes("exported", exported, dropped_queue_full, failed) {
            family
                .encode_family(&[("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_lines(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut family = descriptor(encoder, metric::TELEMETRY_LOGS)?;
        for sink in &self.sinks {
            let SinkCounts { shipped, dropped_queue_full, failed } = &sink.counts;
            for (outcome, count) in outcomes("shipped", shipped, dropped_queue_full, failed) {
                family
                    .encode_family(&[("sink", sink.name.as_str()), ("outcome", outcome)])?
                    .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        // They came to no sink, so they are in no sink's sum.
        for (outcome, count) in [("sampled_out", self.gate.sampled_out()), ("limited", self.gate.limited())] {
            family
                .encode_family(&[("sink", "all"), ("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_queues(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        // Of the fullest sink, not the sum: it is the first that drops, and the room of the others is of no use to it.
        let logs =
            |measure: fn(&Sink) -> usize| self.sinks.iter().map(|s| measure(s)).max().unwrap_or_default();
        let gauges = [
            (metric::TELEMETRY_QUEUE_LENGTH, self.spans.waiting(), logs(|s| s.queue.len())),
            (metric::TELEMETRY_QUEUE_CAPACITY, self.spans.capacity(), logs(|s| s.queue.capacity())),
        ];
        for (metric, traces, logs) in gauges {
            let mut family = descriptor(encoder, metric)?;
            for (signal, value) in [("traces", traces), ("logs", logs)] {
                family.encode_family(&[("signal", signal)])?.encode_gauge(&(value as i64))?;
            }
        }
        Ok(())
    }
}

fn outcomes(
    good: &'static str,
    delivered: &AtomicU64,
    dropped: &AtomicU64,
    failed: &AtomicU64,
) -> [(&'static str, u64); 3] {
    [
        (good, delivered.load(Relaxed)),
        ("dropped_queue_full", dropped.load(Relaxed)),
        ("failed", failed.load(Relaxed)),
    ]
}
