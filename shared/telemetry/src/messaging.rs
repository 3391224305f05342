//! Spans for messages (OpenTelemetry semantic conventions for messaging).
//!
//! The receiving side over HTTP is an [`crate::http_server::Operation::consumer`].

use crate::{Telemetry, http_server::Known, names::attribute, propagation::StoredContext};
use tracing::{Span, field::Empty};

/// A PRODUCER span `<destination> publish` for one message that belongs to the trace in `parent`. `system` is the
/// transport, such as `http` or `nats`.
pub fn publish_span(
    system: &'static str,
    destination: &'static str,
    message_id: &str,
    parent: &StoredContext,
) -> Span {
    let context = parent.restore();
    let known = Known::of(&context);
    let publish = || {
        tracing::info_span!(
            target: "telemetry::messaging",
            parent: None,
            "publish",
            otel.name = %format_args!("{destination} publish"),
            otel.kind = "producer",
            { attribute::MESSAGING_SYSTEM } = system,
            { attribute::MESSAGING_DESTINATION_NAME } = destination,
            { attribute::MESSAGING_OPERATION_NAME } = "publish",
            { attribute::MESSAGING_OPERATION_TYPE } = "send",
            { attribute::MESSAGING_MESSAGE_ID } = message_id,
            { attribute::ORDER_ID } = Empty,
            { attribute::CUSTOMER_REF } = Empty,
            { attribute::SESSION_ID } = known.session_id.as_deref(),
            { attribute::CUSTOMER_TIER } = known.customer_tier.as_deref(),
        )
    };
    context.child(publish)
}

/// A CONSUMER span `<destination> process` for one message whose trace is in `parent`, where it does not come as an
/// HTTP request.
pub fn process_span(
    telemetry: &Telemetry,
    system: &'static str,
    destination: &'static str,
    message_id: &str,
    parent: &StoredContext,
) -> Span {
    let context = parent.restore();
    let known = Known::of(&context);
    let process = || {
        tracing::info_span!(
            target: "telemetry::messaging",
            parent: None,
            "process",
            otel.name = %format_args!("{destination} process"),
            otel.kind = "consumer",
            { attribute::MESSAGING_SYSTEM } = system,
            { attribute::MESSAGING_DESTINATION_NAME } = destination,
            { attribute::MESSAGING_OPERATION_NAME } = "process",
            { attribute::MESSAGING_OPERATION_TYPE } = "process",
            { attribute::MESSAGING_MESSAGE_ID } = message_id,
            { attribute::LOG_INDEX } = %format_args!("logs-waybill.{}-default", telemetry.service()),
            { attribute::ORDER_ID } = Empty,
            { attribute::CUSTOMER_REF } = Empty,
            { attribute::SESSION_ID } = known.session_id.as_deref(),
            { attribute::CUSTOMER_TIER } = known.customer_tier.as_deref(),
        )
    };
    context.child(process)
}
