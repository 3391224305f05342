//! Cancel an order: its charge is refunded, and its event gives the stock back.

use crate::{domain::Asker, http::missing, saga::Saga, store::StoredOrder};
use api::{
    ids::OrderId,
    order::{Order, OrderStatus},
    problem::ProblemKind,
    timestamp::Timestamp,
};
use service_kit::{deadline::Deadline, error::ApiError};

/// Cancels a confirmed order; one that is cancelled already is answered again. 409 for any other, and 404 for
/// another owner's.
pub(crate) async fn cancel(
    saga: &Saga,
    id: OrderId,
    asker: &Asker,
    deadline: Deadline,
) -> Result<Order, ApiError> {
    saga.store.mark_cancel(id, asker, Timestamp::now() + saga.lease).await?;
    let stored = saga.store.load_of(id, asker.owner.as_ref()).await?.ok_or_else(missing)?;
    match stored.order.status {
        OrderStatus::Cancelled => Ok(stored.order),
        OrderStatus::Confirmed => saga.cancel(stored, deadline).await,
        _ => Err(refused(&stored)),
    }
}

fn refused(stored: &StoredOrder) -> ApiError {
    let status = stored.order.status;
    let detail = match status {
        OrderStatus::Pending => "the order is still being placed".to_owned(),
        _ => format!("the order is {status}: there is nothing to cancel"),
    };
    ApiError::new(ProblemKind::NotCancellable, detail)
}
