//! The order saga: reserve stock, save, charge, confirm. What fails half-way is undone.

use crate::{
    clients::{InventoryClient, PaymentClient},
    domain::{Draft, Outcome},
    events::OutboxSignal,
    http::path_of,
    metrics::OrderMetrics,
    store::Store,
};
use api::{
    ids::OrderId,
    money::Money,
    order::{Order, OrderPayment, OrderStatus, ValidPayment},
    payment::{Charge, ChargeRequest},
    problem::ProblemKind,
};
use service_kit::{deadline::Deadline, error::ApiError, peer::CallError};
use std::time::{Duration, Instant};
use telemetry::{names::attribute, propagation::StoredContext, span};

/// How often a charge is asked for when no answer came: the same order is never charged twice.
const CHARGE_ATTEMPTS: u32 = 3;
const CHARGE_PAUSE: Duration = Duration::from_millis(50);
/// What undoing may take, even when the request's own time is over.
const UNDO_TIME: Duration = Duration::from_secs(3);

/// Takes orders through the saga.
pub struct Placer {
    pub(crate) inventory: InventoryClient,
    pub(crate) payment: PaymentClient,
    pub(crate) store: Store,
    pub(crate) metrics: OrderMetrics,
    pub(crate) outbox: OutboxSignal,
}

impl Placer {
    /// Places an order and answers with its end state; an order that does not come to be is an error whose
    /// `instance` is the order.
    pub async fn place(
        &self,
        draft: Draft,
        payment: ValidPayment,
        deadline: Deadline,
    ) -> Result<Order, ApiError> {
        let start = Instant::now();
        let id = draft.id;
        let placed = self.steps(draft, payment, deadline).await;
        let status = match &placed {
            Ok(order) => order.status,
            Err((status, _)) => *status,
        };
        let took = start.elapsed();
        self.metrics.finished(status, took);
        tracing::info!(duration_ms = took.as_secs_f64() * 1e3, "order {status}");
        placed.map_err(|(_, error)| error.instance(path_of(id)))
    }

    async fn steps(
        &self,
        draft: Draft,
        payment: ValidPayment,
        deadline: Deadline,
    ) -> Result<Order, (OrderStatus, ApiError)> {
        let order = self.reserve(&draft, deadline).await?;
        let context = StoredContext::current();
        if let Err(error) = self.store.save(&order, &context).await {
            self.release(order.id).await;
            return Err((OrderStatus::Failed, error.into()));
        }
        let total = order.total.unwrap_or(Money::eur(0));
        span::set(attribute::ORDER_TOTAL_AMOUNT_MINOR, total.amount_minor);
        span::set(attribute::ORDER_CURRENCY, total.currency.as_str().to_owned());
        let request = ChargeRequest {
            order_id: order.id,
            amount: total,
            method: payment.method,
            card_number: payment.card_number,
        };
        match self.charge(&request, deadline).await {
            Ok(charge) => self.confirm(order, charge, &context).await,
            Err(error) => Err(self.give_up(order.id, error, &context).await),
        }
    }

    /// Sets the stock aside. An order that can't have it is kept as rejected, or as failed when inventory is away.
    async fn reserve(&self, draft: &Draft, deadline: Deadline) -> Result<Order, (OrderStatus, ApiError)> {
        let error = match self.inventory.reserve(draft.id, &draft.items, deadline).await {
            Ok(reservation) => match draft.priced(reservation) {
                Ok(order) => return Ok(order),
                Err(error) => {
                    self.release(draft.id).await;
                    ApiError::internal(error)
                }
            },
            Err(error) => {
                // Without an answer the stock may be set aside all the same.
                if error.problem().is_none() {
                    self.release(draft.id).await;
                }
                error.into()
            }
        };
        let status = match error.kind() {
            ProblemKind::OutOfStock | ProblemKind::UnknownSku => OrderStatus::Rejected,
            _ => OrderStatus::Failed,
        };
        if let Err(error) = self.store.save(&draft.unpriced(status), &StoredContext::current()).await {
            return Err((OrderStatus::Failed, error.into()));
        }
        Err((status, error))
    }

    /// Asks again when no answer came, in the time the request has: the payment service knows the order's id.
    async fn charge(&self, request: &ChargeRequest, deadline: Deadline) -> Result<Charge, CallError> {
        let mut attempt = 1;
        loop {
            match self.payment.charge(request, deadline).await {
                Err(
                    CallError::Unavailable { .. } | CallError::TimedOut { .. } | CallError::Malformed { .. },
                ) if attempt < CHARGE_ATTEMPTS && deadline.remaining() > CHARGE_PAUSE => {
                    tokio::time::sleep(CHARGE_PAUSE * attempt).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn confirm(
        &self,
        order: Order,
        charge: Charge,
        context: &StoredContext,
    ) -> Result<Order, (OrderStatus, ApiError)> {
        let payment = OrderPayment { transaction_id: charge.transaction_id, card_last4: charge.card_last4 };
        let outcome = Outcome::Confirmed(payment.clone());
        if let Err(error) = self.store.finish(order.id, &outcome, context).await {
            return Err((OrderStatus::Pending, error.into()));
        }
        self.outbox.wake();
        Ok(Order { status: OrderStatus::Confirmed, payment: Some(payment), ..order })
    }

    /// Frees the stock and keeps the order as what it has become.
    async fn give_up(
        &self,
        id: OrderId,
        error: CallError,
        context: &StoredContext,
    ) -> (OrderStatus, ApiError) {
        let error = ApiError::from(error);
        let outcome = match error.kind() {
            ProblemKind::CardDeclined => Outcome::Declined,
            _ => Outcome::Failed,
        };
        self.release(id).await;
        match self.store.finish(id, &outcome, context).await {
            Ok(()) => (outcome.status(), error),
            Err(error) => (OrderStatus::Pending, error.into()),
        }
    }

    async fn release(&self, id: OrderId) {
        if let Err(error) = self.inventory.release(id, Deadline::after(UNDO_TIME)).await {
            tracing::warn!(%error, "the stock of an order that came to nothing is still set aside");
        }
    }
}
