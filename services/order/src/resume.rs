//! Takes up orders that nobody is at work on any more, because a process died or a neighbour was away.

use crate::{background::work_on, config::Config, saga::Saga, store::StoredOrder};
use api::timestamp::Timestamp;
use service_kit::shutdown::Shutdown;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Telemetry, names::span_name, task};
use tokio::task::JoinSet;
use tracing::Instrument;

/// Orders taken up at once.
const BATCH: i64 = 32;
/// Idempotency keys live so long.
pub(crate) const KEY_LIFE: Duration = Duration::from_hours(24);
const CLEANING: Duration = Duration::from_mins(10);

/// The worker of one process. Several may share a database: an order is claimed by one of them.
pub(crate) struct Resumer {
    saga: Arc<Saga>,
    telemetry: Telemetry,
    interval: Duration,
    time: Duration,
}

impl Resumer {
    /// As the settings say.
    pub(crate) fn new(config: &Config, saga: Arc<Saga>, telemetry: &Telemetry) -> Self {
        let (interval, time) = (config.resume_interval, config.server.request_timeout);
        Self { saga, telemetry: telemetry.clone(), interval, time }
    }

    /// Looks for unfinished orders until `stop`.
    pub(crate) async fn run(self, stop: Shutdown) {
        let mut cleaned: Option<Instant> = None;
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "unfinished orders cannot be looked for");
            }
            if cleaned.is_none_or(|at| at.elapsed() > CLEANING) {
                cleaned = Some(Instant::now());
                if let Err(error) = self.saga.store.forget_keys(before(KEY_LIFE)).await {
                    tracing::warn!(%error, "old idempotency keys cannot be deleted");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                () = stop.requested() => return,
            }
        }
    }

    async fn look(&self) -> Result<(), sqlx::Error> {
        let now = Timestamp::now();
        let claimed = self.saga.store.claim(now, now + self.saga.lease, BATCH).await?;
        if !claimed.is_empty() {
            let run = task::root(span_name::ORDER_RESUME);
            self.take_up(claimed).instrument(run).await;
        }
        Ok(())
    }

    async fn take_up(&self, claimed: Vec<StoredOrder>) {
        tracing::info!(orders = claimed.len(), "unfinished orders taken up");
        let mut under_way = JoinSet::new();
        for stored in claimed {
            // In the order's own trace, with a link to this run.
            let span = task::continued(span_name::ORDER_RESUME_ORDER, &stored.context);
            let (saga, telemetry, time) = (self.saga.clone(), self.telemetry.clone(), self.time);
            under_way.spawn(async move { work_on(&saga, &telemetry, stored, time).await }.instrument(span));
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// The time so long ago.
pub(crate) fn before(span: Duration) -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_micros(now.as_micros() - span.as_micros() as i64).unwrap_or(now)
}
