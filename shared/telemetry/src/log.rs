//! Log lines from `tracing` events: one JSON object a line, with the ids of the trace and the business object of
//! the enclosing spans, written by hand because a general formatter parses the span's fields again at every line.

mod context;
mod file;
mod gate;
mod json;
mod limit;
mod line;
mod ship;
mod sink;

pub(crate) use context::{Around, LogContext};
pub(crate) use gate::Gate;
pub(crate) use line::Writer;
pub(crate) use sink::{LineSink, Outlet, Sink, SinkCounts, idle};

use crate::{
    propagation::{Ids, current_ids},
    trace::is_transport,
};
use opentelemetry::trace::TraceContextExt;
use std::sync::Arc;
use tracing::{
    Event, Level, Metadata, Subscriber,
    dispatcher::get_default,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, filter_fn},
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

/// The layer that keeps the business context of spans and turns events into lines for `sink`.
pub(crate) fn layer(writer: Writer, sink: Arc<dyn LineSink>) -> LogLayer {
    LogLayer { writer, sink, gate: None }
}

/// What there is to see for that layer: see [`is_wanted`].
pub(crate) fn wanted(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata| is_wanted(metadata, level))
}

/// Our spans, and events from `level` on.
pub(crate) fn is_wanted(metadata: &Metadata<'_>, level: LevelFilter) -> bool {
    if metadata.is_span() {
        return !is_transport(metadata);
    }
    *metadata.level() <= level && (!is_transport(metadata) || *metadata.level() <= Level::WARN)
}

/// See [`layer`].
pub(crate) struct LogLayer {
    writer: Writer,
    sink: Arc<dyn LineSink>,
    gate: Option<Arc<Gate>>,
}

impl LogLayer {
    /// Only what passes `gate` is written.
    pub(crate) fn behind(self, gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Writes the line of an event, unless it is left out. `around` is asked for only then. Both pipelines come by here.
    pub(crate) fn write(&self, event: &Event<'_>, around: impl FnOnce() -> Around) {
        if self.gate.as_ref().is_none_or(|gate| gate.passes(event.metadata())) {
            self.sink.write(self.writer.line(event, &around()));
        }
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // A child starts with what its parent knew: the business object is named once, at the top.
        let mut known = span.parent().and_then(|parent| context_of(&parent)).unwrap_or_default();
        attributes.record(&mut known);
        if !known.is_empty() {
            span.extensions_mut().insert(known);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        // In place: what is visited is only copied, so nothing of the caller runs under this lock.
        if let Some(known) = extensions.get_mut::<LogContext>() {
            return values.record(known);
        }
        let mut known = LogContext::default();
        values.record(&mut known);
        if !known.is_empty() {
            extensions.insert(known);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.write(event, || {
            let span = context.event_span(event);
            let ids = if event.is_contextual() { current_ids() } else { event.parent().and_then(ids_of_id) };
            Around { ids, known: span.and_then(|span| context_of(&span)).unwrap_or_default() }
        });
    }
}

fn ids_of_id(id: &Id) -> Option<Ids> {
    let context = get_default(|dispatch| get_otel_context(id, dispatch))?;
    Ids::of(context.span().span_context())
}

fn context_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<LogContext> {
    span.extensions().get::<LogContext>().cloned()
}
