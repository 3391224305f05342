//! Take an order's charge back, whatever has become of it and even before it has come.

use api::ids::{OrderId, TransactionId};
use api::payment::{Refund, RefundState};
use service_kit::error::ApiError;
use telemetry::names::event;
use telemetry::span;

use crate::cashier::Cashier;
use crate::domain::State;

impl Cashier {
    /// After it no money is held for the order and none ever will be. Asking again changes nothing more.
    ///
    /// An open charge is closed here before the processor is told, so that no further request can charge; one that is
    /// at the processor just now finds it closed and takes its own charge back.
    pub async fn refund(&self, order: OrderId) -> Result<Refund, ApiError> {
        span::order(&order.to_string());
        let settled = self.store.void(order).await?;
        if settled.changed {
            self.count(State::Voided.as_str());
        }
        let state = match (settled.state, settled.transaction) {
            (State::Declined(_), _) => RefundState::Declined,
            (State::Refunded, _) => RefundState::Refunded,
            (State::Approved, Some(transaction)) => self.give_back(order, transaction).await?,
            // Nobody knows whether an earlier request got as far as telling the processor.
            (_, Some(transaction)) => {
                self.processor.cancel(transaction).await.map_err(|_| self.processing_error())?;
                RefundState::Voided
            }
            (_, None) => RefundState::Voided,
        };
        tracing::info!(refund_state = state.as_str(), "charge taken back");
        Ok(Refund { state })
    }

    async fn give_back(&self, order: OrderId, transaction: TransactionId) -> Result<RefundState, ApiError> {
        self.processor.cancel(transaction).await.map_err(|_| self.processing_error())?;
        if self.store.refunded(order).await? {
            self.count(State::Refunded.as_str());
        }
        span::event(event::PAYMENT_REFUNDED, &[(event::TRANSACTION_ID, &transaction.to_string())]);
        Ok(RefundState::Refunded)
    }
}
