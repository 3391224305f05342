//! From the buffers to the receiver, with every span counted once.

use super::{buffers::Buffers, otlp::Otlp, recording::Recording};
use crate::{
    config::{Config, TracesConfig},
    trace::{SpanCounts, report},
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// The field `spans` of `opentelemetry.proto.trace.v1.ScopeSpans`.
const SPANS: u64 = 2;

/// The way out of the process for finished spans.
pub(crate) struct DirectExport {
    pub(crate) counts: SpanCounts,
    buffers: Buffers,
    timeout: Duration,
}

impl DirectExport {
    pub(crate) fn new(config: &TracesConfig) -> Arc<Self> {
        Arc::new(Self {
            counts: SpanCounts::default(),
            buffers: Buffers::new(config.queue, config.batch, config.delay),
            timeout: config.export_timeout,
        })
    }

    /// Starts to export, until the end. Needs the telemetry runtime to be entered.
    pub(crate) fn start(self: &Arc<Self>, config: &Config) -> Result<(), String> {
        let otlp = if config.traces.exporters.is_empty() { None } else { Some(Otlp::new(config)?) };
        tokio::spawn(self.clone().run(otlp));
        Ok(())
    }

    async fn run(self: Arc<Self>, otlp: Option<Otlp>) {
        let mut away = false;
        while let Some(batch) = self.buffers.next_batch().await {
            let all = batch.spans as u64;
            let sent = match &otlp {
                Some(otlp) => self.send(otlp, batch.bytes).await,
                None => Ok(0),
            };
            let failed = sent.as_ref().map_or(all, |rejected| all.min(*rejected));
            // Before `done`: a flush waits for it, and this line is to be flushed, too.
            report("otlp", &mut away, sent.err());
            self.buffers.done(|| {
                self.counts.exported.fetch_add(all - failed, Relaxed);
                self.counts.failed.fetch_add(failed, Relaxed);
            });
        }
    }

    async fn send(&self, otlp: &Otlp, spans: Vec<u8>) -> Result<u64, String> {
        let sent = tokio::time::timeout(self.timeout, otlp.send(spans.into())).await;
        sent.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }

    /// Takes a span that has ended at `end`.
    pub(super) fn take(&self, span: Recording, end: u64) {
        if !self.buffers.push(|bytes| span.finish(end, SPANS, bytes)) {
            self.counts.dropped_queue_full.fetch_add(1, Relaxed);
        }
    }

    /// Waits until everything that ended before has been sent or has failed, at most `limit`.
    pub(crate) async fn flush(&self, limit: Duration) {
        self.buffers.flush(limit).await;
    }

    /// Gives up what is not sent, and counts it as failed.
    pub(crate) fn abandon(&self) {
        self.counts.failed.fetch_add(self.buffers.abandon() as u64, Relaxed);
    }

    /// Spans that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.buffers.len()
    }

    /// All that waits, without sending it.
    #[cfg(test)]
    pub(super) fn everything(&self) -> Vec<u8> {
        self.buffers.everything()
    }

    /// How many may.
    pub(crate) fn capacity(&self) -> usize {
        self.buffers.capacity()
    }
}
