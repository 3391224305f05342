//! The order saga: reserve stock, charge, confirm; and what undoes it. Its state is in the database, so whoever finds
//! an unfinished order can go on with it: the request that placed it, a background worker, or the next process.
//!
//! Every remote step is idempotent by the order's id and every change of state says from which state, so it does no
//! harm when two are at work on the same order.

use crate::{
    clients::{InventoryClient, PaymentClient},
    domain::{Outcome, Step, priced},
    events::OutboxSignal,
    http::path_of,
    metrics::OrderMetrics,
    seal::Seal,
    store::{Store, StoredOrder},
};
use api::{
    card::CardNumber,
    ids::OrderId,
    money::Money,
    order::{Order, OrderPayment, OrderStatus},
    payment::{Charge, ChargeRequest, PaymentMethod, Refund, RefundState},
    problem::ProblemKind,
    timestamp::Timestamp,
};
use service_kit::{deadline::Deadline, error::ApiError, peer::CallError};
use std::time::Duration;
use telemetry::{names::attribute, span};

/// How often a neighbour is asked when no answer comes.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// What undoing may take, even when the request's own time is over. After that a worker takes over.
pub(crate) const UNDO_TIME: Duration = Duration::from_secs(2);

/// Takes orders through the saga.
pub struct Saga {
    pub(crate) inventory: InventoryClient,
    pub(crate) payment: PaymentClient,
    pub(crate) store: Store,
    pub(crate) metrics: OrderMetrics,
    pub(crate) outbox: OutboxSignal,
    pub(crate) seal: Seal,
    /// For so long an order belongs to whoever is at work on it.
    pub(crate) lease: Duration,
    /// An order that is pending for longer is given up.
    pub(crate) pending_limit: Duration,
}

/// Whether somebody waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A client does: what cannot be done now is given up.
    Now,
    /// Nobody does: what cannot be done now is tried again, up to the limit for pending orders.
    Later,
}

impl Saga {
    /// Goes on with an order from where it stands.
    pub async fn go_on(&self, stored: StoredOrder, deadline: Deadline) -> Result<Order, ApiError> {
        match stored.step {
            None => answer(stored),
            Some(Step::Reserve) => self.reserve(stored, deadline).await,
            Some(Step::Charge) => {
                let Some(card) = self.card_of(&stored) else {
                    let why = "the card is not there any more, or sealed with another key";
                    return self.give_up(stored, ApiError::internal(why)).await;
                };
                self.charge(stored, card, deadline, Patience::Later).await
            }
            Some(Step::Undo) => {
                self.undo(&stored.order).await;
                Ok(stored.order)
            }
            Some(Step::Cancel) => self.cancel(stored, deadline).await,
        }
    }

    fn card_of(&self, stored: &StoredOrder) -> Option<CardNumber> {
        self.seal.open(stored.order.id, stored.sealed_card.as_deref()?)
    }

    /// The first step of an order that was accepted for later.
    async fn reserve(&self, stored: StoredOrder, deadline: Deadline) -> Result<Order, ApiError> {
        let StoredOrder { order, context, .. } = &stored;
        let items = order
            .items
            .iter()
            .map(|item| api::items::Item { sku: item.sku.clone(), quantity: item.quantity });
        let items = items.collect::<Vec<_>>().try_into().map_err(ApiError::internal)?;
        let reserve = || self.inventory.reserve(order.id, &items, deadline);
        let error = match persistently(deadline, reserve).await {
            Ok(reservation) => match priced(order.clone(), reservation) {
                Ok(order) => {
                    self.store.reserved(&order).await?;
                    let stored = StoredOrder { order, step: Some(Step::Charge), ..stored };
                    return Box::pin(self.go_on(stored, deadline)).await;
                }
                Err(error) => ApiError::internal(error),
            },
            Err(error) if error.problem().is_none() && !self.is_overdue(order) => return Err(error.into()),
            Err(error) => error.into(),
        };
        match error.kind() {
            ProblemKind::OutOfStock | ProblemKind::UnknownSku => {
                let outcome = Outcome::Rejected(error.problem().clone());
                self.end(order, &outcome, error, context).await
            }
            _ => self.give_up(stored, error).await,
        }
    }

    /// Charges the card and ends the order one way or the other.
    pub(crate) async fn charge(
        &self,
        stored: StoredOrder,
        card: CardNumber,
        deadline: Deadline,
        patience: Patience,
    ) -> Result<Order, ApiError> {
        if self.is_overdue(&stored.order) {
            let why = "the order could not be completed in time";
            return self.give_up(stored, ApiError::new(ProblemKind::Unavailable, why).retry_after(1)).await;
        }
        let total = stored.order.total.unwrap_or(Money::eur(0));
        span::set(attribute::ORDER_TOTAL_AMOUNT_MINOR, total.amount_minor);
        span::set(attribute::ORDER_CURRENCY, total.currency.as_str().to_owned());
        let request = ChargeRequest {
            order_id: stored.order.id,
            amount: total,
            method: PaymentMethod::Card,
            card_number: card,
        };
        match persistently(deadline, || self.payment.charge(&request, deadline)).await {
            Ok(charge) => self.confirm(stored, charge).await,
            Err(error) => {
                let is_known = error.problem().is_some();
                let error = ApiError::from(error);
                if error.kind() == ProblemKind::CardDeclined {
                    let outcome = Outcome::Declined(error.problem().clone());
                    return self.end(&stored.order, &outcome, error, &stored.context).await;
                }
                // The order stays as it is; its lease runs out, and somebody asks again.
                if patience == Patience::Later && !is_known {
                    return Err(error);
                }
                self.give_up(stored, error).await
            }
        }
    }

    async fn confirm(&self, stored: StoredOrder, charge: Charge) -> Result<Order, ApiError> {
        let StoredOrder { order, context, .. } = stored;
        let payment = OrderPayment { transaction_id: charge.transaction_id, card_last4: charge.card_last4 };
        let outcome = Outcome::Confirmed(payment.clone());
        if !self.store.finish(order.id, &outcome, &context).await? {
            return self.answer_of(order.id).await;
        }
        self.outbox.wake();
        self.tell(&order, OrderStatus::Confirmed);
        Ok(Order { status: OrderStatus::Confirmed, payment: Some(payment), ..order })
    }

    async fn give_up(&self, stored: StoredOrder, error: ApiError) -> Result<Order, ApiError> {
        let outcome = Outcome::Failed(error.problem().clone());
        self.end(&stored.order, &outcome, error, &stored.context).await
    }

    /// Ends an order that came to nothing. The decision is on the disk before anything is undone: a process that
    /// dies between the two must not find the order open, and charge it.
    async fn end(
        &self,
        order: &Order,
        outcome: &Outcome,
        error: ApiError,
        context: &telemetry::propagation::StoredContext,
    ) -> Result<Order, ApiError> {
        if !self.store.finish(order.id, outcome, context).await? {
            return self.answer_of(order.id).await;
        }
        self.tell(order, outcome.status());
        // With a neighbour that does not answer, undoing would keep the client waiting: a worker does it.
        if outcome.step() == Some(Step::Undo) && error.is_passed_on() {
            self.undo(&Order { status: outcome.status(), ..order.clone() }).await;
        }
        Err(error.instance(path_of(order.id)))
    }

    /// Gives back what an order that came to nothing holds. What does not work now is tried again by a worker.
    pub(crate) async fn undo(&self, order: &Order) {
        let deadline = Deadline::after(UNDO_TIME);
        // A declined card was not charged. What one neighbour does not do is no reason not to ask the other.
        let refunded = match order.status {
            OrderStatus::Failed => self.payment.refund(order.id, deadline).await.map(is_money_back),
            _ => Ok(false),
        };
        let released = self.inventory.release(order.id, deadline).await;
        let undone = match refunded.and_then(|refunded| released.map(|()| refunded)) {
            Ok(refunded) => self.store.undone(order.id, refunded).await.map_err(ApiError::from),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = undone {
            tracing::warn!(%error, "an order that came to nothing is not undone yet");
        }
    }

    /// Refunds and cancels an order that is marked for it.
    pub(crate) async fn cancel(&self, stored: StoredOrder, deadline: Deadline) -> Result<Order, ApiError> {
        let StoredOrder { order, context, .. } = stored;
        self.payment.refund(order.id, deadline).await?;
        if self.store.cancelled(order.id, &context).await? {
            self.outbox.wake();
            self.metrics.cancelled();
            tracing::info!("order cancelled");
        }
        Ok(Order { status: OrderStatus::Cancelled, ..order })
    }

    /// Counts an outcome and says it, in the order's trace.
    pub(crate) fn tell(&self, order: &Order, status: OrderStatus) {
        let took = age(order);
        self.metrics.finished(status, took);
        tracing::info!(target: "order::place", duration_ms = took.as_secs_f64() * 1e3, "order {status}");
    }

    /// What an order that somebody else has ended has become.
    async fn answer_of(&self, id: OrderId) -> Result<Order, ApiError> {
        match self.store.load(id).await? {
            Some(stored) => answer(stored),
            None => Err(ApiError::internal("an order is gone")),
        }
    }

    fn is_overdue(&self, order: &Order) -> bool {
        age(order) > self.pending_limit
    }
}

/// Asks a neighbour again when no answer came, in the time that there is. Only for what is idempotent.
pub(crate) async fn persistently<T, F>(deadline: Deadline, ask: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if error.problem().is_none() && attempt < ATTEMPTS && deadline.remaining() > PAUSE => {
                // Half of it at random, so that those who lost a neighbour together don't come back together.
                tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.5..1.0)) * attempt).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// The first result of an order: what is answered to whoever asks for it again.
pub fn answer(stored: StoredOrder) -> Result<Order, ApiError> {
    let status = stored.first_status();
    let instance = path_of(stored.order.id);
    match (status, stored.problem) {
        (OrderStatus::Confirmed, _) => Ok(Order { status, ..stored.order }),
        (OrderStatus::Pending, _) => {
            let why = "the order is still being placed";
            Err(ApiError::new(ProblemKind::InProgress, why).retry_after(1).instance(instance))
        }
        (_, Some(problem)) => {
            let retry_after = (problem.status == 503).then_some(1);
            Err(ApiError::passed_on(problem, retry_after).instance(instance))
        }
        (_, None) => Err(ApiError::internal("an order came to nothing for a reason that was not kept")),
    }
}

fn is_money_back(refund: Refund) -> bool {
    refund.state == RefundState::Refunded
}

fn age(order: &Order) -> Duration {
    let micros = Timestamp::now().as_micros() - order.created_at.as_micros();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
