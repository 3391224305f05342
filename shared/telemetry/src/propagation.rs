//! Context in and out: W3C Trace Context (<https://www.w3.org/TR/trace-context/>) and W3C Baggage
//! (<https://www.w3.org/TR/baggage/>), in HTTP headers, in messages and in database rows.

use crate::{ConfigError, Env, hex::push_hex, pipeline};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceId},
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use serde::{Deserialize, Serialize};
use std::sync::{LazyLock, OnceLock};
use tracing::Span;

static TRACE_CONTEXT: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);
static BAGGAGE: LazyLock<BaggagePropagator> = LazyLock::new(BaggagePropagator::new);
static ENABLED: OnceLock<Propagators> = OnceLock::new();

/// `OTEL_PROPAGATORS`: which formats are read and written. Both unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Propagators {
    trace_context: bool,
    baggage: bool,
}

impl Propagators {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const NAME: &str = "OTEL_PROPAGATORS";
        let Some(held) = env.get(NAME) else { return Ok(Self { trace_context: true, baggage: true }) };
        let mut chosen = Self { trace_context: false, baggage: false };
        for name in held.split(',').map(str::trim) {
            match name {
                "tracecontext" => chosen.trace_context = true,
                "baggage" => chosen.baggage = true,
                "none" => {}
                _ => {
                    return Err(ConfigError::new(
                        NAME,
                        held,
                        "tracecontext, baggage (comma separated) or none",
                    ));
                }
            }
        }
        Ok(chosen)
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
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        push_hex(&mut text, &self.trace_id.to_bytes());
        text.push('-');
        push_hex(&mut text, &self.span_id.to_bytes());
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
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
pub struct RemoteContext(Context);

impl RemoteContext {
    /// What the headers carry. Malformed headers count as none: they start a new trace and fail nothing.
    pub fn extract(headers: &HeaderMap) -> Self {
        Self(extract(&HeaderReader(headers)))
    }

    /// The context of the current span.
    pub(crate) fn current() -> Self {
        Self(pipeline::current_context())
    }

    /// No trace and no baggage: what adopts it is a root.
    pub(crate) fn none() -> Self {
        Self(Context::new())
    }

    /// The baggage alone: what adopts it is a root.
    pub(crate) fn without_span(&self) -> Self {
        let baggage = self.0.baggage().iter();
        let entries = baggage.map(|(key, (value, metadata))| {
            KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        });
        Self(Context::new().with_baggage(entries))
    }

    /// The span that `make` makes, as a child of this context. Whether its trace is kept is known before it is made.
    pub fn child(self, make: impl FnOnce() -> Span) -> Span {
        pipeline::child_of(self.0, make)
    }

    /// Links `span` to this context without becoming its child.
    pub fn link(&self, span: &Span) {
        pipeline::link(span, &self.0);
    }

    /// The baggage entry `key`.
    pub fn baggage(&self, key: &str) -> Option<String> {
        self.0.baggage().get(key).map(|value| value.as_str().to_owned())
    }
}

/// Writes the context of `span` into `headers`.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    inject_into(&pipeline::context_of(span), &mut HeaderWriter(headers));
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
        Self::of(&Span::current())
    }

    /// The context of `span`.
    pub fn of(span: &Span) -> Self {
        let mut stored = Self::default();
        inject_into(&pipeline::context_of(span), &mut stored);
        stored
    }

    /// As a parent or link for a new span.
    pub fn restore(&self) -> RemoteContext {
        RemoteContext(extract(self))
    }

    /// The trace's id as 32 hex digits, if there is one.
    pub fn trace_id(&self) -> Option<String> {
        let context = self.restore();
        Ids::of(context.0.span().span_context()).map(|ids| ids.trace_id.to_string())
    }
}

fn extract(carrier: &dyn Extractor) -> Context {
    let enabled = Propagators::current();
    // From an empty context: the current one may belong to somebody else's span.
    let mut context = Context::new();
    if enabled.trace_context {
        context = TRACE_CONTEXT.extract_with_context(&context, carrier);
    }
    if enabled.baggage {
        context = BAGGAGE.extract_with_context(&context, carrier);
    }
    context
}

fn inject_into(context: &Context, carrier: &mut dyn Injector) {
    let enabled = Propagators::current();
    if enabled.trace_context {
        TRACE_CONTEXT.inject_context(context, carrier);
    }
    if enabled.baggage {
        BAGGAGE.inject_context(context, carrier);
    }
}

struct HeaderReader<'a>(&'a HeaderMap);

impl Extractor for HeaderReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeaderWriter<'a>(&'a mut HeaderMap);

impl Injector for HeaderWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

impl Extractor for StoredContext {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.traceparent.as_str()),
            "tracestate" => self.tracestate.as_deref(),
            "baggage" => self.baggage.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate", "baggage"]
    }
}

impl Injector for StoredContext {
    fn set(&mut self, key: &str, value: String) {
        match key {
            "traceparent" => self.traceparent = value,
            "tracestate" => self.tracestate = Some(value).filter(|value| !value.is_empty()),
            "baggage" => self.baggage = Some(value).filter(|value| !value.is_empty()),
            _ => {}
        }
    }
}
