//! Charge a card for an order: once, whatever is asked how often.

use api::ids::TransactionId;
use api::payment::{Charge, ChargeRequest};
use api::problem::{FieldError, ProblemKind};
use service_kit::error::ApiError;
use telemetry::names::{attribute, event};
use telemetry::span;

use crate::cashier::{Cashier, say_failed};
use crate::domain::{Decline, Opened, State};
use crate::processor::Answer;

impl Cashier {
    /// Opens the charge, asks the processor, notes the answer. No transaction is open while the processor is asked.
    pub async fn charge(&self, request: ChargeRequest) -> Result<Charge, ApiError> {
        span::order(&request.order_id.to_string());
        span::set(attribute::PAYMENT_METHOD, request.method.as_str());
        if request.amount.amount_minor < 1 {
            let error = FieldError::new("/amount/amount_minor", "an amount to charge is at least 1");
            return Err(ApiError::invalid(vec![error]));
        }
        let (transaction, state) = match self.store.open_charge(&request).await? {
            Opened::Charge { transaction, state } => (transaction, state),
            Opened::OtherCharge => {
                let detail = "this order has been charged another amount or another card before";
                return Err(ApiError::new(ProblemKind::Conflict, detail));
            }
            Opened::TakenBack => return Err(taken_back()),
        };
        let state = if state == State::Open { self.ask(transaction, &request).await? } else { state };
        match state {
            State::Approved => Ok(approved(transaction, &request)),
            State::Declined(decline) => Err(declined(decline)),
            State::Refunded | State::Voided => Err(taken_back()),
            State::Open => Err(self.processing_error()),
        }
    }

    /// Asks the processor and notes what it says, unless the charge has ended meanwhile.
    async fn ask(&self, transaction: TransactionId, request: &ChargeRequest) -> Result<State, ApiError> {
        let answer = self.processor.charge(transaction, request.amount, &request.card_number).await;
        let answered = match answer {
            Answer::Approved => State::Approved,
            Answer::Declined(decline) => State::Declined(decline),
            Answer::ProcessingError => return Ok(State::Open),
        };
        let settled = self.store.close_charge(request.order_id, answered).await?;
        if settled.changed {
            self.count(settled.state.as_str());
        } else if matches!(settled.state, State::Refunded | State::Voided) {
            // The processor may have heard of the charge after it heard that it is taken back.
            self.processor.cancel(transaction).await.map_err(|_| self.processing_error())?;
        }
        Ok(settled.state)
    }
}

fn approved(transaction: TransactionId, request: &ChargeRequest) -> Charge {
    let transaction_id = transaction.to_string();
    span::event(event::PAYMENT_PROCESSED, &[(event::TRANSACTION_ID, &transaction_id)]);
    tracing::info!(transaction_id, amount_minor = request.amount.amount_minor, "payment processed");
    Charge { transaction_id: transaction, card_last4: request.card_number.last4().to_owned() }
}

fn declined(decline: Decline) -> ApiError {
    say_failed(decline.code());
    ApiError::new(ProblemKind::CardDeclined, decline.detail()).code(decline.code())
}

fn taken_back() -> ApiError {
    ApiError::new(ProblemKind::Conflict, "this order's charge has been taken back")
}
