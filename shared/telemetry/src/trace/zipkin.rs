//! Spans as Zipkin takes them: its v2 API (<https://zipkin.io/zipkin-api/>), with what the OpenTelemetry specification
//! says about the transformation (<https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/>).

use crate::{config::Config, names::attribute};
use opentelemetry::{
    Array, KeyValue, Value,
    trace::{Event, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;
use reqwest::{Client, Url};
use serde::Serialize;
use serde_json::Value as Json;
use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

/// A Zipkin server, or anything that reads its format.
pub(crate) struct Zipkin {
    client: Client,
    endpoint: Url,
    service: String,
    /// The resource's other attributes, which Zipkin has no place for: tags of every span.
    resource: Vec<(String, String)>,
}

impl Zipkin {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let client = Client::builder().no_proxy().timeout(config.traces.zipkin_timeout).build();
        let (names, resource): (Vec<_>, Vec<_>) =
            config.resource.iter().cloned().partition(|(key, _)| key == "service.name");
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            endpoint: Url::parse(&config.traces.zipkin_endpoint).map_err(|error| error.to_string())?,
            service: names.into_iter().map(|(_, name)| name).collect(),
            resource,
        })
    }

    /// Asks once: Zipkin has no answer that means "again".
    pub(super) async fn export(&self, batch: &[SpanData]) -> Result<(), String> {
        let spans: Vec<_> = batch.iter().map(|span| self.span(span)).collect();
        let answer = self.client.post(self.endpoint.clone()).json(&spans).send().await;
        // Without the address: it may hold a password.
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer.map(|_| ()).map_err(|error| causes(&error.without_url()))
    }

    fn span<'s>(&'s self, span: &'s SpanData) -> Span<'s> {
        let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
        Span {
            trace_id: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent_id: (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string()),
            name: &span.name,
            kind: kind(&span.span_kind),
            timestamp: micros(span.start_time),
            // Zipkin takes zero for "not known".
            duration: (took.as_micros() as u64).max(1),
            local_endpoint: Endpoint { service_name: Some(&self.service), ..Endpoint::default() },
            remote_endpoint: remote(span),
            annotations: span.events.iter().map(annotation).collect(),
            tags: self.tags(span),
        }
    }

    fn tags<'s>(&'s self, span: &'s SpanData) -> BTreeMap<&'s str, String> {
        let mut tags: BTreeMap<&str, String> =
            self.resource.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        tags.insert("otel.scope.name", span.instrumentation_scope.name().to_owned());
        tags.extend(span.attributes.iter().map(|it| (it.key.as_str(), text(&it.value))));
        for (key, count) in [
            ("otel.dropped_attributes_count", span.dropped_attributes_count),
            ("otel.dropped_events_count", span.events.dropped_count),
            ("otel.dropped_links_count", span.links.dropped_count),
        ] {
            if count > 0 {
                tags.insert(key, count.to_string());
            }
        }
        // Zipkin takes every span that has this tag for a failed one, whatever it holds.
        tags.remove("error");
        match &span.status {
            Status::Unset => {}
            Status::Ok => {
                tags.insert("otel.status_code", "OK".to_owned());
            }
            Status::Error { description } => {
                tags.insert("otel.status_code", "ERROR".to_owned());
                tags.insert("error", description.clone().into_owned());
            }
        }
        tags
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'s> {
    trace_id: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    name: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    timestamp: u64,
    duration: u64,
    local_endpoint: Endpoint<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_endpoint: Option<Endpoint<'s>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
    tags: BTreeMap<&'s str, String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct Annotation {
    timestamp: u64,
    value: String,
}

/// `None` is an internal span.
fn kind(kind: &SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Server => Some("SERVER"),
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
        SpanKind::Internal => None,
    }
}

/// Whom a span calls: Zipkin's dependency graph has an edge to it even when it sends no spans itself, as databases.
fn remote(span: &SpanData) -> Option<Endpoint<'_>> {
    if !matches!(span.span_kind, SpanKind::Client | SpanKind::Producer) {
        return None;
    }
    let value = |key: &str| span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| &it.value);
    let word = |key: &str| match value(key) {
        Some(Value::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let port = match value(attribute::SERVER_PORT) {
        Some(Value::I64(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    let name = word(attribute::SERVER_ADDRESS).or_else(|| word(attribute::DB_SYSTEM_NAME))?;
    let endpoint = Endpoint { port, ..Endpoint::default() };
    Some(match name.parse() {
        Ok(IpAddr::V4(_)) => Endpoint { ipv4: Some(name), ..endpoint },
        Ok(IpAddr::V6(_)) => Endpoint { ipv6: Some(name), ..endpoint },
        Err(_) => Endpoint { service_name: Some(name), ..endpoint },
    })
}

/// Its name; with attributes `"name": {…}`, because an annotation is only text.
fn annotation(event: &Event) -> Annotation {
    let name = event.name.as_ref();
    let attributes: serde_json::Map<_, _> = event.attributes.iter().map(member).collect();
    let value = if attributes.is_empty() {
        name.to_owned()
    } else {
        format!("{}: {}", Json::from(name), Json::from(attributes))
    };
    Annotation { timestamp: micros(event.timestamp), value }
}

fn member(attribute: &KeyValue) -> (String, Json) {
    (attribute.key.to_string(), json(&attribute.value))
}

fn text(value: &Value) -> String {
    match json(value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Bool(it) => Json::from(*it),
        Value::I64(it) => Json::from(*it),
        Value::F64(it) => Json::from(*it),
        Value::String(it) => Json::from(it.as_str()),
        Value::Array(Array::Bool(all)) => Json::from(all.clone()),
        Value::Array(Array::I64(all)) => Json::from(all.clone()),
        Value::Array(Array::F64(all)) => Json::from(all.clone()),
        Value::Array(Array::String(all)) => all.iter().map(|it| Json::from(it.as_str())).collect(),
        other => Json::from(other.to_string()),
    }
}

fn micros(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// An error with what is behind it, on one line: reqwest's own words say little.
fn causes(error: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(error.source(), |error| error.source());
    behind.fold(error.to_string(), |all, error| format!("{all}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use opentelemetry::{
        InstrumentationScope, StringValue,
        trace::{SpanContext, TraceFlags, TraceId, TraceState},
    };
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use serde_json::json;
    use similar_asserts::assert_eq;
    use std::time::Duration;

    const TRACE: TraceId = TraceId::from_bytes(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());

    fn span(kind: SpanKind, attributes: Vec<KeyValue>) -> SpanData {
        let start_time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_000_000_123_456_789);
        SpanData {
            span_context: SpanContext::new(
                TRACE,
                SpanId::from(0x00f0_67aa_0ba9_02b7),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: kind,
            name: "order.save".into(),
            start_time,
            end_time: start_time + Duration::from_nanos(2_500_999),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("waybill").build(),
        }
    }

    fn sent(span: &SpanData) -> Json {
        let resource = "service.version=9,service.namespace=tea,service.instance.id=i-1";
        let env = Env::from_pairs([("OTEL_RESOURCE_ATTRIBUTES", resource)]);
        let zipkin = Zipkin::new(&Config::from_env("order-service", &env).unwrap()).unwrap();
        serde_json::to_value(zipkin.span(span)).unwrap()
    }

    #[test]
    fn a_root_without_anything() {
        let expected = json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "id": "00f067aa0ba902b7",
            "name": "order.save",
            "timestamp": 1_795_000_000_123_456_u64,
            "duration": 2_500,
            "localEndpoint": {"serviceName": "order-service"},
            "tags": {
                "service.version": "9", "service.namespace": "tea", "service.instance.id": "i-1",
                "otel.scope.name": "waybill",
            },
        });
        assert_eq!(sent(&span(SpanKind::Internal, vec![])), expected);
    }

    #[test]
    fn a_failed_call_with_everything() {
        let words: Vec<StringValue> = vec!["a \"b\"".into(), "c".into()];
        let mut span = span(
            SpanKind::Client,
            vec![
                KeyValue::new("server.address", "payment"),
                KeyValue::new("server.port", 8082),
                KeyValue::new("order.item_count", 2),
                KeyValue::new("share", 0.5),
                KeyValue::new("first", true),
                KeyValue::new("words", Value::Array(words.into())),
                KeyValue::new("numbers", Value::Array(vec![1_i64, 2].into())),
                KeyValue::new("error", false),
            ],
        );
        span.parent_span_id = SpanId::from(0xb7ad_6b71_6920_3331);
        span.end_time = span.start_time;
        span.status = Status::error("the card was declined");
        span.dropped_attributes_count = 3;
        let told = vec![KeyValue::new("sku", "TEA-\"1\""), KeyValue::new("left", 0)];
        span.events.events.push(Event::new("StockReserved", span.start_time, vec![], 0));
        span.events.events.push(Event::new("StockShort", span.start_time, told, 0));
        let sent = sent(&span);
        let at = 1_795_000_000_123_456_u64;
        assert_eq!(sent["parentId"], "b7ad6b7169203331");
        assert_eq!(sent["kind"], "CLIENT");
        assert_eq!(sent["duration"], 1, "less than a microsecond is rounded up");
        assert_eq!(sent["remoteEndpoint"], json!({"serviceName": "payment", "port": 8082}));
        assert_eq!(
            sent["annotations"],
            json!([
                {"timestamp": at, "value": "StockReserved"},
                {"timestamp": at, "value": r#""StockShort": {"left":0,"sku":"TEA-\"1\""}"#},
            ])
        );
        assert_eq!(
            sent["tags"],
            json!({
                "service.version": "9", "service.namespace": "tea", "service.instance.id": "i-1",
                "otel.scope.name": "waybill", "otel.dropped_attributes_count": "3",
                "otel.status_code": "ERROR", "error": "the card was declined",
                "server.address": "payment", "server.port": "8082", "order.item_count": "2", "share": "0.5",
                "first": "true", "words": r#"["a \"b\"","c"]"#, "numbers": "[1,2]",
            })
        );
    }

    #[test]
    fn whom_a_span_calls() {
        let remote = |kind, key: &'static str, value: &'static str| {
            sent(&span(kind, vec![KeyValue::new(key, value)]))["remoteEndpoint"].clone()
        };
        assert_eq!(remote(SpanKind::Client, "server.address", "127.0.0.1"), json!({"ipv4": "127.0.0.1"}));
        assert_eq!(remote(SpanKind::Client, "server.address", "::1"), json!({"ipv6": "::1"}));
        assert_eq!(remote(SpanKind::Client, "db.system.name", "sqlite"), json!({"serviceName": "sqlite"}));
        assert_eq!(remote(SpanKind::Server, "server.address", "gateway"), json!(null), "its own address");
        let mut good = span(SpanKind::Server, vec![]);
        good.status = Status::Ok;
        assert_eq!(sent(&good)["tags"]["otel.status_code"], "OK");
    }
}
