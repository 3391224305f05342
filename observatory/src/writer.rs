//! The thread between the queue and the store.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;

use crate::alerts::Alerts;
use crate::ingest::{Batch, Input, Signal};
use crate::join::Joiner;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::say::{Severity, say};
use crate::store::{StoreError, Writer};

/// How long a batch may wait for company: a commit costs the same for one span as for a thousand.
const WINDOW: Duration = Duration::from_millis(50);
/// A transaction takes about so many bytes in memory: enough to share the cost of a commit, and no more than a tenth of a
/// second's work.
const ENOUGH: usize = 4 * 1024 * 1024;
/// A store that fails may fail twenty times a second; one line in this time says enough.
const COMPLAINT: Duration = Duration::from_secs(10);

/// Starts the thread. It ends when the queue is closed and everything in it is stored.
pub(crate) fn start(
    mut writer: Writer,
    queue: Arc<Queue<Batch>>,
    metrics: Metrics,
    alerts: Alerts,
) -> Result<JoinHandle<()>, StoreError> {
    // The first file is opened here, so that a directory that cannot be written stops the start.
    writer.turn_to(today())?;
    Ok(std::thread::spawn(move || run(&mut writer, &queue, &metrics, &alerts)))
}

fn today() -> time::Date {
    OffsetDateTime::now_utc().date()
}

fn run(writer: &mut Writer, queue: &Queue<Batch>, metrics: &Metrics, alerts: &Alerts) {
    let mut joiner = Joiner::new(metrics.clone());
    let mut complained: Option<Instant> = None;
    loop {
        let taken = queue.take(ENOUGH, WINDOW, joiner.deadline());
        let ended = taken.is_none();
        let mut batches = joiner.join(taken.unwrap_or_default(), Instant::now());
        if ended {
            batches.extend(joiner.rest());
        }
        // Before they are stored: a store that fails is no reason to miss what the services say.
        alerts.observe(&batches);
        store(writer, batches, metrics, &mut complained);
        if ended {
            return;
        }
    }
}

fn store(writer: &mut Writer, mut batches: Vec<Batch>, metrics: &Metrics, complained: &mut Option<Instant>) {
    // Those whose events all wait for their session.
    batches.retain(|batch| batch.count > 0);
    if batches.is_empty() {
        return;
    }
    let counts: Vec<(Input, Signal, u64)> =
        batches.iter().map(|batch| (batch.input, batch.signal(), batch.count)).collect();
    let written = writer.write(today(), batches);
    for (input, signal, count) in counts {
        match &written {
            Ok(()) => metrics.stored(input, signal, count),
            Err(_) => metrics.failed(input, signal, count),
        }
    }
    if let Err(error) = written
        && complained.is_none_or(|last| last.elapsed() > COMPLAINT)
    {
        *complained = Some(Instant::now());
        say(Severity::Error, "telemetry cannot be stored", &json!({"error": error.to_string()}));
    }
}
