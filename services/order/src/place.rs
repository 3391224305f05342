//! Place an order: now, while the client waits, or later, after it was told that it is accepted.

use crate::{
    background::Slot,
    domain::{Draft, Outcome, Step, priced},
    http::path_of,
    saga::{Patience, Saga, persistently},
    store::StoredOrder,
};
use api::{
    order::{Order, OrderStatus, ValidPayment},
    problem::ProblemKind,
    timestamp::Timestamp,
};
use service_kit::{deadline::Deadline, error::ApiError};
use telemetry::propagation::StoredContext;

/// Takes a draft to its end and answers with it; an order that does not come to be is an error whose `instance` is
/// the order.
pub(crate) async fn place(
    saga: &Saga,
    draft: Draft,
    payment: ValidPayment,
    deadline: Deadline,
) -> Result<Order, ApiError> {
    let reserve = || saga.inventory.reserve(draft.id, &draft.items, deadline);
    let order = match persistently(deadline, reserve).await {
        Ok(reservation) => priced(draft.unpriced(OrderStatus::Pending), reservation)
            .map_err(|error| (ApiError::internal(error), true)),
        // Without an answer the stock may be set aside all the same.
        Err(error) => {
            let is_unknown = !error.is_refusal();
            Err((ApiError::from(error), is_unknown))
        }
    };
    match order {
        Ok(order) => {
            let stored = StoredOrder {
                sealed_card: saga.seal.close(order.id, &payment.card_number),
                ..stored(order, &draft, Some(Step::Charge))
            };
            saga.store.save(&stored, Timestamp::now() + saga.lease).await?;
            saga.charge(stored, payment.card_number, deadline, Patience::Now).await
        }
        Err((error, holds_stock)) => Err(keep_refused(saga, &draft, error, holds_stock).await),
    }
}

/// Keeps an order that could not even be reserved, as rejected or failed.
async fn keep_refused(saga: &Saga, draft: &Draft, error: ApiError, holds_stock: bool) -> ApiError {
    let problem = error.problem().clone();
    let outcome = match error.kind() {
        ProblemKind::OutOfStock | ProblemKind::UnknownSku => Outcome::Rejected(problem),
        _ => Outcome::Failed(problem),
    };
    let order = draft.unpriced(outcome.status());
    let step = holds_stock.then_some(Step::Undo);
    let refused = StoredOrder { problem: outcome.problem().cloned(), ..stored(order, draft, step) };
    // Nobody is at work on it any more: if there is something to undo, a worker does it.
    if let Err(error) = saga.store.save(&refused, Timestamp::now()).await {
        return error.into();
    }
    saga.tell(&refused.order, outcome.status());
    error.instance(path_of(draft.id))
}

/// Keeps a draft and hands it to the background workers. From here on it survives a crash.
pub(crate) async fn accept(
    saga: &Saga,
    draft: Draft,
    payment: &ValidPayment,
    slot: Slot,
) -> Result<Order, ApiError> {
    let order = draft.unpriced(OrderStatus::Pending);
    let stored = StoredOrder {
        sealed_card: saga.seal.close(order.id, &payment.card_number),
        ..stored(order, &draft, Some(Step::Reserve))
    };
    saga.store.save(&stored, Timestamp::now() + saga.lease).await?;
    let order = stored.order.clone();
    slot.hand_over(stored);
    tracing::info!("order accepted");
    Ok(order)
}

fn stored(order: Order, draft: &Draft, step: Option<Step>) -> StoredOrder {
    let (context, placed_by) = (StoredContext::current(), draft.placed_by.clone());
    StoredOrder { order, step, context, placed_by, sealed_card: None, problem: None, attempts: 0 }
}
