//! The seam between the two ways a span can take, `standard` and `direct` (`TELEMETRY_PIPELINE`). Nothing outside this
//! file asks which one is in use.

use crate::{
    config::{Config, Pipeline},
    direct::{self, Any, DirectExport, current},
    propagation::{Carried, Ids, RemoteContext},
    trace::{Destination, SpanCounts, SpanExport},
};
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanContext, Status, TraceContextExt},
};
use std::{borrow::Cow, sync::Arc, time::Duration};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The way out of the process for finished spans.
#[derive(Clone)]
pub(crate) enum Export {
    Standard(Arc<SpanExport>),
    Direct(Arc<DirectExport>),
}

impl Export {
    pub(crate) fn new(config: &Config) -> Self {
        match config.pipeline {
            Pipeline::Standard => Self::Standard(SpanExport::new(&config.traces)),
            Pipeline::Direct => Self::Direct(DirectExport::new(&config.traces)),
        }
    }

    /// Starts to export. Needs the telemetry runtime to be entered. The error is one line for whoever started the process.
    pub(crate) fn start(&self, config: &Config) -> Result<(), String> {
        match self {
            Self::Standard(export) => {
                tokio::spawn(export.clone().run(Destination::all(config)?));
                Ok(())
            }
            Self::Direct(export) => export.start(config),
        }
    }

    pub(crate) fn counts(&self) -> &SpanCounts {
        match self {
            Self::Standard(export) => &export.counts,
            Self::Direct(export) => &export.counts,
        }
    }

    /// Waits until everything that ended before is settled, at most `limit`.
    pub(crate) async fn flush(&self, limit: Duration) {
        match self {
            Self::Standard(export) => export.flush(limit).await,
            Self::Direct(export) => export.flush(limit).await,
        }
    }

    /// Gives up what is not settled, and counts it as failed.
    pub(crate) fn abandon(&self) {
        match self {
            Self::Standard(export) => export.abandon(),
            Self::Direct(export) => export.abandon(),
        }
    }

    /// Spans that wait.
    pub(crate) fn waiting(&self) -> usize {
        match self {
            Self::Standard(export) => export.waiting(),
            Self::Direct(export) => export.waiting(),
        }
    }

    /// How many may.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Standard(export) => export.capacity(),
            Self::Direct(export) => export.capacity(),
        }
    }
}

/// The ids of the span that is current on this thread.
pub(crate) fn current_ids() -> Option<Ids> {
    current::ids().or_else(|| Context::map_current(|context| Ids::of(context.span().span_context())))
}

/// The span that is current on this thread.
pub(crate) fn current_span() -> Span {
    current::ours()
}

/// The ids of `span`.
pub(crate) fn ids_of(span: &Span) -> Option<Ids> {
    direct::ids_of(span).or_else(|| Ids::of(span.context().span().span_context()))
}

/// What children of `span`, or of the current one, get elsewhere.
pub(crate) fn context_of(span: Option<&Span>) -> RemoteContext {
    direct::context_of(span).unwrap_or_else(|| {
        let context = or_current(span).context();
        let carried = context.get::<Carried>().cloned().unwrap_or_default();
        RemoteContext { ids: Ids::of(context.span().span_context()), is_remote: false, carried }
    })
}

/// The span that `make` makes, as a child of `parent`.
pub(crate) fn child_of(parent: RemoteContext, make: impl FnOnce() -> Span) -> Span {
    current::adopt(parent);
    let span = make();
    // The direct pipeline takes the parent when the span is made; the standard one wants it afterwards.
    if let Some(parent) = current::take_adopted() {
        // From an empty context: the current one may belong to somebody else's span.
        let mut context = Context::new();
        if parent.ids.is_some() {
            context = context.with_remote_span_context(parent.span_context());
        }
        if !parent.carried.is_empty() {
            context = context.with_value(parent.carried);
        }
        // The errors (no layer, disabled span) mean that there is no trace to be part of.
        let _ = span.set_parent(context);
    }
    span
}

/// Links `span` to the span that is `to`, if there is one.
pub(crate) fn link(span: &Span, to: &SpanContext) {
    if to.is_valid() && !direct::with_recording(Some(span), |recording| recording.link(to)) {
        span.add_link(to.clone());
    }
}

/// Gives the current span's field `key` its value, where the span was made with a field of that name.
pub(crate) fn note<'a>(key: &'static str, value: impl tracing::Value + Into<Any<'a>> + Copy) {
    if !direct::note(key, &value.into()) {
        Span::current().record(key, value);
    }
}

/// Sets an attribute of `span`, or of the current one.
pub(crate) fn set(span: Option<&Span>, key: &'static str, value: Value) {
    if !direct::with_recording(span, |recording| recording.set(key, &Any::of(&value))) {
        or_current(span).set_attribute(key, value);
    }
}

/// Adds an event to the current span.
pub(crate) fn event(name: &'static str, attributes: &[(&'static str, &str)]) {
    if !direct::with_recording(None, |recording| recording.event(name, attributes)) {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned()));
        Span::current().add_event(name, attributes.collect());
    }
}

/// Sets the status of `span`, or of the current one, to error.
pub(crate) fn fail(span: Option<&Span>, description: &str) {
    if !direct::with_recording(span, |recording| recording.fail(description)) {
        or_current(span).set_status(Status::error(description.to_owned()));
    }
}

/// Ends the current span now.
pub(crate) fn end() {
    if !direct::end() {
        Span::current().context().span().end();
    }
}

fn or_current(span: Option<&Span>) -> Cow<'_, Span> {
    span.map_or_else(|| Cow::Owned(current_span()), Cow::Borrowed)
}
