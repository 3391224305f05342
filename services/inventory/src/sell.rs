//! An order is confirmed: what was put aside for it leaves the warehouse.

use api::event::OrderEvent;
use api::items::Sku;
use api::problem::ProblemKind;
use service_kit::error::ApiError;
use telemetry::names::event;
use telemetry::span;

use crate::domain::Outcome;
use crate::store::Store;

/// Stock that was given back meanwhile is taken again. Where there is none left, the event is refused, so that it is
/// tried again and, if nobody restocks, becomes a dead letter that somebody has to look at.
pub(crate) async fn sell(store: &Store, OrderEvent { order_id }: OrderEvent) -> Result<(), ApiError> {
    span::order(&order_id.to_string());
    match store.sell(order_id).await? {
        Outcome::Done => tracing::info!("stock sold"),
        Outcome::Noted | Outcome::Already | Outcome::TooLate => tracing::debug!("nothing to sell any more"),
        Outcome::NothingKnown => {
            tracing::warn!("confirmed, but nothing was ever reserved for this order");
            return Err(ApiError::new(ProblemKind::Conflict, "nothing was ever reserved for this order"));
        }
        Outcome::Short(skus) => {
            let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
            for sku in &names {
                span::event(event::STOCK_SHORT, &[(event::SKU, sku)]);
            }
            let detail = format!("its reservation was over and others have taken: {}", names.join(", "));
            return Err(ApiError::new(ProblemKind::OutOfStock, detail));
        }
    }
    Ok(())
}
