//! Give an order's stock back.

use api::ids::OrderId;
use api::problem::ProblemKind;
use service_kit::error::ApiError;
use telemetry::span;

use crate::domain::Outcome;
use crate::store::Store;

/// Asking again changes nothing. An order that has nothing reserved is noted as released, so that its request to
/// reserve, should it come late, finds nothing to hold on to.
pub(crate) async fn release(store: &Store, order_id: OrderId) -> Result<(), ApiError> {
    span::order(&order_id.to_string());
    match store.release(order_id).await? {
        Outcome::Done => tracing::info!("stock released"),
        Outcome::Noted | Outcome::Already | Outcome::NothingKnown | Outcome::Short(_) => {}
        Outcome::TooLate => {
            return Err(ApiError::new(ProblemKind::Conflict, "this order's items have been sold"));
        }
    }
    Ok(())
}
