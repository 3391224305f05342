//! What code says about the span it runs in.
//!
//! Everything here does nothing outside a span, so business code can call it without asking.

use crate::{names::attribute, pipeline, redact::CustomerRef};
pub use opentelemetry::Value;
use tracing::Span;

/// Sets an attribute of the current span. Setting it again replaces it.
pub fn set(key: &'static str, value: impl Into<Value>) {
    pipeline::set(&Span::current(), key, value.into());
}

/// Adds an event, with the time of now, to the current span.
pub fn event(name: &'static str, attributes: &[(&'static str, &str)]) {
    pipeline::event(&Span::current(), name, attributes);
}

/// Marks the current span as failed. `error_type` names the kind of failure in a word or two and has few values;
/// `description` is for people.
pub fn fail(error_type: &str, description: &str) {
    fail_span(&Span::current(), error_type, description);
}

/// Marks `span` as failed, as [`fail`] does the current one.
pub fn fail_span(span: &Span, error_type: &str, description: &str) {
    pipeline::set(span, attribute::ERROR_TYPE, error_type.to_owned().into());
    pipeline::fail(span, description);
}

/// Ends the current span now. Otherwise it ends when nobody holds it any more, and a library's own thread may hold
/// it for longer than its work takes.
pub(crate) fn end() {
    pipeline::end(&Span::current());
}

/// Names the order that the current span is about: on the span, and on every log line inside it.
pub fn order(id: &str) {
    Span::current().record(attribute::ORDER_ID, id);
}

/// Names the customer that the current span is about: on the span, and on every log line inside it.
pub fn customer(reference: &CustomerRef) {
    Span::current().record(attribute::CUSTOMER_REF, reference.as_str());
}
