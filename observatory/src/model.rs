//! What the observatory knows: spans, log lines, orders and metric series, and the questions asked about
//! them.

mod ids;
mod instant;
mod metric;
mod value;

use serde::Serialize;

pub use ids::{SpanId, TraceId};
pub use instant::{Nanos, now, rfc3339};
pub use metric::{Bucket, Exemplar, Histogram, SeriesExemplar};
pub use value::Value;

/// A span's role in a call or message (OTLP `SpanKind`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpanKind {
    /// Not said by the sender.
    #[default]
    Unspecified,
    /// Work within one process.
    Internal,
    /// The answering side of a call.
    Server,
    /// The asking side of a call.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// Jaeger's `span.kind` spelling: `server`, `client`, …; empty when unspecified.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// A span's outcome (OTLP `Status.code`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StatusCode {
    /// Nothing said: fine unless it says otherwise.
    #[default]
    Unset,
    /// The program says it went well.
    Ok,
    /// The operation failed.
    Error,
}

/// Something that happened within a span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub time: Nanos,
    /// For example `PaymentProcessed`.
    pub name: String,
    /// In the sender's order.
    pub attributes: Vec<(String, Value)>,
}

/// A reference to a span that is not the parent.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink {
    /// The linked trace.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// In the sender's order.
    pub attributes: Vec<(String, Value)>,
}

/// One span, with the resource it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Unique within the trace.
    pub span_id: SpanId,
    /// `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// The resource's `service.name`.
    pub service: String,
    /// The operation.
    pub name: String,
    /// Server, client, …
    pub kind: SpanKind,
    /// When it began.
    pub start: Nanos,
    /// When it ended.
    pub end: Nanos,
    /// In the sender's order.
    pub attributes: Vec<(String, Value)>,
    /// In the sender's order.
    pub events: Vec<SpanEvent>,
    /// In the sender's order.
    pub links: Vec<SpanLink>,
    /// Outcome.
    pub status: StatusCode,
    /// Says why, when `status` is an error.
    pub status_message: String,
    /// Attributes of the process that sent it, `service.name` included.
    pub resource: Vec<(String, Value)>,
    /// Name of the instrumentation scope.
    pub scope: String,
    /// Version of the instrumentation scope; often empty.
    pub scope_version: String,
    /// W3C `tracestate`; often empty.
    pub trace_state: String,
}

impl Span {
    /// The first attribute of that name.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Nanoseconds from start to end; zero when the sender's clock went backwards.
    pub fn duration(&self) -> Nanos {
        self.end.saturating_sub(self.start)
    }

    /// Whether the status says error.
    pub fn is_error(&self) -> bool {
        self.status == StatusCode::Error
    }
}

/// All stored spans of one trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// Its id.
    pub trace_id: TraceId,
    /// By start, each span id once however often it was exported.
    pub spans: Vec<Span>,
}

/// A trace in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// Its id.
    pub trace_id: TraceId,
    /// Service of the root span, or of the earliest span while the root is missing.
    pub root_service: String,
    /// Name of the same span.
    pub root_name: String,
    /// Start of the earliest span.
    pub start: Nanos,
    /// From the earliest start to the latest end.
    pub duration: Nanos,
    /// Distinct spans.
    pub span_count: u32,
    /// Spans whose status is error.
    pub error_count: u32,
    /// Service names and their spans, by first appearance.
    pub services: Vec<(String, u32)>,
    /// The first `order.id` on a span.
    pub order_id: Option<String>,
}

/// Which traces to find: those with at least one span that fits everything said here.
#[derive(Debug, Clone)]
pub struct TraceQuery {
    /// `service.name`.
    pub service: Option<String>,
    /// Span name.
    pub operation: Option<String>,
    /// Each must equal an attribute of the span, its resource or one of its events, in its text form.
    pub tags: Vec<(String, String)>,
    /// The span takes at least this long.
    pub min_duration: Option<Nanos>,
    /// The span takes at most this long.
    pub max_duration: Option<Nanos>,
    /// The span starts at or after.
    pub start: Option<Nanos>,
    /// The span starts at or before.
    pub end: Option<Nanos>,
    /// The span's status is error.
    pub errors_only: bool,
    /// At most so many traces.
    pub limit: usize,
}

impl Default for TraceQuery {
    fn default() -> Self {
        Self {
            service: None,
            operation: None,
            tags: Vec::new(),
            min_duration: None,
            max_duration: None,
            start: None,
            end: None,
            errors_only: false,
            limit: 20,
        }
    }
}

/// One log line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRecord {
    /// When the line was written; when it arrived if it does not say.
    pub timestamp: Nanos,
    /// `DEBUG`, `INFO`, `WARN`, `ERROR` or what the sender wrote, in capitals.
    pub severity: String,
    /// Who wrote it.
    pub service: String,
    /// The message.
    pub message: String,
    /// The trace it was written in.
    pub trace_id: Option<TraceId>,
    /// The span it was written in.
    pub span_id: Option<SpanId>,
    /// The order it is about.
    pub order_id: Option<String>,
    /// The customer's session.
    pub session_id: Option<String>,
    /// The whole line as received.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Which log lines to find: those that fit everything said here.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Lines of this trace.
    pub trace_id: Option<TraceId>,
    /// Lines of this span.
    pub span_id: Option<SpanId>,
    /// Lines of this order.
    pub order_id: Option<String>,
    /// Lines of this session.
    pub session_id: Option<String>,
    /// Lines of the user with this reference.
    pub user_ref: Option<String>,
    /// Lines of this terminal.
    pub terminal_id: Option<String>,
    /// Lines of this service.
    pub service: Option<String>,
    /// Exactly this severity.
    pub severity: Option<String>,
    /// Words that all occur in the message.
    pub q: Option<String>,
    /// Written at or after.
    pub from: Option<Nanos>,
    /// Written before or at.
    pub to: Option<Nanos>,
    /// Lines a page.
    pub limit: usize,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self {
            trace_id: None,
            span_id: None,
            order_id: None,
            session_id: None,
            user_ref: None,
            terminal_id: None,
            service: None,
            severity: None,
            q: None,
            from: None,
            to: None,
            limit: 100,
            cursor: None,
        }
    }
}

impl LogQuery {
    /// Who asks for one trace, order or session reads a story, from its beginning; who asks for more wants the latest.
    pub fn oldest_first(&self) -> bool {
        self.trace_id.is_some()
            || self.span_id.is_some()
            || self.order_id.is_some()
            || self.session_id.is_some()
    }
}

/// One page of log lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The lines.
    pub logs: Vec<LogRecord>,
    /// Give this as `cursor` for the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderSummary {
    /// Its id.
    pub order_id: String,
    /// `confirmed`, `declined`, … as far as spans or lines say it.
    pub status: Option<String>,
    /// The trace that placed it.
    pub trace_id: TraceId,
    /// Start of that trace.
    pub start: Nanos,
    /// Duration of that trace.
    pub duration: Nanos,
    /// Whether a span of that trace failed.
    pub is_error: bool,
    /// `order.total_amount_minor`.
    pub amount_minor: Option<i64>,
    /// `order.currency`.
    pub currency: Option<String>,
}

/// Everything of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderView {
    /// Its id.
    pub order_id: String,
    /// Every trace it occurs in, oldest first.
    pub trace_ids: Vec<TraceId>,
    /// Its lines over all services, oldest first.
    pub logs: Vec<LogRecord>,
    /// Exemplars of its traces.
    pub exemplars: Vec<SeriesExemplar>,
}
