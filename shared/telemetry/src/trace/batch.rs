//! Batch export whose losses are counted to the last span: `ended = exported + dropped + failed`, exactly, after a
//! flush. The SDK's own batch processor keeps its counts to itself, which is why it is not used here.

use super::{Destination, scrub::scrub_span};
use crate::{config::TracesConfig, queue::Queue};
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// What became of the sampled spans that ended.
#[derive(Debug, Default)]
pub(crate) struct SpanCounts {
    pub(crate) exported: AtomicU64,
    pub(crate) dropped_queue_full: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// The queue between the request path and the exporter, with its counts.
pub(crate) struct SpanExport {
    pub(crate) queue: Queue<SpanData>,
    pub(crate) counts: SpanCounts,
    timeout: Duration,
}

impl SpanExport {
    pub(crate) fn new(config: &TracesConfig) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(config.queue, config.batch, config.delay),
            counts: SpanCounts::default(),
            timeout: config.export_timeout,
        })
    }

    /// Exports until the queue is closed and empty. Runs on the telemetry runtime, never on a request's.
    pub(crate) async fn run(self: Arc<Self>, destinations: Vec<Destination>) {
        let mut away = false;
        while let Some(mut batch) = self.queue.next_batch().await {
            batch.iter_mut().for_each(scrub_span);
            let count = batch.len() as u64;
            let result = self.export(&destinations, batch).await;
            let counter = if result.is_ok() { &self.counts.exported } else { &self.counts.failed };
            // Before `done`: a flush waits for it, and this line is to be flushed, too.
            report(&mut away, result.err());
            self.queue.done(|| {
                counter.fetch_add(count, Relaxed);
            });
        }
    }

    /// Counts as exported only what every destination has taken.
    async fn export(&self, destinations: &[Destination], batch: Vec<SpanData>) -> Result<(), String> {
        let Some((last, others)) = destinations.split_last() else { return Ok(()) };
        let mut result = Ok(());
        for destination in others {
            result = self.export_to(destination, batch.clone()).await.and(result);
        }
        self.export_to(last, batch).await.and(result)
    }

    async fn export_to(&self, destination: &Destination, batch: Vec<SpanData>) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, destination.export(batch)).await {
            Ok(exported) => exported.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }
}

/// One line when the backend goes away and one when it is back, not one for each batch.
fn report(away: &mut bool, error: Option<String>) {
    match error {
        Some(error) if !*away => {
            *away = true;
            tracing::warn!(error, "spans can't be exported; they are counted in telemetry_spans_total");
        }
        None if *away => {
            *away = false;
            tracing::info!("spans are exported again");
        }
        _ => {}
    }
}

/// The SDK's side of [`SpanExport`].
pub(crate) struct BatchProcessor(pub(crate) Arc<SpanExport>);

impl std::fmt::Debug for BatchProcessor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchProcessor").field("counts", &self.0.counts).finish_non_exhaustive()
    }
}

impl SpanProcessor for BatchProcessor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        // Record-only spans are not for export.
        if span.span_context.is_sampled() && !self.0.queue.push(span) {
            self.0.counts.dropped_queue_full.fetch_add(1, Relaxed);
        }
    }

    // Flush and shutdown belong to `Telemetry`, which awaits them instead of blocking a worker.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.0.queue.close();
        Ok(())
    }
}
