//! Traces in Jaeger's JSON form, translated from OTLP as Jaeger and the OpenTelemetry Collector do it.

use serde::Serialize;

use crate::model::{Nanos, Span, SpanEvent, SpanId, StatusCode, TraceId, Value};

/// An answer's `data` when operations are asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) span_kind: &'static str,
}

/// An answer's `data` when dependencies are asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    pub(super) parent: String,
    pub(super) child: String,
    pub(super) call_count: u64,
}

#[derive(Serialize)]
pub(super) struct Trace<'a> {
    #[serde(rename = "traceID")]
    trace_id: TraceId,
    spans: Vec<JaegerSpan<'a>>,
    processes: Processes<'a>,
    warnings: Option<[String; 0]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JaegerSpan<'a> {
    #[serde(rename = "traceID")]
    trace_id: TraceId,
    #[serde(rename = "spanID")]
    span_id: SpanId,
    operation_name: &'a str,
    references: Vec<Reference>,
    /// Microseconds since the Unix epoch.
    start_time: u64,
    /// Microseconds.
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<[String; 0]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: TraceId,
    #[serde(rename = "spanID")]
    span_id: SpanId,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    r#type: &'static str,
    value: serde_json::Value,
}

#[derive(Serialize)]
struct Log<'a> {
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Process<'a> {
    service_name: &'a str,
    tags: Vec<Tag<'a>>,
}

/// `p1`, `p2`, … in the order they appear; a map in JSON, a list here because the order is the name.
#[derive(Default)]
struct Processes<'a>(Vec<&'a Span>);

impl<'a> Processes<'a> {
    fn id_of(&mut self, span: &'a Span) -> String {
        let same = |other: &&Span| other.service == span.service && other.resource == span.resource;
        let index = self.0.iter().position(same).unwrap_or_else(|| {
            self.0.push(span);
            self.0.len() - 1
        });
        format!("p{}", index + 1)
    }
}

impl Serialize for Processes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().enumerate().map(|(index, span)| {
            let tags = span.resource.iter().filter(|(key, _)| key != "service.name").map(tag).collect();
            (format!("p{}", index + 1), Process { service_name: &span.service, tags })
        }))
    }
}

pub(super) fn trace(trace: &crate::model::Trace) -> Trace<'_> {
    let mut processes = Processes::default();
    let spans = trace.spans.iter().map(|span| jaeger_span(span, processes.id_of(span))).collect();
    Trace { trace_id: trace.trace_id, spans, processes, warnings: None }
}

fn jaeger_span(span: &Span, process_id: String) -> JaegerSpan<'_> {
    JaegerSpan {
        trace_id: span.trace_id,
        span_id: span.span_id,
        operation_name: &span.name,
        references: references(span),
        start_time: micros(span.start),
        duration: micros(span.duration()),
        tags: tags(span),
        logs: span.events.iter().map(log).collect(),
        process_id,
        warnings: None,
    }
}

const fn micros(time: Nanos) -> u64 {
    time / 1000
}

/// The parent first: readers take the first `CHILD_OF` for it.
fn references(span: &Span) -> Vec<Reference> {
    let parent = span.parent_span_id.map(|span_id| Reference {
        ref_type: "CHILD_OF",
        trace_id: span.trace_id,
        span_id,
    });
    let links = span.links.iter().map(|link| Reference {
        ref_type: "FOLLOWS_FROM",
        trace_id: link.trace_id,
        span_id: link.span_id,
    });
    parent.into_iter().chain(links).collect()
}

/// In the order the Collector's translation gives them.
fn tags(span: &Span) -> Vec<Tag<'_>> {
    let status = match span.status {
        StatusCode::Unset => "",
        StatusCode::Ok => "OK",
        StatusCode::Error => "ERROR",
    };
    let mut tags = said("otel.scope.name", &span.scope);
    tags.extend(said("otel.scope.version", &span.scope_version));
    tags.extend(span.attributes.iter().map(tag));
    tags.extend(said("span.kind", span.kind.name()));
    tags.extend(said("otel.status_code", status));
    if span.is_error() {
        tags.push(Tag { key: "error", r#type: "bool", value: true.into() });
    }
    tags.extend(said("otel.status_description", &span.status_message));
    tags.extend(said("w3c.tracestate", &span.trace_state));
    tags.push(text("internal.span.format", "otlp"));
    tags
}

/// A tag, or none when there is nothing to say.
fn said<'a>(key: &'a str, value: &str) -> Vec<Tag<'a>> {
    if value.is_empty() { Vec::new() } else { vec![text(key, value)] }
}

/// An event's name is its field `event`, unless it has an attribute of that name.
fn log(event: &SpanEvent) -> Log<'_> {
    let named = event.attributes.iter().any(|(key, _)| key == "event");
    let name = (!named && !event.name.is_empty()).then(|| text("event", &event.name));
    let fields = name.into_iter().chain(event.attributes.iter().map(tag)).collect();
    Log { timestamp: micros(event.time), fields }
}

fn text<'a>(key: &'a str, value: &str) -> Tag<'a> {
    Tag { key, r#type: "string", value: value.into() }
}

fn tag((key, value): &(String, Value)) -> Tag<'_> {
    let (r#type, value) = match value {
        Value::Str(text) => ("string", text.as_str().into()),
        Value::Int(number) => ("int64", (*number).into()),
        Value::Double(number) => ("float64", (*number).into()),
        Value::Bool(truth) => ("bool", (*truth).into()),
        Value::Bytes(bytes) => ("binary", base64(bytes).into()),
        Value::Array(_) | Value::Map(_) => ("string", value.to_string().into()),
    };
    Tag { key, r#type, value }
}

/// Standard base64 with padding (RFC 4648); the one place that needs it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_the_rfc_has_it() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
