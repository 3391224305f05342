//! What is written is what a protobuf library reads.

use super::{
    otlp::rejected,
    proto::Any,
    recording::{Addition, Recording, SpanState},
};
use crate::redact::scrub;
use opentelemetry::{
    Array, Context, Value,
    trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value},
    trace::v1::{ScopeSpans, Span, status::StatusCode},
};
use proptest::{collection::vec, prelude::*};
use prost::Message;

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
    let value = match value {
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
        // Keys of a macro's fields are all different, and different from those that are set.
        let fields: Vec<String> = (0..first.len()).map(|number| format!("field.{number}")).collect();
        let mut addition = Addition::new();
        for (key, value) in fields.iter().zip(&first) {
            let clean = expected(value);
            let text = match &clean.value { Some(any_value::Value::StringValue(text)) => Some(text), _ => None };
            addition.attribute(key, &text.map_or_else(|| Any::of(value), |text| Any::Text(text)));
        }
        let parent = parent.map(|(id, is_remote)| (SpanId::from(id), is_remote));
        let mut recording = Recording::start(parent, addition);
        for (key, value) in &set {
            recording.set(key, value);
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
        let start = recording.start;
        let mut bytes = Vec::new();
        recording.finish(&own, end, 2, &mut bytes);

        let spans = ScopeSpans::decode(bytes.as_slice()).unwrap().spans;
        prop_assert_eq!(spans.len(), 1);
        let span: &Span = &spans[0];
        prop_assert_eq!(&span.trace_id, &own.trace_id().to_bytes());
        prop_assert_eq!(&span.span_id, &own.span_id().to_bytes());
        prop_assert_eq!(&span.trace_state, &own.trace_state().header());
        prop_assert_eq!(&span.parent_span_id, &parent.map_or(Vec::new(), |(id, _)| id.to_bytes().to_vec()));
        let remote = if parent.is_some_and(|(_, is_remote)| is_remote) { 0x200 } else { 0 };
        prop_assert_eq!(span.flags, 0x101 | remote);
        prop_assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (start, end));

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

#[test]
fn children_elsewhere_get_the_spans_context_and_what_came_along() {
    use opentelemetry::{KeyValue, baggage::BaggageExt, trace::TraceContextExt};
    let context = SpanContext::new(
        TraceId::from(1),
        SpanId::from(2),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let carrier = Context::new().with_baggage([KeyValue::new("session_id", "s-1")]);
    let state = SpanState { context: context.clone(), carrier, recording: None };
    let outward = state.outward();
    assert_eq!(outward.span().span_context(), &context);
    assert_eq!(outward.baggage().get("session_id").map(ToString::to_string).as_deref(), Some("s-1"));
}
