//! An order is cancelled: what it was sold, or what is put aside for it, can be sold again.

use api::event::OrderEvent;
use service_kit::error::ApiError;
use telemetry::span;

use crate::domain::Outcome;
use crate::store::Store;

/// Whatever comes after it changes nothing, be it the order's confirmation.
pub(crate) async fn take_back(store: &Store, OrderEvent { order_id }: OrderEvent) -> Result<(), ApiError> {
    span::order(&order_id.to_string());
    if store.take_back(order_id).await? == Outcome::Done {
        tracing::info!("stock taken back");
    }
    Ok(())
}
