//! OTLP spans as the model has them.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, TracesData};
use prost::Message as _;

use crate::model::{Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value};

/// What Jaeger and the Collector call a resource that does not say its `service.name`.
const NO_SERVICE_NAME: &str = "OTLPResourceNoServiceName";

/// The spans of one stored chunk.
pub(crate) fn chunk(bytes: &[u8]) -> Result<Vec<Span>, prost::DecodeError> {
    let mut spans = Vec::new();
    for resource_spans in TracesData::decode(bytes)?.resource_spans {
        let service = service_of(resource_spans.resource.as_ref()).to_owned();
        let resource = attributes(resource_spans.resource.unwrap_or_default().attributes);
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_spans.scope.unwrap_or_default();
            spans.extend(
                scope_spans.spans.into_iter().filter_map(|span| decode(span, &service, &resource, &scope)),
            );
        }
    }
    Ok(spans)
}

/// The resource's `service.name`.
pub(crate) fn service_of(resource: Option<&Resource>) -> &str {
    resource
        .and_then(|resource| text_attribute(&resource.attributes, "service.name"))
        .filter(|name| !name.is_empty())
        .unwrap_or(NO_SERVICE_NAME)
}

/// An attribute's value, when it is text.
pub(crate) fn text_attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = &attributes.iter().find(|attribute| attribute.key == key)?.value;
    match value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// OTLP's numbering of kinds, which the store keeps.
pub(crate) fn kind(number: i32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn decode(
    span: otlp::Span,
    service: &str,
    resource: &[(String, Value)],
    scope: &InstrumentationScope,
) -> Option<Span> {
    let status = span.status.unwrap_or_default();
    Some(Span {
        trace_id: TraceId::from_bytes(&span.trace_id)?,
        span_id: SpanId::from_bytes(&span.span_id)?,
        parent_span_id: SpanId::from_bytes(&span.parent_span_id),
        service: service.to_owned(),
        name: span.name,
        kind: kind(span.kind),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span.links.into_iter().filter_map(link).collect(),
        status: match status.code {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        },
        status_message: status.message,
        resource: resource.to_vec(),
        scope: scope.name.clone(),
        scope_version: scope.version.clone(),
        trace_state: span.trace_state,
    })
}

fn event(event: otlp::span::Event) -> SpanEvent {
    SpanEvent { time: event.time_unix_nano, name: event.name, attributes: attributes(event.attributes) }
}

fn link(link: otlp::span::Link) -> Option<SpanLink> {
    Some(SpanLink {
        trace_id: TraceId::from_bytes(&link.trace_id)?,
        span_id: SpanId::from_bytes(&link.span_id)?,
        attributes: attributes(link.attributes),
    })
}

/// Named values; one without a value (which OTLP allows) becomes empty text.
pub(crate) fn attributes(attributes: Vec<KeyValue>) -> Vec<(String, Value)> {
    attributes.into_iter().map(|KeyValue { key, value, .. }| (key, value_of(value))).collect()
}

/// One value.
pub(crate) fn value_of(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        None => Value::Str(String::new()),
        Some(any_value::Value::StringValue(text)) => Value::Str(text),
        Some(any_value::Value::BoolValue(truth)) => Value::Bool(truth),
        Some(any_value::Value::IntValue(number)) => Value::Int(number),
        Some(any_value::Value::DoubleValue(number)) => Value::Double(number),
        Some(any_value::Value::BytesValue(bytes)) => Value::Bytes(bytes),
        Some(any_value::Value::ArrayValue(array)) => {
            Value::Array(array.values.into_iter().map(|value| value_of(Some(value))).collect())
        }
        Some(any_value::Value::KvlistValue(list)) => Value::Map(attributes(list.values)),
        // Only profiles refer to a table of strings.
        Some(any_value::Value::StringValueStrindex(index)) => Value::Int(i64::from(index)),
    }
}
