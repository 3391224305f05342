//! OTLP's spans as the records that tests compare.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::{Span, status::StatusCode},
};
use serde_json::{Map, Value};
use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};
use telemetry::testing::SpanRecord;

pub(super) fn span(span: &Span, service: &str) -> SpanRecord {
    let kind = span.kind().as_str_name();
    SpanRecord {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: Some(hex(&span.parent_span_id)).filter(|id| !id.is_empty()),
        service: service.to_owned(),
        name: span.name.clone(),
        kind: kind.strip_prefix("SPAN_KIND_").unwrap_or(kind).to_owned(),
        start: time(span.start_time_unix_nano),
        end: time(span.end_time_unix_nano),
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(|event| (event.name.clone(), attributes(&event.attributes))).collect(),
        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
        error: span
            .status
            .as_ref()
            .filter(|status| status.code() == StatusCode::Error)
            .map(|status| status.message.clone()),
    }
}

pub(super) fn attributes(attributes: &[KeyValue]) -> Map<String, Value> {
    let value = |attribute: &KeyValue| attribute.value.as_ref().map_or(Value::Null, json);
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

fn json(value: &AnyValue) -> Value {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.as_str().into(),
        Some(any_value::Value::BoolValue(value)) => (*value).into(),
        Some(any_value::Value::IntValue(value)) => (*value).into(),
        Some(any_value::Value::DoubleValue(value)) => (*value).into(),
        Some(any_value::Value::ArrayValue(array)) => array.values.iter().map(json).collect(),
        Some(any_value::Value::KvlistValue(list)) => attributes(&list.values).into(),
        Some(any_value::Value::BytesValue(bytes)) => hex(bytes).into(),
        _ => Value::Null,
    }
}

fn time(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
