//! Charge a card for an order: once, whatever is asked how often.

use std::sync::Arc;

use api::payment::{Charge, ChargeRequest};
use api::problem::{FieldError, ProblemKind};
use prometheus_client::encoding::EncodeLabelSet;
use service_kit::error::ApiError;
use telemetry::Telemetry;
use telemetry::metrics::Counter;
use telemetry::names::{attribute, event, metric};
use telemetry::span;

use crate::domain::{Decline, State};
use crate::processor::{Answer, Processor};
use crate::store::{Opened, Store};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PaymentLabels {
    outcome: &'static str,
}

/// Charges cards. A cheap handle.
#[derive(Clone)]
pub(crate) struct Cashier {
    store: Store,
    processor: Arc<dyn Processor>,
    payments: Counter<PaymentLabels>,
}

impl Cashier {
    pub(crate) fn new(store: Store, processor: Arc<dyn Processor>, telemetry: &Telemetry) -> Self {
        let payments = telemetry.metrics().counter(metric::PAYMENTS, "Attempts to charge a card");
        Self { store, processor, payments }
    }

    /// Opens the charge, asks the processor, notes the answer. No transaction is open while the processor is asked.
    pub(crate) async fn charge(&self, request: ChargeRequest) -> Result<Charge, ApiError> {
        span::order(&request.order_id.to_string());
        span::set(attribute::PAYMENT_METHOD, request.method.as_str());
        if request.amount.amount_minor < 1 {
            let error = FieldError::new("/amount/amount_minor", "an amount to charge is at least 1");
            return Err(ApiError::invalid(vec![error]));
        }
        let (transaction, state) = match self.store.open(&request).await? {
            Opened::Charge { transaction, state } => (transaction, state),
            Opened::OtherCharge => {
                let detail = "this order has been charged another amount or another card before";
                return Err(ApiError::new(ProblemKind::Conflict, detail));
            }
        };
        let state = match state {
            State::Open => {
                match self.processor.charge(transaction, request.amount, &request.card_number).await {
                    Answer::Approved => self.close(&request, State::Approved).await?,
                    Answer::Declined(decline) => self.close(&request, State::Declined(decline)).await?,
                    Answer::ProcessingError => State::Open,
                }
            }
            ended => ended,
        };
        match state {
            State::Approved => {
                let transaction_id = transaction.to_string();
                span::event(event::PAYMENT_PROCESSED, &[("transaction_id", &transaction_id)]);
                tracing::info!(
                    transaction_id,
                    amount_minor = request.amount.amount_minor,
                    "payment processed"
                );
                let card_last4 = request.card_number.last4().to_owned();
                Ok(Charge { transaction_id: transaction, card_last4 })
            }
            State::Declined(decline) => Err(declined(decline)),
            State::Open => Err(self.processing_error()),
        }
    }

    /// Notes the processor's answer, counts it, and tells how the charge ended.
    async fn close(&self, request: &ChargeRequest, state: State) -> Result<State, ApiError> {
        self.payments.inc(&PaymentLabels { outcome: state.as_str() });
        Ok(self.store.close_charge(request.order_id, state).await?)
    }

    fn processing_error(&self) -> ApiError {
        const CODE: &str = "processing_error";
        self.payments.inc(&PaymentLabels { outcome: CODE });
        say_failed(CODE);
        ApiError::new(ProblemKind::Unavailable, "the card processor cannot answer now")
            .code(CODE)
            .retry_after(1)
    }
}

fn declined(decline: Decline) -> ApiError {
    say_failed(decline.code());
    ApiError::new(ProblemKind::CardDeclined, decline.detail()).code(decline.code())
}

fn say_failed(code: &'static str) {
    span::set(attribute::PAYMENT_ERROR_CODE, code);
    span::event(event::PAYMENT_FAILED, &[("error", code)]);
}
