//! Work that runs apart from the request it belongs to: in the same trace, or in one of its own with a link.

use crate::{
    http_server::record_baggage,
    names::attribute,
    propagation::{RemoteContext, StoredContext, current_ids},
};
use std::future::Future;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span, field::Empty};

/// Spawns `work` inside the current span: its spans become children, its log lines carry the same ids.
///
/// Use it for what must finish even when the caller goes away, such as a client that hangs up in the middle of
/// an order.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(work.in_current_span())
}

/// An INTERNAL span that goes on with the trace in `context`, such as a worker's with an order that was stored.
/// Linked to the current span when that belongs to another trace: from the order to the run that took it up.
pub fn continued(name: &'static str, context: &StoredContext) -> Span {
    let remote = context.restore();
    let span = remote.clone().child(|| internal(name));
    let elsewhere = current_ids().is_some_and(|ids| Some(ids.trace_id.to_string()) != context.trace_id());
    if elsewhere {
        RemoteContext::current().link(&span);
    }
    record_baggage(&span, &remote);
    span
}

/// An INTERNAL span that is the root of a new trace, linked to the current span: one order of many in a batch.
/// Baggage goes with it.
pub fn linked_root(name: &'static str) -> Span {
    let current = RemoteContext::current();
    let span = current.without_span().child(|| internal(name));
    current.link(&span);
    record_baggage(&span, &current);
    span
}

/// An INTERNAL span that is the root of a trace of its own, such as one run of a worker.
pub fn root(name: &'static str) -> Span {
    RemoteContext::none().child(|| internal(name))
}

fn internal(name: &'static str) -> Span {
    tracing::info_span!(
        target: "telemetry::task",
        parent: None,
        "task",
        otel.name = name,
        otel.kind = "internal",
        { attribute::ORDER_ID } = Empty,
        { attribute::CUSTOMER_REF } = Empty,
        { attribute::SESSION_ID } = Empty,
        { attribute::CUSTOMER_TIER } = Empty,
    )
}
