//! What both use cases, charging and taking back, work with.

use std::sync::Arc;

use api::problem::ProblemKind;
use prometheus_client::encoding::EncodeLabelSet;
use service_kit::error::ApiError;
use telemetry::Telemetry;
use telemetry::metrics::Counter;
use telemetry::names::{attribute, event, metric};
use telemetry::span;

use crate::domain::State;
use crate::processor::Processor;
use crate::store::Store;

/// The processor did not answer.
const PROCESSING_ERROR: &str = "processing_error";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PaymentLabels {
    outcome: &'static str,
}

/// Charges cards and takes charges back. A cheap handle.
#[derive(Clone)]
pub struct Cashier {
    pub(crate) store: Store,
    pub(crate) processor: Arc<dyn Processor>,
    payments: Counter<PaymentLabels>,
}

impl Cashier {
    /// With its database and its processor.
    pub fn new(store: Store, processor: Arc<dyn Processor>, telemetry: &Telemetry) -> Self {
        let ends = State::ALL.into_iter().filter(|state| *state != State::Open).map(State::as_str);
        let outcomes = ends.chain([PROCESSING_ERROR]).map(|outcome| PaymentLabels { outcome });
        Self { store, processor, payments: telemetry.metrics().counter(metric::PAYMENTS).from_zero(outcomes) }
    }

    /// Counts how a charge ended, or a try at it.
    pub(crate) fn count(&self, outcome: &'static str) {
        let fine = [State::Approved, State::Refunded, State::Voided].map(State::as_str);
        self.payments.inc_ended(&PaymentLabels { outcome }, !fine.contains(&outcome));
    }

    /// The processor has not answered; the same request again may do better.
    pub(crate) fn processing_error(&self) -> ApiError {
        self.count(PROCESSING_ERROR);
        say_failed(PROCESSING_ERROR);
        ApiError::new(ProblemKind::Unavailable, "the card processor cannot answer now")
            .code(PROCESSING_ERROR)
            .retry_after(1)
    }
}

/// Says on the span why no money moved.
pub(crate) fn say_failed(code: &'static str) {
    span::set(attribute::PAYMENT_ERROR_CODE, code);
    span::event(event::PAYMENT_FAILED, &[(event::ERROR, code)]);
}
