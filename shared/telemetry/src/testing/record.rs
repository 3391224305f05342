//! Spans and lines as a test sees them.

use crate::{log::LineSink, trace::scrub_span};
use bytes::Bytes;
use opentelemetry::{Array, Context, KeyValue, Value as OtelValue, trace::Status};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use serde_json::{Map, Value};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::Notify;

/// One finished span, in plain types, wherever it was caught: in this process or by a fake backend.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRecord {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; `None` for a root.
    pub parent_span_id: Option<String>,
    /// `service.name` of the resource.
    pub service: String,
    /// As exported.
    pub name: String,
    /// SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL.
    pub kind: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Values as JSON: numbers are numbers.
    pub attributes: Map<String, Value>,
    /// Name and attributes, in order.
    pub events: Vec<(String, Map<String, Value>)>,
    /// Trace and span id of each link.
    pub links: Vec<(String, String)>,
    /// The description, if the status is an error.
    pub error: Option<String>,
}

/// Keeps all spans and lines of a test process.
#[derive(Default)]
pub struct Recorder {
    service: &'static str,
    spans: Mutex<Vec<SpanRecord>>,
    lines: Mutex<Vec<Map<String, Value>>>,
    news: Notify,
}

impl Recorder {
    pub(super) fn new(service: &'static str) -> Self {
        Self { service, ..Self::default() }
    }

    /// The finished spans of a trace.
    pub fn spans(&self, trace_id: &str) -> Vec<SpanRecord> {
        lock(&self.spans).iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }

    /// Waits until a trace has at least `count` finished spans, at most ten seconds, and returns what is there.
    pub async fn wait_for_spans(&self, trace_id: &str, count: usize) -> Vec<SpanRecord> {
        let enough = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if self.spans(trace_id).len() >= count {
                    return;
                }
                news.await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), enough).await;
        self.spans(trace_id)
    }

    /// The log lines of a trace, parsed.
    pub fn lines(&self, trace_id: &str) -> Vec<Map<String, Value>> {
        let of_trace = |line: &&Map<String, Value>| line.get("trace_id").is_some_and(|id| id == trace_id);
        lock(&self.lines).iter().filter(of_trace).cloned().collect()
    }

    /// Everything that was recorded, as text: for tests that something appears nowhere.
    pub fn everything(&self) -> String {
        format!("{:?}\n{:?}", lock(&self.spans), lock(&self.lines))
    }
}

impl LineSink for Recorder {
    fn write(&self, line: Bytes) {
        if let Ok(line) = serde_json::from_slice(&line) {
            lock(&self.lines).push(line);
            self.news.notify_waiters();
        }
    }
}

pub(super) struct Processor(pub(super) Arc<Recorder>);

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Processor")
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        scrub_span(&mut span);
        let record = record(span, self.0.service);
        lock(&self.0.spans).push(record);
        self.0.news.notify_waiters();
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn record(span: SpanData, service: &str) -> SpanRecord {
    let links = span.links.links.iter();
    SpanRecord {
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_span_id: (span.parent_span_id != opentelemetry::trace::SpanId::INVALID)
            .then(|| span.parent_span_id.to_string()),
        service: service.to_owned(),
        name: span.name.into_owned(),
        kind: format!("{:?}", span.span_kind).to_uppercase(),
        start: span.start_time,
        end: span.end_time,
        attributes: attributes(&span.attributes),
        events: span.events.events.iter().map(|e| (e.name.to_string(), attributes(&e.attributes))).collect(),
        links: links
            .map(|link| (link.span_context.trace_id().to_string(), link.span_context.span_id().to_string()))
            .collect(),
        error: match span.status {
            Status::Error { description } => Some(description.into_owned()),
            Status::Unset | Status::Ok => None,
        },
    }
}

fn attributes(attributes: &[KeyValue]) -> Map<String, Value> {
    attributes.iter().map(|attribute| (attribute.key.to_string(), json(&attribute.value))).collect()
}

fn json(value: &OtelValue) -> Value {
    match value {
        OtelValue::Bool(value) => (*value).into(),
        OtelValue::I64(value) => (*value).into(),
        OtelValue::F64(value) => (*value).into(),
        OtelValue::Array(Array::String(values)) => {
            values.iter().map(opentelemetry::StringValue::as_str).collect()
        }
        other => other.as_str().into_owned().into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
