//! Reservations that nobody confirms end: an order that was lost on its way must not keep its stock.

use std::time::Duration;

use api::timestamp::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use service_kit::shutdown::Shutdown;
use telemetry::Telemetry;
use telemetry::metrics::Counter;
use telemetry::names::metric;

use crate::store::Store;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

/// Looks for reservations whose time is over.
pub(crate) struct Expiry {
    store: Store,
    every: Duration,
    expired: Counter<NoLabels>,
}

impl Expiry {
    /// Looks often enough that a reservation lasts at most a quarter longer than its time.
    pub(crate) fn new(store: Store, reservation_ttl: Duration, telemetry: &Telemetry) -> Self {
        let every = (reservation_ttl / 4).clamp(Duration::from_millis(10), Duration::from_secs(5));
        let expired =
            telemetry.metrics().counter(metric::INVENTORY_RESERVATIONS_EXPIRED).from_zero([NoLabels {}]);
        Self { store, every, expired }
    }

    /// Until the stop. Several instances share the work.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let stop = shutdown.requested();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(self.every) => self.expire_all().await,
            }
        }
    }

    async fn expire_all(&self) {
        loop {
            match self.store.expire_one(Timestamp::now()).await {
                Ok(Some(order)) => {
                    self.expired.inc(&NoLabels {});
                    tracing::info!(order_id = %order, "reservation expired");
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot look for reservations that are over");
                    return;
                }
            }
        }
    }
}
