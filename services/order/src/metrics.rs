//! What is counted about orders.

use api::order::OrderStatus;
use prometheus_client::encoding::EncodeLabelSet;
use std::time::Duration;
use telemetry::{
    metrics::{Counter, Histogram, Metrics},
    names::metric,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

pub(crate) struct OrderMetrics {
    orders: Counter<Status>,
    duration: Histogram<Status>,
}

impl OrderMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let ends = [
            OrderStatus::Confirmed,
            OrderStatus::Rejected,
            OrderStatus::Declined,
            OrderStatus::Cancelled,
            OrderStatus::Failed,
        ];
        Self {
            orders: metrics
                .counter(metric::ORDERS)
                .from_zero(ends.map(|end| Status { status: end.as_str() })),
            duration: metrics.histogram(metric::ORDER_PROCESSING_DURATION),
        }
    }

    /// A confirmed order was taken back. Not a duration: it was processed long ago.
    pub(crate) fn cancelled(&self) {
        self.orders.inc(&Status { status: OrderStatus::Cancelled.as_str() });
    }

    /// Inside the order's span, which becomes the exemplar.
    pub(crate) fn finished(&self, status: OrderStatus, took: Duration) {
        let labels = Status { status: status.as_str() };
        // An order that comes to nothing marks its trace (docs/adr/0005).
        let failed = status != OrderStatus::Confirmed;
        self.orders.inc_ended(&labels, failed);
        self.duration.observe_ended(&labels, took, failed);
    }
}
