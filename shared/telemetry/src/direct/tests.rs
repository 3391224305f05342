//! What is written is what a protobuf library reads.

use super::{
    Direct, DirectExport,
    otlp::rejected,
    proto::Any,
    recording::{Addition, Recording, now},
};
use crate::{
    Config, Env,
    config::Limits,
    in_span::InSpan,
    log::{self, LineSink},
    pipeline,
    propagation::{self, Ids, RemoteContext},
    redact::{REDACTED, is_card_f64, is_card_i64, scrub},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Array, Value,
    trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value},
    trace::v1::{ScopeSpans, Span, status::StatusCode},
};
use proptest::{collection::vec, prelude::*};
use prost::Message;
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Waker},
};
use tracing::{field::Empty, info, info_span};

const LIMITS: Limits = Limits { attributes: 128, events: 128, links: 128 };
const KEYS: [&str; 5] = ["", "order.id", "http.response.status_code", "note", "ключ"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "\\PC{0,40}", 1 => "\\PC{100,400}", 1 => Just(String::new()), 1 => (16_380..16_390_usize).prop_map(|length| "x".repeat(length))]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("equal to itself", |value| !value.is_nan()).prop_map(Value::from),
        vec(any::<i64>(), 0..4).prop_map(|values| Value::Array(Array::I64(values))),
        vec(any::<bool>(), 0..4).prop_map(|values| Value::Array(Array::Bool(values))),
        vec(text(), 0..4)
            .prop_map(|values| { Value::Array(Array::String(values.into_iter().map(Into::into).collect())) }),
    ]
}

fn key() -> impl Strategy<Value = &'static str> {
    (0..KEYS.len()).prop_map(|place| KEYS[place])
}

fn context() -> impl Strategy<Value = SpanContext> {
    (1..u128::MAX, 1..u64::MAX, any::<bool>(), any::<bool>()).prop_map(
        |(trace, span, is_remote, stateful)| {
            let state = TraceState::from_key_value(stateful.then_some(("vendor", "1"))).unwrap();
            SpanContext::new(TraceId::from(trace), SpanId::from(span), TraceFlags::SAMPLED, is_remote, state)
        },
    )
}

/// What a decoder is to find.
fn expected(value: &Value) -> AnyValue {
    use any_value::Value as Proto;
    let texts = |text: &str| Proto::StringValue(scrub(text).into_owned());
    let list = |values: Vec<Proto>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Proto::ArrayValue(ArrayValue { values })
    };
    let is_card = match value {
        Value::I64(value) => is_card_i64(*value),
        Value::F64(value) => is_card_f64(*value),
        Value::Array(Array::I64(values)) => values.iter().copied().any(is_card_i64),
        _ => false,
    };
    let value = match value {
        _ if is_card => texts(REDACTED),
        Value::Bool(value) => Proto::BoolValue(*value),
        Value::I64(value) => Proto::IntValue(*value),
        Value::F64(value) => Proto::DoubleValue(*value),
        Value::String(text) => texts(text.as_str()),
        Value::Array(Array::I64(values)) => list(values.iter().copied().map(Proto::IntValue).collect()),
        Value::Array(Array::Bool(values)) => list(values.iter().copied().map(Proto::BoolValue).collect()),
        Value::Array(Array::String(values)) => list(values.iter().map(|text| texts(text.as_str())).collect()),
        other => panic!("{other:?}"),
    };
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: &Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(expected(value)), key_strindex: 0 }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        own in context(),
        parent in proptest::option::of((1..u64::MAX, any::<bool>())),
        first in vec(value(), 0..8),
        set in vec((key(), value()), 0..8),
        events in vec((text(), vec((key(), text()), 0..4)), 0..4),
        links in vec(context(), 0..4),
        error in proptest::option::of(text()),
        end: u64,
    ) {
        let ids = Ids::of(&own).unwrap();
        let begun = now();
        // Keys of a macro's fields are all different, and different from those that are set.
        let fields: Vec<String> = (0..first.len()).map(|number| format!("field.{number}")).collect();
        let parent = parent.map(|(id, is_remote)| (Ids { span_id: SpanId::from(id), ..ids }, is_remote));
        let mut addition = Addition::head(ids, parent, own.trace_state(), u32::MAX);
        for (key, value) in fields.iter().zip(&first) {
            let clean = expected(value);
            let text = match &clean.value { Some(any_value::Value::StringValue(text)) => Some(text), _ => None };
            addition.attribute(key, &text.map_or_else(|| Any::of(value), |text| Any::Text(text)));
        }
        let mut recording = Recording::start(addition, LIMITS);
        for (key, value) in &set {
            recording.set(key, &Any::of(value));
        }
        for (name, attributes) in &events {
            let attributes: Vec<_> = attributes.iter().map(|(key, text)| (*key, text.as_str())).collect();
            recording.event(name, &attributes);
        }
        for link in &links {
            recording.link(link);
        }
        if let Some(error) = &error {
            recording.fail(error);
        }
        let mut bytes = Vec::new();
        recording.finish(end, 2, &mut bytes);

        let spans = ScopeSpans::decode(bytes.as_slice()).unwrap().spans;
        prop_assert_eq!(spans.len(), 1);
        let span: &Span = &spans[0];
        prop_assert_eq!(&span.trace_id, &own.trace_id().to_bytes());
        prop_assert_eq!(&span.span_id, &own.span_id().to_bytes());
        prop_assert_eq!(&span.trace_state, &own.trace_state().header());
        let parent_id = parent.map_or(Vec::new(), |(parent, _)| parent.span_id.to_bytes().to_vec());
        prop_assert_eq!(&span.parent_span_id, &parent_id);
        let remote = if parent.is_some_and(|(_, is_remote)| is_remote) { 0x200 } else { 0 };
        prop_assert_eq!(span.flags, 0x101 | remote);
        let start = span.start_time_unix_nano;
        prop_assert!((begun..=now()).contains(&start));
        prop_assert_eq!(span.end_time_unix_nano, end);

        let mut wanted: Vec<_> = fields.iter().zip(&first).map(|(key, value)| pair(key, value)).collect();
        let last = |place: usize| !set[place + 1..].iter().any(|(key, _)| *key == set[place].0);
        wanted.extend(set.iter().enumerate().filter(|(place, _)| last(*place)).map(|(_, (k, v))| pair(k, v)));
        prop_assert_eq!(&span.attributes, &wanted);
        prop_assert_eq!(span.events.len(), events.len());
        for (event, (name, attributes)) in span.events.iter().zip(&events) {
            let wanted: Vec<_> =
                attributes.iter().map(|(key, text)| pair(key, &Value::from(text.clone()))).collect();
            prop_assert!(event.time_unix_nano >= start);
            prop_assert_eq!((&event.name, &event.attributes), (name, &wanted));
        }
        prop_assert_eq!(span.links.len(), links.len());
        for (link, to) in span.links.iter().zip(&links) {
            prop_assert_eq!((&*link.trace_id, &*link.span_id), (&to.trace_id().to_bytes()[..], &to.span_id().to_bytes()[..]));
            prop_assert_eq!(link.flags, if to.is_remote() { 0x301 } else { 0x101 });
        }
        let status = span.status.clone().unwrap();
        let message = error.as_deref().map(|error| scrub(error).into_owned()).unwrap_or_default();
        let code = if error.is_some() { StatusCode::Error } else { StatusCode::Unset };
        prop_assert_eq!((status.code(), status.message), (code, message));
    }
}

#[test]
fn rejected_spans_are_read_from_the_answer() {
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    let answer = |partial_success| ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let partial = ExportTracePartialSuccess { rejected_spans: 300, error_message: "full".to_owned() };
    assert_eq!(rejected(&answer(Some(partial))), 300);
    assert_eq!((rejected(&answer(None)), rejected(b"\xff\xff")), (0, 0));
}

/// What a program's spans become, one after the other.
fn said(limits: Limits, program: impl FnOnce()) -> Vec<Span> {
    let mut config = Config::from_env("test", &Env::default()).unwrap();
    config.traces.limits = limits;
    let export = DirectExport::new(&config.traces);
    tracing::subscriber::with_default(Direct::new(&config, export.clone(), None), program);
    ScopeSpans::decode(export.everything().as_slice()).unwrap().spans
}

#[test]
fn what_is_over_the_limits_is_counted() {
    let limits = Limits { attributes: 3, events: 1, links: 0 };
    let spans = said(limits, || {
        let span = info_span!("limited", a = 1, b = 2, later = Empty, last = Empty).entered();
        span.record("later", 3).record("last", 4).record("later", 5);
        crate::span::set("a", 6);
        crate::span::set("new", 7);
        crate::span::event("first", &[]);
        crate::span::event("second", &[]);
        span.follows_from(info_span!(parent: None, "other").id());
    });
    let limited = spans.iter().find(|span| span.name == "limited").unwrap();
    let expected: Vec<_> =
        [("b", 2), ("later", 5), ("a", 6)].map(|(key, number)| pair(key, &Value::I64(number))).into();
    assert_eq!(limited.attributes, expected);
    assert_eq!((limited.events.len(), limited.links.len()), (1, 0));
    let dropped =
        (limited.dropped_attributes_count, limited.dropped_events_count, limited.dropped_links_count);
    assert_eq!(dropped, (2, 1, 1));
}

#[test]
fn spans_overlap_and_move_between_threads() {
    let spans = said(LIMITS, || {
        let (outer, inner) = (info_span!("outer"), info_span!(parent: None, "inner"));
        let (in_outer, in_inner) = (outer.enter(), inner.enter());
        drop(in_outer);
        let child = info_span!("of inner");
        assert_eq!(crate::propagation::current_ids(), pipeline::ids_of(&inner));
        drop(in_inner);
        assert_eq!((crate::propagation::current_ids(), tracing::Span::current().is_none()), (None, true));
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _set = tracing::dispatcher::set_default(&dispatch);
                let _in_outer = outer.enter();
                drop((info_span!("of outer"), child));
            });
        });
        drop((outer, inner));
        // In a slot that was used before.
        info_span!("later").in_scope(|| ());
    });
    let id_of = |name: &str| spans.iter().find(|span| span.name == name).unwrap().span_id.clone();
    let parents = spans.iter().map(|span| (span.name.as_str(), span.parent_span_id.clone()));
    let mut parents: Vec<_> = parents.collect();
    parents.sort();
    assert_eq!(
        parents,
        [
            ("inner", Vec::new()),
            ("later", Vec::new()),
            ("of inner", id_of("inner")),
            ("of outer", id_of("outer")),
            ("outer", Vec::new()),
        ]
    );
}

#[test]
fn children_elsewhere_get_the_spans_context_and_what_came_along() {
    let header = |name: &'static str, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let came = HeaderMap::from_iter([
        header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        header("tracestate", "vendor=1"),
        header("baggage", "session_id=s-1"),
    ]);
    let mut goes = HeaderMap::new();
    let spans = said(LIMITS, || {
        let server = RemoteContext::extract(&came).child(|| info_span!("server"));
        server.in_scope(|| propagation::inject(&info_span!("client"), &mut goes));
    });
    let [client, server] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*client.trace_state, &*server.trace_state), ("vendor=1", "vendor=1"));
    assert_eq!((&client.parent_span_id, server.flags), (&server.span_id, 0x301));
    let span_id = u64::from_be_bytes(client.span_id.as_slice().try_into().unwrap());
    assert_eq!(goes["traceparent"], format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span_id:016x}-01"));
    assert_eq!((&goes["tracestate"], &goes["baggage"]), (&came["tracestate"], &came["baggage"]));
}

/// Says so, in the span that is current when it is dropped.
struct Dropped(&'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        crate::span::set(self.0, true);
    }
}

fn poll(work: Pin<&mut impl Future>) -> bool {
    work.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn a_future_is_in_its_span_while_it_is_polled_and_dropped() {
    let mut over = 0;
    let spans = said(LIMITS, || {
        let work = async |dropped| {
            let _dropped = Dropped(dropped);
            tokio::task::yield_now().await;
            drop(info_span!("child"));
        };
        let (ends, stays) = (info_span!("ends"), info_span!("is dropped"));
        let mut ended = pin!(InSpan::new(ends.clone(), work("ended")));
        let mut dropped = Box::pin(InSpan::new(stays, work("dropped")));
        info_span!("around").in_scope(|| {
            assert!(!poll(ended.as_mut()) && !poll(dropped.as_mut()));
            assert!(poll(ended.as_mut()));
            crate::span::set("around", true);
        });
        over = now();
        while now() == over {}
        drop((dropped, ends));
    });
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for (span, said) in [("ends", "ended"), ("is dropped", "dropped"), ("around", "around")] {
        assert_eq!(of(span).attributes, [pair(said, &Value::Bool(true))], "{span}");
    }
    assert_eq!(of("child").parent_span_id, of("ends").span_id);
    assert!(of("ends").end_time_unix_nano <= over && over < of("is dropped").end_time_unix_nano);
}

#[test]
fn a_panic_in_a_future_leaves_its_span_and_ends_it_once() {
    let spans = said(LIMITS, || {
        let mut work = Box::pin(InSpan::new(info_span!("panics"), async {
            let _inner = info_span!("inner").entered();
            panic!("as it should");
        }));
        info_span!("around").in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| poll(work.as_mut()))).unwrap_err();
            crate::span::set("around", true);
            drop(work);
            crate::span::set("still around", true);
        });
    });
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["inner", "panics", "around"]);
    assert_eq!(spans[2].attributes.len(), 2);
}

#[test]
fn a_span_that_is_not_lent_is_the_current_one_for_all_but_those_who_ask_tracing() {
    let spans = said(LIMITS, || {
        let transaction = info_span!("transaction", order.id = Empty);
        let ids = pipeline::ids_of(&transaction);
        let mut work = pin!(InSpan::unlent(transaction, async move {
            assert_eq!((propagation::current_ids(), tracing::Span::current().is_none()), (ids, true));
            assert_eq!(pipeline::ids_of(&pipeline::current_span()), ids, "what is spawned is in it");
            assert!(tracing::Span::current().is_none());
            crate::span::order("7");
            drop(info_span!("child"));
        }));
        assert!(poll(work.as_mut()));
    });
    let [child, transaction] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(child.parent_span_id, transaction.span_id);
    assert_eq!(transaction.attributes, [pair("order.id", &Value::from("7"))]);
}

#[derive(Default)]
struct Lines(Mutex<Vec<Bytes>>);

impl LineSink for Lines {
    fn write(&self, line: Bytes) {
        self.0.lock().unwrap().push(line);
    }
}

#[test]
fn a_line_with_a_parent_of_its_own_is_of_that_parents_trace() {
    let config = Config::from_env("test", &Env::default()).unwrap();
    let sink = Arc::new(Lines::default());
    let layer = log::layer(log::Writer::new("test", "1"), sink.clone());
    let direct = Direct::new(&config, DirectExport::new(&config.traces), Some(layer));
    let ids = tracing::subscriber::with_default(direct, || {
        let (order, other) = (info_span!("order", order.id = "one"), info_span!("other", order.id = "two"));
        other.in_scope(|| {
            info!(parent: &order, "of the order");
            info!(parent: None, "of nobody");
        });
        pipeline::ids_of(&order).unwrap()
    });
    let lines = sink.0.lock().unwrap();
    let lines: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!((&lines[0]["order_id"], lines[1].get("order_id")), (&"one".into(), None));
    assert_eq!((&lines[0]["span_id"], lines[1].get("span_id")), (&ids.span_id.to_string().into(), None));
    assert_eq!(lines[0]["trace_id"], ids.trace_id.to_string());
}
