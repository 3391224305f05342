//! Context in and out: W3C Trace Context (<https://www.w3.org/TR/trace-context/>) and W3C Baggage
//! (<https://www.w3.org/TR/baggage/>), in HTTP headers, in messages and in database rows.

use crate::{ConfigError, Env};
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
use tracing_opentelemetry::OpenTelemetrySpanExt;

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
    fn of(span: &SpanContext) -> Option<Self> {
        let (trace_id, span_id, sampled) = (span.trace_id(), span.span_id(), span.is_sampled());
        span.is_valid().then_some(Self { trace_id, span_id, sampled })
    }

    /// The value of a `traceparent` header, version 00.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The ids of the current span; `None` outside any.
pub fn current_ids() -> Option<Ids> {
    Context::map_current(|context| Ids::of(context.span().span_context()))
}

/// The ids of `span`, which are fixed by asking.
pub fn ids_of(span: &Span) -> Option<Ids> {
    Ids::of(span.context().span().span_context())
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
        Self(Context::current())
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

    /// Makes `span` a child of this context. Must come before the span is first entered.
    pub fn adopt(self, span: &Span) {
        // The errors (no layer, disabled span) mean that there is no trace to be part of.
        let _ = span.set_parent(self.0);
    }

    /// Links `span` to this context without becoming its child.
    pub fn link(&self, span: &Span) {
        span.add_link(self.0.span().span_context().clone());
    }

    /// The baggage entry `key`.
    pub fn baggage(&self, key: &str) -> Option<String> {
        self.0.baggage().get(key).map(|value| value.as_str().to_owned())
    }
}

/// Writes the context of `span` into `headers`.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    inject_into(&span.context(), &mut HeaderWriter(headers));
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
        inject_into(&span.context(), &mut stored);
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
