//! Jaeger's JSON as the records that tests compare.

use crate::Answered;
use reqwest::Client;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};
use telemetry::testing::SpanRecord;

/// The spans that a query API in Jaeger's form has of a trace by now.
pub(crate) async fn trace(client: &Client, url: &str, trace_id: &str) -> Vec<SpanRecord> {
    let answer = Answered::to(client.get(format!("{url}/api/traces/{trace_id}"))).await;
    answer.body["data"].get(0).map(spans).unwrap_or_default()
}

/// The spans of one element of `data`.
fn spans(trace: &Value) -> Vec<SpanRecord> {
    list(&trace["spans"]).map(|span| record(span, &trace["processes"])).collect()
}

fn record(span: &Value, processes: &Value) -> SpanRecord {
    let mut attributes = tags(&span["tags"]);
    let parent = list(&span["references"]).find(|reference| reference["refType"] == "CHILD_OF");
    let links = list(&span["references"]).filter(|reference| reference["refType"] == "FOLLOWS_FROM");
    let start = SystemTime::UNIX_EPOCH + micros(&span["startTime"]);
    let failed = attributes.remove("error") == Some(true.into());
    let description = attributes.remove("otel.status_description");
    let kind = attributes.remove("span.kind").unwrap_or_else(|| "internal".into());
    SpanRecord {
        trace_id: text(&span["traceID"]),
        span_id: text(&span["spanID"]),
        parent_span_id: parent.map(|reference| text(&reference["spanID"])),
        service: text(&processes[text(&span["processID"])]["serviceName"]),
        name: text(&span["operationName"]),
        kind: text(&kind).to_uppercase(),
        start,
        end: start + micros(&span["duration"]),
        attributes,
        events: list(&span["logs"]).map(event).collect(),
        links: links.map(|link| (text(&link["traceID"]), text(&link["spanID"]))).collect(),
        error: failed.then(|| description.as_ref().map(text).unwrap_or_default()),
    }
}

/// A log of Jaeger's is a span event, with its name as one of its fields.
fn event(log: &Value) -> (String, Map<String, Value>) {
    let mut fields = tags(&log["fields"]);
    let name = fields.remove("event").as_ref().map(text).unwrap_or_default();
    (name, fields)
}

/// Panics when a tag's value is not of the type it says.
fn tags(tags: &Value) -> Map<String, Value> {
    let typed = |tag: &Value| {
        let value = tag["value"].clone();
        let is_of_type = match tag["type"].as_str() {
            Some("int64") => value.is_i64(),
            Some("float64") => value.is_number(),
            Some("bool") => value.is_boolean(),
            Some("string") => value.is_string(),
            _ => false,
        };
        assert!(is_of_type, "{tag}");
        (text(&tag["key"]), value)
    };
    list(tags).map(typed).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn micros(value: &Value) -> Duration {
    Duration::from_micros(value.as_u64().unwrap_or_default())
}
