//! `TELEMETRY_PIPELINE=direct`: from `tracing` to OTLP with nothing in between.
//!
//! Where the standard pipeline collects a span in structures, hands it to the SDK and encodes it in the end, this one
//! decides first whether the trace is kept, writes each attribute as protobuf where the standard one would copy it, and
//! sends the bytes as they are (docs/adr/0013). What it sends is the same.
//!
//! | file | for |
//! |---|---|
//! | `sampler` | the decision that comes first, and ids |
//! | `spans`, `current` | the spans that are open, and which of them is current on a thread |
//! | `site`, `fields`, `secrets` | attributes as they are visited, secrets taken out |
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
mod shard;
mod site;
mod spans;
#[cfg(test)]
mod tests;

pub(crate) use export::DirectExport;
pub(crate) use proto::Any;

use crate::{
    config::{Config, Limits, Sampler},
    log::{self, Around, LogContext, LogLayer},
    propagation::{Carried, Ids, RemoteContext},
};
use current::Entered;
use fields::Fields;
use recording::{Addition, Recording, SpanState, now};
use site::Site;
use spans::Spans;
use std::{num::NonZeroU64, sync::Arc};
use tracing::{
    Dispatch, Event, Metadata, Span, Subscriber,
    dispatcher::get_default,
    field::Visit,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;

/// All that `tracing` talks to: it keeps the open spans itself, instead of a registry that layers ask for them, because
/// the asking and the boxes for what each layer keeps cost more than all the rest.
pub(crate) struct Direct {
    spans: Spans,
    sampler: Sampler,
    limits: Limits,
    export: Arc<DirectExport>,
    lines: Option<LogLayer>,
    level: LevelFilter,
}

impl Direct {
    pub(crate) fn new(config: &Config, export: Arc<DirectExport>, lines: Option<LogLayer>) -> Self {
        Self {
            spans: Spans::new(),
            sampler: config.traces.sampler,
            limits: config.traces.limits,
            export,
            lines,
            level: config.logs.level,
        }
    }

    /// `None` where no span can be opened any more.
    fn open(&self, span: &Attributes<'_>) -> Option<Id> {
        let adopted = current::take_adopted();
        let (mut parent, mut carried, mut known) = (None, Carried::default(), LogContext::default());
        let local = if span.is_contextual() { current::id() } else { span.parent().cloned() };
        if let Some(id) = local {
            self.spans.with(&id, |local| {
                if self.lines.is_some() {
                    known = local.known.clone();
                }
                if adopted.is_none() {
                    (parent, carried) = (Some((local.ids, false)), local.carried.clone());
                }
            });
        }
        if let Some(RemoteContext { ids, is_remote, carried: along }) = adopted {
            (parent, carried) = (ids.map(|ids| (ids, is_remote)), along);
        }
        let metadata = span.metadata();
        let site = Site::of(metadata);
        if site.is_known_to_lines && self.lines.is_some() {
            span.record(&mut known);
        }
        let of_parent = parent.map(|(parent, _)| parent);
        let trace_id = of_parent.map_or_else(sampler::new_trace_id, |parent| parent.trace_id);
        let sampled = self.sampler.keeps(of_parent, trace_id);
        let ids = Ids { trace_id, span_id: sampler::new_span_id(), sampled };
        let recording = sampled.then(|| {
            let head = Addition::head(ids, parent, carried.state(), self.limits.attributes);
            let mut fields = Fields::new(head, site);
            span.record(&mut fields);
            Recording::start(fields.named(metadata.name()), self.limits)
        });
        self.spans.open(SpanState { ids, metadata, carried, known, recording })
    }

    /// Lets `f` add to what a span records, if it records anything. See [`Spans::with`].
    fn with_recording(&self, id: &Id, f: impl FnOnce(&mut Recording)) {
        self.spans.with(id, |span| span.recording.as_mut().map(f));
    }

    fn entered(&self, id: &Id) -> Option<Entered> {
        self.spans.with(id, |span| Entered::new(id.clone(), span.ids, span.metadata))
    }

    fn left(&self, id: &Id) {
        let left = now();
        self.with_recording(id, |recording| recording.left = left);
    }

    /// As `record` with one field.
    fn note(&self, id: &Id, key: &'static str, value: &Any<'_>) {
        self.spans.with(id, |span| {
            let Some(field) = span.metadata.fields().field(key) else { return };
            if let (Any::Text(text), true) = (value, self.lines.is_some()) {
                span.known.record_str(&field, text);
            }
            if let Some(recording) = &mut span.recording {
                recording.set(key, value);
            }
        });
    }

    fn end(&self, id: &Id) {
        if let Some(recording) = self.spans.with(id, |span| span.recording.take()).flatten() {
            self.export.take(recording, now());
        }
    }
}

impl Subscriber for Direct {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        log::is_wanted(metadata, self.level)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        // A number that leads nowhere, where no span can be opened any more.
        self.open(span).unwrap_or_else(|| Id::from_non_zero_u64(NonZeroU64::MAX))
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let found = self.spans.with(id, |span| (Site::of(span.metadata), span.recording.is_some()));
        let Some((site, is_recording)) = found else { return };
        if site.is_known_to_lines && self.lines.is_some() {
            // In place: what is visited is only copied, so nothing of the caller runs under this lock.
            self.spans.with(id, |span| values.record(&mut span.known));
        }
        if is_recording {
            // Not in place: formatting a value may log.
            let mut fields = Fields::new(Addition::new(self.limits.attributes), site);
            values.record(&mut fields);
            self.with_recording(id, |recording| recording.add(fields.addition));
        }
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        if let Some(to) = self.spans.with(follows, |span| span.outward().span_context()) {
            self.with_recording(id, |recording| recording.link(&to));
        }
    }

    fn event(&self, event: &Event<'_>) {
        let Some(lines) = &self.lines else { return };
        lines.write(event, || {
            let around = |id: Id| {
                self.spans.with(&id, |span| Around { ids: Some(span.ids), known: span.known.clone() })
            };
            let inside = if event.is_contextual() { current::id() } else { event.parent().cloned() };
            inside.and_then(around).unwrap_or_default()
        });
    }

    fn enter(&self, id: &Id) {
        if let Some(entered) = self.entered(id) {
            current::enter(entered);
        }
    }

    /// A span lasts until it is left for the last time; somebody may hold it for longer.
    fn exit(&self, id: &Id) {
        if current::exit(id).is_some_and(|ids| ids.sampled) {
            self.left(id);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.spans.hold(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let Some(recording) = self.spans.release(&id, |span| span.recording.take()) else { return false };
        if let Some(recording) = recording {
            let end = if recording.left == 0 { now() } else { recording.left };
            self.export.take(recording, end);
        }
        true
    }

    fn current_span(&self) -> Current {
        current::span()
    }
}

/// Lets `f` ask this pipeline about `span`; `None` where another one is in use, or the span is not seen by it.
fn ask<T>(span: &Span, f: impl FnOnce(&Direct, &Id) -> T) -> Option<T> {
    let ask = |(id, subscriber): (&Id, &Dispatch)| Some(f(subscriber.downcast_ref()?, id));
    span.with_subscriber(ask).flatten()
}

/// As [`ask`], about the span that is current on this thread, of the pipeline that is: a process has one.
fn ask_current<T>(f: impl FnOnce(&Direct, &Id) -> T) -> Option<T> {
    let id = current::id()?;
    // Asked once, though it says `FnMut`.
    let mut f = Some(f);
    get_default(|subscriber| Some(f.take()?(subscriber.downcast_ref()?, &id)))
}

/// As [`ask`], or about the current span where there is no other.
fn ask_any<T>(span: Option<&Span>, f: impl FnOnce(&Direct, &Id) -> T) -> Option<T> {
    match span {
        Some(span) => ask(span, f),
        None => ask_current(f),
    }
}

/// What a thread is told when `span` becomes its current one; `None` where this pipeline is not the one in use.
pub(crate) fn entered(span: &Span) -> Option<Entered> {
    ask(span, Direct::entered).flatten()
}

/// Notes that `span`, which was `entered`, has been left for the last time.
pub(crate) fn left(span: &Span, entered: Option<&Entered>) {
    if entered.is_some_and(|entered| entered.ids.sampled) {
        ask(span, Direct::left);
    }
}

/// The ids of `span`; `None` where this pipeline is not the one in use.
pub(crate) fn ids_of(span: &Span) -> Option<Ids> {
    ask(span, |direct, id| direct.spans.with(id, |span| span.ids)).flatten()
}

/// The context that children elsewhere get; `None` where this pipeline is not the one in use.
pub(crate) fn context_of(span: Option<&Span>) -> Option<RemoteContext> {
    ask_any(span, |direct, id| direct.spans.with(id, |span| span.outward())).flatten()
}

/// Gives the current span's field `key` its value, if it has such a field; false where this pipeline is not the one in use.
pub(crate) fn note(key: &'static str, value: &Any<'_>) -> bool {
    ask_current(|direct, id| direct.note(id, key, value)).is_some()
}

/// Lets `f` add to what `span` records, if it records anything; false where this pipeline is not the one in use.
pub(crate) fn with_recording(span: Option<&Span>, f: impl FnOnce(&mut Recording)) -> bool {
    ask_any(span, |direct, id| direct.with_recording(id, f)).is_some()
}

/// Ends the current span now; false where this pipeline is not the one in use.
pub(crate) fn end() -> bool {
    ask_current(Direct::end).is_some()
}
