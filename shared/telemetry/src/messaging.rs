//! Spans for messages (OpenTelemetry semantic conventions for messaging).
//!
//! The receiving side over HTTP is an [`crate::http_server::Operation::consumer`].

use crate::{names::attribute, propagation::StoredContext};
use tracing::Span;

/// A PRODUCER span `<destination> publish` for one message that belongs to the trace in `parent`. `system` is the
/// transport, such as `http` or `nats`.
pub fn publish_span(
    system: &'static str,
    destination: &'static str,
    message_id: &str,
    parent: &StoredContext,
) -> Span {
    let span = tracing::info_span!(
        target: "telemetry::messaging",
        parent: None,
        "publish",
        otel.name = %format_args!("{destination} publish"),
        otel.kind = "producer",
        messaging.system = system,
        messaging.destination.name = destination,
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.message.id = message_id,
        { attribute::ORDER_ID } = tracing::field::Empty,
        { attribute::CUSTOMER_REF } = tracing::field::Empty,
        { attribute::SESSION_ID } = tracing::field::Empty,
        { attribute::CUSTOMER_TIER } = tracing::field::Empty,
    );
    let context = parent.restore();
    crate::http_server::record_baggage(&span, &context);
    context.adopt(&span);
    span
}
