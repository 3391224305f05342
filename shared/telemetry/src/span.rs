//! What code says about the span it runs in.
//!
//! Everything here does nothing outside a span, so business code can call it without asking.

use crate::{names::attribute, pipeline, redact::CustomerRef};
use http::StatusCode;
pub use opentelemetry::Value;
use tracing::Span;

/// Sets an attribute of the current span. Setting it again replaces it.
pub fn set(key: &'static str, value: impl Into<Value>) {
    pipeline::set(None, key, value.into());
}

/// Adds an event, with the time of now, to the current span.
pub fn event(name: &'static str, attributes: &[(&'static str, &str)]) {
    pipeline::event(name, attributes);
}

/// Marks the current span as failed. `error_type` names the kind of failure in a word or two and has few values;
/// `description` is for people.
pub fn fail(error_type: &str, description: &str) {
    fail_any(None, error_type, description);
}

/// Marks `span` as failed, as [`fail`] does the current one.
pub fn fail_span(span: &Span, error_type: &str, description: &str) {
    fail_any(Some(span), error_type, description);
}

fn fail_any(span: Option<&Span>, error_type: &str, description: &str) {
    pipeline::set(span, attribute::ERROR_TYPE, error_type.to_owned().into());
    pipeline::fail(span, description);
}

/// Ends the current span now. Otherwise it ends when nobody holds it any more, and a library's own thread may hold
/// it for longer than its work takes.
pub(crate) fn end() {
    pipeline::end();
}

/// Names the order that the current span is about: on the span, and on every log line inside it.
pub fn order(id: &str) {
    pipeline::note(attribute::ORDER_ID, id);
}

/// Names the customer that the current span is about: on the span, and on every log line inside it.
pub fn customer(reference: &CustomerRef) {
    pipeline::note(attribute::CUSTOMER_REF, reference.as_str());
}

/// Says how the HTTP exchange of the current span was answered.
pub(crate) fn http_status(status: StatusCode) {
    pipeline::note(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
}
