//! `TELEMETRY_PIPELINE=direct`: from `tracing` to OTLP with nothing in between.
//!
//! Where the standard pipeline collects a span in structures, hands it to the SDK and encodes it in the end, this one
//! decides first whether the trace is kept, writes each attribute as protobuf where the standard one would copy it, and
//! sends the bytes as they are (docs/adr/0013). What it sends is the same.
//!
//! | file | for |
//! |---|---|
//! | `sampler` | the decision that comes first |
//! | `current` | which span is current on a thread |
//! | `fields`, `secrets` | attributes as they are visited, secrets taken out |
//! | `recording`, `proto` | one span as bytes |
//! | `buffers`, `export`, `otlp` | from the threads of the requests to the receiver |

mod buffers;
pub(crate) mod current;
mod export;
mod fields;
mod otlp;
mod proto;
mod recording;
mod sampler;
mod secrets;
#[cfg(test)]
mod tests;

pub(crate) use export::DirectExport;
pub(crate) use recording::SpanState;

use crate::{config::Sampler, propagation::Ids};
use fields::Fields;
use opentelemetry::{
    Context as Carrier,
    trace::{SpanContext, TraceContextExt, TraceFlags},
};
use recording::{Recording, now};
use std::sync::Arc;
use tracing::{
    Span,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

/// Keeps a [`SpanState`] for each span, and lets go of it when the span is over.
pub(crate) struct DirectLayer {
    sampler: Sampler,
    export: Arc<DirectExport>,
}

impl DirectLayer {
    pub(crate) fn new(sampler: Sampler, export: Arc<DirectExport>) -> Self {
        Self { sampler, export }
    }

    fn state(&self, parent: Option<&SpanContext>, carrier: Carrier, span: &Attributes<'_>) -> SpanState {
        let trace_id = parent.map_or_else(sampler::new_trace_id, SpanContext::trace_id);
        let is_kept = self.sampler.keeps(parent, trace_id);
        let flags = if is_kept { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let trace_state = parent.map(|parent| parent.trace_state().clone()).unwrap_or_default();
        let recording = is_kept.then(|| {
            let mut fields = Fields::new();
            span.record(&mut fields);
            let parent = parent.map(|parent| (parent.span_id(), parent.is_remote()));
            Recording::start(parent, fields.named(span.metadata().name()))
        });
        let context = SpanContext::new(trace_id, sampler::new_span_id(), flags, false, trace_state);
        SpanState { context, carrier, recording }
    }
}

impl<S: for<'span> LookupSpan<'span> + tracing::Subscriber> Layer<S> for DirectLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let (parent, carrier) = match current::take_adopted() {
            Some(adopted) => (Some(adopted.span().span_context().clone()), adopted),
            None => above(&span).unwrap_or_default(),
        };
        let parent = parent.filter(SpanContext::is_valid);
        // Not while the extensions are locked: formatting a value may log.
        let state = self.state(parent.as_ref(), carrier, attributes);
        span.extensions_mut().insert(state);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let is_recording = |state: &SpanState| state.recording.is_some();
        if !span.extensions().get().is_some_and(is_recording) {
            return;
        }
        let mut fields = Fields::new();
        values.record(&mut fields);
        let mut extensions = span.extensions_mut();
        if let Some(recording) = extensions.get_mut::<SpanState>().and_then(|state| state.recording.as_mut())
        {
            recording.add(fields.addition);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let (Some(span), Some(follows)) = (context.span(id), context.span(follows)) else { return };
        let Some(to) = follows.extensions().get::<SpanState>().map(|state| state.context.clone()) else {
            return;
        };
        let mut extensions = span.extensions_mut();
        if let Some(recording) = extensions.get_mut::<SpanState>().and_then(|state| state.recording.as_mut())
        {
            recording.link(&to);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let ids = span.extensions().get::<SpanState>().and_then(|state| Ids::of(&state.context));
        if let Some(ids) = ids {
            current::enter(id, ids);
        }
    }

    /// A span lasts until it is left for the last time; somebody may hold it for longer.
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !current::exit(id).is_some_and(|ids| ids.sampled) {
            return;
        }
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(recording) = extensions.get_mut::<SpanState>().and_then(|state| state.recording.as_mut())
        {
            recording.left = now();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(state) = extensions.get_mut::<SpanState>() else { return };
        if let Some(recording) = state.recording.take() {
            let end = if recording.left == 0 { now() } else { recording.left };
            self.export.take(recording, &state.context, end);
        }
    }
}

/// The context that the span gets from the one above it in this process.
fn above<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<(Option<SpanContext>, Carrier)> {
    let parent = span.parent()?;
    let extensions = parent.extensions();
    let state = extensions.get::<SpanState>()?;
    Some((Some(state.context.clone()), state.carrier.clone()))
}

/// Shows `f` what there is of `span`; `None` where this pipeline is not the one in use, or the span is not seen by it.
/// `f` must not log: the span is locked.
pub(crate) fn with_state<T>(span: &Span, f: impl FnOnce(&mut SpanState) -> T) -> Option<T> {
    let found = span.with_subscriber(|(id, subscriber)| {
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        let mut extensions = span.extensions_mut();
        extensions.get_mut::<SpanState>().map(f)
    });
    found.flatten()
}

/// Lets `f` add to what `span` records, if it records anything; false where this pipeline is not the one in use.
pub(crate) fn with_recording(span: &Span, f: impl FnOnce(&mut Recording)) -> bool {
    with_state(span, |state| state.recording.as_mut().map(f)).is_some()
}

/// Ends `span` now; false where this pipeline is not the one in use.
pub(crate) fn end(span: &Span) -> bool {
    let ended = span.with_subscriber(|(id, subscriber)| {
        let layer = subscriber.downcast_ref::<DirectLayer>()?;
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        if let Some(recording) = state.recording.take() {
            layer.export.take(recording, &state.context, now());
        }
        Some(())
    });
    ended.flatten().is_some()
}
