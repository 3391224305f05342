//! One destination's own way out, so that none waits for another: a bounded queue, and a task that exports from it.

use super::{Destination, SpanExport};
use crate::queue::Queue;
use opentelemetry_sdk::trace::SpanData;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// The queue of one destination. An item is a batch.
pub(super) struct Lane {
    pub(super) queue: Queue<Part>,
}

/// A batch, as one destination sees it.
pub(super) struct Part {
    pub(super) spans: Arc<Vec<SpanData>>,
    pub(super) fate: Arc<Fate>,
}

/// What becomes of a batch. It is known when all destinations have settled.
pub(super) struct Fate {
    pub(super) spans: u64,
    open: AtomicUsize,
    worst: AtomicU8,
}

/// From good to bad.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Exported,
    Dropped,
    Failed,
}

impl Fate {
    /// Of a batch that `destinations` have to settle.
    pub(super) fn new(spans: usize, destinations: usize) -> Self {
        let worst = AtomicU8::new(Outcome::Exported as u8);
        Self { spans: spans as u64, open: AtomicUsize::new(destinations), worst }
    }

    /// Takes note of one destination's outcome. The last of them learns the worst: only what all have taken is
    /// exported.
    pub(super) fn settle(&self, outcome: Outcome) -> Option<Outcome> {
        self.worst.fetch_max(outcome as u8, Relaxed);
        (self.open.fetch_sub(1, Relaxed) == 1).then(|| {
            let all = [Outcome::Exported, Outcome::Dropped];
            let worst = self.worst.load(Relaxed);
            all.into_iter().find(|outcome| *outcome as u8 == worst).unwrap_or(Outcome::Failed)
        })
    }
}

impl Lane {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(capacity, 1, Duration::ZERO) })
    }

    /// Exports one batch after the other, for ever.
    pub(super) async fn run(self: Arc<Self>, destination: Destination, export: Arc<SpanExport>) {
        let mut away = false;
        while let Some(parts) = self.queue.next_batch().await {
            for Part { spans, fate } in parts {
                let result = match tokio::time::timeout(export.timeout, destination.export(spans)).await {
                    Ok(exported) => exported,
                    Err(_) => Err(format!("no answer within {:?}", export.timeout)),
                };
                let outcome = if result.is_ok() { Outcome::Exported } else { Outcome::Failed };
                // Before `done`: a flush waits for it, and this line is to be flushed, too.
                report(destination.name(), &mut away, result.err());
                export.settle(&fate, outcome);
            }
            self.queue.done(|| ());
        }
    }
}

/// One line when the backend goes away and one when it is back, not one for each batch.
pub(crate) fn report(destination: &str, away: &mut bool, error: Option<String>) {
    match error {
        Some(error) if !*away => {
            *away = true;
            tracing::warn!(
                destination,
                error,
                "spans can't be exported; they are counted in telemetry_spans_total"
            );
        }
        None if *away => {
            *away = false;
            tracing::info!(destination, "spans are exported again");
        }
        _ => {}
    }
}
