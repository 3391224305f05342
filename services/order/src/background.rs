//! The workers that place accepted orders: so many at once, so many waiting, and no more.

use crate::{config::Config, saga::Saga, store::StoredOrder};
use api::{problem::ProblemKind, timestamp::Timestamp};
use service_kit::{deadline::Deadline, error::ApiError, shutdown::Shutdown};
use std::{sync::Arc, time::Duration};
use telemetry::{Telemetry, names::span_name, span, task};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, OwnedPermit, Receiver, Sender},
    },
    task::JoinSet,
};
use tracing::Instrument;

/// Between two attempts at an order whose neighbours are away.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The way to the workers. Cheap to clone.
#[derive(Clone)]
pub struct Background {
    sender: Sender<StoredOrder>,
}

/// A place in the queue. Taken before an order is accepted, so that what is accepted is always taken.
pub struct Slot(OwnedPermit<StoredOrder>);

/// The other end: runs the workers.
pub struct Workers {
    receiver: Receiver<StoredOrder>,
    saga: Arc<Saga>,
    telemetry: Telemetry,
    most: usize,
    time: Duration,
}

impl Background {
    /// A queue and its workers, as large as the settings say.
    pub fn new(config: &Config, saga: Arc<Saga>, telemetry: &Telemetry) -> (Self, Workers) {
        let (sender, receiver) = mpsc::channel(config.async_queue);
        let (most, time) = (config.async_workers, config.server.request_timeout);
        (Self { sender }, Workers { receiver, saga, telemetry: telemetry.clone(), most, time })
    }

    /// A place, or 503 when there is none.
    pub fn slot(&self) -> Result<Slot, ApiError> {
        self.sender.clone().try_reserve_owned().map(Slot).map_err(|_| {
            ApiError::new(ProblemKind::Unavailable, "too many orders wait already").retry_after(1)
        })
    }
}

impl Slot {
    /// Hands a stored order to the workers.
    pub fn hand_over(self, order: StoredOrder) {
        self.0.send(order);
    }
}

impl Workers {
    /// Works until `stop`, then finishes what is under way. What still waits is in the database: the next process
    /// takes it up.
    pub async fn run(mut self, stop: Shutdown) {
        let places = Arc::new(Semaphore::new(self.most));
        let mut under_way = JoinSet::new();
        loop {
            let order = tokio::select! {
                order = self.receiver.recv() => order,
                () = stop.requested() => None,
            };
            let (Some(order), Ok(place)) = (order, places.clone().acquire_owned().await) else { break };
            let work = process(self.saga.clone(), self.telemetry.clone(), order, self.time);
            under_way.spawn(async move {
                work.await;
                drop(place);
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// One order, in its own trace: the span continues what the request began.
async fn process(saga: Arc<Saga>, telemetry: Telemetry, stored: StoredOrder, time: Duration) {
    let span = task::continued(span_name::ORDER_PROCESS, &stored.context);
    work_on(&saga, &telemetry, stored, time).instrument(span).await;
}

/// Goes on with an order inside the current span, which tells how that went.
pub(crate) async fn work_on(saga: &Saga, telemetry: &Telemetry, stored: StoredOrder, time: Duration) {
    let (id, attempts) = (stored.order.id, stored.attempts);
    span::order(&id.to_string());
    span::customer(&telemetry.customer_ref(stored.order.customer_id.as_str()));
    let Err(error) = Box::pin(saga.go_on(stored, Deadline::after(time))).await else { return };
    error.report();
    // Changes nothing if the order has ended.
    let pause = FIRST_PAUSE.saturating_mul(1 << attempts.clamp(0, 10)).min(LONGEST_PAUSE);
    if let Err(error) = saga.store.postpone(id, Timestamp::now() + pause).await {
        tracing::warn!(%error, "an order waits for its lease to run out");
    }
}
