//! Work that runs apart from the request it belongs to: in the same trace, or in one of its own with a link.

use crate::{
    http_server::Known,
    in_span::InSpan,
    names::attribute,
    pipeline,
    propagation::{Ids, RemoteContext, StoredContext, current_ids},
};
use std::future::Future;
use tokio::task::JoinHandle;
use tracing::{Span, field::Empty};

/// Spawns `work` inside the current span: its spans become children, its log lines carry the same ids.
///
/// Use it for what must finish even when the caller goes away, such as a client that hangs up in the middle of
/// an order.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(InSpan::new(pipeline::current_span(), work))
}

/// An INTERNAL span that goes on with the trace in `context`, such as a worker's with an order that was stored.
/// Linked to the current span when that belongs to another trace: from the order to the run that took it up.
pub fn continued(name: &'static str, context: &StoredContext) -> Span {
    let remote = context.restore();
    let span = remote.child(|| internal(name, &Known::of(&remote)));
    let trace = |ids: Ids| ids.trace_id;
    let elsewhere = current_ids().is_some_and(|ids| Some(trace(ids)) != remote.ids.map(trace));
    if elsewhere {
        RemoteContext::current().link(&span);
    }
    span
}

/// An INTERNAL span that is the root of a new trace, linked to the current span: one order of many in a batch.
/// Baggage goes with it.
pub fn linked_root(name: &'static str) -> Span {
    let current = RemoteContext::current();
    let span = current.without_span().child(|| internal(name, &Known::of(&current)));
    current.link(&span);
    span
}

/// An INTERNAL span that is the root of a trace of its own, such as one run of a worker.
pub fn root(name: &'static str) -> Span {
    let none = RemoteContext::none();
    none.child(|| internal(name, &Known::of(&none)))
}

fn internal(name: &'static str, known: &Known<'_>) -> Span {
    tracing::info_span!(
        target: "telemetry::task",
        parent: None,
        "task",
        otel.name = name,
        otel.kind = "internal",
        { attribute::ORDER_ID } = Empty,
        { attribute::CUSTOMER_REF } = Empty,
        { attribute::SESSION_ID } = known.session_id.as_deref(),
        { attribute::CUSTOMER_TIER } = known.customer_tier.as_deref(),
    )
}
