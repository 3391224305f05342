//! An order is confirmed: what was put aside for it leaves the warehouse.

use api::event::{CloudEvent, OrderEvent};
use service_kit::error::ApiError;
use telemetry::span;

use crate::domain::CommitOutcome;
use crate::store::Store;

pub(crate) async fn commit(store: &Store, event: &CloudEvent, order: OrderEvent) -> Result<(), ApiError> {
    span::order(&order.order_id.to_string());
    match store.commit(&event.source, &event.id, order.order_id).await? {
        CommitOutcome::Sold => tracing::info!("stock sold"),
        CommitOutcome::Already => tracing::debug!("event handled before"),
        // Delivering it again would not help, so it is acknowledged; somebody must look at it.
        CommitOutcome::NothingHeld => tracing::warn!("confirmed, but nothing is reserved for this order"),
    }
    Ok(())
}
