//! Context in and out: W3C Trace Context (<https://www.w3.org/TR/trace-context/>) and W3C Baggage
//! (<https://www.w3.org/TR/baggage/>), in HTTP headers, in messages and in database rows.

mod baggage;
mod clean;
#[cfg(test)]
mod tests;
mod traceparent;
mod tracestate;

use crate::{ConfigError, Env, config::variables::OTEL_PROPAGATORS, env::parse::list, pipeline};
use baggage::Baggage;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};
use tracing::Span;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

static ENABLED: OnceLock<Propagators> = OnceLock::new();

/// `OTEL_PROPAGATORS`: which formats are read and written. Both unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Propagators {
    trace_context: bool,
    baggage: bool,
}

impl Propagators {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.read(&OTEL_PROPAGATORS, |held| {
            let chosen = list(held, |name| {
                matches!(name, "tracecontext" | "baggage" | "none").then(|| name.to_owned())
            })?;
            let has = |name: &str| chosen.iter().any(|chosen| chosen == name);
            Some(Self { trace_context: has("tracecontext"), baggage: has("baggage") })
        })
    }

    /// For the whole process, once: the first call counts.
    pub(crate) fn install(self) {
        let _ = ENABLED.set(self);
    }

    fn current() -> Self {
        *ENABLED.get_or_init(|| Self { trace_context: true, baggage: true })
    }
}

/// The ids of the span that is current on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// 16 bytes; prints as 32 lower-case hex digits.
    pub trace_id: TraceId,
    /// 8 bytes; prints as 16 lower-case hex digits.
    pub span_id: SpanId,
    /// Whether the trace is kept.
    pub sampled: bool,
}

impl Ids {
    pub(crate) fn of(span: &SpanContext) -> Option<Self> {
        let (trace_id, span_id, sampled) = (span.trace_id(), span.span_id(), span.is_sampled());
        span.is_valid().then_some(Self { trace_id, span_id, sampled })
    }

    /// The value of a `traceparent` header, version 00.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(traceparent::LENGTH);
        self.write_traceparent(&mut text);
        text
    }

    /// Appends what [`Ids::traceparent`] returns.
    pub(crate) fn write_traceparent(&self, text: &mut String) {
        traceparent::write(self, text);
    }
}

/// The ids of the current span; `None` outside any.
pub fn current_ids() -> Option<Ids> {
    pipeline::current_ids()
}

/// The ids of `span`, which are fixed by asking.
pub fn ids_of(span: &Span) -> Option<Ids> {
    pipeline::ids_of(span)
}

/// Context that came from outside: a request's headers, a message, a row.
#[derive(Clone, Debug)]
pub struct RemoteContext {
    /// Of the span that it comes from; `None` when there was none.
    pub(crate) ids: Option<Ids>,
    /// Whether that span is in another process.
    pub(crate) is_remote: bool,
    pub(crate) carried: Carried,
}

/// What goes with a trace from process to process as it came. Cheap to clone: every span has it from its parent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carried(Option<Arc<(TraceState, Baggage)>>);

impl Carried {
    fn new(state: TraceState, baggage: Baggage) -> Self {
        let is_empty = state == TraceState::NONE && baggage.header().is_none();
        Self((!is_empty).then(|| Arc::new((state, baggage))))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Other vendors' state.
    pub(crate) fn state(&self) -> &TraceState {
        self.0.as_ref().map_or(&TraceState::NONE, |carried| &carried.0)
    }

    fn baggage(&self) -> &Baggage {
        self.0.as_ref().map_or(&Baggage::NONE, |carried| &carried.1)
    }
}

impl RemoteContext {
    /// What the headers carry. Malformed headers count as none: they start a new trace and fail nothing.
    pub fn extract(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all(&TRACEPARENT).iter();
        // Of two nobody knows which one is right.
        let parent = parents.next().filter(|_| parents.next().is_none());
        Self::read(
            parent.map(HeaderValue::as_bytes),
            headers.get_all(&TRACESTATE).iter().map(HeaderValue::as_bytes),
            headers.get_all(&BAGGAGE).iter(),
        )
    }

    fn read<'a>(
        parent: Option<&[u8]>,
        states: impl Iterator<Item = &'a [u8]>,
        baggage: impl Iterator<Item = &'a HeaderValue>,
    ) -> Self {
        let enabled = Propagators::current();
        let ids = parent.filter(|_| enabled.trace_context).and_then(traceparent::read);
        // Without a parent there is nothing that it could belong to.
        let state = if ids.is_some() { tracestate::read(states) } else { TraceState::NONE };
        let baggage = if enabled.baggage { Baggage::read(baggage) } else { Baggage::NONE };
        Self { ids, is_remote: true, carried: Carried::new(state, baggage) }
    }

    /// The context of the current span.
    pub(crate) fn current() -> Self {
        pipeline::context_of(None)
    }

    /// No trace and no baggage: what adopts it is a root.
    pub(crate) fn none() -> Self {
        Self { ids: None, is_remote: false, carried: Carried::default() }
    }

    /// The baggage alone: what adopts it is a root.
    pub(crate) fn without_span(&self) -> Self {
        let carried = Carried::new(TraceState::NONE, self.carried.baggage().clone());
        Self { ids: None, is_remote: false, carried }
    }

    /// The span that `make` makes, as a child of this context. Whether its trace is kept is known before it is made.
    pub fn child(&self, make: impl FnOnce() -> Span) -> Span {
        pipeline::child_of(self.clone(), make)
    }

    /// Links `span` to this context without becoming its child.
    pub fn link(&self, span: &Span) {
        pipeline::link(span, &self.span_context());
    }

    /// The baggage entries `keys`.
    pub fn baggage<const N: usize>(&self, keys: [&str; N]) -> [Option<Cow<'_, str>>; N] {
        self.carried.baggage().values(keys)
    }

    /// As the standard pipeline has it; not a valid one without ids.
    pub(crate) fn span_context(&self) -> SpanContext {
        let Some(Ids { trace_id, span_id, sampled }) = self.ids else { return SpanContext::NONE };
        let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        SpanContext::new(trace_id, span_id, flags, self.is_remote, self.carried.state().clone())
    }

    /// As headers; without those that are turned off, or have nothing to say.
    fn headers(&self) -> (Option<String>, Option<String>, Option<&HeaderValue>) {
        let enabled = Propagators::current();
        let ids = self.ids.filter(|_| enabled.trace_context);
        let state = self.carried.state();
        (
            ids.map(|ids| ids.traceparent()),
            (ids.is_some() && *state != TraceState::NONE).then(|| state.header()),
            self.carried.baggage().header().filter(|_| enabled.baggage),
        )
    }
}

/// Writes the context of `span` into `headers`.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    let context = pipeline::context_of(Some(span));
    let (parent, state, baggage) = context.headers();
    let value = |text: Option<String>| HeaderValue::try_from(text?).ok();
    for (name, value) in
        [(&TRACEPARENT, value(parent)), (&TRACESTATE, value(state)), (&BAGGAGE, baggage.cloned())]
    {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// Context in the form of its headers: what an outbox row, a saga row or a message carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredContext {
    /// `00-<trace id>-<span id>-<flags>`; empty when there was no trace.
    #[serde(default)]
    pub traceparent: String,
    /// Other vendors' state, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// `key=value` pairs, percent-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baggage: Option<String>,
}

impl StoredContext {
    /// The context of the current span.
    pub fn current() -> Self {
        Self::from(&RemoteContext::current())
    }

    /// The context of `span`.
    pub fn of(span: &Span) -> Self {
        Self::from(&pipeline::context_of(Some(span)))
    }

    fn from(context: &RemoteContext) -> Self {
        let (traceparent, tracestate, baggage) = context.headers();
        let baggage = baggage.and_then(|header| header.to_str().ok()).map(str::to_owned);
        Self { traceparent: traceparent.unwrap_or_default(), tracestate, baggage }
    }

    /// As a parent or link for a new span.
    pub fn restore(&self) -> RemoteContext {
        let baggage = self.baggage.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
        let state = self.tracestate.iter().map(String::as_bytes);
        RemoteContext::read(Some(self.traceparent.as_bytes()), state, baggage.iter())
    }

    /// The trace's id as 32 hex digits, if there is one.
    pub fn trace_id(&self) -> Option<String> {
        self.restore().ids.map(|ids| ids.trace_id.to_string())
    }
}
