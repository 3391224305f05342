//! Batch export whose losses are counted to the last span: `ended = exported + dropped + failed`, exactly, after a
//! flush. The SDK's own batch processor keeps its counts to itself, which is why it is not used here.
//!
//! Batches go to all destinations at once, each at its own pace: the fastest says when the next batch is due, and one
//! that hangs holds up no other (docs/adr/0010).

use super::{
    Destination,
    lane::{Fate, Lane, Outcome, Part},
    scrub::scrub_span,
};
use crate::{config::TracesConfig, queue::Queue};
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};
use tokio::time::Instant;

/// What became of the sampled spans that ended.
#[derive(Debug, Default)]
pub(crate) struct SpanCounts {
    pub(crate) exported: AtomicU64,
    pub(crate) dropped_queue_full: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// The queue between the request path and the exporters, with its counts.
pub(crate) struct SpanExport {
    pub(crate) counts: SpanCounts,
    queue: Queue<SpanData>,
    batch: usize,
    /// One for each destination.
    lanes: Vec<Arc<Lane>>,
    /// Spans that some destination has not settled yet. `None` when they were given up: then they are counted.
    underway: Mutex<Option<u64>>,
    pub(super) timeout: Duration,
}

impl SpanExport {
    pub(crate) fn new(config: &TracesConfig) -> Arc<Self> {
        // As many spans as may wait for a first destination may wait for a slower one.
        let lane = (config.queue / config.batch).max(1);
        Arc::new(Self {
            counts: SpanCounts::default(),
            queue: Queue::new(config.queue, config.batch, config.delay),
            batch: config.batch,
            lanes: config.exporters.iter().map(|_| Lane::new(lane)).collect(),
            underway: Mutex::new(Some(0)),
            timeout: config.export_timeout,
        })
    }

    /// Exports until the queue is closed and empty. Runs on the telemetry runtime, never on a request's.
    pub(crate) async fn run(self: Arc<Self>, destinations: Vec<Destination>) {
        for (lane, destination) in self.lanes.iter().zip(destinations) {
            tokio::spawn(lane.clone().run(destination, self.clone()));
        }
        loop {
            self.a_lane_is_idle().await;
            let Some(mut batch) = self.queue.next_batch().await else { return };
            batch.iter_mut().for_each(scrub_span);
            self.queue.done(|| self.hand_over(batch));
        }
    }

    /// Waits until the first destination has taken all that it was given: until then spans wait in the queue.
    async fn a_lane_is_idle(&self) {
        let mut idle: Vec<_> = self.lanes.iter().map(|lane| Box::pin(lane.queue.idle())).collect();
        std::future::poll_fn(|context| {
            let is_idle =
                idle.is_empty() || idle.iter_mut().any(|lane| lane.as_mut().poll(context).is_ready());
            if is_idle { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A destination that has too much waiting already misses this batch.
    fn hand_over(&self, batch: Vec<SpanData>) {
        // One more than there are destinations: nothing is counted while it is still being handed over.
        let fate = Arc::new(Fate::new(batch.len(), self.lanes.len() + 1));
        if let Some(underway) = self.underway().as_mut() {
            *underway += fate.spans;
        }
        let spans = Arc::new(batch);
        for lane in &self.lanes {
            if !lane.queue.push(Part { spans: spans.clone(), fate: fate.clone() }) {
                self.settle(&fate, Outcome::Dropped);
            }
        }
        self.settle(&fate, Outcome::Exported);
    }

    /// Counts a batch once, when the last destination has settled it.
    pub(super) fn settle(&self, fate: &Fate, outcome: Outcome) {
        let Some(worst) = fate.settle(outcome) else { return };
        if let Some(underway) = self.underway().as_mut() {
            *underway -= fate.spans;
            let counter = match worst {
                Outcome::Exported => &self.counts.exported,
                Outcome::Dropped => &self.counts.dropped_queue_full,
                Outcome::Failed => &self.counts.failed,
            };
            counter.fetch_add(fate.spans, Relaxed);
        }
    }

    /// Waits until everything that ended before has been settled by all destinations, at most `limit`.
    pub(crate) async fn flush(&self, limit: Duration) {
        let end = Instant::now() + limit;
        self.queue.flush(limit).await;
        for lane in &self.lanes {
            lane.queue.flush(end.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Gives up what is not settled, and counts it as failed.
    pub(crate) fn abandon(&self) {
        // In this order: what the queue gives up is not handed over any more.
        let waiting = self.queue.abandon() as u64;
        let underway = self.underway().take().unwrap_or_default();
        self.counts.failed.fetch_add(waiting + underway, Relaxed);
    }

    /// Spans in the fullest of the queues.
    pub(crate) fn waiting(&self) -> usize {
        let lanes = self.lanes.iter().map(|lane| lane.queue.len() * self.batch);
        lanes.fold(self.queue.len(), usize::max).min(self.queue.capacity())
    }

    /// How many spans each of the queues takes.
    pub(crate) fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn underway(&self) -> MutexGuard<'_, Option<u64>> {
        // Nothing in a critical section can panic half-way, so the number behind a poisoned lock is right.
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
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
