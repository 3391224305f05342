//! OTLP log records as JSON lines in the form of docs/TELEMETRY.md, so that both are searched and shown alike.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use serde_json::{Map, Value as Json};

use super::{LogRow, Refused};
use crate::decode;
use crate::model::{Nanos, SpanId, TraceId, rfc3339};
use crate::user_key::UserKey;

/// One row for each record, as long as each has room: all repeat what their resource says. `arrived` stands in for records
/// without a time.
pub(super) fn rows(
    logs: Vec<ResourceLogs>,
    arrived: Nanos,
    user_key: &UserKey,
    has_room: &mut dyn FnMut(&LogRow) -> Result<(), Refused>,
) -> Result<Vec<LogRow>, Refused> {
    let mut rows = Vec::new();
    for resource_logs in logs {
        let service = decode::service_of(resource_logs.resource.as_ref()).to_owned();
        for scope_logs in resource_logs.scope_logs {
            let target = scope_logs.scope.map(|scope| scope.name).unwrap_or_default();
            for record in scope_logs.log_records {
                let row = row(record, &service, &target, arrived, user_key);
                has_room(&row)?;
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn row(record: LogRecord, service: &str, target: &str, arrived: Nanos, user_key: &UserKey) -> LogRow {
    let timestamp = [record.time_unix_nano, record.observed_time_unix_nano]
        .into_iter()
        .find(|time| *time > 0)
        .unwrap_or(arrived);
    let severity = severity(&record);
    let (trace_id, span_id) = (TraceId::from_bytes(&record.trace_id), SpanId::from_bytes(&record.span_id));
    let message = record.body.map(|body| decode::value_of(Some(body)).to_string()).unwrap_or_default();
    let mut fields = attributes(record.attributes);
    // Lines have these as text, and are read so.
    for name in ["order_id", "trace_id", "span_id"] {
        if let Some(value) = fields.get_mut(name).filter(|value| !value.is_string()) {
            *value = Json::String(value.to_string());
        }
    }
    let mut name = |key: &str, value: String| fields.insert(key.to_owned(), Json::String(value));
    name("timestamp", rfc3339(timestamp));
    name("severity", severity.to_owned());
    name("service", service.to_owned());
    name("message", message.clone());
    if !target.is_empty() {
        name("target", target.to_owned());
    }
    if let Some(trace_id) = trace_id {
        name("trace_id", trace_id.to_string());
        // The lower byte holds the W3C trace flags.
        name("trace_flags", format!("{:02x}", record.flags & 0xff));
    }
    if let Some(span_id) = span_id {
        name("span_id", span_id.to_string());
    }
    let user_ref = take_user(&mut fields, user_key);
    let text = |key: &str| fields.get(key).and_then(Json::as_str).map(str::to_owned);
    LogRow {
        timestamp,
        severity: Cow::Borrowed(severity),
        service: service.to_owned(),
        message,
        trace_id,
        span_id,
        order_id: text("order_id"),
        session_id: text("session_id"),
        terminal_id: text("terminal_id"),
        user_ref,
        is_event: false,
        line: Json::Object(fields).to_string(),
    }
}

/// Puts a reference in the place of a user's id.
fn take_user(fields: &mut Map<String, Json>, user_key: &UserKey) -> Option<String> {
    let user_id = fields.remove("user_id")?;
    let reference = user_key.reference(user_id.as_str().unwrap_or(&user_id.to_string()));
    fields.insert("user_ref".to_owned(), reference.clone().into());
    Some(reference)
}

/// Attributes under the names that log lines have: `order.id` becomes `order_id`.
fn attributes(attributes: Vec<KeyValue>) -> Map<String, Json> {
    decode::attributes(attributes)
        .into_iter()
        .map(|(key, value)| (key.replace('.', "_"), serde_json::to_value(&value).unwrap_or_default()))
        .collect()
}

/// The four of our log lines, from OTLP's 24 severity numbers.
fn severity(record: &LogRecord) -> &'static str {
    match record.severity_number {
        1..=8 => "DEBUG",
        13..=16 => "WARN",
        17.. => "ERROR",
        _ => match record.severity_text.to_ascii_uppercase().as_str() {
            "TRACE" | "DEBUG" => "DEBUG",
            "WARN" | "WARNING" => "WARN",
            "ERROR" | "FATAL" => "ERROR",
            _ => "INFO",
        },
    }
}
